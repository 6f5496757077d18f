import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { addMessages } from "./conversation-commands.ts";
import { LIMITS } from "./limits.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("seqOf()", () => {
  it("takes a seq as it is, and looks a checkpoint up by its name", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    await history.checkpoint(caller, "a", { name: "begun" });
    await sessions.keepalive(caller, "a");
    for (const [moment, seq] of [
      [1, 1],
      [3, 3],
      ["begun", 2],
    ] as const) {
      assert.equal(await history.seqOf(caller, "a", moment), seq);
    }
  });

  it("refuses what the log does not have", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    for (const moment of [0, 2, -1, 1.5, Number.NaN]) {
      await assert.rejects(history.seqOf(caller, "a", moment), ({ code, faults }) => {
        return code === "invalid" && faults[0].field === "at";
      });
    }
    for (const name of ["", "begun", "__proto__", "constructor", "1"]) {
      await assert.rejects(history.seqOf(caller, "a", name), { code: "checkpoint_not_found" });
    }
    await assert.rejects(history.seqOf(caller, "b", 1), { code: "session_not_found" });
  });
});

describe("at()", () => {
  it("is the session as it was, in its status of then", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a", name: "first" });
    const { value: then } = await sessions.update(caller, "a", { name: "second", metadata: { k: 1 } });
    await history.checkpoint(caller, "a", { name: "here" });
    await sessions.update(caller, "a", { name: "third" });
    const { value: now } = await sessions.end(caller, "a");
    assert.deepEqual(await history.at(caller, "a", 2), then);
    assert.deepEqual((await history.at(caller, "a", "here")).record.checkpoints, { here: 3 });
    assert.deepEqual(await history.at(caller, "a", 5), now);
  });
});

describe("messages() of the past", () => {
  it("are those that there were, in pages", async () => {
    const started = engine();
    const { sessions, history, caller } = started;
    await sessions.create(caller, { sessionId: "a" });
    for (let i = 1; i <= 4; i++) await say(started, "a", [`${i}a`, `${i}b`]);
    const read = async (moment: number, range: object) => {
      const page = await history.messages(caller, "a", moment, { take: "oldest", limit: 10, ...range });
      return [page.items.map(({ content }) => content).join(" "), page.next];
    };
    assert.deepEqual(await read(1, {}), ["", undefined]);
    assert.deepEqual(await read(3, {}), ["1a 1b 2a 2b", undefined]);
    assert.deepEqual(await read(3, { limit: 3 }), ["1a 1b 2a", "3"]);
    assert.deepEqual(await read(3, { after: 3 }), ["2b", undefined]);
    assert.deepEqual(await read(3, { take: "newest", limit: 3 }), ["1b 2a 2b", "2"]);
    assert.deepEqual(await read(3, { take: "newest", limit: 3, before: 2 }), ["1a", undefined]);
    assert.deepEqual(await read(5, { take: "newest", limit: 2 }), ["4a 4b", "7"]);
  });
});

