import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { LIMITS } from "../src/engine/limits.ts";
import { WAITING_MAX } from "../src/engine/run-slots.ts";
import { nativeDialect } from "../src/http/dialects/native/routes.ts";
import { Api, type Artifact, type Session } from "./api.ts";
import { type ModelServer, startModelServer } from "./model-server.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";
import { APPS, MILL, ROUTED_APPS, WORKSHOP } from "./workshop.ts";

/**
 * Provokes every answer of one route; `limited` is a server that takes one active session, `keyed` one that other
 * machines could reach, with a key of its admin.
 */
type Case = (api: Api, limited: Api, keyed: Keyed) => Promise<void>;

interface Keyed {
  readonly api: Api;
  readonly admin: Readonly<Record<string, string>>;
  /** What answers its chats. */
  readonly model: ModelServer;
}

/** For each route, by its `operationId`. */
const CASES: Readonly<Record<string, Case>> = {
  createSession: async (api, limited) => {
    const { session_id } = await api.create();
    assert.equal((await api.post("/sessions", { session_id, if_exists: "return" })).status, 200);
    assert.equal((await api.post("/sessions", { session_id })).status, 409);
    assert.equal((await api.post("/sessions", { parent_session_id: "nobody" })).status, 404);
    assert.equal((await api.post("/sessions", { template: "nobody" })).error.code, "TEMPLATE_NOT_FOUND");
    assert.equal((await api.post("/sessions", {}, { "if-match": '"1"' })).status, 412);
    await refusesAnotherBody(api, "/sessions", [{ name: "a" }, { name: "b" }]);
    await limited.create({ session_id: "the-one" });
    assert.equal((await limited.post("/sessions", {})).status, 429);
  },
  listSessions: async (api) => {
    assert.equal((await api.get("/sessions")).status, 200);
  },
  continueSession: async (api) => {
    await api.create({ user_id: "someone" });
    assert.equal((await api.get("/sessions/continue?user_id=someone")).status, 200);
    assert.equal((await api.get("/sessions/continue?user_id=nobody")).status, 404);
  },
  sessionStats: async (api) => {
    assert.equal((await api.get("/sessions/stats")).status, 200);
  },
  cleanUpSessions: async (api) => {
    const never = { max_idle_seconds: 1_000_000 };
    assert.equal((await api.post("/sessions/cleanup", never)).status, 200);
    assert.equal((await api.post("/sessions/cleanup", never, { "if-match": "*" })).status, 412);
    await refusesAnotherBody(api, "/sessions/cleanup", [never, { ...never, dry_run: true }]);
  },
  getSession: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.get(`/sessions/${session_id}`)).status, 200);
    assert.equal((await api.get("/sessions/nobody")).status, 404);
    assert.equal((await api.get(`/sessions/${session_id}?at=never`)).error.code, "CHECKPOINT_NOT_FOUND");
  },
  updateSession: async (api) => {
    await refusesAsAnyWrite(api, "PATCH", "", [{ name: "a" }, { name: "b" }]);
  },
  deleteSession: async (api) => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}`;
    assert.equal((await api.call("DELETE", path, { headers: { "if-match": '"9"' } })).status, 412);
    assert.equal((await api.call("DELETE", path)).status, 200);
    assert.equal((await api.call("DELETE", path)).status, 404);
  },
  suspendSession: async (api) => {
    await refusesAsAnyWrite(api, "POST", "/suspend", REASONS);
  },
  resumeSession: async (api, limited) => {
    await refusesAsAnyWrite(api, "POST", "/resume", REASONS, async ({ session_id }) => {
      assert.equal((await api.post(`/sessions/${session_id}/suspend`)).status, 200);
    });
    assert.equal((await limited.post("/sessions/the-one/suspend")).status, 200);
    await limited.create({ session_id: "another" });
    assert.equal((await limited.post("/sessions/the-one/resume")).status, 429);
  },
  keepaliveSession: async (api) => {
    await refusesAsAnyWrite(api, "POST", "/keepalive", REASONS);
  },
  endSession: async (api) => {
    await refusesAsAnyWrite(api, "POST", "/end", [{ status: "failed" }, { status: "expired" }]);
  },
  recordMetrics: async (api) => {
    await refusesAsAnyWrite(api, "POST", "/metrics", [{ requests: 1 }, { requests: 2 }]);
  },
  listOperations: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.get(`/sessions/${session_id}/operations`)).status, 200);
    assert.equal((await api.get("/sessions/nobody/operations")).status, 404);
  },
  chat: async (api, limited, keyed) => {
    const { session_id } = await api.create();
    const chat = (body: object, headers = {}) => api.post("/chat", { message: "Hi", ...body }, headers);
    assert.equal((await chat({ session_id })).status, 200);
    assert.equal((await chat({ session_id: "nobody" })).status, 404);
    assert.equal((await chat({ session_id }, { "if-match": '"1"' })).status, 412);
    await refusesAnotherBody(api, "/chat", [{ message: "a" }, { message: "b" }]);
    const full = await limited.post("/chat", { message: "Hi" });
    assert.equal(full.status, 429, full.text);
    keyed.model.next({ status: 400, body: "{}" }, { silentAfter: ["I"] });
    const asked = (body: object) => keyed.api.post("/chat", { message: "Hi", ...body }, keyed.admin);
    assert.equal((await asked({})).status, 502);
    const busy = (await keyed.api.post("/sessions", {}, keyed.admin)).data.session_id;
    const gone = new AbortController();
    const waiting = Array.from({ length: 1 + WAITING_MAX }, () => hangingChat(keyed, busy, gone.signal));
    await until("as many wait as may", async () => (await asked({ session_id: busy })).status === 409);
    gone.abort();
    await Promise.allSettled(waiting);
  },
  listApps: async (api) => {
    assert.equal((await api.get("/apps")).status, 200);
  },
  getApp: async (api) => {
    assert.equal((await api.get("/apps/infsh%2Fsession-test")).status, 200);
    assert.equal((await api.get("/apps/nobody")).error.code, "APP_NOT_FOUND");
    assert.equal((await api.get("/apps/broken")).error.code, "APP_BROKEN");
  },
  runApp: async (api, limited) => {
    const call = { app: WORKSHOP };
    await refusesAsAnyWrite(api, "POST", "/run", [call, { ...call, action: "nothing" }]);
    const { session_id } = await api.create();
    const run = (body: object) => api.post<{ task_id: string }>(`/sessions/${session_id}/run`, { ...call, ...body });
    assert.equal((await run({ app: "nobody" })).error.code, "APP_NOT_FOUND");
    assert.equal((await run({ app: "broken" })).error.code, "APP_BROKEN");
    assert.equal((await run({ action: "die" })).error.code, "WORKER_LOST");
    assert.equal((await run({ version: "00000000" })).error.code, "VERSION_MISMATCH");
    const grind = { app: MILL, action: "flour/grind", input: { grains: [{ id: "grn_none", grams: 1 }] } };
    assert.equal((await run(grind)).error.code, "OBJECT_NOT_FOUND");
    const { status, data } = await run({ action: "wait", wait: false });
    assert.equal(status, 202);
    assert.equal((await run({ when_busy: "reject" })).error.code, "SESSION_BUSY");
    await api.post(`/sessions/${session_id}/tasks/${data.task_id}/cancel`);
    const refused = await limited.post("/sessions/another/run", { app: "infsh/session-test" });
    assert.deepEqual([refused.status, refused.error.code], [503, "SANDBOX_MISSING"]);
  },
  beginAgentRun: async (api) => {
    const body = { agent: "helper", messages: [{ role: "user", content: "Hi" }] };
    await refusesAsAnyWrite(api, "POST", "/agent-runs", [body, { ...body, agent: "other" }]);
    const { session_id } = await api.create();
    assert.equal((await api.post(`/sessions/${session_id}/agent-runs`, body)).status, 201);
    const refused = await api.post(`/sessions/${session_id}/agent-runs`, body);
    assert.deepEqual([refused.status, refused.error.code], [409, "SESSION_BUSY"]);
    assert.match(refused.headers.get("retry-after") ?? "", /^(?:60|59)$/);
  },
  getAgentRun: async (api) => {
    const { path, run } = await withRun(api);
    const { data } = await api.get<AgentRun>(`${path}/latest`);
    assert.deepEqual([data.run_id, data.status, data.fence, data.first_message], [run, "running", 2, 1]);
    assert.equal((await api.get(`${path}/run_none`)).error.code, "AGENT_RUN_NOT_FOUND");
    assert.equal((await api.get("/sessions/nobody/agent-runs/latest")).error.code, "SESSION_NOT_FOUND");
  },
  getAgentRunWindow: async (api) => {
    const { path, run } = await withRun(api);
    const { data } = await api.get<{ messages: readonly { content: string }[] }>(`${path}/${run}/window`);
    assert.deepEqual(
      data.messages.map(({ content }) => content),
      ["Hi"],
    );
    assert.equal((await api.get(`${path}/run_none/window`)).error.code, "AGENT_RUN_NOT_FOUND");
    assert.equal((await api.get("/sessions/nobody/agent-runs/latest/window")).error.code, "SESSION_NOT_FOUND");
  },
  resumeAgentRun: async (api) => {
    const { path, run } = await withRun(api);
    await refusesOnRun(api, `${path}/${run}/resume`, [{ take_over: true }, { take_over: true, lease_seconds: 9 }]);
    assert.equal((await api.post(`${path}/${run}/resume`)).error.code, "SESSION_BUSY");
    assert.equal((await api.post(`${path}/run_none/resume`)).error.code, "AGENT_RUN_NOT_FOUND");
    const { data } = await api.get<AgentRun>(`${path}/${run}`);
    await api.post(`${path}/${run}/finish`, { fence: data.fence, status: "completed" });
    assert.equal((await api.post(`${path}/${run}/resume`)).error.code, "INVALID_TRANSITION");
  },
  addAgentStep: async (api) => {
    const { path, run } = await withRun(api);
    await refusesOnRun(api, `${path}/${run}/steps`, [{ fence: 2 }, { fence: 2, messages: [] }]);
    assert.equal((await api.post(`${path}/${run}/steps`, { fence: 1 })).error.code, "PRECONDITION_FAILED");
    assert.equal((await api.post(`${path}/run_none/steps`, { fence: 2 })).error.code, "AGENT_RUN_NOT_FOUND");
    await api.post(`${path}/${run}/finish`, { fence: 2, status: "completed" });
    assert.equal((await api.post(`${path}/${run}/steps`, { fence: 2 })).error.code, "INVALID_TRANSITION");
  },
  finishAgentRun: async (api) => {
    const { path, run } = await withRun(api);
    assert.equal(
      (await api.post(`${path}/${run}/finish`, { fence: 1, status: "failed" })).error.code,
      "PRECONDITION_FAILED",
    );
    const [failed, other] = [
      { fence: 2, status: "failed", error: "away" },
      { fence: 2, status: "failed" },
    ];
    await refusesOnRun(api, `${path}/${run}/finish`, [failed, other]);
    const { error } = await api.post(`${path}/${run}/finish`, { fence: 2, status: "completed" });
    assert.equal(error.code, "INVALID_TRANSITION");
    const missing = await api.post(`${path}/run_none/finish`, { fence: 2, status: "failed" });
    assert.equal(missing.error.code, "AGENT_RUN_NOT_FOUND");
  },
  listTasks: async (api) => {
    const { session_id } = await api.create();
    assert.deepEqual((await api.get(`/sessions/${session_id}/tasks`)).data, { tasks: [] });
    assert.equal((await api.get("/sessions/nobody/tasks")).status, 404);
  },
  getTask: async (api) => {
    const { path, task } = await withTask(api);
    assert.equal((await api.get(task)).status, 200);
    assert.equal((await api.get(`${path}/none`)).error.code, "TASK_NOT_FOUND");
    assert.equal((await api.get("/sessions/nobody/tasks/none")).error.code, "SESSION_NOT_FOUND");
  },
  cancelTask: async (api) => {
    const { path, task } = await withTask(api);
    assert.equal((await api.post(`${task}/cancel`)).status, 200);
    assert.equal((await api.post(`${path}/none/cancel`)).error.code, "TASK_NOT_FOUND");
    assert.equal((await api.post("/sessions/nobody/tasks/none/cancel")).error.code, "SESSION_NOT_FOUND");
  },
  listObjects: async (api) => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}/objects`;
    assert.deepEqual((await api.get(path)).data, { objects: [] });
    assert.equal((await api.get(`${path}?at=never`)).error.code, "CHECKPOINT_NOT_FOUND");
    assert.equal((await api.get("/sessions/nobody/objects")).status, 404);
  },
  getObject: async (api) => {
    await answersOfObject(api, "");
  },
  objectLineage: async (api) => {
    await answersOfObject(api, "/lineage");
  },
  listMessages: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.get(`/sessions/${session_id}/messages`)).status, 200);
    assert.equal((await api.get(`/sessions/${session_id}/messages?at=never`)).error.code, "CHECKPOINT_NOT_FOUND");
    assert.equal((await api.get("/sessions/nobody/messages")).status, 404);
  },
  addMessages: async (api) => {
    const said = (content: string) => ({ role: "user", content });
    await refusesAsAnyWrite(api, "POST", "/messages", [said("a"), said("b")]);
    const { path } = await withRun(api);
    const refused = await api.post(path.replace("agent-runs", "messages"), said("in between"));
    assert.equal(refused.error.code, "SESSION_BUSY");
  },
  compactConversation: async (api, _, keyed) => {
    const [body, other] = [{ strategy: "truncate" }, { strategy: "truncate", keep_recent: 1 }] as const;
    const talk = async ({ session_id }: Session): Promise<void> => {
      const messages = Array.from({ length: 12 }, () => ({ role: "user", content: "Hi" }));
      assert.equal((await api.post(`/sessions/${session_id}/messages`, { messages })).status, 201);
    };
    await refusesAsAnyWrite(api, "POST", "/compact", [body, other], talk);
    const { session_id } = (await keyed.api.post("/sessions", {}, keyed.admin)).data;
    const path = `/sessions/${session_id}`;
    await keyed.api.post(`${path}/messages`, { role: "user", content: "Hi" }, keyed.admin);
    keyed.model.next({ status: 400, body: "{}" });
    const summary = { strategy: "summarize", keep_recent: 0 };
    assert.equal((await keyed.api.post(`${path}/compact`, summary, keyed.admin)).status, 502);
    keyed.model.next({ silentAfter: ["I"] });
    const gone = new AbortController();
    const waiting = Array.from({ length: 1 + WAITING_MAX }, () => hangingChat(keyed, session_id, gone.signal));
    const compact = async () => (await keyed.api.post(`${path}/compact`, body, keyed.admin)).status;
    const chat = async () => (await keyed.api.post("/chat", { message: "Hi", session_id }, keyed.admin)).status;
    await until("as many wait as may", async () => (await chat()) === 409);
    assert.equal(await compact(), 409);
    gone.abort();
    await Promise.allSettled(waiting);
  },
  getWorkingMemory: async (api) => {
    const { session_id } = await api.create();
    assert.deepEqual((await api.get(`/sessions/${session_id}/working-memory`)).data, {});
    assert.equal((await api.get("/sessions/nobody/working-memory")).status, 404);
    assert.equal((await api.get(`/sessions/${session_id}/working-memory?at=never`)).error.code, "CHECKPOINT_NOT_FOUND");
  },
  replaceWorkingMemory: async (api) => {
    await refusesAsAnyWrite(api, "PUT", "/working-memory", [{ a: 1 }, { b: [null] }]);
  },
  updateWorkingMemory: async (api) => {
    await refusesAsAnyWrite(api, "PATCH", "/working-memory", [{ a: 1 }, { b: null }]);
  },
  listTemplates: async (api) => {
    assert.equal((await api.get("/templates")).status, 200);
  },
  getTemplate: async (api) => {
    await api.call("PUT", "/templates/whole", { body: { name_prefix: "W: ", idle_timeout_seconds: null } });
    assert.equal((await api.get("/templates/whole")).status, 200);
    assert.equal((await api.get("/templates/nobody")).error.code, "TEMPLATE_NOT_FOUND");
  },
  setTemplate: async (api, limited) => {
    const put = (body: object, headers = {}) => api.call("PUT", "/templates/set", { body, headers });
    assert.equal((await put({}, { "if-match": "*" })).status, 412);
    const headers = { "idempotency-key": randomUUID() };
    assert.equal((await put({ tags: ["a"] }, headers)).status, 201);
    assert.equal((await put({ tags: ["b"] }, headers)).status, 422);
    assert.equal((await put({ tags: ["b"] })).status, 200);
    const set = (i: number) => limited.call("PUT", `/templates/t${i}`, { body: {} });
    await Promise.all(Array.from({ length: LIMITS.templates }, (_, i) => set(i)));
    assert.equal((await set(LIMITS.templates)).status, 429);
  },
  removeTemplate: async (api) => {
    const remove = (name: string, headers = {}) => api.call("DELETE", `/templates/${name}`, { headers });
    for (const name of ["one", "two"]) await api.call("PUT", `/templates/${name}`, { body: {} });
    assert.equal((await remove("one", { "if-match": '"999"' })).status, 412);
    assert.equal((await remove("one")).status, 200);
    assert.equal((await remove("one")).status, 404);
    const { session_id } = await api.create();
    assert.equal((await remove("two", { "x-act-as-session": session_id })).status, 403);
  },
  publishMessage: async (api) => {
    const path = "/topics/published/messages";
    const { session_id } = await api.create();
    assert.equal((await api.post(path, { content: 1, session_id })).status, 201);
    assert.equal((await api.post(path, { content: 1, session_id: "nobody" })).status, 404);
    assert.equal((await api.post(path, { content: 1 }, { "if-match": '"7"' })).status, 412);
    await refusesAnotherBody(api, path, [{ content: 1 }, { content: null }]);
    await api.post(`/sessions/${session_id}/end`);
    assert.equal((await api.post(path, { content: 1, session_id })).status, 409);
  },
  listTopicMessages: async (api) => {
    await api.post("/topics/listed/messages", { content: { a: 1 } });
    assert.equal((await api.get("/topics/listed/messages")).status, 200);
  },
  listTopics: async (api) => {
    assert.equal((await api.get("/topics?limit=1")).status, 200);
  },
  getTopic: async (api) => {
    assert.equal((await api.get("/topics/nobody")).status, 200);
  },
  subscribe: async (api, limited) => {
    const subscribe = (to: Api, i: number) => to.call("PUT", `/topics/full/subscribers/s${i}`);
    assert.equal((await subscribe(api, 1)).status, 200);
    await Promise.all(Array.from({ length: LIMITS.subscribers }, (_, i) => subscribe(limited, i)));
    assert.equal((await subscribe(limited, LIMITS.subscribers)).status, 429);
  },
  acknowledge: async (api, limited) => {
    const path = "/topics/full/subscribers/another/ack";
    assert.equal((await api.post(path, { through: 0 })).status, 200);
    assert.equal((await limited.post(path, { through: 0 })).status, 429);
  },
  listSubscribers: async (api) => {
    assert.equal((await api.get("/topics/full/subscribers")).status, 200);
  },
  getSubscriber: async (api) => {
    assert.equal((await api.get("/topics/full/subscribers/nobody")).status, 200);
  },
  unsubscribe: async (api) => {
    assert.equal((await api.call("DELETE", "/topics/full/subscribers/nobody")).status, 200);
  },
  deleteTopic: async (api) => {
    const remove = (headers = {}) => api.call("DELETE", "/topics/deleted", { headers });
    await api.post("/topics/deleted/messages", { content: 1 });
    assert.equal((await remove({ "if-match": '"2"' })).status, 412);
    assert.equal((await remove()).status, 200);
  },
  listEvents: async (api) => {
    assert.equal((await api.get("/events?limit=1&after=now")).status, 200);
  },
  setWebhook: async (api, limited) => {
    const body = { url: "https://example.com", active: false };
    const put = (to: Api, name: string, headers = {}) => to.call("PUT", `/webhooks/${name}`, { body, headers });
    assert.equal((await put(api, "set", { "if-match": "*" })).status, 412);
    assert.equal((await put(api, "set")).status, 201);
    assert.equal((await put(api, "set")).status, 200);
    for (let i = 0; i < LIMITS.webhooks; i++) await put(limited, `w${i}`);
    assert.equal((await put(limited, "more")).status, 429);
  },
  getWebhook: async (api) => {
    assert.equal((await api.get("/webhooks/set")).status, 200);
    assert.equal((await api.get("/webhooks/nobody")).status, 404);
  },
  listWebhooks: async (api) => {
    assert.equal((await api.get("/webhooks")).status, 200);
  },
  removeWebhook: async (api) => {
    const remove = (headers = {}) => api.call("DELETE", "/webhooks/set", { headers });
    assert.equal((await remove({ "if-match": '"9999"' })).status, 412);
    assert.equal((await remove()).status, 200);
    assert.equal((await remove()).status, 404);
  },
  getProfile: async (api) => {
    assert.equal((await api.get("/users/ann%40example.com/profile")).status, 200);
  },
  updateProfile: async (api) => {
    const path = "/users/ann%40example.com/profile";
    const patch = (body: object, headers = {}) => api.call("PATCH", path, { body, headers });
    assert.equal((await patch({ tone: "formal" }, { "if-match": '"7"' })).status, 412);
    const headers = { "idempotency-key": randomUUID() };
    assert.equal((await patch({ tone: "formal", preferences: { a: 1 } }, headers)).status, 200);
    assert.equal((await patch({ tone: "casual" }, headers)).status, 422);
  },
  eraseUser: async (api) => {
    assert.equal((await api.call("DELETE", "/users/ann%40example.com")).status, 200);
  },
  health: async (api) => {
    assert.equal((await api.get("/health")).status, 200);
  },
  createKey: async (_, __, { api, admin }) => {
    assert.equal((await api.post("/keys", { tenant: "acme", name: "a", expires_at: "2100-01-01" }, admin)).status, 201);
  },
  listKeys: async (_, __, { api, admin }) => {
    assert.equal((await api.get("/keys?tenant=acme", admin)).status, 200);
  },
  revokeKey: async (_, __, { api, admin }) => {
    const { data } = await api.post<{ id: string }>("/keys", { name: "short-lived" }, admin);
    assert.equal((await api.post(`/keys/${data.id}/revoke`, undefined, admin)).status, 200);
    assert.equal((await api.post("/keys/nobody/revoke", undefined, admin)).status, 404);
  },
  disableKeys: async (api, _, keyed) => {
    assert.equal((await keyed.api.post("/keys/disable", undefined, keyed.admin)).status, 403);
    assert.equal((await api.post("/keys/disable")).status, 200);
  },
  backUp: async (_, __, { api, admin }) => {
    const answers = await Promise.all([1, 2].map(() => api.get("/backup", admin)));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 503]);
    const done = answers.find(({ status }) => status === 200);
    assert.match(done?.text ?? "", /^\{"format":"sojourn-backup"/);
    assert.match(done?.headers.get("content-disposition") ?? "", /^attachment; filename=sojourn-[\d-]{10}\.backup$/);
    const head = await fetch(`${api.url}/api/v1/backup`, { method: "HEAD", headers: admin });
    assert.deepEqual([head.status, head.headers.get("content-type")], [200, "application/octet-stream"]);
    await until("the first is let go of", async () => (await api.get("/backup", admin)).status === 200);
  },
  storeArtifact: async (api, limited) => {
    const [a, b] = [text("a"), text("b")];
    await refusesAsAnyWrite(api, "POST", "/artifacts", [a, b]);
    assert.equal((await limited.post("/sessions/another/artifacts", a)).status, 201);
    assert.equal((await limited.post("/sessions/another/artifacts", b)).status, 429);
  },
  listArtifacts: async (api) => {
    const { path } = await withArtifact(api);
    assert.equal((await api.get(path)).status, 200);
    assert.equal((await api.get("/sessions/nobody/artifacts")).status, 404);
    assert.equal((await api.get(`${path}?at=never`)).error.code, "CHECKPOINT_NOT_FOUND");
  },
  getArtifact: async (api) => {
    await refusesAsAnyReadOfArtifact(api, "");
  },
  getContent: async (api) => {
    const { artifact } = await refusesAsAnyReadOfArtifact(api, "/content");
    const content = (headers: Readonly<Record<string, string>>) => api.get(`${artifact}/content`, headers);
    assert.equal((await content({ range: "bytes=0-0" })).status, 206);
    assert.equal((await content({ "if-none-match": "*" })).status, 304);
    assert.equal((await content({ range: "bytes=1-" })).status, 416);
  },
  deleteArtifact: async (api) => {
    const { artifact } = await withArtifact(api);
    const remove = (headers = {}) => api.call("DELETE", artifact, { headers });
    assert.equal((await remove({ "if-match": '"9"' })).status, 412);
    assert.equal((await remove()).status, 200);
    assert.equal((await remove()).error.code, "ARTIFACT_NOT_FOUND");
    assert.equal((await api.call("DELETE", "/sessions/nobody/artifacts/a")).error.code, "SESSION_NOT_FOUND");
  },
  listGrants: async (api) => {
    const { path, artifact } = await withArtifact(api);
    assert.equal((await api.get(`${artifact}/grants`)).status, 200);
    assert.equal((await api.get(`${path}/none/grants`)).error.code, "ARTIFACT_NOT_FOUND");
    assert.equal((await api.get("/sessions/nobody/artifacts/a/grants")).error.code, "SESSION_NOT_FOUND");
  },
  grantArtifact: async (api) => {
    const { path, artifact } = await withArtifact(api);
    const { session_id } = await api.create();
    const [read, write] = [
      { session_id, permission: "read" },
      { session_id, permission: "write" },
    ];
    assert.equal((await api.post(`${artifact}/grants`, read, { "if-match": '"9"' })).status, 412);
    await refusesAnotherBody(api, `${artifact}/grants`, [read, write]);
    assert.equal((await api.post(`${path}/none/grants`, read)).error.code, "ARTIFACT_NOT_FOUND");
    assert.equal((await api.post("/sessions/nobody/artifacts/a/grants", read)).error.code, "SESSION_NOT_FOUND");
  },
  revokeArtifact: async (api) => {
    const { path, artifact } = await withArtifact(api);
    const { session_id } = await api.create();
    await api.post(`${artifact}/grants`, { session_id, permission: "read" });
    const revoke = (of: string, headers = {}) => api.call("DELETE", `${of}/grants/${session_id}`, { headers });
    assert.equal((await revoke(artifact, { "if-match": '"9"' })).status, 412);
    assert.equal((await revoke(artifact)).status, 200);
    assert.equal((await revoke(artifact)).error.code, "NOT_FOUND");
    assert.equal((await revoke(`${path}/none`)).error.code, "ARTIFACT_NOT_FOUND");
    assert.equal((await revoke("/sessions/nobody/artifacts/a")).error.code, "SESSION_NOT_FOUND");
  },
  createCheckpoint: async (api) => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}/checkpoints`;
    await refusesAnotherBody(api, path, [{ name: "a" }, { name: "b" }]);
    assert.equal((await api.post(path, { name: "a" })).error.code, "CHECKPOINT_EXISTS");
    assert.equal((await api.post(path, { name: "b" }, { "if-match": '"9"' })).status, 412);
    assert.equal((await api.post("/sessions/nobody/checkpoints", { name: "a" })).status, 404);
    for (let i = 1; i < LIMITS.checkpoints; i++) await api.post(path, { name: `c${i}` });
    const { status, error } = await api.post(path, { name: "one more" });
    assert.deepEqual(
      [status, error.message],
      [429, `Session "${session_id}" has ${LIMITS.checkpoints} checkpoints, as many as it may`],
    );
  },
  listCheckpoints: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.get(`/sessions/${session_id}/checkpoints`)).status, 200);
    assert.equal((await api.get("/sessions/nobody/checkpoints")).status, 404);
  },
  forkSession: async (api, limited) => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}/fork`;
    await refusesAnotherBody(api, path, [{ name: "a" }, { name: "b" }]);
    assert.equal((await api.post(path, { session_id })).error.code, "SESSION_EXISTS");
    assert.equal((await api.post(path, { at: "never" })).error.code, "CHECKPOINT_NOT_FOUND");
    assert.equal((await api.post(path, {}, { "if-match": '"9"' })).status, 412);
    assert.equal((await api.post("/sessions/nobody/fork")).status, 404);
    assert.equal((await limited.post("/sessions/another/fork")).status, 429);
  },
  replaySession: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.post(`/sessions/${session_id}/replay`, { mode: "verify" })).status, 200);
    assert.equal((await api.post("/sessions/nobody/replay", { mode: "verify" })).status, 404);
  },
  diffSessions: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.get(`/sessions/${session_id}/diff?with=${session_id}`)).status, 200);
    assert.equal((await api.get(`/sessions/${session_id}/diff?with=nobody`)).status, 404);
  },
  sessionTree: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.get(`/sessions/${session_id}/tree`)).status, 200);
    assert.equal((await api.get("/sessions/nobody/tree")).status, 404);
  },
  exportSession: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.get(`/sessions/${session_id}/export`)).status, 200);
    assert.equal((await api.get("/sessions/nobody/export")).status, 404);
  },
  importSession: async (api, limited) => {
    const { session_id } = await api.create();
    const { bytes: body } = await api.get(`/sessions/${session_id}/export`);
    const take = (to: Api, query = "", headers = {}) => to.call("POST", `/sessions/import${query}`, { body, headers });
    assert.equal((await take(api)).error.code, "SESSION_EXISTS");
    assert.equal((await take(api, "?session_id=taken-in")).status, 201);
    assert.equal((await take(api, "?session_id=taken-as-well", { "if-match": "*" })).status, 412);
    const key = { "idempotency-key": "import" };
    assert.equal((await take(api, "?session_id=taken-once", key)).status, 201);
    assert.equal((await take(api, "?session_id=taken-once", key)).status, 201);
    assert.equal((await take(api, "?session_id=taken-otherwise", key)).status, 422);
    assert.equal((await take(limited)).status, 429);
  },
  pruneSessions: async (api) => {
    const none = { older_than_seconds: 1_000_000 };
    assert.equal((await api.post("/sessions/prune", none)).status, 200);
    assert.equal((await api.post("/sessions/prune", none, { "if-match": "*" })).status, 412);
    await refusesAnotherBody(api, "/sessions/prune", [none, { ...none, dry_run: true }]);
  },
  verifySession: async (api) => {
    const { session_id } = await api.create();
    assert.equal((await api.get(`/sessions/${session_id}/verify`)).status, 200);
    assert.equal((await api.get("/sessions/nobody/verify")).status, 404);
  },
};

