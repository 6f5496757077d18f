import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Metrics, Operation, Session } from "./api.ts";
import { serverOfSuite } from "./suite.ts";
import { until } from "./until.ts";

const FINAL = ["completed", "failed", "expired"] as const;
const VERBS = ["suspend", "resume", "keepalive", "metrics"] as const;

/** Ways to bring a new session into each status, and which calls are then allowed. */
const STATES = [
  { status: "active", path: [], allowed: ["suspend", "keepalive", "metrics"] },
  { status: "suspended", path: ["suspend"], allowed: ["resume", "keepalive", "metrics"] },
  ...FINAL.map((status) => ({ status, path: [status], allowed: [] })),
] as const;

describe("a session's life", async () => {
  const { server, api } = await serverOfSuite();

  async function end(id: string, status: string): Promise<Session> {
    return (await api.post(`/sessions/${id}/end`, { status })).data;
  }

  async function sessionIn({ path }: (typeof STATES)[number]): Promise<Session> {
    const { session_id } = await api.create();
    for (const step of path) {
      if (step === "suspend") await api.post(`/sessions/${session_id}/suspend`);
      else await end(session_id, step);
    }
    return await api.session(session_id);
  }

  for (const state of STATES) {
    for (const verb of VERBS) {
      const isAllowed = (state.allowed as readonly string[]).includes(verb);
      it(`${isAllowed ? "takes" : "refuses"} ${verb} while ${state.status}`, async () => {
        const before = await sessionIn(state);
        assert.equal(before.status, state.status);
        const answer = await api.post(`/sessions/${before.session_id}/${verb}`);
        const now = await api.session(before.session_id);
        if (isAllowed) {
          assert.equal(answer.status, 200, answer.text);
          assert.equal(now.version, before.version + 1);
        } else {
          assert.equal(answer.status, 409);
          assert.equal(answer.error.code, "INVALID_TRANSITION");
          assert.deepEqual(now, before);
        }
      });
    }
  }

  for (const state of STATES) {
    for (const status of FINAL) {
      it(`ends as ${status} while ${state.status}, or is left as it is`, async () => {
        const before = await sessionIn(state);
        const answer = await api.post(`/sessions/${before.session_id}/end`, { status });
        const now = await api.session(before.session_id);
        if (state.status === "active" || state.status === "suspended") {
          assert.equal(now.status, status);
          assert.equal(now.is_active, false);
          assert.equal(now.version, before.version + 1);
          assert.ok(now.ended_at !== undefined && now.expires_at === undefined);
        } else {
          assert.equal(answer.status, state.status === status ? 200 : 409);
          assert.deepEqual(now, before);
        }
      });
    }
  }

  it("keeps the reason of its status", async () => {
    const { session_id } = await api.create();
    const say = async (verb: string, reason?: string): Promise<Session> =>
      (await api.post(`/sessions/${session_id}/${verb}`, { reason })).data;
    assert.equal((await say("suspend", "lunch")).reason, "lunch");
    assert.equal((await say("resume")).reason, undefined);
    assert.equal((await say("end", "done")).reason, "done");
  });

  it("reads, verifies and deletes an ended session, and refuses to change it", async () => {
    const { session_id } = await api.create({ name: "report" });
    await end(session_id, "failed");
    const refused = await api.call("PATCH", `/sessions/${session_id}`, { body: { name: "other" } });
    assert.equal(refused.error.code, "INVALID_TRANSITION");
    assert.equal((await api.session(session_id)).name, "report");
    assert.equal((await api.get<{ ok: boolean }>(`/sessions/${session_id}/verify`)).data.ok, true);
    assert.equal((await api.call("DELETE", `/sessions/${session_id}`)).status, 200);
  });

  it("expires by the idle timeout, in reads, lists and counts alike, and refuses to go on", async () => {
    const { session_id } = await api.create({ user_id: "sleepy", idle_timeout_seconds: 1 });
    await until("it is expired", async () => {
      const listed = await api.get<{ sessions: Session[] }>("/sessions?user_id=sleepy&status=expired");
      const { status } = await api.session(session_id);
      // Between the two answers its time may have come, but it never comes back.
      assert.equal(status, listed.data.sessions.length > 0 ? "expired" : status);
      return status === "expired";
    });
    const { reason, ended_at, expires_at, last_activity } = await api.session(session_id);
    assert.equal(reason, "Idle for longer than 1 s");
    assert.equal(Date.parse(ended_at ?? "") - Date.parse(last_activity), 1_000);
    assert.equal(expires_at, undefined);
    assert.equal((await api.get("/sessions/continue?user_id=sleepy")).status, 404);
    const stats = await api.get<{ by_status: Record<string, number> }>("/sessions/stats?user_id=sleepy");
    assert.deepEqual(stats.data.by_status, { active: 0, suspended: 0, completed: 0, failed: 0, expired: 1 });
    assert.equal((await api.post(`/sessions/${session_id}/keepalive`)).status, 409);
    const log = await api.get<{ operations: Operation[] }>(`/sessions/${session_id}/operations`);
    assert.deepEqual(
      log.data.operations.map(({ kind, actor }) => [kind, actor]),
      [
        ["session.created", "local"],
        ["session.expired", "system"],
      ],
    );
  });

  it("expires at the end of its lifetime, however much it is used", async () => {
    const { session_id, created_at } = await api.create({ idle_timeout_seconds: null, max_lifetime_seconds: 1 });
    await until("it is expired", async () => (await api.post(`/sessions/${session_id}/keepalive`)).status === 409);
    const { status, ended_at, reason } = await api.session(session_id);
    assert.equal(status, "expired");
    assert.equal(reason, "Alive for longer than 1 s");
    assert.equal(Date.parse(ended_at ?? "") - Date.parse(created_at), 1_000);
  });

  it("gives the name of an ended session to a new one, and keeps the old one by its uid", async () => {
    const first = await api.create({ session_id: "phoenix", name: "first" });
    await end("phoenix", "completed");
    const second = await api.create({ session_id: "phoenix", name: "second", if_exists: "return" });
    assert.notEqual(second.uid, first.uid);
    assert.equal((await api.session("phoenix")).name, "second");
    const old = await api.session(first.uid);
    assert.deepEqual([old.session_id, old.name, old.status], ["phoenix", "first", "completed"]);
    const { data } = await api.get<{ sessions: Session[] }>("/sessions?search=phoenix&order=asc");
    assert.deepEqual(
      data.sessions.map(({ uid }) => uid),
      [first.uid, second.uid],
    );
    assert.equal((await api.call("DELETE", "/sessions/phoenix")).status, 200);
    assert.equal((await api.session(first.uid)).name, "first");
  });

  it("returns an open session as it is where if_exists is return", async () => {
    const first = await api.create({ session_id: "steady", name: "first" });
    const again = await api.post("/sessions", { session_id: "steady", name: "second", if_exists: "return" });
    assert.equal(again.status, 200);
    assert.deepEqual(again.data, first);
    assert.equal(
      (await api.post("/sessions", { session_id: "steady", if_exists: "error" })).error.code,
      "SESSION_EXISTS",
    );
    await api.post("/sessions/steady/suspend");
    assert.equal((await api.post("/sessions", { session_id: "steady" })).status, 409);
  });

  it("refuses the uid of another session as a name, which would hide that one", async () => {
    const { uid, session_id } = await api.create();
    const { status, error } = await api.post("/sessions", { session_id: uid });
    assert.deepEqual([status, error.code], [409, "SESSION_EXISTS"]);
    assert.equal((await api.session(uid)).session_id, session_id);
  });

  it("takes no body for an empty one, whatever type is said of it", async () => {
    const { session_id } = await api.create();
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const url = `${server.url}/api/v1/sessions/${session_id}/suspend`;
    assert.equal((await fetch(url, { method: "POST", headers, body: "" })).status, 200);
  });

  it("shows the session as it was after any of its operations", async () => {
    const { session_id } = await api.create({ name: "one", tags: ["a"] });
    const path = `/sessions/${session_id}`;
    const states = [await api.session(session_id)];
    for (const body of [{ name: "two" }, { tags: ["b"] }, { metadata: { k: [1, { deep: null }] } }, { name: null }]) {
      states.push((await api.call("PATCH", path, { body })).data);
    }
    await api.post(`${path}/metrics`, { requests: 2 });
    states.push(await api.session(session_id));
    states.push(await end(session_id, "completed"));
    for (const [i, state] of states.entries()) {
      const { data, headers } = await api.get(`${path}?at=${i + 1}`);
      assert.deepEqual(data, state);
      assert.equal(headers.get("etag"), `"${i + 1}"`);
    }
    for (const at of ["0", String(states.length + 1), "9007199254740993"]) {
      const { error } = await api.get(`${path}?at=${at}`);
      assert.deepEqual([error.code, error.details?.[0]?.field], ["VALIDATION_ERROR", "at"]);
    }
    // They could be names of checkpoints.
    for (const at of ["x", "-1", "1.5"]) {
      assert.equal((await api.get(`${path}?at=${at}`)).error.code, "CHECKPOINT_NOT_FOUND");
    }
  });

  it("changes what a PATCH names: merges metadata, and removes what is null", async () => {
    const body = { name: "n", description: "d", tags: ["a"], metadata: { keep: 1, drop: 2, nest: { a: 1, b: 2 } } };
    const { session_id } = await api.create({ ...body, idle_timeout_seconds: 60 });
    const patch = async (body: object): Promise<Session> =>
      (await api.call("PATCH", `/sessions/${session_id}`, { body })).data;
    const merged = await patch({ metadata: { drop: null, nest: { c: 3 }, made: [] } });
    assert.deepEqual(merged.metadata, { keep: 1, nest: { c: 3 }, made: [] });
    assert.deepEqual([merged.name, merged.description, merged.tags], ["n", "d", ["a"]]);
    const bare = await patch({ name: null, description: null, tags: [], idle_timeout_seconds: null });
    assert.ok(!("name" in bare || "description" in bare || "idle_timeout_seconds" in bare || "expires_at" in bare));
    assert.deepEqual(bare.tags, []);
    assert.deepEqual((await patch({ tags: ["x", "y", "x"] })).tags, ["x", "y"]);
    assert.equal((await patch({ idle_timeout_seconds: 5 })).idle_timeout_seconds, 5);
  });

  it("counts one request for an empty body, and otherwise exactly what is given", async () => {
    const { session_id } = await api.create();
    const add = async (body?: object): Promise<Metrics> =>
      (await api.post<Metrics>(`/sessions/${session_id}/metrics`, body)).data;
    const counted = (request_count: number, error_count: number, total_processing_time: number): Metrics => ({
      request_count,
      error_count,
      total_processing_time,
      input_tokens: 0,
      output_tokens: 0,
      average_processing_time:
        request_count === 0 ? 0 : Math.floor((total_processing_time * 1e6) / request_count) / 1e6,
    });
    assert.deepEqual(await add(), counted(1, 0, 0));
    assert.deepEqual(await add({}), counted(2, 0, 0));
    assert.deepEqual(await add({ errors: 3 }), counted(2, 3, 0));
    assert.deepEqual(await add({ requests: 0, processing_time_seconds: 0.1 }), counted(2, 3, 0.1));
    assert.deepEqual(await add({ processing_time_seconds: 0.2 }), counted(2, 3, 0.3));
    assert.deepEqual((await api.session(session_id)).metrics, counted(2, 3, 0.3));
  });

  it("answers the whole session to a count where that is asked for", async () => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}/metrics`;
    const counted = (await api.post(`${path}?return=session`, { errors: 2 })).data;
    assert.deepEqual(counted, await api.session(session_id));
    assert.equal(counted.metrics.error_count, 2);
    assert.equal((await api.post<Metrics>(`${path}?return=metrics`)).data.request_count, 1);
    assert.equal((await api.post(`${path}?return=everything`)).status, 400);
  });

  it("says who its parent is, and needs one that exists and does not descend from it", async () => {
    await api.create({ session_id: "grandparent" });
    const parent = await api.create({ session_id: "parent", parent_session_id: "grandparent" });
    assert.equal(parent.parent_session_id, "grandparent");
    await end("grandparent", "completed");
    const looped = await api.post("/sessions", { session_id: "grandparent", parent_session_id: "parent" });
    assert.equal(looped.error.details?.[0]?.type, "invalid_parent");
    assert.equal(
      (await api.post("/sessions", { parent_session_id: "nobody" })).error.message,
      "Session nobody not found",
    );
  });

  it("continues with the active session of a user that was used last", async () => {
    const [first, second, third] = [await made(), await made(), await made()];
    async function made(): Promise<Session> {
      return await api.create({ user_id: "returning user/ü" });
    }
    const newest = async (): Promise<string> =>
      (await api.get(`/sessions/continue?user_id=${encodeURIComponent("returning user/ü")}`)).data.session_id;
    // Times are steps of a millisecond, and within one of them the newest session wins.
    await until("the first was used last", async () => {
      await api.post(`/sessions/${first.session_id}/keepalive`);
      return (await newest()) === first.session_id;
    });
    await api.post(`/sessions/${first.session_id}/suspend`);
    await end(third.session_id, "completed");
    assert.equal(await newest(), second.session_id);
    const none = await api.get("/sessions/continue");
    assert.equal(none.status, 200, "default_user has sessions of the other tests");
  });
});
