import assert from "node:assert/strict";
import { inferenceDialect } from "../src/http/dialects/inference/routes.ts";
import type { Route } from "../src/http/route.ts";
import { type Answer, Api } from "./api.ts";
import { bearer, type Headers, type Site } from "./site.ts";

/** What a call of a route of this dialect needs, and which object of the owner's it names. */
interface Try {
  readonly body?: (session: string) => object;
  readonly object?: "session" | "task" | "file";
  /** Bytes in place of JSON. */
  readonly bytes?: string;
}

/** A row for each route, by its `operationId`; one without a row fails the test. */
export const INFERENCE_TRIES: Readonly<Record<string, Try>> = {
  runApp: { object: "session", body: callOf },
  run: { object: "session", body: callOf },
  getTask: { object: "task" },
  getTaskStatus: { object: "task" },
  streamTask: { object: "task" },
  cancelTask: { object: "task" },
  getTaskLogs: { object: "task" },
  listTasks: {},
  listAppSessions: {},
  getAppSession: { object: "session" },
  keepAppSessionAlive: { object: "session" },
  endAppSession: { object: "session" },
  createFiles: { body: () => ({ files: [{ content_type: "text/plain" }] }) },
  uploadFile: { object: "file", bytes: "hello" },
  getFileContent: { object: "file" },
  getFile: { object: "file" },
  listFiles: {},
  deleteFile: { object: "file" },
};

function callOf(session: string): object {
  return { app: "infsh/session-test", function: "get_all", session };
}

/** A file of the owner's, with the addresses that open it. */
interface File {
  readonly id: string;
  readonly uri: string;
  readonly upload_url: string;
}

/** The routes of this dialect on a site. */
export class InferenceSite {
  readonly site: Site;
  readonly api: Api;
  readonly #file: File;

  private constructor(site: Site, api: Api, file: File) {
    this.site = site;
    this.api = api;
    this.#file = file;
  }

  /** @param hasFile  whether a file of the owner's is wanted */
  static async of(site: Site, { hasFile }: { readonly hasFile: boolean }): Promise<InferenceSite> {
    const api = new Api(site.api.url, new Set(), inferenceDialect);
    const none = { id: "file_none", uri: "", upload_url: "" };
    if (!hasFile) return new InferenceSite(site, api, none);
    const made = await api.post<File[]>("/files", { files: [{}] }, bearer(site.admin));
    return new InferenceSite(site, api, made.data[0] ?? none);
  }

  /** @param id  of the session, in the place of the owner's */
  async try({ method, path, operationId }: Route, headers: Headers, id = "theirs"): Promise<Answer<unknown>> {
    const { body, object, bytes } = INFERENCE_TRIES[operationId] ?? assert.fail(`${operationId} has no row`);
    const names = { session: id, task: this.site.taskId, file: this.#file.id };
    const address = operationId === "uploadFile" ? this.#file.upload_url : this.#file.uri;
    const query = path.endsWith("/upload") || path.endsWith("/content") ? new URL(address).search : "";
    return await this.api.call(method, path.replace("{id}", names[object ?? "session"]) + query, {
      ...(bytes !== undefined && { body: Buffer.from(bytes) }),
      ...(body && { body: body(id) }),
      headers,
    });
  }
}
