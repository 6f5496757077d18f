import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import { inferenceDialect } from "../src/http/dialects/inference/routes.ts";
import { nativeDialect } from "../src/http/dialects/native/routes.ts";
import type { Artifact, Operation, Session } from "./api.ts";
import { INFERENCE_TRIES, InferenceSite } from "./inference-tries.ts";
import { bearer, type Headers, Site, TRIES } from "./site.ts";
import { until } from "./until.ts";

/** The headers of a call that is made as a session, by the key of an operator, who may do everything. */
function as(site: Site, id: string): Headers {
  return { ...bearer(site.admin), "x-act-as-session": id };
}

/** What is told of all sessions, but for what an access that is noted changes. */
async function stateOf(site: Site): Promise<readonly unknown[]> {
  const { data } = await site.api.get<{ sessions: Session[] }>("/sessions", bearer(site.admin));
  return data.sessions.map(({ version, head_hash, usage, ...state }) => state);
}

/** What answers a session that has no right to anything, since it tells of what is shared with it. */
const ANSWERS_ALL = ["listArtifacts"];

/** What is of no session, or of all of a tenant: which apps there are, and what sessions tell each other. */
const OF_NO_SESSION = ["listApps", "getApp", "publishMessage", "listTopicMessages"];

/** What concerns the subscriber that is called as the session. */
const OF_ITS_NAME = ["subscribe", "acknowledge", "getSubscriber", "unsubscribe"];

/** What makes sessions of its own session, or tells of others. */
const BEYOND_ITS_OWN = ["forkSession", "sessionTree"];

/** Whether a session may do it for itself. */
function isForItself(operationId: string): boolean {
  if (OF_ITS_NAME.includes(operationId)) return true;
  return TRIES[operationId]?.object === "session" && !BEYOND_ITS_OWN.includes(operationId);
}

