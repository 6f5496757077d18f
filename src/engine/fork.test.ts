import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, faulty, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SNAPSHOT_EVERY } from "./append.ts";
import { SECOND } from "./clock.ts";
import { addMessages } from "./conversation-commands.ts";
import type { Session } from "./sessions.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("fork()", () => {
  it("shares what its origin was at that moment, and nothing that came after", async () => {
    const started = engine();
    const { sessions, history, caller, clock, store } = started;
    const { origin, past } = await withPast(started);
    clock.advance(1_000);
    const { value: fork } = await history.fork(caller, "a", { at: "here", sessionId: "b", name: "Fork" });
    const { seq, hash } = past.head;
    assert.deepEqual(fork.record, {
      ...past.record,
      sessionId: "b",
      name: "Fork",
      origin: { uid: origin.ref.id, seq, hash, root: origin.ref.id },
      createdAtUs: clock.now(),
      updatedAtUs: clock.now(),
      lastActivityUs: clock.now(),
    });
    assert.equal(fork.head.seq, seq + 1);
    assert.deepEqual(await sessions.get(caller, "b"), fork);
    assert.deepEqual(await store.stored(fork.ref), fork);

    const [common, own] = [await log(started, origin, seq), await log(started, fork)];
    assert.deepEqual(own.slice(0, seq), common);
    const last = own.at(-1)?.operation;
    assert.deepEqual([last?.kind, last?.name, last?.actor], ["session.forked", "fork", "tester"]);
    assert.deepEqual(
      await store.messages(fork.ref, { take: "oldest", limit: 9 }),
      await store.messages(origin.ref, { take: "oldest", limit: 1 }),
    );
    assert.equal((await sessions.verify(caller, "b", hash)).ok, true);
    assert.deepEqual(await sessions.get(caller, "a"), origin);
  });

  it("takes the session as it stands where no moment is given, and goes its own way from there", async () => {
    const started = engine();
    const { sessions, history, caller } = started;
    const { origin } = await withPast(started);
    const { value: fork } = await history.fork(caller, "a", {});
    assert.match(fork.record.sessionId, /^session_/);
    assert.equal(fork.head.seq, origin.head.seq + 1);
    await sessions.update(caller, fork.ref.id, { tags: ["own"], name: null });
    await sessions.end(caller, "a");
    const { record } = await sessions.get(caller, fork.ref.id);
    assert.deepEqual([record.status, record.tags], ["active", ["own"]]);
    assert.deepEqual((await sessions.get(caller, "a")).record.tags, origin.record.tags);
    for (const id of ["a", fork.ref.id]) assert.equal((await sessions.verify(caller, id)).ok, true);
  });

  it("is as its origin was at each operation, in the past that they share, but for its id", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    for (let i = 0; i < SNAPSHOT_EVERY + 10; i++) await sessions.update(caller, "a", { metadata: { i } });
    await history.fork(caller, "a", { sessionId: "b" });
    for (const at of [1, SNAPSHOT_EVERY - 1, SNAPSHOT_EVERY, SNAPSHOT_EVERY + 5]) {
      const [origin, fork] = [await history.at(caller, "a", at), await history.at(caller, "b", at)];
      assert.deepEqual(fork.record, { ...origin.record, sessionId: "b" });
      assert.deepEqual(fork.head, origin.head);
    }
  });

  it("of an ended, suspended, temporary or overdue session is active, not temporary, and begins to live now", async () => {
    const { sessions, history, caller, clock } = engine();
    const limits = { idleTimeoutUs: 10 * SECOND, maxLifetimeUs: 20 * SECOND } as const;
    for (const sessionId of ["ended", "suspended", "temporary", "overdue"]) {
      await sessions.create(caller, { sessionId, ...limits, ...(sessionId === "temporary" && { temporary: true }) });
    }
    await sessions.end(caller, "ended", { status: "failed", reason: "no" });
    await sessions.suspend(caller, "suspended", { reason: "later" });
    clock.advance(20 * SECOND);
    for (const id of ["ended", "suspended", "temporary", "overdue"]) {
      const before = await sessions.get(caller, id);
      const { record } = (await history.fork(caller, id, {})).value;
      const { status, endedAtUs, reason, temporary, createdAtUs, lastActivityUs } = record;
      const nothing = { endedAtUs: undefined, reason: undefined, temporary: undefined };
      const now = { createdAtUs: clock.now(), lastActivityUs: clock.now() };
      assert.deepEqual(
        { status, endedAtUs, reason, temporary, createdAtUs, lastActivityUs },
        { status: "active", ...nothing, ...now },
        id,
      );
      assert.deepEqual([record.idleTimeoutUs, record.maxLifetimeUs], [limits.idleTimeoutUs, limits.maxLifetimeUs]);
      assert.deepEqual(await sessions.get(caller, id), before);
    }
  });

  it("of a fork keeps the root, also before the moment where that was forked", async () => {
    const { sessions, history, caller } = engine();
    const { session: root } = (await sessions.create(caller, { sessionId: "a" })).value;
    await sessions.keepalive(caller, "a");
    const { value: fork } = await history.fork(caller, "a", { sessionId: "b" });
    for (const at of [1, 2, 3]) {
      const { value } = await history.fork(caller, "b", { at });
      const { uid, seq, root: named } = value.record.origin ?? assert.fail();
      assert.deepEqual({ uid, seq, named }, { uid: fork.ref.id, seq: at, named: root.ref.id });
      assert.equal((await sessions.verify(caller, value.ref.id)).ok, true, String(at));
    }
  });

  it("lives on when its origin is deleted, and so does the origin of a deleted fork", async () => {
    const started = engine();
    const { sessions, history, caller, store } = started;
    const { origin } = await withPast(started);
    await history.fork(caller, "a", { sessionId: "b" });
    await history.fork(caller, "a", { sessionId: "c" });
    await sessions.delete(caller, "b");
    assert.equal((await sessions.verify(caller, "a")).ok, true);
    await sessions.delete(caller, "a");
    const { ref } = await sessions.get(caller, "c");
    assert.equal((await sessions.verify(caller, "c")).ok, true);
    assert.equal((await store.messages(ref, { take: "oldest", limit: 9 })).length, origin.record.conversation.messages);
  });
});

