import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, faulty, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { Family } from "./family.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("family()", () => {
  it("has all that descend from a session, oldest first, with what they are", async () => {
    const started = engine();
    const { sessions, history, caller, clock } = started;
    const { session } = (await sessions.create(caller, { sessionId: "a", userId: "u", name: "A" })).value;
    await begin(started, ["b", "a"], ["c", "a"], ["d", "b"], ["e", "d"], ["f", "other"]);
    await sessions.end(caller, "c");
    assert.deepEqual(treeOf(await history.family(caller, "a")), ["a", ["b", ["d", ["e"]]], ["c"]]);
    assert.deepEqual(treeOf(await history.family(caller, "d")), ["d", ["e"]]);
    const { children, ...own } = await history.family(caller, "a");
    const { createdAtUs } = session.record;
    assert.deepEqual(own, {
      uid: session.ref.id,
      sessionId: "a",
      userId: "u",
      name: "A",
      status: "active",
      createdAtUs,
    });
    assert.equal(children[1]?.status, "completed");
    clock.advance(2 * 86_400_000_000);
    assert.equal((await history.family(caller, "b")).status, "expired");
  });

  it("gives children to the session that is now called as their parent was", async () => {
    const started = engine();
    const { sessions, history, caller } = started;
    await begin(started, ["a"], ["b", "a"]);
    await sessions.end(caller, "a");
    const old = await sessions.get(caller, "a");
    assert.deepEqual(treeOf(await history.family(caller, "a")), ["a", ["b"]]);
    await begin(started, ["a"]);
    assert.deepEqual(treeOf(await history.family(caller, "a")), ["a", ["b"]]);
    assert.deepEqual(treeOf(await history.family(caller, old.ref.id)), ["a"]);
  });

  it("keeps forks beside their origin, below the same parent", async () => {
    const started = engine();
    await begin(started, ["a"], ["b", "a"]);
    await started.history.fork(started.caller, "b", { sessionId: "c" });
    assert.deepEqual(treeOf(await started.history.family(started.caller, "a")), ["a", ["b"], ["c"]]);
  });

  it("has nobody twice, where a session is among its own descendants", async () => {
    const started = engine();
    const { sessions, history, caller } = started;
    await begin(started, ["a"], ["b", "a"]);
    // Two that name each other begin at once: neither can see the other's parent yet.
    await sessions.end(caller, "a");
    await sessions.delete(caller, "a");
    await begin(started, ["x"]);
    const orphans = engine({
      beside: started,
      around: (store) => ({
        ...faulty(store, { seed: 0, delays: 0 }),
        named: async (tenant, name) => await store.named(tenant, name === "b" ? "x" : name),
      }),
    });
    await orphans.sessions.create(caller, { sessionId: "a", parentSessionId: "b" });
    assert.deepEqual(treeOf(await history.family(caller, "a")), ["a", ["b"]]);
    assert.deepEqual(treeOf(await history.family(caller, "b")), ["b", ["a"]]);
  });

  it("reads more than a page of children, and stops at ten thousand sessions", async () => {
    const started = engine();
    const { sessions, history, caller, clock } = started;
    await begin(started, ["a"]);
    const create = async (i: number) => {
      await sessions.create(caller, { sessionId: `c${i}`, parentSessionId: "a" });
    };
    for (let i = 0; i < 10_000; i += 1_000) {
      clock.advance(1);
      await Promise.all(Array.from({ length: i === 9_000 ? 999 : 1_000 }, (_, k) => create(i + k)));
    }
    const whole = await history.family(caller, "a");
    assert.deepEqual([whole.children.length, whole.isCut], [9_999, undefined]);
    clock.advance(1);
    await begin(started, ["last", "a"]);
    const cut = await history.family(caller, "a");
    assert.deepEqual([cut.children.length, cut.isCut], [9_999, true]);
  });

  it("stops at the sixty-fourth generation", async () => {
    const started = engine();
    await begin(started, ["g0"], ...Array.from({ length: 64 }, (_, i) => [`g${i + 1}`, `g${i}`] as const));
    let last = await started.history.family(started.caller, "g0");
    for (let [child] = last.children; child !== undefined; [child] = child.children) last = child;
    assert.deepEqual([last.sessionId, last.isCut], ["g64", true]);
  });
});

type Tree = readonly [string, ...Tree[]];

function treeOf({ sessionId, children }: Family): Tree {
  return [sessionId, ...children.map(treeOf)];
}

/** Begins sessions one after the other, each with its parent, if it has one. */
async function begin({ sessions, caller, clock }: TestEngine, ...pairs: readonly (readonly [string, string?])[]) {
  for (const [sessionId, parentSessionId] of pairs) {
    clock.advance(1);
    if (parentSessionId !== undefined && (await sessions.find(caller, parentSessionId)) === undefined) {
      await sessions.create(caller, { sessionId: parentSessionId });
    }
    await sessions.create(caller, { sessionId, ...(parentSessionId && { parentSessionId }) });
  }
}
