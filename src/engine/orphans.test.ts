import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type EngineOptions, engineForTests, faulty, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SECOND } from "./clock.ts";
import { SojournError } from "./errors.ts";
import type { ParentEnd } from "./limits.ts";
import type { Store } from "./store.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("when a parent ends", () => {
  const outcomes: readonly (readonly [ParentEnd | undefined, string, string])[] = [
    [undefined, "active", "suspended"],
    ["nothing", "active", "suspended"],
    ["complete", "completed", "completed"],
    ["suspend", "suspended", "suspended"],
  ];
  for (const [whenParentEnds, active, suspended] of outcomes) {
    it(`becomes of its open descendants what is said by ${whenParentEnds}`, async () => {
      const started = engineWith(whenParentEnds);
      const { sessions, caller, store } = started;
      await begin(started, ["p"], ["active", "p"], ["suspended", "p"], ["ended", "p"], ["other"]);
      await begin(started, ["below", "active"], ["deeper", "below"], ["aside", "suspended"], ["left", "ended"]);
      await sessions.suspend(caller, "suspended");
      // Its children are seen to at its own end, and not again; those that begin later are let live.
      await sessions.end(caller, "ended", { status: "failed" });
      await begin(started, ["late", "ended"]);
      await sessions.end(caller, "p");
      assert.deepEqual(await statusesOf(started, "active", "suspended", "below", "deeper", "aside"), [
        active,
        suspended,
        active,
        active,
        active,
      ]);
      assert.deepEqual(await statusesOf(started, "p", "ended", "late", "left", "other"), [
        "completed",
        "failed",
        "active",
        active,
        "active",
      ]);
      assert.deepEqual(await unsettled(started, store), []);
    });
  }

  it("says so in the log of each, by the system and with its parent's name", async () => {
    for (const [whenParentEnds, kind, became] of [
      ["complete", "session.completed", "completed"],
      ["suspend", "session.suspended", "suspended"],
    ] as const) {
      const started = engineWith(whenParentEnds);
      const { sessions, caller } = started;
      await begin(started, ["p"], ["c", "p"], ["g", "c"]);
      await sessions.end(caller, "p", { status: "failed" });
      const reasons = { c: 'Parent session "p" became failed', g: `Parent session "c" became ${became}` };
      for (const [id, reason] of Object.entries(reasons)) {
        const { head, record } = await sessions.get(caller, id);
        const [entry] = (await sessions.operations(caller, id, { after: head.seq - 1, limit: 1 })).items;
        assert.deepEqual([record.reason, entry?.operation.kind, entry?.operation.actor], [reason, kind, "system"]);
      }
    }
  });

  it("follows the expiry of a parent by the sweeper, by cleanup, and by whatever else is written", async () => {
    const started = engineWith("complete");
    const { sessions, history, caller, clock } = started;
    const limits = { idleTimeoutUs: SECOND };
    for (const id of ["swept", "noted", "refused", "cleaned"]) {
      await sessions.create(caller, { sessionId: id, ...(id !== "cleaned" && limits) });
      await sessions.create(caller, {
        sessionId: `${id} child`.replace(" ", "-"),
        parentSessionId: id,
        idleTimeoutUs: null,
      });
    }
    clock.advance(SECOND + 1);
    await history.checkpoint(caller, "noted", { name: "x" });
    assert.deepEqual(await statusesOf(started, "noted-child"), ["completed"]);
    await assert.rejects(sessions.keepalive(caller, "refused"), { code: "invalid_transition" });
    await sessions.sweep();
    assert.deepEqual(await statusesOf(started, "refused-child", "swept-child"), ["completed", "completed"]);
    clock.advance(SECOND);
    await sessions.keepalive(caller, "cleaned-child");
    await sessions.cleanup(caller, { maxIdleUs: SECOND });
    assert.deepEqual(await statusesOf(started, "cleaned", "cleaned-child"), ["expired", "completed"]);
    assert.equal(
      (await sessions.get(caller, "cleaned-child")).record.reason,
      'Parent session "cleaned" became expired',
    );
  });

  it("leaves children to the session that is now called as their parent was", async () => {
    const started = engineWith("complete");
    const { sessions, caller, clock } = started;
    await sessions.create(caller, { sessionId: "p", idleTimeoutUs: SECOND });
    await begin(started, ["c", "p"]);
    clock.advance(SECOND + 1);
    await begin(started, ["p"]);
    await sessions.sweep();
    assert.deepEqual(await statusesOf(started, "c"), ["active"]);
    await sessions.end(caller, "p");
    assert.deepEqual(await statusesOf(started, "c"), ["completed"]);
  });

  it("reaches many children and deep ones, temporary ones as well", async () => {
    const started = engineWith("complete");
    const { sessions, caller } = started;
    await begin(started, ["p"], ["g0", "p"], ...Array.from({ length: 60 }, (_, i) => [`g${i + 1}`, `g${i}`] as const));
    await sessions.create(caller, { sessionId: "temporary", temporary: true, parentSessionId: "p" });
    await Promise.all(Array.from({ length: 1_203 }, (_, i) => begin(started, [`c${i}`, "p"])));
    await sessions.end(caller, "p");
    assert.deepEqual(await statusesOf(started, "temporary", "g60"), ["completed", "completed"]);
    assert.equal((await sessions.totals(caller)).byStatus.active, 0);
  });
});

