import assert from "node:assert/strict";
import { after, before } from "node:test";
import { type Answer, Api, type Artifact } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";

type Headers = Readonly<Record<string, string>>;

/** A session of its own, and the calls on its artifacts. */
export class Shelf {
  readonly api: Api;
  readonly sessionId: string;

  private constructor(api: Api, sessionId: string) {
    this.api = api;
    this.sessionId = sessionId;
  }

  static async of(api: Api): Promise<Shelf> {
    return new Shelf(api, (await api.create()).session_id);
  }

  get path(): string {
    return `/sessions/${this.sessionId}/artifacts`;
  }

  /** Stores by JSON. */
  async json(body: object, headers: Headers = {}): Promise<Answer<Artifact>> {
    return await this.api.post<Artifact>(this.path, { name: "a.txt", artifact_type: "user_input", ...body }, headers);
  }

  /** Stores bytes as they are. */
  async raw(bytes: Uint8Array | string, query: Headers = {}, headers: Headers = {}): Promise<Answer<Artifact>> {
    const said = new URLSearchParams({ name: "a.bin", artifact_type: "user_input", ...query });
    return await this.api.call<Artifact>("POST", `${this.path}?${said}`, { body: Buffer.from(bytes), headers });
  }

  async content(artifactId: string, headers: Headers = {}, method = "GET"): Promise<Answer<unknown>> {
    return await this.api.call(method, `${this.path}/${artifactId}/content`, { headers });
  }

  async list(query = ""): Promise<readonly string[]> {
    const { data } = await this.api.get<{ artifacts: Artifact[] }>(this.path + query);
    return data.artifacts.map(({ name }) => name);
  }
}

/** The status of a refusal, and the fields that it names. */
export function fieldsOf(answer: Answer<unknown>): readonly unknown[] {
  return [answer.status, ...(answer.error.details ?? []).map(({ field }) => field)];
}

/** A server that ends with its suite, and shelves of it. */
export function suite(
  flags: Headers = {},
  limits = {},
): { readonly at: () => TestServer; readonly shelf: () => Promise<Shelf> } {
  let server: TestServer | undefined;
  const at = (): TestServer => {
    assert.ok(server);
    return server;
  };
  before(async () => {
    server = await startServer(flags, limits);
  });
  after(() => at()[Symbol.asyncDispose]());
  return { at, shelf: () => Shelf.of(new Api(at().url)) };
}
