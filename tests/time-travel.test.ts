import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { describe, it } from "node:test";
import type { z } from "zod";
import { LIMITS } from "../src/engine/limits.ts";
import type { CheckpointShape, DiffShape, ReplayReportShape, WireFamily } from "../src/http/dialects/native/history.ts";
import { type Answer, Api, type Artifact, type Operation, type Session } from "./api.ts";
import { startServer } from "./server.ts";
import { fieldsOf } from "./shelf.ts";
import { serverOfSuite } from "./suite.ts";

type Checkpoint = z.output<typeof CheckpointShape>;
type Diff = z.output<typeof DiffShape>;
type Report = z.output<typeof ReplayReportShape>;

describe("the past", async () => {
  const { api } = await serverOfSuite();

  async function checkpoint(id: string, body: object): Promise<Answer<Checkpoint>> {
    return await api.post<Checkpoint>(`/sessions/${id}/checkpoints`, body);
  }

  /** A session that said, noted and stored something before and after the checkpoint `half-way`. */
  async function lived(): Promise<Session> {
    const { session_id: id } = await api.create({ name: "first" });
    const live = async (word: string): Promise<void> => {
      await api.post(`/sessions/${id}/messages`, { role: "user", content: word });
      await api.call("PUT", `/sessions/${id}/working-memory`, { body: { word } });
      await api.post(`/sessions/${id}/artifacts`, { name: `${word}.txt`, artifact_type: "user_input", content: word });
    };
    await live("one");
    await checkpoint(id, { name: "half-way" });
    await live("two");
    await api.call("PATCH", `/sessions/${id}`, { body: { name: "second" } });
    return await api.session(id);
  }

  for (const at of ["5", "half-way"]) {
    it(`is shown at ${at}`, async () => {
      const { session_id: id, head_hash } = await lived();
      const path = `/sessions/${id}`;
      const past = await api.get(`${path}?at=${at}`);
      assert.deepEqual([past.data.name, past.data.version, past.headers.get("etag")], ["first", 5, '"5"']);
      assert.deepEqual(past.data.usage, { operation_count: 5, artifact_count: 1, artifact_bytes: 3, object_count: 0 });
      assert.notEqual(past.data.head_hash, head_hash);
      const { messages } = (await api.get<{ messages: { content: string }[] }>(`${path}/messages?at=${at}`)).data;
      assert.deepEqual(
        messages.map(({ content }) => content),
        ["one"],
      );
      assert.deepEqual((await api.get(`${path}/working-memory?at=${at}`)).data, { word: "one" });
      const { artifacts } = (await api.get<{ artifacts: Artifact[] }>(`${path}/artifacts?at=${at}`)).data;
      assert.deepEqual(
        artifacts.map(({ name }) => name),
        ["one.txt"],
      );
      const [one] = artifacts;
      assert.equal((await api.get(`${path}/artifacts/${one?.artifact_id}?at=${at}`)).status, 200);
      assert.equal((await api.get(`${path}/artifacts/${one?.artifact_id}/content?at=${at}`)).text, "one");
      assert.equal((await api.get(`${path}/artifacts/${one?.artifact_id}?at=3`)).error.code, "ARTIFACT_NOT_FOUND");
    });
  }

  it("is paged as the present is", async () => {
    const { session_id: id } = await api.create();
    for (const content of ["a", "b", "c", "d"]) await api.post(`/sessions/${id}/messages`, { role: "user", content });
    const seen: string[] = [];
    for (let cursor = ""; ; ) {
      const path = `/sessions/${id}/messages?at=4&limit=2${cursor}`;
      const { data } = await api.get<{ messages: { content: string }[]; next_cursor?: string }>(path);
      seen.unshift(...data.messages.map(({ content }) => content));
      if (data.next_cursor === undefined) break;
      cursor = `&cursor=${data.next_cursor}`;
    }
    assert.deepEqual(seen, ["a", "b", "c"]);
  });

  it("has no moment beyond its ends, and none that nobody named", async () => {
    const { session_id: id, version } = await lived();
    for (const what of ["", "/messages", "/working-memory", "/artifacts"]) {
      const at = (moment: string | number) => api.get(`/sessions/${id}${what}?at=${moment}`);
      assert.equal((await at(version)).status, 200);
      for (const moment of [0, version + 1, "99999999999999999999", ""]) {
        assert.deepEqual(fieldsOf(await at(moment)), [400, "at"], `${what} ${moment}`);
      }
      for (const moment of ["never", "1.5", "-1", "__proto__"]) {
        const answer = await at(moment);
        assert.deepEqual([answer.status, answer.error.code], [404, "CHECKPOINT_NOT_FOUND"], `${what} ${moment}`);
      }
    }
  });

  it("has checkpoints, with what they keep, page by page", async () => {
    const { session_id: id } = await api.create();
    const first = await checkpoint(id, { name: "a", data: { x: [1] } });
    const { created_at, ...rest } = first.data;
    assert.deepEqual([first.status, rest], [201, { name: "a", seq: 2, data: { x: [1] } }]);
    assert.ok(Math.abs(Date.parse(created_at) - Date.now()) < 60_000);
    await checkpoint(id, { name: "b" });
    const page = (query: string) => api.get<{ checkpoints: Checkpoint[] }>(`/sessions/${id}/checkpoints${query}`);
    const { data } = await page("?limit=1");
    assert.deepEqual(data, { checkpoints: [first.data], next_cursor: "2" });
    const names = (await page("?cursor=2")).data.checkpoints.map(({ name }) => name);
    assert.deepEqual(names, ["b"]);
    assert.deepEqual(fieldsOf(await page("?cursor=x")), [400, "cursor"]);
  });

  it("takes names and data at their limits, and none past them", async () => {
    const { session_id: id } = await api.create();
    const named = (length: number) => checkpoint(id, { name: "a".repeat(length) });
    assert.equal((await named(LIMITS.checkpointNameLength)).status, 201);
    assert.deepEqual(fieldsOf(await named(LIMITS.checkpointNameLength + 1)), [400, "name"]);
    for (const name of ["", "12", "a\0", 7])
      assert.deepEqual(fieldsOf(await checkpoint(id, { name })).slice(0, 2), [400, "name"]);
    const keeping = (name: string, bytes: number) => checkpoint(id, { name, data: { a: "a".repeat(bytes - 8) } });
    assert.equal((await keeping("most", LIMITS.checkpointDataBytes)).status, 201);
    assert.deepEqual(fieldsOf(await keeping("more", LIMITS.checkpointDataBytes + 1)), [400, "data"]);
  });
});