function text(content: string): { readonly [field: string]: string } {
  return { name: "a.txt", artifact_type: "user_input", content };
}

/** A session with an artifact: the paths of all that it has, and of the one. */
async function withArtifact(api: Api): Promise<{ readonly path: string; readonly artifact: string }> {
  const { session_id } = await api.create();
  const path = `/sessions/${session_id}/artifacts`;
  const { data } = await api.post<Artifact>(path, text("a"));
  return { path, artifact: `${path}/${data.artifact_id}` };
}

/** A session with a task that has finished: the paths of all that it has, and of the one. */
async function withTask(api: Api): Promise<{ readonly path: string; readonly task: string }> {
  const { session_id } = await api.create();
  const { data } = await api.post<{ task_id: string }>(`/sessions/${session_id}/run`, { app: WORKSHOP });
  const path = `/sessions/${session_id}/tasks`;
  return { path, task: `${path}/${data.task_id}` };
}

async function refusesAsAnyReadOfArtifact(api: Api, what: string): Promise<{ readonly artifact: string }> {
  const { path, artifact } = await withArtifact(api);
  assert.equal((await api.get(artifact + what)).status, 200);
  assert.equal((await api.get(`${path}/none${what}`)).error.code, "ARTIFACT_NOT_FOUND");
  assert.equal((await api.get(`${artifact}${what}?at=never`)).error.code, "CHECKPOINT_NOT_FOUND");
  assert.equal((await api.get(`/sessions/nobody/artifacts/a${what}`)).error.code, "SESSION_NOT_FOUND");
  return { artifact };
}