describe("a call that is made as a session", () => {
  for (const route of nativeDialect.routes.filter(({ scope }) => scope !== "open")) {
    const { operationId } = route;
    const tried = TRIES[operationId];
    assert.ok(tried, `${operationId} has no row`);

    it(`${operationId} is for its own session alone`, async () => {
      await using site = await Site.start({}, Site.heldFor(route));
      const { uid } = (await site.api.post("/sessions", { session_id: "stranger" }, bearer(site.admin))).data;
      const foreign = await site.newKey({ tenant: "foreign" });
      await site.api.post("/sessions", { session_id: "abroad" }, bearer(foreign.key));
      const before = await stateOf(site);
      for (const id of ["nobody", "abroad", "", randomUUID()]) {
        const missing = await site.try(route, tried, as(site, id));
        assert.deepEqual([missing.status, missing.error.code], [404, "SESSION_NOT_FOUND"], id);
        assert.equal(missing.error.message, `Session ${id} not found`);
      }
      if (OF_NO_SESSION.includes(operationId)) {
        const answer = await site.try(route, tried, as(site, "stranger"));
        assert.ok(String(answer.status) in route.answers, answer.text);
        return;
      }
      for (const id of ["stranger", uid]) {
        const answer = await site.try(route, tried, as(site, id));
        if (ANSWERS_ALL.includes(operationId)) assert.deepEqual(answer.data, { artifacts: [] });
        else assert.deepEqual([answer.status, answer.error.code], [403, "FORBIDDEN"], answer.text);
      }
      assert.deepEqual(await stateOf(site), before);
      const own = await site.try(route, tried, as(site, "theirs"));
      const isItsOwn = isForItself(operationId);
      if (!isItsOwn) assert.deepEqual([own.status, own.error.code], [403, "FORBIDDEN"], own.text);
      else assert.ok(own.status < 300 || own.error.code === "INVALID_TRANSITION", own.text);
    });
  }

  for (const route of inferenceDialect.routes.filter(({ scope }) => scope !== "open")) {
    const { operationId } = route;
    const object = INFERENCE_TRIES[operationId]?.object;

    it(`${operationId} of inference.sh is for its own session alone`, async () => {
      await using site = await Site.start({}, { hasTask: object === "task" });
      const theirs = await InferenceSite.of(site, { hasFile: object === "file" });
      await site.api.post("/sessions", { session_id: "stranger" }, bearer(site.admin));
      const before = await stateOf(site);
      const nobody = await theirs.try(route, as(site, "nobody"));
      assert.deepEqual([nobody.status, nobody.error.code], [404, "SESSION_NOT_FOUND"]);
      const answer = await theirs.try(route, as(site, "stranger"));
      // Files are shared one by one, and the others are not told of.
      if (operationId === "listFiles") assert.deepEqual((answer.data as { items: unknown }).items, []);
      else assert.equal(answer.status, object === "file" ? 404 : 403, answer.text);
      assert.deepEqual(await stateOf(site), before);
      const own = await theirs.try(route, as(site, "theirs"));
      if (object === "session" || object === "task") assert.ok(own.status < 300, own.text);
    });
  }

  it("does nothing to what asks nobody who calls", async () => {
    await using site = await Site.start();
    assert.equal((await site.api.get("/health", as(site, "nobody"))).status, 200);
    assert.equal((await site.api.get("/nothing", as(site, "nobody"))).error.code, "NOT_FOUND");
    const metrics = await fetch(`${site.api.url}/metrics`, { headers: as(site, "theirs") });
    await metrics.arrayBuffer();
    assert.equal(metrics.status, 403);
  });

  it("is refused where it names two", async () => {
    await using site = await Site.start();
    const answer = await fetch(`${site.api.url}/api/v1/sessions/theirs`, {
      headers: [...Object.entries(as(site, "theirs")), ["x-act-as-session", "guest"]],
    });
    // What fetch joins is no session's id.
    assert.equal(answer.status, 404);
    await answer.arrayBuffer();
  });

  it("stands in the log as that session's doing", async () => {
    await using site = await Site.start();
    const { uid } = (await site.api.get("/sessions/theirs", bearer(site.admin))).data;
    const mine = as(site, "theirs");
    await site.api.call("PATCH", "/sessions/theirs", { body: { name: "a" }, headers: mine });
    assert.equal((await site.api.post("/chat", { message: "I am Ann.", session_id: "theirs" }, mine)).status, 200);
    await site.api.post("/sessions/theirs/checkpoints", { name: "here" }, mine);
    const { data } = await site.api.get<{ operations: Operation[] }>("/sessions/theirs/operations?after=3", mine);
    assert.deepEqual(
      data.operations.map(({ kind, actor }) => [kind, actor]),
      ["session.updated", "turn.completed", "checkpoint.created"].map((kind) => [kind, `session:${uid}`]),
    );
  });

  it("gets no answer that was given to somebody else", async () => {
    await using site = await Site.start();
    const key = { "idempotency-key": "k" };
    const store = (headers: Headers) =>
      site.api.post(
        "/sessions/theirs/artifacts",
        { name: "b", artifact_type: "t", content: "b" },
        { ...headers, ...key },
      );
    assert.equal((await store(bearer(site.admin))).status, 201);
    assert.equal((await store(as(site, "guest"))).status, 403);
    assert.equal((await store(as(site, "theirs"))).status, 422);
    assert.equal((await store(bearer(site.admin))).headers.get("idempotent-replayed"), "true");
  });

  it("may follow its own feed until its key is revoked", async () => {
    await using site = await Site.start();
    const { id, key } = await site.newKey({ tenant: "owner" });
    const url = `${site.api.url}/api/v1/sessions/theirs/operations`;
    const headers = { ...bearer(key), "x-act-as-session": "theirs", accept: "text/event-stream" };
    const { body } = await fetch(url, { headers });
    let text = "";
    const read = (async () => {
      for await (const chunk of body ?? []) text += Buffer.from(chunk).toString();
    })();
    await site.api.post("/sessions/theirs/keepalive", {}, bearer(site.admin));
    await until("it hears", async () => text.includes("session.kept_alive"));
    await site.api.post(`/keys/${id}/revoke`, undefined, bearer(site.admin));
    await site.api.post("/sessions/theirs/suspend", { reason: "secret" }, bearer(site.admin));
    await read;
    assert.ok(!text.includes("secret"));
  });

  it("is described for every route that asks who calls", async () => {
    await using site = await Site.start();
    const response = await fetch(`${site.api.url}/openapi.json`);
    const { paths } = (await response.json()) as { paths: Record<string, Record<string, { parameters?: object[] }>> };
    for (const { method, path, scope } of nativeDialect.routes) {
      const { parameters = [] } = paths[`/api/v1${path}`]?.[method.toLowerCase()] ?? {};
      const isTold = parameters.some((one) => "name" in one && one.name === "X-Act-As-Session");
      assert.equal(isTold, scope !== "open", path);
    }
  });
});