describe("a fork", async () => {
  const { api } = await serverOfSuite();

  it("has the history of its origin, which stays as it is", async () => {
    const { session_id: id, uid } = await api.create({ name: "origin" });
    await api.post(`/sessions/${id}/checkpoints`, { name: "here" });
    await api.post(`/sessions/${id}/end`);
    const origin = await api.session(id);
    const forked = await api.post(`/sessions/${id}/fork`, { at: "here", session_id: "the-fork", name: "fork" });
    assert.equal(forked.status, 201, forked.text);
    const past = (await api.get(`/sessions/${id}?at=here`)).data;
    const { data } = forked;
    assert.deepEqual([data.session_id, data.name, data.status, data.version], ["the-fork", "fork", "active", 3]);
    assert.deepEqual(data.origin, { uid, seq: 2, hash: past.head_hash });
    assert.equal(forked.headers.get("etag"), '"3"');
    assert.deepEqual(await api.session("the-fork"), data);
    assert.deepEqual(await api.session(id), origin);
    const log = await api.get<{ operations: Operation[] }>("/sessions/the-fork/operations");
    assert.deepEqual(log.data.operations.at(-1)?.inputs, {
      uid: data.uid,
      session_id: "the-fork",
      name: "fork",
      origin: { uid, seq: 2, hash: past.head_hash, root: uid },
    });
    assert.equal((await api.get<{ ok: boolean }>("/sessions/the-fork/verify")).data.ok, true);
  });

  it("is of now, under an id that is minted, where nothing else is said", async () => {
    const { session_id: id, uid, version } = await api.create();
    const { data } = await api.post(`/sessions/${id}/fork`);
    assert.notEqual(data.session_id, id);
    assert.deepEqual([data.origin?.uid, data.origin?.seq], [uid, version]);
    assert.equal((await api.post(`/sessions/${id}/fork`, { at: 1 })).data.origin?.seq, 1);
  });

  it("happens once for a key", async () => {
    const { session_id: id } = await api.create();
    const headers = { "idempotency-key": randomUUID() };
    const [first, again] = [1, 2].map(() => api.post(`/sessions/${id}/fork`, {}, headers));
    assert.equal((await again)?.data.uid, (await first)?.data.uid);
  });

  it("refuses what is no moment", async () => {
    const { session_id: id } = await api.create();
    for (const at of [0, 2, 1.5, "", true]) {
      assert.deepEqual(fieldsOf(await api.post(`/sessions/${id}/fork`, { at })).slice(0, 2), [400, "at"], `${at}`);
    }
    const { error } = await api.post(`/sessions/${id}/fork`, { at: 1.5 });
    assert.equal(error.details?.[0]?.message, "must be a seq, or the name of a checkpoint");
  });

  it("differs from its origin in what both did since", async () => {
    const { session_id: id, uid } = await api.create({ metadata: { plan: "a" } });
    const fork = (await api.post(`/sessions/${id}/fork`)).data;
    await api.call("PATCH", `/sessions/${fork.session_id}`, { body: { metadata: { plan: "b" } } });
    const { data } = await api.get<Diff>(`/sessions/${id}/diff?with=${fork.session_id}`);
    assert.deepEqual(data.common, { seq: 1, hash: fork.origin?.hash });
    assert.deepEqual([data.a.uid, data.a.operations_since, data.a.operations], [uid, 0, []]);
    assert.deepEqual(
      data.b.operations.map(({ seq, kind, status }) => [seq, kind, status]),
      [
        [2, "session.forked", "completed"],
        [3, "session.updated", "completed"],
      ],
    );
    assert.equal(data.b.version, 3);
    assert.deepEqual(
      data.changes.find(({ path }) => path === "metadata.plan"),
      { path: "metadata.plan", a: "a", b: "b" },
    );
    assert.deepEqual(fieldsOf(await api.get(`/sessions/${id}/diff`)), [400, "with"]);
  });
});

