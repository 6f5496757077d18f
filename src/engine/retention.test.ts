import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, putArtifact, sha256, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SECOND } from "./clock.ts";
import type { RetentionPolicy } from "./retention.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

/** In the order of their end, 10 seconds apart; each has artifacts of so many bytes. */
const ENDED = [
  ["e1", "completed", 5],
  ["e2", "failed", 0],
  ["e3", "expired", 7],
  ["e4", "completed", 1],
  ["e5", "failed", 3],
] as const;

describe("prune()", () => {
  const cases: readonly (readonly [what: string, policy: RetentionPolicy, gone: string])[] = [
    ["those that ended longer ago", { olderThanUs: 30 * SECOND }, "e1 e2"],
    ["none that ended just so long ago", { olderThanUs: 50 * SECOND }, ""],
    ["all", { olderThanUs: 0 }, "e1 e2 e3 e4 e5"],
    ["those of some statuses alone", { olderThanUs: 30 * SECOND, statuses: ["failed", "expired"] }, "e2"],
    ["the oldest past a number", { sessionsMax: 3 }, "e1 e2"],
    ["all past none", { sessionsMax: 0 }, "e1 e2 e3 e4 e5"],
    ["none where they are few", { sessionsMax: 5 }, ""],
    ["past a number of those of a status", { sessionsMax: 1, statuses: ["completed"] }, "e1"],
    ["the oldest until what is left is small", { artifactBytesMax: 11 }, "e1"],
    ["and also those that take nothing, as they are older", { artifactBytesMax: 10 }, "e1 e2 e3"],
    ["but none where all is small", { artifactBytesMax: 16 }, ""],
    ["what any of the rules says", { olderThanUs: 40 * SECOND, sessionsMax: 4, artifactBytesMax: 4 }, "e1 e2 e3"],
    ["never the newest few, however old", { olderThanUs: 0, keepLatest: 2 }, "e1 e2 e3"],
    ["never the newest few, however many", { sessionsMax: 1, keepLatest: 4 }, "e1"],
    ["never the newest few, however large", { artifactBytesMax: 0, keepLatest: 1 }, "e1 e2 e3 e4"],
    ["none where all of them are to be kept", { sessionsMax: 0, keepLatest: 9 }, ""],
    [
      "the newest few of some statuses",
      { olderThanUs: 0, keepLatest: 1, statuses: ["failed", "completed"] },
      "e1 e2 e4",
    ],
  ];
  for (const [what, policy, gone] of cases) {
    it(`removes ${what}: ${JSON.stringify(policy)}`, async () => {
      const started = await withEnded();
      const { sessions, retention, caller } = started;
      const sessionIds = gone === "" ? [] : gone.split(" ");
      const taken = ENDED.filter(([id]) => sessionIds.includes(id));
      const artifactBytes = taken.reduce((sum, [, , bytes]) => sum + bytes, 0);
      const expected = { deleted: sessionIds.length, sessionIds, artifactBytes };
      const would = await retention.prune(caller, { ...policy, dryRun: true });
      assert.deepEqual(would.value, expected);
      assert.equal((await leftOf(started)).length, ENDED.length);
      assert.deepEqual((await retention.prune(caller, policy)).value, expected);
      const left = ENDED.map(([id]) => id).filter((id) => !sessionIds.includes(id));
      assert.deepEqual(await leftOf(started), left);
      for (const id of ["active", "suspended"]) assert.ok((await sessions.find(caller, id)) !== undefined);
      assert.deepEqual((await retention.prune(caller, policy)).value.sessionIds, []);
    });
  }

  it("removes temporary sessions, and contents with the last that had them", async () => {
    const started = await withEnded();
    const { sessions, retention, caller, store, clock } = started;
    await sessions.create(caller, { sessionId: "t", temporary: true });
    await putArtifact(started, "t", { name: "own", text: "own" });
    await putArtifact(started, "t", { name: "shared", text: "shared" });
    await putArtifact(started, "active", { name: "shared", text: "shared" });
    await sessions.end(caller, "t");
    clock.advance(1);
    const { sessionIds } = (await retention.prune(caller, { olderThanUs: 0 })).value;
    assert.equal(sessionIds.at(-1), "t");
    assert.equal(await store.content(caller.tenant, sha256("own")), undefined);
    assert.equal((await store.content(caller.tenant, sha256("shared")))?.size, 6);
  });

  it("keeps the children and forks of what it removes, and other tenants' sessions", async () => {
    const started = await withEnded();
    const { sessions, history, retention, caller } = started;
    await sessions.create(caller, { sessionId: "child", parentSessionId: "e1" });
    await history.fork(caller, "e1", { sessionId: "fork" });
    const other = await withEnded();
    await retention.prune(caller, { sessionsMax: 0 });
    for (const id of ["child", "fork"]) {
      assert.equal((await sessions.get(caller, id)).record.status, "active");
      assert.equal((await sessions.verify(caller, id)).ok, true);
    }
    assert.equal((await leftOf(other)).length, ENDED.length);
  });

  it("goes through more than a page, by creation where sessions ended at once", async () => {
    const { sessions, retention, caller, clock } = engine();
    const ids = Array.from({ length: 2_100 }, (_, i) => `s${i}`);
    for (const sessionId of ids) {
      clock.advance(1);
      await sessions.create(caller, { sessionId });
    }
    clock.advance(1);
    await Promise.all(ids.map((id) => sessions.end(caller, id)));
    const { value } = await retention.prune(caller, { sessionsMax: 50 });
    assert.deepEqual(value, { deleted: 2_050, sessionIds: ids.slice(0, 2_050), artifactBytes: 0 });
    assert.equal((await sessions.totals(caller)).byStatus.completed, 50);
  });

  it("answers a repeated call as the first", async () => {
    const { retention, caller } = await withEnded();
    const idempotency = { key: "k", scope: "POST /prune", request: "{}" };
    const first = await retention.prune(caller, { sessionsMax: 4 }, { idempotency });
    const again = await retention.prune(caller, { sessionsMax: 4 }, { idempotency });
    assert.deepEqual([first.value.deleted, again], [1, { ...first, replayed: true }]);
  });

  it("refuses a policy that says nothing, or nonsense, by the names of the fields", async () => {
    const { retention, caller } = engine();
    const refused: readonly (readonly [RetentionPolicy, string])[] = [
      [{}, "older_than_seconds"],
      [{ keepLatest: 1, statuses: ["failed"] }, "older_than_seconds"],
      [{ olderThanUs: -1 }, "older_than_seconds"],
      [{ olderThanUs: 0, keepLatest: 0.5 }, "keep_latest"],
      [{ sessionsMax: Number.NaN }, "max_sessions"],
      [{ artifactBytesMax: 2 ** 60 }, "max_artifact_bytes"],
      [{ olderThanUs: 0, statuses: [] }, "statuses"],
      // NOTE: as a caller without types might say.
      [{ olderThanUs: 0, statuses: ["failed", "active" as "failed"] }, "statuses.1"],
    ];
    for (const [policy, field] of refused) {
      const isTold = ({ code, faults }: { code: string; faults: { field: string }[] }) =>
        code === "invalid" && faults[0]?.field === field;
      await assert.rejects(retention.prune(caller, policy), isTold, JSON.stringify(policy));
      await assert.rejects(retention.enforce(policy), { code: "invalid" });
    }
  });
});

