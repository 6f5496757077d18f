import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SECOND } from "./clock.ts";
import type { Caller, Sessions } from "./sessions.ts";

const ONE = { requestCount: 1, errorCount: 0, processingTimeUs: 1 };

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("a session", () => {
  it("is addressed by its id and by its uid", async () => {
    const { sessions, caller } = engine();
    const { session } = (await sessions.create(caller, { sessionId: "a" })).value;
    for (const id of ["a", session.ref.id]) {
      assert.deepEqual(await sessions.get(caller, id), session);
      assert.deepEqual(await sessions.find(caller, id), session);
    }
    await sessions.record(caller, session.ref.id, ONE);
    await sessions.record(caller, "a", ONE);
    assert.equal((await sessions.get(caller, "a")).record.metrics.requestCount, 2);
  });

  it("that does not exist is not found by any call", async () => {
    const { sessions, caller } = engine();
    const { signal } = new AbortController();
    for (const id of ["missing", "", "a b", "..", "x".repeat(200), "00000000-0000-7000-8000-00000000ffff"]) {
      const calls = [
        () => sessions.get(caller, id),
        () => sessions.update(caller, id, {}),
        () => sessions.suspend(caller, id),
        () => sessions.resume(caller, id),
        () => sessions.keepalive(caller, id),
        () => sessions.end(caller, id),
        () => sessions.record(caller, id, ONE),
        () => sessions.delete(caller, id),
        () => sessions.operations(caller, id, { after: 0, limit: 1 }),
        () => sessions.follow(caller, id, { after: 0, signal }),
        () => sessions.verify(caller, id),
      ];
      for (const call of calls) await assert.rejects(call, { code: "session_not_found" });
      assert.equal(await sessions.find(caller, id), undefined);
    }
  });

  it("of another tenant is as one that does not exist", async () => {
    const { sessions, caller } = engine();
    const stranger = { ...caller, tenant: "stranger" };
    const { session } = (await sessions.create(caller, { sessionId: "a" })).value;
    for (const id of ["a", session.ref.id]) {
      assert.equal(await sessions.find(stranger, id), undefined);
      await assert.rejects(sessions.delete(stranger, id), { code: "session_not_found" });
    }
    assert.deepEqual((await sessions.list(stranger, { sort: "name", order: "asc", limit: 9 })).items, []);
    assert.deepEqual(await sessions.get(caller, "a"), session);
  });

  it("goes through its life, with every change in its log", async () => {
    const { sessions, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const step = async (call: Promise<{ value: { record: object } }>): Promise<object> => (await call).value.record;
    clock.advance(SECOND);
    await step(sessions.suspend(caller, "a", { reason: "lunch" }));
    await step(sessions.keepalive(caller, "a"));
    await step(sessions.resume(caller, "a"));
    await step(sessions.update(caller, "a", { name: "n", tags: ["x", "y", "x"] }));
    await step(sessions.record(caller, "a", { requestCount: 2, errorCount: 1, processingTimeUs: 5 }));
    const { record } = (await sessions.end(caller, "a", { status: "failed", reason: "boom" })).value;
    assert.deepEqual([record.status, record.reason, record.endedAtUs], ["failed", "boom", clock.now()]);
    assert.deepEqual(record.tags, ["x", "y"]);
    assert.deepEqual(await kindsOf(sessions, caller, "a"), [
      "session.created",
      "session.suspended",
      "session.kept_alive",
      "session.resumed",
      "session.updated",
      "metrics.recorded",
      "session.failed",
    ]);
    assert.equal((await sessions.verify(caller, "a")).ok, true);
  });

  it("that has ended allows its end again, and no other change", async () => {
    const { sessions, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const { value } = await sessions.end(caller, "a");
    assert.deepEqual((await sessions.end(caller, "a", { reason: "again" })).value, value);
    const refused = [
      () => sessions.update(caller, "a", { name: "n" }),
      () => sessions.suspend(caller, "a"),
      () => sessions.resume(caller, "a"),
      () => sessions.keepalive(caller, "a"),
      () => sessions.record(caller, "a", ONE),
      () => sessions.end(caller, "a", { status: "failed" }),
      () => sessions.end(caller, "a", { status: "expired" }),
    ];
    for (const call of refused) await assert.rejects(call, { code: "invalid_transition" });
    assert.deepEqual(await sessions.get(caller, "a"), value);
  });

  it("takes a precondition for the version that was shown, also where its time is over since", async () => {
    const { sessions, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a", idleTimeoutUs: 10 * SECOND });
    clock.advance(11 * SECOND);
    const shown = { precondition: [(await sessions.get(caller, "a")).head.seq] };
    await assert.rejects(sessions.keepalive(caller, "a", {}, shown), { code: "invalid_transition" });
  });

  it("is changed only at the version that a precondition names", async () => {
    const { sessions, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const stale = { precondition: [7] };
    await assert.rejects(sessions.update(caller, "a", { name: "n" }, stale), { code: "precondition_failed" });
    await assert.rejects(sessions.delete(caller, "a", stale), { code: "precondition_failed" });
    assert.equal((await sessions.update(caller, "a", { name: "n" }, { precondition: [1, 7] })).value.head.seq, 2);
    const racing = [1, 2, 3].map((n) => sessions.update(caller, "a", { name: `${n}` }, { precondition: [2] }));
    const settled = await Promise.allSettled(racing);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["fulfilled", "rejected", "rejected"],
    );
    await sessions.delete(caller, "a", { precondition: "any" });
  });

  it("refuses metadata that a merge makes too large, and keeps what it has", async () => {
    const { sessions, caller } = engine({ settings: { metadataBytes: 40 } });
    await sessions.create(caller, { sessionId: "a", metadata: { a: "x".repeat(20) } });
    await sessions.update(caller, "a", { metadata: { b: "y" } });
    await assert.rejects(sessions.update(caller, "a", { metadata: { c: "zzzzz" } }), { code: "invalid" });
    await sessions.update(caller, "a", { metadata: { a: null, c: "zzzzz" } });
    assert.deepEqual((await sessions.get(caller, "a")).record.metadata, { b: "y", c: "zzzzz" });
    await assert.rejects(sessions.create(caller, { metadata: { a: "x".repeat(33) } }), { code: "invalid" });
    await sessions.create(caller, { metadata: { a: "x".repeat(32) } });
  });

  it("that is deleted is gone with its log, and its name is free", async () => {
    const { sessions, caller, store } = engine();
    const { ref } = (await sessions.create(caller, { sessionId: "a", tags: ["x"] })).value.session;
    assert.deepEqual((await sessions.delete(caller, ref.id)).value, { sessionId: "a" });
    assert.equal(await sessions.find(caller, "a"), undefined);
    assert.equal(await sessions.find(caller, ref.id), undefined);
    assert.deepEqual(await store.operations(ref, { after: 0, limit: 10 }), []);
    assert.equal((await sessions.create(caller, { sessionId: "a" })).value.isNew, true);
  });
});

describe("operations()", () => {
  it("returns a log in pages, each with where the next begins", async () => {
    const { sessions, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    for (let i = 0; i < 6; i++)
      await (i % 2 === 0 ? sessions.keepalive(caller, "a") : sessions.record(caller, "a", ONE));
    const seqs: number[] = [];
    for (let after: number | undefined = 0; after !== undefined; ) {
      const page = await sessions.operations(caller, "a", { after, limit: 3 });
      seqs.push(...page.items.map(({ operation }) => operation.seq));
      after = page.next === undefined ? undefined : Number(page.next);
    }
    assert.deepEqual(seqs, [1, 2, 3, 4, 5, 6, 7]);
    const { items, next } = await sessions.operations(caller, "a", { after: 0, limit: 3, kind: "metrics.recorded" });
    assert.deepEqual([items.map(({ operation }) => operation.seq), next], [[3, 5, 7], undefined]);
  });
});

describe("newest()", () => {
  it("is the user's active session that was used last", async () => {
    const { sessions, caller, clock } = engine();
    for (const sessionId of ["a", "b", "c", "d"]) {
      clock.advance(SECOND);
      await sessions.create(caller, {
        sessionId,
        userId: sessionId === "d" ? "other" : "u",
        idleTimeoutUs: 60 * SECOND,
      });
    }
    const newest = async (userId: string): Promise<string> => (await sessions.newest(caller, userId)).record.sessionId;
    assert.equal(await newest("u"), "c");
    clock.advance(SECOND);
    await sessions.keepalive(caller, "a");
    assert.equal(await newest("u"), "a");
    await sessions.suspend(caller, "a");
    assert.equal(await newest("u"), "c");
    await sessions.end(caller, "c");
    assert.equal(await newest("u"), "b");
    clock.advance(59 * SECOND);
    await assert.rejects(newest("u"), { code: "no_session_found" });
    await assert.rejects(sessions.newest(caller), { code: "no_session_found" });
  });
});

describe("list() and totals()", () => {
  it("show a session as expired once its time is over, though its log does not say so yet", async () => {
    const { sessions, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a", idleTimeoutUs: SECOND });
    await sessions.create(caller, { sessionId: "b", idleTimeoutUs: null });
    clock.advance(SECOND + 1);
    const { items } = await sessions.list(caller, { statuses: ["expired"], sort: "name", order: "asc", limit: 9 });
    assert.deepEqual(
      items.map(({ record }) => [record.sessionId, record.status, record.endedAtUs]),
      [["a", "expired", clock.now() - 1]],
    );
    const { byStatus } = await sessions.totals(caller);
    assert.deepEqual([byStatus.active, byStatus.expired], [1, 1]);
    assert.equal(await sessions.sweep(), 1);
    assert.deepEqual((await sessions.totals(caller)).byStatus, byStatus);
    assert.deepEqual(await kindsOf(sessions, caller, "a"), ["session.created", "session.expired"]);
  });
});

async function kindsOf(sessions: Sessions, caller: Caller, id: string): Promise<readonly string[]> {
  const { items } = await sessions.operations(caller, id, { after: 0, limit: 100 });
  return items.map(({ operation }) => operation.kind);
}