describe("a family", async () => {
  const { api } = await serverOfSuite();

  it("is told from a session down", async () => {
    await api.create({ session_id: "root", user_id: "ann" });
    await api.create({ session_id: "child", name: "c", parent_session_id: "root" });
    await api.create({ session_id: "grandchild", parent_session_id: "child" });
    const { data } = await api.get<WireFamily>("/sessions/root/tree");
    assert.deepEqual([data.session_id, data.user_id, data.status], ["root", "ann", "active"]);
    const [child] = data.children;
    assert.deepEqual([child?.session_id, child?.name], ["child", "c"]);
    assert.deepEqual(
      child?.children.map(({ session_id, children }) => [session_id, children]),
      [["grandchild", []]],
    );
  });
});

describe("a replay", async () => {
  const { api } = await serverOfSuite();

  it("tells how every operation came out", async () => {
    const { session_id: id } = await api.create();
    await api.post("/chat", { session_id: id, message: "I am Ann." });
    for (const mode of ["verify", "recorded", "execute"] as const) {
      const { status, data } = await api.post<Report>(`/sessions/${id}/replay`, { mode });
      assert.equal(status, 200);
      const { duration_ms, fork_session_id, fork_uid, ...report } = data;
      assert.ok(duration_ms >= 0);
      assert.equal(fork_session_id !== undefined && fork_uid !== undefined, mode === "execute");
      assert.deepEqual(
        [report.mode, report.equal, report.different, report.failed, report.differences],
        [mode, report.operations_replayed, 0, 0, []],
      );
    }
    const part = (await api.post<Report>(`/sessions/${id}/replay`, { mode: "verify", from: 2, to: 2 })).data;
    assert.deepEqual([part.from, part.to, part.operations_replayed], [2, 2, 1]);
  });

  it("refuses what is no replay, and what goes with writes", async () => {
    const { session_id: id } = await api.create();
    const replay = (body: object, headers = {}) => api.post(`/sessions/${id}/replay`, body, headers);
    for (const [body, field] of [
      [{}, "mode"],
      [{ mode: "again" }, "mode"],
      [{ mode: "verify", from: 0 }, "from"],
      [{ mode: "verify", to: 99 }, "to"],
      [{ mode: "verify", timeout_seconds: 0.5 }, "timeout_seconds"],
      [{ mode: "verify", timeout_seconds: 3_601 }, "timeout_seconds"],
      [{ mode: "verify", stop_on_error: "yes" }, "stop_on_error"],
    ] as const) {
      assert.deepEqual(fieldsOf(await replay(body)), [400, field]);
    }
    for (const header of ["idempotency-key", "if-match"]) {
      assert.deepEqual(fieldsOf(await replay({ mode: "verify" }, { [header]: '"1"' })), [400, header]);
    }
    assert.equal((await replay({ mode: "verify", timeout_seconds: 3_600 })).status, 200);
  });
});