const REASONS = [{ reason: "a" }, { reason: "b" }] as const;

/** What no client can provoke. */
const BEYOND_CLIENTS = new Set([
  // Two requests of one key would have to differ, and this one has neither a body nor a query.
  "deleteSession idempotency_mismatch",
  "deleteArtifact idempotency_mismatch",
  "revokeArtifact idempotency_mismatch",
  "removeTemplate idempotency_mismatch",
  "deleteTopic idempotency_mismatch",
  // The disk is no client's.
  "backUp storage_full",
  "eraseUser storage_full",
  // Between nodes that share a store.
  ...nativeDialect.routes.map(({ operationId }) => `${operationId} conflict`),
]);

describe("the native API", () => {
  let server: TestServer;
  let small: TestServer;
  let open: TestServer;
  let model: ModelServer;
  const firstKey = `sjn_${"1".repeat(16)}_${"2".repeat(64)}`;
  const seen = new Set<string>();
  before(async () => {
    server = await startServer({ apps: `${APPS},${ROUTED_APPS}`, trusted_apps: MILL });
    const noSandbox = { sandbox: "process", sandbox_minimum: "bubblewrap" };
    small = await startServer({ max_sessions: "1", max_artifacts_per_session: "1", ...noSandbox });
    model = await startModelServer();
    const answering = { model: "openai:test", model_base_url: model.url };
    open = await startServer({ host: "0.0.0.0", first_key: firstKey, ...answering });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await small[Symbol.asyncDispose]();
    await open[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  });

  for (const { operationId, method, path } of nativeDialect.routes) {
    it(`answers ${method} ${path} as documented, and with every refusal that it declares`, async () => {
      const provoke = CASES[operationId];
      assert.ok(provoke, `There is no case for ${operationId}`);
      const keyed = { api: new Api(open.url, seen), admin: { "x-api-key": firstKey }, model };
      await provoke(new Api(server.url, seen), new Api(small.url, seen), keyed);
    });
  }

  it("has no documented answer that was not seen", () => {
    const documented = nativeDialect.routes.flatMap(({ operationId, answers, refusals }) =>
      [...Object.keys(answers), ...refusals].map((answer) => `${operationId} ${answer}`),
    );
    assert.deepEqual(
      documented.filter((answer) => !seen.has(answer) && !BEYOND_CLIENTS.has(answer)),
      [],
    );
  });
});

/** What every write of one session has in common. Of the two bodies, each must be allowed once `prepare` is done. */
async function refusesAsAnyWrite(
  api: Api,
  method: "POST" | "PATCH" | "PUT",
  verb: string,
  [body, other]: readonly [object, object],
  prepare: (session: Session) => Promise<void> = async () => {},
): Promise<void> {
  const session = await api.create();
  await prepare(session);
  const path = `/sessions/${session.session_id}${verb}`;
  const { version } = await api.session(session.session_id);
  assert.equal((await api.call(method, `/sessions/nobody${verb}`, { body })).status, 404);
  assert.equal((await api.call(method, path, { body, headers: { "if-match": `"${version + 1}"` } })).status, 412);
  assert.equal((await api.session(session.session_id)).version, version, "a refused write changes nothing");
  const headers = { "idempotency-key": randomUUID() };
  assert.ok((await api.call(method, path, { body, headers })).status < 300);
  assert.equal((await api.call(method, path, { body: other, headers })).status, 422);

  const ended = await api.create();
  await api.post(`/sessions/${ended.session_id}/end`);
  assert.equal((await api.call(method, `/sessions/${ended.session_id}${verb}`, { body })).status, 409);
  assert.equal((await api.session(ended.session_id)).version, 2, "a refused write changes nothing");
}

interface AgentRun {
  readonly run_id: string;
  readonly status: string;
  readonly fence: number;
  readonly first_message: number;
}

/** A session in which an agent is at work. */
async function withRun(api: Api): Promise<{ readonly path: string; readonly run: string }> {
  const { session_id } = await api.create();
  const path = `/sessions/${session_id}/agent-runs`;
  const { data } = await api.post<AgentRun>(path, { agent: "helper", messages: [{ role: "user", content: "Hi" }] });
  return { path, run: data.run_id };
}

async function refusesOnRun(api: Api, path: string, [body, other]: readonly [object, object]): Promise<void> {
  assert.equal((await api.post(path, body, { "if-match": '"9"' })).status, 412);
  await refusesAnotherBody(api, path, [body, other]);
  assert.equal((await api.post(path.replace(/session_[0-9a-f]+/, "nobody"), body)).error.code, "SESSION_NOT_FOUND");
}

async function answersOfObject(api: Api, part: string): Promise<void> {
  const { session_id } = await api.create();
  const call = { app: MILL, action: "grain/buy", input: { kind: "rye" } };
  const { data } = await api.post<{ output: { id: string } }>(`/sessions/${session_id}/run`, call);
  const path = `/sessions/${session_id}/objects`;
  assert.equal((await api.get(`${path}/${data.output.id}${part}`)).status, 200);
  assert.equal((await api.get(`${path}/grn_none${part}`)).error.code, "OBJECT_NOT_FOUND");
  assert.equal((await api.get(`/sessions/nobody/objects/grn_none${part}`)).error.code, "SESSION_NOT_FOUND");
}

/** A chat that is answered when the model says more, or its client has gone. */
async function hangingChat({ api, admin }: Keyed, session_id: string, signal: AbortSignal): Promise<void> {
  const headers = { ...admin, "content-type": "application/json" };
  const body = JSON.stringify({ message: "Hi", session_id });
  await (await fetch(`${api.url}/api/v1/chat`, { method: "POST", headers, body, signal })).text();
}

async function refusesAnotherBody(api: Api, path: string, [body, other]: readonly [object, object]): Promise<void> {
  const headers = { "idempotency-key": randomUUID() };
  assert.ok((await api.post(path, body, headers)).status < 300);
  assert.equal((await api.post(path, other, headers)).status, 422);
}