describe("an artifact that is shared", () => {
  interface Row {
    readonly permission: string;
    readonly may: readonly string[];
  }
  const rows: readonly Row[] = [
    { permission: "none", may: [] },
    { permission: "read", may: ["get", "content", "grants"] },
    { permission: "write", may: ["get", "content", "grants", "store"] },
    { permission: "admin", may: ["get", "content", "grants", "store", "grant", "revoke", "delete"] },
  ];
  for (const { permission, may } of rows) {
    it(`by ${permission} may be used so, and each use is in its session's log`, async () => {
      await using site = await Site.start();
      const { api, artifactId } = site;
      const path = `/sessions/theirs/artifacts/${artifactId}`;
      const owner = bearer(site.admin);
      await api.call("DELETE", `${path}/grants/guest`, { headers: owner });
      if (permission !== "none") await api.post(`${path}/grants`, { session_id: "guest", permission }, owner);
      const friend = (await api.post("/sessions", { session_id: "friend" }, owner)).data.uid;
      const { uid } = (await api.get("/sessions/guest", owner)).data;
      const { version } = (await api.get("/sessions/theirs", owner)).data;
      const headers = as(site, "guest");
      const calls: Readonly<Record<string, () => Promise<{ readonly status: number }>>> = {
        get: () => api.get(path, headers),
        content: () => api.get(`${path}/content`, headers),
        grants: () => api.get(`${path}/grants`, headers),
        store: () =>
          api.post(
            "/sessions/theirs/artifacts",
            { name: "a.txt", artifact_type: "tool_result", content: "b" },
            headers,
          ),
        grant: () => api.post(`${path}/grants`, { session_id: friend, permission: "read" }, headers),
        revoke: () => api.call("DELETE", `${path}/grants/${friend}`, { headers }),
        delete: () => api.call("DELETE", path, { headers }),
      };
      const done: string[] = [];
      for (const [what, call] of Object.entries(calls)) {
        const { status } = await call();
        if (status < 300) done.push(what);
        else assert.equal(status, 403, what);
      }
      assert.deepEqual(done, may);
      const log = await api.get<{ operations: Operation[] }>(`/sessions/theirs/operations?after=${version}`, owner);
      const accesses = log.data.operations.filter(({ kind }) => kind === "artifact.accessed");
      assert.deepEqual(
        accesses.map(({ inputs }) => inputs),
        ["read", "read", "read", "write", "admin", "admin", "admin"].map((needed) => ({
          artifact_id: artifactId,
          by: uid,
          needed,
        })),
      );
      assert.equal(accesses.filter(({ status }) => status === "completed").length, may.length);
      assert.ok(accesses.every(({ actor }) => actor === `session:${uid}`));
      if (!may.includes("store")) return;
      const stored = log.data.operations.find(({ kind }) => kind === "artifact.stored");
      assert.equal(stored?.actor, `session:${uid}`);
    });
  }

  it("is listed to those that it is shared with, with its later versions, and nothing else is", async () => {
    await using site = await Site.start();
    const owner = bearer(site.admin);
    const path = "/sessions/theirs/artifacts";
    for (const name of ["a.txt", "b.txt"]) {
      await site.api.post(path, { name, artifact_type: "t", content: "new" }, owner);
    }
    const { data } = await site.api.get<{ artifacts: Artifact[] }>(path, as(site, "guest"));
    assert.deepEqual(
      data.artifacts.map(({ name, version, session_id }) => [name, version, session_id]),
      [
        ["a.txt", 2, "theirs"],
        ["a.txt", 1, "theirs"],
      ],
    );
    const refused = await site.api.post(path, { name: "c.txt", artifact_type: "t", content: "c" }, as(site, "guest"));
    assert.equal(refused.status, 403);
  });
});