describe("fork() refuses", () => {
  it("a name that an open session has, a session's uid, and that of an ancestor; an ended one's it takes", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "parent" });
    const { session } = (await sessions.create(caller, { sessionId: "a", parentSessionId: "parent" })).value;
    await sessions.create(caller, { sessionId: "b" });
    for (const sessionId of ["a", "b", "parent", session.ref.id]) {
      await assert.rejects(history.fork(caller, "a", { sessionId }), { code: "session_exists" }, sessionId);
    }
    await sessions.end(caller, "parent");
    await assert.rejects(history.fork(caller, "a", { sessionId: "parent" }), ({ code, faults }) => {
      return code === "invalid" && faults[0].field === "session_id";
    });
    await sessions.end(caller, "b");
    const { value } = await history.fork(caller, "a", { sessionId: "b" });
    assert.equal((await sessions.get(caller, "b")).ref.id, value.ref.id);
    await sessions.end(caller, "a");
    const again = (await history.fork(caller, "a", { sessionId: "a" })).value;
    assert.equal((await sessions.get(caller, "a")).ref.id, again.ref.id);
  });

  it("what no session may be called, and moments that there are not", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const count = (await sessions.totals(caller)).byStatus.active;
    for (const wanted of [
      { sessionId: "a b" },
      { sessionId: "stats" },
      { name: "x".repeat(256) },
      { at: 2 },
      { at: 0 },
    ]) {
      await assert.rejects(history.fork(caller, "a", wanted), { code: "invalid" }, JSON.stringify(wanted));
    }
    await assert.rejects(history.fork(caller, "a", { at: "x" }), { code: "checkpoint_not_found" });
    await assert.rejects(history.fork(caller, "x", {}), { code: "session_not_found" });
    assert.equal((await sessions.totals(caller)).byStatus.active, count);
  });

  it("to go on where the origin is at another version than it should be", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    await assert.rejects(history.fork(caller, "a", {}, { precondition: [2] }), { code: "precondition_failed" });
    await history.fork(caller, "a", {}, { precondition: [1] });
  });

  it("more active sessions than there may be, and makes room as create() does", async () => {
    const { sessions, history, caller, clock } = engine({ settings: { maxSessions: 2, cleanupIdleUs: SECOND } });
    await sessions.create(caller, { sessionId: "a" });
    await history.fork(caller, "a", { sessionId: "b" });
    await assert.rejects(history.fork(caller, "a", { sessionId: "c" }), { code: "limit_reached" });
    clock.advance(SECOND + 1);
    await sessions.keepalive(caller, "a");
    await history.fork(caller, "a", { sessionId: "c" });
    const statuses = ["a", "b", "c"].map(async (id) => (await sessions.get(caller, id)).record.status);
    assert.deepEqual(await Promise.all(statuses), ["active", "expired", "active"]);
  });

  it("an origin that is deleted meanwhile", async () => {
    const first = engine();
    const { sessions, caller } = first;
    const { session } = (await sessions.create(caller, { sessionId: "a" })).value;
    let isDeleted = false;
    const { history } = engine({
      beside: first,
      around: (store) => ({
        ...faulty(store, { seed: 0, delays: 0 }),
        commit: async (commit) => {
          if (!isDeleted) {
            isDeleted = true;
            await sessions.delete(caller, session.ref.id);
            // Another one that is called so is not what was to be forked.
            await sessions.create(caller, { sessionId: "a" });
          }
          return await store.commit(commit);
        },
      }),
    });
    await assert.rejects(history.fork(caller, "a", { sessionId: "b" }), { code: "session_not_found" });
    assert.equal(await sessions.find(caller, "b"), undefined);
  });
});