describe("a session as a file", async () => {
  const { api } = await serverOfSuite();

  it("goes from one server to another, word for word", async () => {
    const { session_id: id } = await api.create({ session_id: "traveller", name: "t" });
    const stored = { name: "a.txt", artifact_type: "user_input", content: "abc" };
    const { artifact_id } = (await api.post<Artifact>(`/sessions/${id}/artifacts`, stored)).data;
    const file = await api.get("/sessions/traveller/export");
    assert.equal(file.headers.get("content-disposition"), "attachment; filename=traveller.sojourn");
    assert.equal(file.headers.get("content-type"), "application/octet-stream");
    const head = await api.call("HEAD", "/sessions/traveller/export");
    assert.deepEqual([head.status, head.bytes.length], [200, 0]);
    assert.equal((await api.call("HEAD", "/sessions/nobody/export")).status, 404);
    const origin = await api.session(id);
    await using elsewhere = await startServer();
    const there = new Api(elsewhere.url);
    const take = (query: string, body: Uint8Array = file.bytes) =>
      there.call("POST", `/sessions/import${query}`, { body });
    const taken = await take(`?head=${origin.head_hash}`);
    assert.equal(taken.status, 201, taken.text);
    assert.deepEqual(taken.data, origin);
    assert.equal((await there.get(`/sessions/traveller/artifacts/${artifact_id}/content`)).text, "abc");
    assert.equal((await take("?session_id=again")).data.origin?.uid, origin.uid);
    assert.deepEqual(fieldsOf(await take(`?head=${"0".repeat(64)}&session_id=x`)).slice(0, 1), [400]);
    assert.deepEqual(fieldsOf(await take("?head=abc")), [400, "head"]);
    assert.deepEqual(fieldsOf(await take("?session_id=import")), [400, "session_id"]);
  });

  it("is refused where it is none, or damaged, and leaves nothing", async () => {
    const { session_id: id } = await api.create();
    const { bytes } = await api.get(`/sessions/${id}/export`);
    await using elsewhere = await startServer();
    const there = new Api(elsewhere.url);
    const damaged = Buffer.from(bytes);
    damaged[damaged.length >> 1] = (damaged[damaged.length >> 1] ?? 0) ^ 1;
    for (const body of [Buffer.from(""), Buffer.from("nonsense"), bytes.subarray(0, bytes.length >> 1), damaged]) {
      assert.equal((await there.call("POST", "/sessions/import", { body })).status, 400);
    }
    const { data } = await there.get<{ sessions: Session[] }>("/sessions");
    assert.deepEqual(data.sessions, []);
  });
});

describe("pruning", () => {
  it("removes what ended, by the policy, and tells what it would remove", async () => {
    await using server = await startServer();
    const api = new Api(server.url);
    for (const id of ["a", "b", "c", "open"]) {
      await api.create({ session_id: id });
      await api.post(`/sessions/${id}/artifacts`, { name: "n", artifact_type: "t", content: "abc" });
      if (id !== "open") await api.post(`/sessions/${id}/end`, { status: id === "c" ? "failed" : "completed" });
    }
    const prune = (body: object) => api.post<object>("/sessions/prune", body);
    const would = (await prune({ max_sessions: 1, dry_run: true })).data;
    assert.deepEqual(would, { deleted: 2, session_ids: ["a", "b"], artifact_bytes: 6 });
    assert.deepEqual((await prune({ max_sessions: 0, statuses: ["failed"], dry_run: true })).data, {
      deleted: 1,
      session_ids: ["c"],
      artifact_bytes: 3,
    });
    assert.deepEqual((await prune({ max_artifact_bytes: 6 })).data, {
      deleted: 1,
      session_ids: ["a"],
      artifact_bytes: 3,
    });
    const kept = { deleted: 1, session_ids: ["b"], artifact_bytes: 3 };
    assert.deepEqual((await prune({ older_than_seconds: 0, keep_latest: 1 })).data, kept);
    assert.equal((await api.get("/sessions/b")).status, 404);
    const { data } = await api.get<{ sessions: Session[] }>("/sessions?sort=name");
    assert.deepEqual(data.sessions.map(({ session_id }) => session_id).sort(), ["c", "open"]);
  });

  it("refuses what is no policy", async () => {
    await using server = await startServer();
    const api = new Api(server.url);
    for (const [body, field] of [
      [{ older_than_seconds: -1 }, "older_than_seconds"],
      [{ older_than_seconds: 1, statuses: ["active"] }, "statuses.0"],
      [{ max_sessions: -1 }, "max_sessions"],
      [{ max_artifact_bytes: 0.5 }, "max_artifact_bytes"],
      [{ max_sessions: 1, keep: 1 }, "keep"],
      [{}, "older_than_seconds"],
    ] as const) {
      assert.deepEqual(fieldsOf(await api.post("/sessions/prune", body)), [400, field]);
    }
  });
});