describe("settle()", () => {
  for (const [whenParentEnds, became] of [
    ["complete", "completed"],
    ["suspend", "suspended"],
  ] as const) {
    it(`finishes what a crash cut off, wherever that was: ${whenParentEnds}`, async () => {
      for (let calls = 0; calls < 6; calls++) {
        const whole = engineWith(whenParentEnds);
        const { caller, store } = whole;
        await begin(whole, ["p"], ["c1", "p"], ["c2", "p"], ["g1", "c1"], ["g2", "c2"]);
        // After so many reads of children the store is gone, as after a crash.
        let left = calls;
        const cutOff = engineWith(whenParentEnds, {
          beside: whole,
          around: (to) => ({
            ...faulty(to, { seed: 0, delays: 0 }),
            list: async (query) => {
              if (query.parentSessionId !== undefined && left-- <= 0) throw gone();
              return await to.list(query);
            },
          }),
        });
        const { value } = await cutOff.sessions.end(caller, "p");
        assert.equal(value.record.status, "completed");
        assert.ok((await unsettled(whole, store)).includes(value.ref.id), `${calls} calls`);
        const again = engineWith(whenParentEnds, { beside: whole });
        await again.sessions.settle();
        assert.deepEqual(await statusesOf(whole, "c1", "c2", "g1", "g2"), [became, became, became, became]);
        assert.deepEqual(await unsettled(whole, store), []);
      }
    });
  }

  it("leaves alone what ended before the setting was made, and forgets what is no longer wanted", async () => {
    const before = engineWith("nothing");
    const { sessions, caller, store } = before;
    await begin(before, ["p"], ["c", "p"], ["q"], ["d", "q"]);
    await sessions.end(caller, "p");
    const complete = engineWith("complete", {
      beside: before,
      around: (to) => ({ ...faulty(to, { seed: 0, delays: 0 }), list: () => Promise.reject(gone()) }),
    });
    await complete.sessions.settle();
    assert.deepEqual(await statusesOf(before, "c"), ["active"]);
    await complete.sessions.end(caller, "q");
    assert.equal((await unsettled(before, store)).length, 1);
    await sessions.settle();
    assert.deepEqual([await statusesOf(before, "d"), await unsettled(before, store)], [["active"], []]);
  });

  it("leaves children of a deleted session as they are", async () => {
    const started = engineWith("complete");
    const { sessions, caller } = started;
    await begin(started, ["p"], ["c", "p"]);
    await sessions.delete(caller, "p");
    await sessions.settle();
    assert.deepEqual(await statusesOf(started, "c"), ["active"]);
  });
});

function engineWith(whenParentEnds: ParentEnd | undefined, options: EngineOptions = {}): TestEngine {
  return engine({ ...options, settings: whenParentEnds === undefined ? {} : { whenParentEnds } });
}

/** The uids of the engine's sessions about whose end something is to be done. */
async function unsettled({ caller }: TestEngine, store: Store): Promise<readonly string[]> {
  return (await store.unsettled(1_000)).filter(({ tenant }) => tenant === caller.tenant).map(({ id }) => id);
}

async function statusesOf({ sessions, caller }: TestEngine, ...ids: readonly string[]): Promise<readonly string[]> {
  return await Promise.all(ids.map(async (id) => (await sessions.get(caller, id)).record.status));
}

/** Begins sessions one after the other, each with its parent, if it has one. */
async function begin(
  { sessions, caller }: TestEngine,
  ...pairs: readonly (readonly [string, string?])[]
): Promise<void> {
  for (const [sessionId, parentSessionId] of pairs) {
    await sessions.create(caller, { sessionId, ...(parentSessionId && { parentSessionId }) });
  }
}

function gone(): SojournError {
  return new SojournError("store_unavailable", { message: "The store is gone" });
}
