import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SNAPSHOT_EVERY } from "./append.ts";
import type { Session } from "./sessions.ts";

describe("get() of the past", () => {
  const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

  it("returns a session as it was just after each operation, before, at and after snapshots", async () => {
    const { sessions, caller, clock, store } = engine();
    const states: Session[] = [(await sessions.create(caller, { sessionId: "a", tags: ["x"] })).value.session];
    for (let i = 1; i < 2 * SNAPSHOT_EVERY + 10; i++) {
      clock.advance(1);
      const patch = { tags: [`t${i}`], metadata: { [`m${i % 5}`]: i % 7 === 0 ? null : i } };
      const used = { requestCount: i, errorCount: 1, processingTimeUs: 1 };
      const { value } =
        i % 3 === 0 ? await sessions.update(caller, "a", patch) : await sessions.record(caller, "a", used);
      states.push(value);
    }
    const [{ ref }] = states as [Session];
    assert.equal((await store.snapshot(ref, SNAPSHOT_EVERY))?.seq, SNAPSHOT_EVERY);
    assert.equal((await store.snapshot(ref, 10_000))?.seq, 2 * SNAPSHOT_EVERY);
    for (const [i, state] of states.entries()) assert.deepEqual(await sessions.get(caller, "a", { at: i + 1 }), state);
  });

  it("keeps a snapshot where one commit crosses the mark", async () => {
    const { sessions, caller, store } = engine();
    const { session } = (await sessions.create(caller, { sessionId: "a" })).value;
    const settled = await Promise.all(Array.from({ length: 200 }, () => sessions.keepalive(caller, "a")));
    assert.ok((await store.snapshot(session.ref, 10_000)) !== undefined);
    for (const { value } of settled) {
      assert.deepEqual(await sessions.get(caller, "a", { at: value.head.seq }), value);
    }
  });

  it("shows the status of then, whatever became of the session since", async () => {
    const { sessions, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a", idleTimeoutUs: 1_000_000 });
    await sessions.suspend(caller, "a");
    clock.advance(2_000_000);
    await sessions.sweep();
    const statuses = [1, 2, 3].map(async (at) => (await sessions.get(caller, "a", { at })).record.status);
    assert.deepEqual(await Promise.all(statuses), ["active", "suspended", "expired"]);
  });

  it("refuses what is no seq of the session", async () => {
    const { sessions, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    for (const at of [0, -1, 2, 1.5, Number.NaN, 2 ** 60]) {
      await assert.rejects(sessions.get(caller, "a", { at }), { code: "invalid" }, String(at));
    }
  });
});