describe("fork() that is repeated", () => {
  it("answers as the first, and makes one session", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const idempotency = { key: "k", scope: "POST /fork", request: "{}" };
    const first = await history.fork(caller, "a", {}, { idempotency });
    const [again, atOnce] = await Promise.all([1, 2].map(() => history.fork(caller, "a", {}, { idempotency })));
    assert.deepEqual(again, { ...first, replayed: true });
    assert.deepEqual(atOnce, { ...first, replayed: true });
    assert.equal((await sessions.totals(caller)).byStatus.active, 2);
  });

  it("makes as many as are asked for at once, and each name once", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const minted = await Promise.all(Array.from({ length: 20 }, () => history.fork(caller, "a", {})));
    assert.equal(new Set(minted.map(({ value }) => value.record.sessionId)).size, 20);
    const named = Array.from({ length: 20 }, () => history.fork(caller, "a", { sessionId: "b" }));
    const settled = await Promise.allSettled(named);
    assert.equal(settled.filter(({ status }) => status === "fulfilled").length, 1);
    for (const result of settled) if (result.status === "rejected") assert.equal(result.reason.code, "session_exists");
  });
});

/** A session "a" with a checkpoint "here", and what came after it. */
async function withPast({ sessions, history, caller, clock }: TestEngine): Promise<{ origin: Session; past: Session }> {
  const said = (content: string) => addMessages([{ role: "user", content }], (message) => ({ ...message, tokens: 1 }));
  await sessions.create(caller, { sessionId: "a", tags: ["x"], metadata: { n: 1 }, description: "d" });
  await sessions.change(caller, "a", said("before"));
  await sessions.record(caller, "a", { requestCount: 2, errorCount: 1, processingTimeUs: 3 });
  clock.advance(1_000);
  const { session: past } = (await history.checkpoint(caller, "a", { name: "here" })).value;
  await sessions.update(caller, "a", { tags: ["y"], metadata: { n: 2 } });
  const { value: origin } = await sessions.change(caller, "a", said("after"));
  return { origin, past };
}

async function log({ store }: TestEngine, { ref, head }: Session, through: number = head.seq) {
  return await store.operations(ref, { after: 0, through, limit: 1_000 });
}
