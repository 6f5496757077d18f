import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, faulty, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { EVENT_TYPES, type EventStart, kindsOf, type SessionEvent } from "./events.ts";
import { OPERATION_KINDS } from "./operation.ts";
import { Stop } from "./signal.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

const ONE = { requestCount: 1, errorCount: 0, processingTimeUs: 1 };

describe("EVENT_TYPES", () => {
  it("has a name of its own for each kind of operation, which begins with session", () => {
    const names = OPERATION_KINDS.map((kind) => EVENT_TYPES[kind]);
    assert.equal(new Set(names).size, OPERATION_KINDS.length);
    assert.ok(names.every((name) => name.startsWith("session.")));
    assert.equal(EVENT_TYPES["session.created"], "session.created");
    assert.equal(EVENT_TYPES["artifact.stored"], "session.artifact.stored");
  });
});

describe("kindsOf()", () => {
  it("takes names and beginnings of names, each kind once, and refuses what no event is called", () => {
    assert.equal(kindsOf({}), undefined);
    assert.deepEqual(kindsOf({ types: [] }), []);
    assert.deepEqual(kindsOf({ types: ["session.*"] }), OPERATION_KINDS);
    assert.deepEqual(kindsOf({ types: ["session.checkpoint.*", "session.failed", "session.failed"] }), [
      "checkpoint.created",
      "session.failed",
    ]);
    for (const type of ["", "*", "session", "artifact.stored", "session.artifact", "session.none.*"]) {
      assert.throws(
        () => kindsOf({ types: ["session.created", type] }),
        ({ code, faults }) => {
          assert.deepEqual([code, faults[0].field], ["invalid", "type.1"]);
          return true;
        },
      );
    }
  });
});

describe("Events.list()", () => {
  it("tells what happened in all sessions of the tenant, by name, and goes on from its end", async () => {
    const { events, sessions, history, caller } = engine();
    const { through: start } = await events.list(caller, { after: "now", limit: 1 });
    await sessions.create(caller, { sessionId: "a" });
    await sessions.create(caller, { sessionId: "b" });
    await history.checkpoint(caller, "a", { name: "here" });
    await sessions.end(caller, "b", { status: "failed", reason: "why" });
    const read = async (after: EventStart, types?: readonly string[]) => {
      const page = await events.list(caller, { after, limit: 10, ...(types && { types }) });
      return { told: page.items.map(({ type, sessionId }) => `${type} ${sessionId}`), ...page };
    };
    const all = await read(start);
    const told = ["session.created a", "session.created b", "session.checkpoint.created a", "session.failed b"];
    assert.deepEqual([all.told, all.isEnd], [told, true]);
    assert.deepEqual((await read(start, ["session.created"])).told, told.slice(0, 2));
    assert.deepEqual((await read(all.items[1]?.position ?? 0)).told, told.slice(2));
    assert.deepEqual((await read(all.through)).told, []);
    assert.deepEqual((await read("now")).told, []);
    await sessions.delete(caller, "b");
    assert.deepEqual((await read(start)).told, ["session.created a", "session.checkpoint.created a"]);
  });

  it("refuses positions that were never given out, and whoever acts as a session", async () => {
    const { events, caller } = engine();
    const { through } = await events.list(caller, { after: "now", limit: 1 });
    await events.list(caller, { after: through, limit: 1 });
    for (const after of [through + 1_000_000, -1, 0.5]) {
      await assert.rejects(events.list(caller, { after, limit: 1 }), { code: "invalid" });
    }
    const acting = { ...caller, actingAs: "uid" };
    await assert.rejects(events.list(acting, { after: 0, limit: 1 }), { code: "forbidden" });
    await assert.rejects(events.follow(acting, { after: 0, signal: new Stop() }), { code: "forbidden" });
  });
});

describe("Events.follow()", () => {
  it("tells what there is and what comes, and nothing of other tenants", async () => {
    const started = engine();
    const { sessions, caller } = started;
    const other = engine();
    await sessions.create(caller, { sessionId: "before" });
    const feed = await follow(started, 0);
    assert.deepEqual(await feed.take(1), ["session.created before"]);
    const next = feed.take(2);
    await other.sessions.create(other.caller, { sessionId: "other" });
    await sessions.create(caller, { sessionId: "after" });
    await sessions.record(caller, "after", ONE);
    assert.deepEqual(await next, ["session.created after", "session.metrics.recorded after"]);
    await feed.end();
  });

  it("misses nothing of many writers, for followers that come at any time", async () => {
    const started = engine();
    const { sessions, caller } = started;
    const ids = Array.from({ length: 20 }, (_, i) => `s${i}`);
    const early = await follow(started, "now");
    const first = early.take(20 * 11);
    const work = Promise.all(
      ids.map(async (sessionId) => {
        await sessions.create(caller, { sessionId });
        await Promise.all(Array.from({ length: 10 }, () => sessions.record(caller, sessionId, ONE)));
      }),
    );
    const amid = await follow(started, 0);
    const second = amid.take(20 * 11);
    await work;
    assert.deepEqual(await first, await second);
    await Promise.all([early.end(), amid.end()]);
  });

  it("tells those that are asked for, however many come between", async () => {
    const started = engine();
    const { sessions, caller } = started;
    const feed = await follow(started, "now", ["session.completed"]);
    const next = feed.take(1);
    await sessions.create(caller, { sessionId: "a" });
    await Promise.all(Array.from({ length: 300 }, () => sessions.record(caller, "a", ONE)));
    await sessions.end(caller, "a");
    assert.deepEqual(await next, ["session.completed a"]);
    await feed.end();
  });

  it("ends when events close, and fails with the store", async () => {
    const started = engine();
    const feed = await follow(started, "now");
    const next = feed.next();
    await started.events.close();
    assert.equal(await next, undefined);
    const broken = engine({ around: (store) => ({ ...faulty(store, { seed: 1 }), watch: failing }) });
    const lost = await follow(broken, "now");
    await assert.rejects(lost.next(), /no watch/);
  });
});

// biome-ignore lint/correctness/useYield: it fails before there is anything to tell
async function* failing(): AsyncGenerator<never> {
  throw new Error("no watch");
}

async function follow({ events, caller }: TestEngine, after: EventStart, types?: readonly string[]) {
  const stop = new Stop();
  const feed: AsyncGenerator<SessionEvent> = await events.follow(caller, {
    after,
    signal: stop,
    ...(types && { types }),
  });
  const next = async (): Promise<string | undefined> => {
    const { value, done } = await feed.next();
    return done === true ? undefined : `${value.type} ${value.sessionId}`;
  };
  return {
    next,
    take: async (count: number): Promise<readonly (string | undefined)[]> => {
      const told: (string | undefined)[] = [];
      while (told.length < count) told.push(await next());
      return told;
    },
    end: async (): Promise<void> => {
      const over = next();
      stop.abort();
      assert.equal(await over, undefined, "nothing was left to tell");
    },
  };
}
