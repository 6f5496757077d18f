import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import type { Route } from "../src/http/route.ts";
import { Api, type Artifact } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";
import { MILL, ROUTED_APPS } from "./workshop.ts";

export interface NewKey {
  readonly id: string;
  readonly key: string;
  readonly tenant: string;
  readonly scopes: readonly string[];
}

/** Who tries: the headers that it shows. */
export type Headers = Readonly<Record<string, string>>;

/** Bodies and queries that each route takes, where it needs any; and which object of the owner's the path names. */
export interface Try {
  /** An object as JSON, or a session as a file. */
  readonly body?: object | "bundle";
  readonly query?: string;
  readonly object?: "session" | "key";
}

/** A row for each route, by its `operationId`; one without a row fails the test. */
export const TRIES: Readonly<Record<string, Try>> = {
  createSession: { body: {} },
  listSessions: {},
  continueSession: {},
  sessionStats: {},
  cleanUpSessions: { body: { max_idle_seconds: 1_000 } },
  getSession: { object: "session" },
  updateSession: { object: "session", body: { name: "another" } },
  deleteSession: { object: "session" },
  suspendSession: { object: "session" },
  resumeSession: { object: "session" },
  keepaliveSession: { object: "session" },
  endSession: { object: "session" },
  recordMetrics: { object: "session" },
  listOperations: { object: "session" },
  verifySession: { object: "session" },
  storeArtifact: { object: "session", body: { name: "b.txt", artifact_type: "user_input", content: "b" } },
  listArtifacts: { object: "session" },
  getArtifact: { object: "session" },
  getContent: { object: "session" },
  deleteArtifact: { object: "session" },
  listGrants: { object: "session" },
  grantArtifact: { object: "session", body: { session_id: "guest", permission: "write" } },
  revokeArtifact: { object: "session" },
  createCheckpoint: { object: "session", body: { name: "here" } },
  listCheckpoints: { object: "session" },
  forkSession: { object: "session" },
  replaySession: { object: "session", body: { mode: "verify" } },
  diffSessions: { object: "session", query: "?with=theirs" },
  sessionTree: { object: "session" },
  exportSession: { object: "session" },
  importSession: { body: "bundle", query: "?session_id=taken-in" },
  pruneSessions: { body: { max_sessions: 1 } },
  listApps: {},
  getApp: {},
  runApp: { object: "session", body: { app: "infsh/session-test", action: "get_all" } },
  listTasks: { object: "session" },
  getTask: { object: "session" },
  cancelTask: { object: "session" },
  listObjects: { object: "session" },
  getObject: { object: "session" },
  objectLineage: { object: "session" },
  beginAgentRun: { object: "session", body: { agent: "helper", messages: [{ role: "user", content: "Hi" }] } },
  getAgentRun: { object: "session" },
  getAgentRunWindow: { object: "session" },
  resumeAgentRun: { object: "session", body: { take_over: true } },
  // The fence is the operation of "theirs" that began the run.
  addAgentStep: { object: "session", body: { fence: 4 } },
  finishAgentRun: { object: "session", body: { fence: 4, status: "failed" } },
  chat: { body: { message: "Hi" } },
  listMessages: { object: "session" },
  addMessages: { object: "session", body: { role: "user", content: "Hi" } },
  compactConversation: { object: "session", body: { strategy: "truncate" } },
  getWorkingMemory: { object: "session" },
  replaceWorkingMemory: { object: "session", body: { a: 1 } },
  updateWorkingMemory: { object: "session", body: { a: 1 } },
  setTemplate: { body: { tags: ["a"] } },
  getTemplate: {},
  listTemplates: {},
  removeTemplate: {},
  publishMessage: { body: { content: 1 } },
  listTopicMessages: {},
  listTopics: {},
  getTopic: {},
  deleteTopic: {},
  subscribe: { body: {} },
  acknowledge: { body: { through: 0 } },
  listSubscribers: {},
  getSubscriber: {},
  unsubscribe: {},
  listEvents: {},
  setWebhook: { body: { url: "https://example.com", active: false } },
  getWebhook: {},
  listWebhooks: {},
  removeWebhook: {},
  getProfile: {},
  updateProfile: { body: { tone: "formal" } },
  eraseUser: {},
  createKey: { body: { tenant: "fresh" } },
  listKeys: {},
  revokeKey: { object: "key" },
  disableKeys: {},
  backUp: {},
  health: {},
};

