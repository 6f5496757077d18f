import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, faulty, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import type { Entry } from "./operation.ts";
import type { Notice } from "./store.ts";

const ONE = { requestCount: 1, errorCount: 0, processingTimeUs: 1 };

const open = (directory: string) => openSqliteStore({ directory, durability: "none" });

describe("follow()", () => {
  const engine = engineForTests(open);

  it("yields the log from a cursor on, then what is appended", async () => {
    const started = await withSession(engine());
    const { sessions, caller } = started;
    for (let i = 0; i < 3; i++) await sessions.record(caller, "a", ONE);
    const feed = await follow(started, 2);
    assert.deepEqual(await take(feed, 2), [3, 4]);
    const next = take(feed, 2);
    await Promise.all([sessions.record(caller, "a", ONE), sessions.record(caller, "a", ONE)]);
    assert.deepEqual(await next, [5, 6]);
    feed.abort();
    assert.equal((await feed.entries.next()).done, true);
  });

  it("yields whole entries, as operations() does", async () => {
    const started = await withSession(engine());
    const { sessions, caller } = started;
    await sessions.update(caller, "a", { name: "n" });
    const feed = await follow(started, 0);
    const entries = [(await feed.entries.next()).value, (await feed.entries.next()).value];
    assert.deepEqual(entries, (await sessions.operations(caller, "a", { after: 0, limit: 9 })).items);
    feed.abort();
  });

  it("misses nothing of many followers, sessions and writers at once", async () => {
    const started = engine();
    const { sessions, caller } = started;
    const ids = ["a", "b", "c"];
    for (const sessionId of ids) await sessions.create(caller, { sessionId });
    const feeds = await Promise.all([...ids, ...ids].map((id) => follow(started, 0, id)));
    const all = feeds.map((feed) => take(feed, 301));
    await Promise.all(ids.flatMap((id) => Array.from({ length: 300 }, () => sessions.record(caller, id, ONE))));
    const expected = Array.from({ length: 301 }, (_, i) => i + 1);
    for (const seqs of await Promise.all(all)) assert.deepEqual(seqs, expected);
    for (const feed of feeds) feed.abort();
  });

  it("misses nothing that is appended while it reads", async () => {
    const told = Promise.withResolvers<void>();
    let isAppended = false;
    const started: TestEngine = engine({
      around: (store) => ({
        ...faulty(store, { seed: 0, delays: 0 }),
        watch: (from) => announcing(store.watch(from), told.resolve),
        // The first page is read before, and arrives after, something was appended and every follower was told.
        operations: async (ref, range) => {
          const page = await store.operations(ref, range);
          if (!isAppended) {
            isAppended = true;
            await started.sessions.record(started.caller, "a", ONE);
            await told.promise;
          }
          return page;
        },
      }),
    });
    const feed = await follow(await withSession(started), 0);
    assert.deepEqual(await take(feed, 2), [1, 2]);
    feed.abort();
  });

  it("waits at the end of the log, and refuses a cursor beyond it", async () => {
    const started = await withSession(engine());
    const { sessions, caller } = started;
    const feed = await follow(started, 1);
    const next = take(feed, 1);
    await sessions.record(caller, "a", ONE);
    assert.deepEqual(await next, [2]);
    feed.abort();
    await assert.rejects(follow(started, 3), { code: "invalid" });
  });

  it("ends when the session is deleted, after what was appended before", async () => {
    const started = await withSession(engine());
    const { sessions, caller } = started;
    const feed = await follow(started, 0);
    assert.deepEqual(await take(feed, 1), [1]);
    const end = feed.entries.next();
    await sessions.delete(caller, "a");
    assert.equal((await end).done, true);
  });

  it("ends at once where the session was deleted before the first read", async () => {
    const started = await withSession(engine());
    const feed = await follow(started, 0);
    await started.sessions.delete(started.caller, "a");
    assert.equal((await feed.entries.next()).done, true);
  });

  it("does not follow the next session of the same name", async () => {
    const started = await withSession(engine());
    const { sessions, caller } = started;
    const feed = await follow(started, 1);
    const next = feed.entries.next();
    await sessions.end(caller, "a");
    await sessions.create(caller, { sessionId: "a" });
    assert.equal((await next).value?.operation.kind, "session.completed");
    const end = feed.entries.next();
    feed.abort();
    assert.equal((await end).done, true);
  });

  it("ends when the signal aborts, while it waits and while it does not", async () => {
    const started = await withSession(engine());
    const [waiting, reading, aborted] = [await follow(started, 1), await follow(started, 0), await follow(started, 0)];
    const end = waiting.entries.next();
    waiting.abort();
    assert.equal((await end).done, true);
    assert.deepEqual(await take(reading, 1), [1]);
    reading.abort();
    assert.equal((await reading.entries.next()).done, true);
    aborted.abort();
    assert.equal((await aborted.entries.next()).done, true);
  });

  it("ends when the engine closes, and begins no more after that", async () => {
    const started = await withSession(engine());
    const feeds = await Promise.all([follow(started, 1), follow(started, 1)]);
    const ends = feeds.map(({ entries }) => entries.next());
    await started.sessions.close();
    for (const end of ends) assert.equal((await end).done, true);
    assert.equal((await (await follow(started, 0)).entries.next()).done, true);
    await started.sessions.close();
  });
});

describe("follow() on a store that closes", () => {
  const engine = engineForTests(open);

  it("fails where it waits", async () => {
    const started = await withSession(engine());
    const feed = await follow(started, 0);
    assert.deepEqual(await take(feed, 1), [1]);
    const failed = assert.rejects(feed.entries.next(), { code: "store_unavailable" });
    await started.store.close();
    await failed;
  });
});

interface Feed {
  readonly entries: AsyncGenerator<Entry>;
  abort(): void;
}

async function withSession(started: TestEngine): Promise<TestEngine> {
  await started.sessions.create(started.caller, { sessionId: "a" });
  return started;
}

async function follow({ sessions, caller }: TestEngine, after: number, id = "a"): Promise<Feed> {
  const controller = new AbortController();
  const entries = await sessions.follow(caller, id, { after, signal: controller.signal });
  return { entries, abort: () => controller.abort() };
}

/** Says so once the first notice was taken and the next is asked for. */
async function* announcing(notices: AsyncIterable<Notice>, announce: () => void): AsyncGenerator<Notice> {
  for await (const notice of notices) {
    yield notice;
    announce();
  }
}

async function take({ entries }: Feed, count: number): Promise<readonly number[]> {
  const seqs: number[] = [];
  while (seqs.length < count) {
    const { value, done } = await entries.next();
    assert.ok(!done, `the feed ended after ${seqs.length} of ${count}`);
    seqs.push(value.operation.seq);
  }
  return seqs;
}
