import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, noting } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SECOND } from "./clock.ts";
import { type Idempotency, REMEMBERED_US } from "./idempotency.ts";
import type { WriteOptions } from "./sessions.ts";
import type { Commit } from "./store.ts";

const ONE = { requestCount: 1, errorCount: 0, processingTimeUs: 1 };

describe("a write with an idempotency key", () => {
  const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

  it("answers its repetition as it was answered first, and runs once", async () => {
    const { sessions, caller, clock } = engine();
    const first = await sessions.create(caller, { sessionId: "a", tags: ["x"] }, keyed("k"));
    clock.advance(SECOND);
    await sessions.update(caller, "a", { name: "Since then" });
    const again = await sessions.create(caller, { sessionId: "a", tags: ["x"] }, keyed("k"));
    assert.deepEqual(again, { ...first, replayed: true });
    assert.equal(first.replayed, false);
    assert.equal((await sessions.get(caller, "a")).head.seq, 2);
  });

  it("does so for every kind of write", async () => {
    const { sessions, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    await sessions.create(caller, { sessionId: "gone" });
    const writes = [
      (options: WriteOptions) => sessions.update(caller, "a", { name: "A name" }, options),
      (options: WriteOptions) => sessions.record(caller, "a", ONE, options),
      (options: WriteOptions) => sessions.keepalive(caller, "a", {}, options),
      (options: WriteOptions) => sessions.suspend(caller, "a", {}, options),
      (options: WriteOptions) => sessions.resume(caller, "a", {}, options),
      (options: WriteOptions) => sessions.end(caller, "a", {}, options),
      (options: WriteOptions) => sessions.end(caller, "a", {}, options),
      (options: WriteOptions) => sessions.create(caller, { sessionId: "b" }, options),
      (options: WriteOptions) => sessions.create(caller, { sessionId: "b", ifExists: "return" }, options),
      (options: WriteOptions) => sessions.cleanup(caller, { maxIdleUs: 0 }, options),
      (options: WriteOptions) => sessions.delete(caller, "gone", options),
    ];
    for (const [i, write] of writes.entries()) {
      const first = await write(keyed(`k${i}`));
      assert.deepEqual(await write(keyed(`k${i}`)), { ...first, replayed: true }, `write ${i}`);
    }
  });

  it("refuses another request under the same key, and changes nothing", async () => {
    const { sessions, caller } = engine();
    await sessions.create(caller, { sessionId: "a" }, keyed("k"));
    const other = sessions.create(caller, { sessionId: "b" }, keyed("k", { request: "another" }));
    await assert.rejects(other, { code: "idempotency_mismatch" });
    assert.equal(await sessions.find(caller, "b"), undefined);
  });

  it("tells scopes and tenants apart", async () => {
    const { sessions, caller } = engine();
    const stranger = { ...caller, tenant: `${caller.tenant}-2` };
    await sessions.create(caller, { sessionId: "a" }, keyed("k"));
    assert.equal((await sessions.update(caller, "a", { name: "n" }, keyed("k", { scope: "PATCH" }))).replayed, false);
    assert.equal((await sessions.create(stranger, { sessionId: "a" }, keyed("k"))).replayed, false);
  });

  it("runs once for many callers at once", async () => {
    const commits: Commit[] = [];
    const { sessions, caller } = engine({ around: (store) => noting(store, commits) });
    await sessions.create(caller, { sessionId: "a" });
    const answers = await Promise.all(Array.from({ length: 50 }, () => sessions.record(caller, "a", ONE, keyed("k"))));
    assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
    assert.equal(new Set(answers.map(({ value }) => JSON.stringify(value))).size, 1);
    assert.equal((await sessions.get(caller, "a")).record.metrics.requestCount, 1);
    assert.equal(commits.length, 2);
  });

  it("runs once for callers of two nodes, also where the id of the new session is minted", async () => {
    const one = engine();
    const other = engine({ beside: one });
    for (const wanted of [{ sessionId: "a" }, {}]) {
      const key = keyed(JSON.stringify(wanted));
      const answers = await Promise.all([one, other].map(({ sessions }) => sessions.create(one.caller, wanted, key)));
      assert.equal(answers.filter(({ replayed }) => !replayed).length, 1);
      assert.deepEqual(answers[0]?.value, answers[1]?.value);
    }
    await Promise.all([one, other].map(({ sessions }) => sessions.record(one.caller, "a", ONE, keyed("r"))));
    assert.equal((await one.sessions.get(one.caller, "a")).record.metrics.requestCount, 1);
  });

  it("does not touch its neighbours in a batch when its key is taken by another node", async () => {
    const one = engine();
    const other = engine({ beside: one });
    await one.sessions.create(one.caller, { sessionId: "a" });
    const calls = Array.from({ length: 10 }, (_, i) => {
      return [one, other].flatMap(({ sessions }) => [
        sessions.record(one.caller, "a", ONE),
        sessions.record(one.caller, "a", ONE, keyed(`k${i}`)),
      ]);
    });
    const answers = await Promise.all(calls.flat());
    assert.equal(answers.filter(({ replayed }) => !replayed).length, 30);
    assert.equal((await one.sessions.get(one.caller, "a")).record.metrics.requestCount, 30);
  });

  it("does not keep a refusal", async () => {
    const { sessions, caller } = engine();
    await assert.rejects(sessions.update(caller, "a", { name: "n" }, keyed("k")), { code: "session_not_found" });
    await sessions.create(caller, { sessionId: "a" });
    await sessions.suspend(caller, "a");
    await assert.rejects(sessions.suspend(caller, "a", {}, keyed("s")), { code: "invalid_transition" });
    await sessions.resume(caller, "a");
    assert.equal((await sessions.update(caller, "a", { name: "n" }, keyed("k"))).replayed, false);
    assert.equal((await sessions.suspend(caller, "a", {}, keyed("s"))).replayed, false);
  });

  it("is remembered for 24 hours, through the last microsecond", async () => {
    const { sessions, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a", idleTimeoutUs: null });
    await sessions.record(caller, "a", ONE, keyed("k"));
    clock.advance(REMEMBERED_US);
    assert.equal((await sessions.record(caller, "a", ONE, keyed("k"))).replayed, true);
    clock.advance(1);
    assert.equal((await sessions.record(caller, "a", ONE, keyed("k"))).replayed, false);
    assert.equal((await sessions.get(caller, "a")).record.metrics.requestCount, 2);
  });

  it("is erased with the session that its answer tells of", async () => {
    const { sessions, caller, clock, store } = engine();
    const { tenant } = caller;
    await sessions.create(caller, { sessionId: "a", description: "secret" }, keyed("create"));
    await sessions.create(caller, { sessionId: "a", ifExists: "return" }, keyed("return"));
    await sessions.update(caller, "a", { name: "secret" }, keyed("update"));
    await sessions.delete(caller, "a", keyed("delete"));
    for (const key of ["create", "return", "update"]) {
      assert.equal(await store.remembered({ tenant, scope: "write", key }, clock.now()), undefined, key);
    }
    assert.equal((await sessions.delete(caller, "a", keyed("delete"))).replayed, true);
    assert.equal((await sessions.create(caller, { sessionId: "a" }, keyed("create"))).value.isNew, true);
  });
});

function keyed(key: string, more: Partial<Idempotency> = {}): WriteOptions {
  return { idempotency: { key, scope: "write", request: "the request", ...more } };
}
