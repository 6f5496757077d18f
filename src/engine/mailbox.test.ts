import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, faulty, noting } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SECOND } from "./clock.ts";
import { SojournError } from "./errors.ts";
import { NO_METRICS } from "./session.ts";
import type { Commit } from "./store.ts";

const ONE = { requestCount: 1, errorCount: 0, processingTimeUs: 7 };

describe("many calls of one session at once", () => {
  const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

  it("are each applied once, in the order they came, in few commits", async () => {
    const commits: Commit[] = [];
    const { sessions, caller } = engine({ around: (store) => noting(store, commits) });
    await sessions.create(caller, { sessionId: "a" });
    const answers = await Promise.all(Array.from({ length: 1_000 }, () => sessions.record(caller, "a", ONE)));
    assert.deepEqual(
      answers.map(({ value }) => [value.head.seq, value.record.metrics.requestCount]),
      answers.map((_, i) => [i + 2, i + 1]),
    );
    const { record } = await sessions.get(caller, "a");
    assert.deepEqual(record.metrics, { ...NO_METRICS, requestCount: 1_000, processingTimeUs: 7_000 });
    assert.ok(commits.length <= 8, `${commits.length} commits`);
    assert.equal((await sessions.verify(caller, "a")).ok, true);
  });

  it("do not suffer by one of them that is refused", async () => {
    const { sessions, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const calls = [
      sessions.record(caller, "a", ONE),
      sessions.resume(caller, "a"),
      sessions.update(caller, "a", { name: "n" }, { precondition: [99] }),
      sessions.suspend(caller, "a"),
      sessions.suspend(caller, "a"),
      sessions.record(caller, "a", ONE),
      sessions.end(caller, "a"),
      sessions.end(caller, "a"),
      sessions.end(caller, "a", { status: "failed" }),
      sessions.record(caller, "a", ONE),
    ];
    const codes = (await Promise.allSettled(calls)).map((result) =>
      result.status === "fulfilled" ? result.value.value.head.seq : codeOf(result.reason),
    );
    const refused = "invalid_transition";
    assert.deepEqual(codes, [2, refused, "precondition_failed", 3, refused, 4, 5, 5, refused, refused]);
    assert.equal((await sessions.verify(caller, "a")).ok, true);
  });

  it("come to nothing after one that erases it, and not before", async () => {
    const { sessions, caller, store } = engine();
    const { session } = (await sessions.create(caller, { sessionId: "a" })).value;
    const calls = [
      sessions.record(caller, "a", ONE),
      sessions.record(caller, "a", ONE),
      sessions.delete(caller, "a"),
      sessions.record(caller, "a", ONE),
      sessions.delete(caller, "a"),
    ];
    const settled = await Promise.allSettled(calls);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["fulfilled", "fulfilled", "fulfilled", "rejected", "rejected"],
    );
    for (const result of settled)
      if (result.status === "rejected") assert.equal(codeOf(result.reason), "session_not_found");
    assert.equal(await store.stream(session.ref), undefined);
  });

  it("find a session whose time is over expired: that is written first, once", async () => {
    const { sessions, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a", idleTimeoutUs: SECOND });
    clock.advance(SECOND + 1);
    const calls = [
      sessions.record(caller, "a", ONE),
      sessions.end(caller, "a"),
      sessions.end(caller, "a", { status: "expired" }),
    ];
    const settled = await Promise.allSettled(calls);
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["rejected", "rejected", "fulfilled"],
    );
    const { items } = await sessions.operations(caller, "a", { after: 0, limit: 10 });
    assert.deepEqual(
      items.map(({ operation }) => [operation.kind, operation.actor]),
      [
        ["session.created", "tester"],
        ["session.expired", "system"],
      ],
    );
    const { record } = await sessions.get(caller, "a");
    assert.equal(record.endedAtUs, clock.now() - 1);
    assert.equal((await sessions.verify(caller, "a")).ok, true);
  });

  it("are exact when they come from two nodes", async () => {
    const one = engine();
    const other = engine({ beside: one });
    await one.sessions.create(one.caller, { sessionId: "a" });
    const calls = Array.from({ length: 400 }, (_, i) => {
      return (i % 2 === 0 ? one : other).sessions.record(one.caller, "a", ONE);
    });
    const seqs = (await Promise.all(calls)).map(({ value }) => value.head.seq);
    assert.equal(new Set(seqs).size, 400);
    const { record, head } = await other.sessions.get(one.caller, "a");
    assert.deepEqual([record.metrics.requestCount, head.seq], [400, 401]);
    assert.equal((await one.sessions.verify(one.caller, "a")).ok, true);
  });

  for (const seed of [1, 2, 3]) {
    it(`are exact behind a connection that loses calls and answers, when each is repeated by its key (seed ${seed})`, async () => {
      const { sessions, caller } = engine({ around: (store) => faulty(store, { seed, refusals: 0.1 }) });
      const persist = async <T>(write: () => Promise<T>): Promise<T> => {
        for (let attempt = 0; attempt < 100; attempt++) {
          try {
            return await write();
          } catch (error) {
            assert.equal(codeOf(error), "store_unavailable");
          }
        }
        assert.fail("100 attempts failed");
      };
      const keyed = (key: string) => ({ idempotency: { key, scope: "write", request: "" } });
      await persist(() => sessions.create(caller, { sessionId: "a" }, keyed("create")));
      const calls = Array.from({ length: 200 }, (_, i) =>
        persist(() => sessions.record(caller, "a", ONE, keyed(`record ${i}`))),
      );
      const seqs = (await Promise.all(calls)).map(({ value }) => value.head.seq);
      assert.equal(new Set(seqs).size, 200);
      const { record, head } = await persist(() => sessions.get(caller, "a"));
      assert.deepEqual([record.metrics.requestCount, head.seq], [200, 201]);
      assert.equal((await persist(() => sessions.verify(caller, "a"))).ok, true);
    });
  }
});

function codeOf(error: unknown): string {
  assert.ok(error instanceof SojournError, String(error));
  return error.code;
}