interface Prepared {
  readonly api: Api;
  readonly admin: NewKey;
  readonly before: string;
  readonly artifactId: string;
  readonly taskId: string;
  readonly objectId: string;
  readonly bundle: Uint8Array;
}

/** A server with two tenants and an operator. */
export class Site implements AsyncDisposable {
  readonly api: Api;
  readonly admin: string;
  readonly adminId: string;
  readonly #server: TestServer;
  readonly #before: string;
  /** One of the session "theirs", shared with "guest". */
  readonly artifactId: string;
  /** One of the session "theirs", which has finished. */
  readonly taskId: string;
  /** One that a task of "theirs" made. */
  readonly objectId: string;
  readonly #bundle: Uint8Array;

  private constructor(server: TestServer, { api, admin, before, ...prepared }: Prepared) {
    this.#server = server;
    this.api = api;
    this.admin = admin.key;
    this.adminId = admin.id;
    this.#before = before;
    this.artifactId = prepared.artifactId;
    this.taskId = prepared.taskId;
    this.objectId = prepared.objectId;
    this.#bundle = prepared.bundle;
  }

  /**
   * @param hasTask  whether a task of "theirs" is wanted, which takes a worker
   * @param hasObject  whether an object of "theirs" is wanted
   * @param hasRun  whether an agent is to be at work in "theirs"
   * @param hasNamed  whether a template and a webhook called "held" are wanted
   */
  static async start(
    flags: Headers = {},
    { hasTask = false, hasObject = false, hasRun = false, hasNamed = false } = {},
  ): Promise<Site> {
    const server = await startServer(hasObject ? { apps: ROUTED_APPS, trusted_apps: MILL, ...flags } : flags);
    const api = new Api(server.url);
    await api.create({ session_id: "guest" });
    await api.create({ session_id: "theirs", user_id: "default_user" });
    const artifact = { name: "a.txt", artifact_type: "user_input", content: "a" };
    const { artifact_id: artifactId } = (await api.post<Artifact>("/sessions/theirs/artifacts", artifact)).data;
    const grant = { session_id: "guest", permission: "read" };
    await api.post(`/sessions/theirs/artifacts/${artifactId}/grants`, grant);
    const taskId = hasTask ? await taskOf(api) : "none";
    const objectId = hasObject ? await objectOf(api) : "none";
    if (hasRun) {
      const run = { agent: "helper", messages: [{ role: "user", content: "Hi" }] };
      assert.equal((await api.post("/sessions/theirs/agent-runs", run)).status, 201);
    }
    if (hasNamed) {
      await api.call("PUT", "/templates/held", { body: {} });
      await api.call("PUT", "/webhooks/held", { body: { url: "https://example.com", active: false } });
    }
    const bundle = (await api.get("/sessions/theirs/export")).bytes;
    const admin = (await api.post<NewKey>("/keys", { tenant: "owner" })).data;
    const before = await sessionsOf(api, admin.key);
    return new Site(server, { api, admin, artifactId, taskId, objectId, bundle, before });
  }

  /** What a site must have for a route to be tried on it. */
  static heldFor({ path }: Route): NonNullable<Parameters<typeof Site.start>[1]> {
    const hasNamed = /\{(?:template|webhook)\}/.test(path);
    return {
      hasTask: path.includes("{task_id}"),
      hasObject: path.includes("{object_id}"),
      hasRun: path.includes("{run_id}"),
      hasNamed,
    };
  }

  async newKey(wanted: object): Promise<NewKey> {
    const answer = await this.api.post<NewKey>("/keys", wanted, bearer(this.admin));
    assert.equal(answer.status, 201, answer.text);
    return answer.data;
  }

