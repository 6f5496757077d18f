import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, putArtifact, sha256 } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { changeWorkingMemory } from "./conversation-commands.ts";
import type { Caller, Sessions } from "./sessions.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("diff()", () => {
  it("tells where two forks part, and what each did since", async () => {
    const { sessions, history, caller } = engine();
    const common = await withOperations(sessions, caller, "a", 9);
    await history.fork(caller, "a", { sessionId: "b", at: 7 });
    await sessions.suspend(caller, "b");
    const [a, b] = [await sessions.get(caller, "a"), await sessions.get(caller, "b")];
    const found = await history.diff(caller, "a", "b");
    assert.deepEqual(found.common, { seq: 7, hash: common[6] });
    const side = ({ ref, head, record }: typeof a) => ({ uid: ref.id, sessionId: record.sessionId, head });
    const { operations: ofA, ...sideA } = found.a;
    const { operations: ofB, ...sideB } = found.b;
    assert.deepEqual(
      [sideA, sideB],
      [
        { ...side(a), since: 2 },
        { ...side(b), since: 2 },
      ],
    );
    assert.deepEqual(
      ofA.map(({ seq, kind }) => `${seq} ${kind}`),
      ["8 session.kept_alive", "9 session.kept_alive"],
    );
    assert.deepEqual(
      ofB.map(({ seq, kind }) => `${seq} ${kind}`),
      ["8 session.forked", "9 session.suspended"],
    );
    assert.deepEqual([found.changes, found.isCut], [[{ path: "status", a: "active", b: "suspended" }], false]);
    const turned = await history.diff(caller, "b", "a");
    assert.deepEqual([turned.common, turned.a, turned.b], [found.common, found.b, found.a]);
  });

  it("finds the last common operation wherever it is, and of two forks as well", async () => {
    const { sessions, history, caller } = engine();
    const hashes = await withOperations(sessions, caller, "a", 12);
    for (let at = 1; at <= 12; at++) {
      await history.fork(caller, "a", { sessionId: `b${at}`, at });
      assert.deepEqual((await history.diff(caller, "a", `b${at}`)).common, { seq: at, hash: hashes[at - 1] });
    }
    assert.equal((await history.diff(caller, "b3", "b8")).common.seq, 3);
    assert.equal((await history.diff(caller, "b8", "b8")).common.seq, 9);
  });

  it("has nothing in common between sessions that are no relatives", async () => {
    const { sessions, history, caller } = engine();
    for (const sessionId of ["a", "b"]) await withOperations(sessions, caller, sessionId, 3);
    const { common, a, b, changes } = await history.diff(caller, "a", "b");
    assert.deepEqual([common, a.since, b.since, changes], [{ seq: 0 }, 3, 3, []]);
    await assert.rejects(history.diff(caller, "a", "c"), { code: "session_not_found" });
  });

  it("tells of the first hundred operations of a side, and how many there are", async () => {
    const { sessions, history, caller } = engine();
    await withOperations(sessions, caller, "a", 2);
    await history.fork(caller, "a", { sessionId: "b", at: 1 });
    await Promise.all(Array.from({ length: 150 }, () => sessions.keepalive(caller, "b")));
    const { b } = await history.diff(caller, "a", "b");
    assert.equal(b.since, 151);
    assert.deepEqual(
      b.operations.map(({ seq }) => seq),
      Array.from({ length: 100 }, (_, i) => i + 2),
    );
  });

  it("tells how they differ, by the names that callers know, as deep within objects as may be", async () => {
    const { sessions, history, caller } = engine();
    const metadata = { same: 1, plan: { name: "x", deep: { n: 1 } }, list: [1, 2], gone: null, kind: 1 };
    await sessions.create(caller, { sessionId: "a", name: "n", tags: ["x"], userId: "u", metadata });
    await history.checkpoint(caller, "a", { name: "both" });
    await history.fork(caller, "a", { sessionId: "b" });
    await history.checkpoint(caller, "a", { name: "own" });
    const plan = { name: "x", deep: { n: 2 } };
    const patch = { name: null, description: "d", tags: ["x", "y"], idleTimeoutUs: null };
    await sessions.update(caller, "b", { ...patch, metadata: { plan, list: [1], kind: { of: "b" }, gone: "back" } });
    await sessions.record(caller, "b", { requestCount: 2, errorCount: 0, processingTimeUs: 1_500_000 });
    await sessions.change(caller, "b", changeWorkingMemory({ set: { constructor: "x", task: null } }));
    await sessions.end(caller, "b", { status: "failed", reason: "why" });
    const { changes } = await history.diff(caller, "a", "b");
    assert.deepEqual(changes, [
      { path: "status", a: "active", b: "failed" },
      { path: "reason", b: "why" },
      { path: "name", a: "n" },
      { path: "description", b: "d" },
      { path: "idle_timeout_seconds", a: 86_400 },
      { path: "metrics.request_count", a: 0, b: 2 },
      { path: "metrics.total_processing_time", a: 0, b: 1.5 },
      { path: "metadata.plan.deep.n", a: 1, b: 2 },
      { path: "metadata.list.1", a: 2 },
      { path: "metadata.gone", a: null, b: "back" },
      { path: "metadata.kind", a: 1, b: { of: "b" } },
      { path: "working_memory.constructor", b: "x" },
      { path: "working_memory.task", b: null },
      { path: "checkpoints.own", a: 3 },
      { path: "tags", a: ["x"], b: ["x", "y"] },
    ]);
  });

  it("shows a session whose time is over as expired", async () => {
    const { sessions, history, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a", idleTimeoutUs: 1_000_000 });
    clock.advance(1_000_001);
    await history.fork(caller, "a", { sessionId: "b" });
    const [change] = (await history.diff(caller, "a", "b")).changes;
    assert.deepEqual(change, { path: "status", a: "expired", b: "active" });
  });

  it("compares the latest versions of artifacts, by name", async () => {
    const started = engine();
    const { sessions, history, caller } = started;
    await sessions.create(caller, { sessionId: "a" });
    for (const [name, text] of [
      ["same", "1"],
      ["changed", "1"],
      ["gone", "1"],
    ] as const)
      await putArtifact(started, "a", { name, text });
    await history.fork(caller, "a", { sessionId: "b" });
    await putArtifact(started, "b", { name: "changed", text: "2" });
    await putArtifact(started, "b", { name: "changed", text: "3" });
    await putArtifact(started, "b", { name: "new.csv", text: "1" });
    const [gone] = (await started.store.artifacts((await sessions.get(caller, "b")).ref, { name: "gone", limit: 1 }))
      .items;
    assert.ok(gone !== undefined);
    await sessions.change(caller, "b", () => [
      { kind: "artifact.deleted", name: "delete", input: { artifactId: gone.id, name: gone.name, size: gone.size } },
    ]);
    assert.deepEqual((await history.diff(caller, "a", "b")).changes, [
      { path: "artifacts.changed", a: sha256("1"), b: sha256("3") },
      { path: "artifacts.gone", a: sha256("1") },
      { path: "artifacts.new.csv", b: sha256("1") },
    ]);
  });

  it("tells of a thousand changes, and says that there are more", async () => {
    const { sessions, history, caller } = engine();
    const members = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]));
    await sessions.create(caller, { sessionId: "a" });
    for (const [sessionId, count, isCut] of [
      ["b", 1_000, false],
      ["c", 1_001, true],
    ] as const) {
      await sessions.create(caller, { sessionId, metadata: members(count) });
      const found = await history.diff(caller, "a", sessionId);
      assert.deepEqual([found.changes.length, found.isCut], [1_000, isCut]);
    }
  });
});

/** A session with so many operations; returns the hash of each. */
async function withOperations(sessions: Sessions, caller: Caller, sessionId: string, count: number): Promise<string[]> {
  const hashes = [(await sessions.create(caller, { sessionId })).value.session.head.hash];
  while (hashes.length < count) hashes.push((await sessions.keepalive(caller, sessionId)).value.head.hash);
  return hashes;
}