describe("enforce()", () => {
  it("does it for every tenant, and stops where it is told to", async () => {
    const [one, other] = [await withEnded(), await withEnded()];
    assert.equal(await one.retention.enforce({ sessionsMax: 2 }, AbortSignal.abort()), 0);
    assert.ok((await one.retention.enforce({ sessionsMax: 2 })) >= 6);
    for (const started of [one, other]) assert.deepEqual(await leftOf(started), ["e4", "e5"]);
    assert.equal(await one.retention.enforce({ sessionsMax: 2 }), 0);
  });
});

/** The sessions of `ENDED`, an active and a suspended one; the last has ended 10 seconds ago. */
async function withEnded(): Promise<TestEngine> {
  const started = engine();
  const { sessions, caller, clock } = started;
  await sessions.create(caller, { sessionId: "active" });
  await sessions.create(caller, { sessionId: "suspended" });
  await sessions.suspend(caller, "suspended");
  // The order of their creation is another one.
  for (const [sessionId, , bytes] of ENDED.toReversed()) {
    await sessions.create(caller, { sessionId });
    if (bytes > 0) await putArtifact(started, sessionId, { name: "x", text: "x".repeat(bytes) });
  }
  for (const [sessionId, status] of ENDED) {
    await sessions.end(caller, sessionId, { status });
    clock.advance(10 * SECOND);
  }
  return started;
}

async function leftOf({ store, caller: { tenant } }: TestEngine): Promise<readonly string[]> {
  const statuses = ["completed", "failed", "expired"] as const;
  const left = await store.ended({ tenant, statuses, order: "oldest first", limit: 100 });
  return left.map(({ sessionId }) => sessionId);
}