  async keyOf(tenant: string, scopes: readonly string[]): Promise<string> {
    return (await this.newKey({ tenant, scopes })).key;
  }

  async strangers(): Promise<Record<string, Headers>> {
    const revoked = await this.newKey({ tenant: "owner" });
    await this.api.post(`/keys/${revoked.id}/revoke`, undefined, bearer(this.admin));
    const soon = new Date(Date.now() + 200).toISOString();
    const expired = await this.newKey({ tenant: "owner", expires_at: soon });
    while (Date.now() <= Date.parse(soon)) await new Promise((wake) => setTimeout(wake, 10));
    return {
      nobody: {},
      revoked: bearer(revoked.key),
      expired: bearer(expired.key),
      unknown: bearer(randomKey()),
      "another secret": bearer(this.admin.replace(/.$/, (digit) => (digit === "0" ? "1" : "0"))),
      malformed: bearer("password"),
      "another scheme": { authorization: `Basic ${Buffer.from(`a:${this.admin}`).toString("base64")}` },
      empty: { "x-api-key": "" },
    };
  }

  async try({ method, path }: Route, { body, query = "", object }: Try, headers: Headers, id?: string) {
    const named = path
      .replace("{id}", id ?? (object === "key" ? this.adminId : "theirs"))
      .replace("{user_id}", "someone")
      .replace("{artifact_id}", this.artifactId)
      .replace("{task_id}", this.taskId)
      .replace("{object_id}", this.objectId)
      .replace("{run_id}", "latest")
      .replace(/\{(?:template|topic|webhook)\}/, "held")
      .replace("{subscriber}", "theirs")
      .replace("{name}", "infsh%2Fsession-test")
      .replace("{session_id}", "guest");
    const sent = body === "bundle" ? this.#bundle : body;
    return await this.api.call(method, named + query, { ...(sent && { body: sent }), headers });
  }

  /** A foreign session gets the same answer as none, but for the id that the caller sent. */
  async assertForeignIsMissing(route: Route, tried: Try): Promise<void> {
    const { session_id, uid } = (await this.api.get("/sessions/theirs", bearer(this.admin))).data;
    const foreign = bearer(
      await this.keyOf("foreign", ["sessions:read", "sessions:write", "apps:read", "apps:execute"]),
    );
    const answers = await Promise.all(
      [session_id, uid, "nobody"].map(async (id) => {
        const answer = await this.try(route, tried, foreign, id);
        return [answer.status, answer.error.code, answer.error.message.replace(id, "…"), answer.error.details];
      }),
    );
    assert.deepEqual(answers[0], [404, "SESSION_NOT_FOUND", "Session … not found", undefined]);
    assert.deepEqual(answers[1], answers[0]);
    assert.deepEqual(answers[2], answers[0]);
    await this.assertUntouched();
  }

  async assertUntouched(): Promise<void> {
    assert.equal(await sessionsOf(this.api, this.admin), this.#before);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server[Symbol.asyncDispose]();
  }
}

async function taskOf(api: Api): Promise<string> {
  const call = { app: "infsh/session-test", action: "get_all" };
  return (await api.post<{ task_id: string }>("/sessions/theirs/run", call)).data.task_id;
}

async function objectOf(api: Api): Promise<string> {
  const call = { app: MILL, action: "grain/buy", input: { kind: "rye" } };
  return (await api.post<{ output: { id: string } }>("/sessions/theirs/run", call)).data.output.id;
}

async function sessionsOf(api: Api, key: string): Promise<string> {
  const { data } = await api.get<{ sessions: object[] }>("/sessions", bearer(key));
  return JSON.stringify(data.sessions);
}

/** The header that shows a key. */
export function bearer(key: string): Headers {
  return { authorization: `Bearer ${key}` };
}

/** A key that nobody has. */
export function randomKey(): string {
  return `sjn_${randomBytes(8).toString("hex")}_${randomBytes(32).toString("hex")}`;
}