describe("checkpoint()", () => {
  it("gives a name to its operation, with what is to be kept of it", async () => {
    const { sessions, history, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a" });
    clock.advance(5);
    const data = { why: "x", nested: [1] };
    const { value } = await history.checkpoint(caller, "a", { name: "begun", data });
    assert.deepEqual(value.checkpoint, { name: "begun", seq: 2, createdAtUs: clock.now(), data });
    assert.deepEqual(value.session, await sessions.get(caller, "a"));
    clock.advance(5);
    await sessions.end(caller, "a");
    const { checkpoint } = (await history.checkpoint(caller, "a", { name: "over" })).value;
    assert.deepEqual(checkpoint, { name: "over", seq: 4, createdAtUs: clock.now() });
    assert.deepEqual((await history.checkpoints(caller, "a", { limit: 9 })).items, [value.checkpoint, checkpoint]);
  });

  it("gives a name once, and answers a repeated call as the first", async () => {
    const { sessions, history, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const idempotency = { key: "k", scope: "POST /checkpoints", request: "begun" };
    const first = await history.checkpoint(caller, "a", { name: "begun" }, { idempotency });
    clock.advance(7);
    await sessions.keepalive(caller, "a");
    const again = await history.checkpoint(caller, "a", { name: "begun" }, { idempotency });
    assert.deepEqual(again, { ...first, replayed: true });
    await assert.rejects(history.checkpoint(caller, "a", { name: "begun" }), { code: "checkpoint_exists" });
  });

  it("writes that a session's time is over before it names what came after", async () => {
    const { sessions, history, caller, clock } = engine();
    await sessions.create(caller, { sessionId: "a", idleTimeoutUs: 1_000_000 });
    clock.advance(1_000_001);
    const { checkpoint, session } = (await history.checkpoint(caller, "a", { name: "late" })).value;
    assert.deepEqual([checkpoint.seq, session.record.status], [3, "expired"]);
  });
});

describe("checkpoints()", () => {
  it("come in pages, oldest first, and those of many in their order", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const names = ["zeta", "alpha", "7th", "é"];
    for (const name of names) await history.checkpoint(caller, "a", { name });
    const read = async (page: { limit: number; cursor?: string }) => {
      const { items, next } = await history.checkpoints(caller, "a", page);
      return [items.map(({ name }) => name), next];
    };
    assert.deepEqual(await read({ limit: 4 }), [names, undefined]);
    assert.deepEqual(await read({ limit: 3 }), [names.slice(0, 3), "4"]);
    assert.deepEqual(await read({ limit: 3, cursor: "4" }), [["é"], undefined]);
    for (const cursor of ["", "x", "-1", "1e3"]) {
      await assert.rejects(history.checkpoints(caller, "a", { limit: 1, cursor }), { code: "invalid" });
    }
  });

  it("stops a page that grows large", async () => {
    const { sessions, history, caller } = engine();
    await sessions.create(caller, { sessionId: "a" });
    const data = { text: "x".repeat(LIMITS.checkpointDataBytes - 20) };
    const count = 80;
    for (let i = 1; i <= count; i++) await history.checkpoint(caller, "a", { name: `c${i}`, data });
    const { items, next } = await history.checkpoints(caller, "a", { limit: count });
    assert.ok(items.length < count && next !== undefined, `${items.length}`);
    const rest = await history.checkpoints(caller, "a", { limit: count, cursor: next });
    assert.equal(items.length + rest.items.length, count);
    assert.equal(rest.next, undefined);
  });
});

describe("a caller that acts as a session", () => {
  it("sees the past of that session alone, and neither forks it nor sees its family", async () => {
    const { sessions, history, retention, caller } = engine();
    const { ref } = (await sessions.create(caller, { sessionId: "a" })).value.session;
    await sessions.create(caller, { sessionId: "b" });
    const acting = { ...caller, actingAs: ref.id };
    await history.checkpoint(acting, "a", { name: "own" });
    assert.equal(await history.seqOf(acting, "a", "own"), 2);
    const refused = [
      () => history.at(acting, "b", 1),
      () => history.messages(acting, "b", 1, { take: "oldest", limit: 1 }),
      () => history.checkpoint(acting, "b", { name: "own" }),
      () => history.checkpoints(acting, "b", { limit: 1 }),
      () => history.diff(acting, "a", "b"),
      () => history.diff(acting, "b", "a"),
      () => history.fork(acting, "a", {}),
      () => history.family(acting, "a"),
      () => retention.prune(acting, { sessionsMax: 0 }),
    ];
    for (const call of refused) await assert.rejects(call, { code: "forbidden" }, String(call));
  });
});

async function say({ sessions, caller }: TestEngine, id: string, words: readonly string[]): Promise<void> {
  const messages = words.map((content) => ({ role: "user", content }) as const);
  await sessions.change(
    caller,
    id,
    addMessages(messages, (message) => ({ ...message, tokens: 1 })),
  );
}
