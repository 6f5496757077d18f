import assert from "node:assert/strict";
import type { z } from "zod";
import type { ArtifactShape } from "../src/http/dialects/native/artifacts.ts";
import type { ErrorShape, MetricsShape, OperationShape, SessionShape } from "../src/http/dialects/native/encode.ts";
import { nativeDialect } from "../src/http/dialects/native/routes.ts";
import { type Dialect, isBytes, isNothing, type Route } from "../src/http/route.ts";

export type Artifact = z.output<typeof ArtifactShape>;
export type Session = z.output<typeof SessionShape>;
export type Operation = z.output<typeof OperationShape>;
export type Metrics = z.output<typeof MetricsShape>;
type Refusal = z.output<typeof ErrorShape>;

/** What goes with a request. */
export interface Sent {
  /** A text and bytes go as they are, anything else as JSON; bytes say by a header of theirs what they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What came back. */
export class Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Buffer;

  constructor({ status, headers }: Response, bytes: ArrayBuffer) {
    this.status = status;
    this.headers = headers;
    this.bytes = Buffer.from(bytes);
  }

  get text(): string {
    return this.bytes.toString();
  }

  /** The whole body. */
  get body(): unknown {
    return JSON.parse(this.text);
  }

  /** The lines of JSON that it has, without those that only say that it goes on. */
  get lines(): unknown[] {
    const lines = this.text.split("\n").filter((line) => line !== "");
    return lines.map((line) => JSON.parse(line) as { type?: string }).filter(({ type }) => type !== "heartbeat");
  }

  /** What the envelope of a success holds. */
  get data(): T {
    assert.ok(this.status < 300, `${this.status}: ${this.text}`);
    return (JSON.parse(this.text) as { data: T }).data;
  }

  /** What the envelope of a refusal holds. */
  get error(): Refusal["error"] {
    assert.ok(this.status >= 400, `${this.status}: ${this.text}`);
    return (JSON.parse(this.text) as Refusal).error;
  }
}

/**
 * A client that holds every answer against the documented shape of its route: all of it is documented, and a refusal is
 * one that the route declares.
 */
export class Api {
  readonly url: string;
  /** `createSession 201`, `createSession session_exists`: which answers of which routes came back so far. */
  readonly seen: Set<string>;
  readonly #dialect: Dialect;

  constructor(url: string, seen: Set<string> = new Set(), dialect: Dialect = nativeDialect) {
    this.url = url;
    this.seen = seen;
    this.#dialect = dialect;
  }

  async call<T = Session>(method: string, path: string, { body, headers = {} }: Sent = {}): Promise<Answer<T>> {
    const response = await fetch(this.url + this.#dialect.base + path, {
      method,
      signal: AbortSignal.timeout(30_000),
      headers: {
        ...(body !== undefined && !(body instanceof Uint8Array) && { "content-type": "application/json" }),
        ...headers,
      },
      ...(body !== undefined && { body: isAsItIs(body) ? body : JSON.stringify(body) }),
    });
    const answer = new Answer<T>(response, await response.arrayBuffer());
    this.#hold(method, path, answer);
    return answer;
  }

  async get<T = Session>(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer<T>> {
    return await this.call<T>("GET", path, { headers });
  }

  async post<T = Session>(
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer<T>> {
    return await this.call<T>("POST", path, { body, headers });
  }

  /** Creates a session, which must succeed. */
  async create(body: object = {}): Promise<Session> {
    const answer = await this.post("/sessions", body);
    assert.equal(answer.status, 201, answer.text);
    return answer.data;
  }

  /** The session as it is now, which must exist. */
  async session(id: string): Promise<Session> {
    return (await this.get(`/sessions/${id}`)).data;
  }

  #hold(method: string, path: string, answer: Answer<unknown>): void {
    const { status } = answer;
    const { routes, errorShape, errorType = "application/json; charset=utf-8", errors } = this.#dialect;
    if (status >= 400 && method !== "HEAD") {
      assertShape(errorShape, answer.body);
      const told = answer.body as Refusal & { readonly status?: number };
      assert.equal(told.status ?? told.error.status, status);
      assert.equal(answer.headers.get("x-request-id"), told.request_id);
      assert.equal(answer.headers.get("content-type"), errorType);
    }
    const route = routeOf(routes, method, path);
    if (route === undefined) return;
    const shape = route.answers[status];
    if (shape !== undefined) {
      if (method === "HEAD" || isNothing(shape)) assert.equal(answer.bytes.length, 0);
      else if (route.type === "application/x-ndjson") for (const line of answer.lines) assertShape(shape, line);
      else if (!isBytes(shape)) assertShape(shape, answer.body);
      else if (route.type !== "*/*") assert.equal(answer.headers.get("content-type"), route.type);
      this.seen.add(`${route.operationId} ${status}`);
      return;
    }
    if (method === "HEAD") return;
    const { code } = answer.error;
    const declared = [...route.refusals, ...UNDECLARED];
    // A dialect may tell apart, by the same status, what the engine does not.
    const refusal =
      declared.find((known) => errors[known].code === code) ??
      declared.find((known) => errors[known].status === status);
    assert.ok(refusal, `${route.operationId} does not declare ${code}`);
    this.seen.add(`${route.operationId} ${refusal}`);
  }
}

/** What any route may be refused with, so that none declares it. */
const UNDECLARED = [
  "invalid",
  "invalid_json",
  "invalid_content_type",
  "payload_too_large",
  "unauthorized",
  "forbidden",
  "session_not_found",
  "rate_limited",
  "overloaded",
  "storage_full",
] as const;

/** The route that answers a call; a path without a parameter wins. */
function routeOf(routes: readonly Route[], method: string, path: string): Route | undefined {
  const [place = ""] = path.split("?");
  const candidates = routes.filter((route) => route.method === (method === "HEAD" ? "GET" : method));
  return (
    candidates.find((route) => route.path === place) ??
    candidates.find((route) => new RegExp(`^${route.path.replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(place))
  );
}

function isAsItIs(body: unknown): body is string | Uint8Array<ArrayBuffer> {
  return typeof body === "string" || body instanceof Uint8Array;
}

function assertShape(shape: z.ZodType, body: unknown): void {
  const parsed = shape.safeParse(body);
  assert.ok(parsed.success, `${JSON.stringify(body)} is not as documented: ${parsed.error?.message}`);
  // Parsing drops what the shape does not know; nothing undocumented may be there.
  assert.deepEqual(parsed.data, body);
}
