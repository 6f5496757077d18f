import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { engineForTests, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { LIMITS } from "./limits.ts";
import { Stop } from "./signal.ts";
import type { From, TopicMessage } from "./topics.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

describe("Topics.publish()", () => {
  it("numbers messages from 1 on, without gaps, also of many at once", async () => {
    const { topics, caller, clock } = engine();
    const first = await topics.publish(caller, "news", { content: { a: [1, null] } });
    const told = { topic: "news", seq: 1, content: { a: [1, null] }, actor: caller.actor, at: clock.now() };
    assert.deepEqual(first, { value: told, at: clock.now(), replayed: false });
    const many = Array.from({ length: 99 }, (_, i) => topics.publish(caller, "news", { content: i }));
    const seqs = (await Promise.all(many)).map(({ value }) => value.seq);
    assert.deepEqual(
      seqs,
      Array.from({ length: 99 }, (_, i) => i + 2),
    );
    const { items } = await topics.messages(caller, "news", { limit: 1_000 });
    assert.deepEqual(items[0], told);
    assert.deepEqual(
      items.slice(1).map(({ content }) => content),
      Array.from({ length: 99 }, (_, i) => i),
    );
  });

  it("says which session it is from, that must be open", async () => {
    const { topics, sessions, caller } = engine();
    const { ref } = (await sessions.create(caller, { sessionId: "a" })).value.session;
    const publisher = { uid: ref.id, sessionId: "a" };
    const named = await topics.publish(caller, "news", { content: 1, sessionId: "a" });
    assert.deepEqual([named.value.publisher, named.value.actor], [publisher, caller.actor]);
    const acting = { ...caller, actingAs: ref.id };
    const own = await topics.publish(acting, "news", { content: 2 });
    assert.deepEqual([own.value.publisher, own.value.actor], [publisher, `session:${ref.id}`]);
    await sessions.create(caller, { sessionId: "b" });
    await assert.rejects(topics.publish(acting, "news", { content: 3, sessionId: "b" }), { code: "forbidden" });
    await assert.rejects(topics.publish(caller, "news", { content: 3, sessionId: "c" }), { code: "session_not_found" });
    await sessions.end(caller, "b");
    await assert.rejects(topics.publish(caller, "news", { content: 3, sessionId: "b" }), {
      code: "invalid_transition",
    });
    const { items } = await topics.messages(caller, "news", { limit: 10 });
    assert.deepEqual(items, [named.value, own.value]);
  });

  it("publishes a repeated call once", async () => {
    const { topics, caller } = engine();
    const options = { idempotency: { key: "k", scope: "POST", request: "r" } };
    const first = await topics.publish(caller, "news", { content: 1 }, options);
    assert.deepEqual(await topics.publish(caller, "news", { content: 1 }, options), { ...first, replayed: true });
    await topics.publish(caller, "news", { content: 2 }, { precondition: [1] });
    await assert.rejects(topics.publish(caller, "news", { content: 3 }, { precondition: [1] }), {
      code: "precondition_failed",
    });
    assert.equal((await topics.get(caller, "news")).messages, 2);
  });

  it("takes messages and names up to their limits, and nothing past them", async () => {
    const { topics, caller } = engine();
    const text = (bytes: number) => "x".repeat(bytes - 2);
    await topics.publish(caller, "a".repeat(128), { content: text(LIMITS.topicMessageBytes) });
    const long = topics.publish(caller, "a", { content: text(LIMITS.topicMessageBytes + 1) });
    await assert.rejects(long, { code: "invalid" });
    await assert.rejects(topics.publish(caller, "a", { content: "\0" }), { code: "invalid" });
    for (const name of ["", ".", "..", "a b", "a/b", "__proto__", "a".repeat(129)]) {
      await assert.rejects(topics.publish(caller, name, { content: 1 }), { code: "invalid" }, name);
      await assert.rejects(topics.acknowledge(caller, "a", name, 0), { code: "invalid" }, name);
    }
  });
});

describe("Topics.messages()", () => {
  it("returns pages from a seq on, or from what a subscriber has acknowledged", async () => {
    const { topics, caller } = await published(engine(), 5);
    const read = async (range: From & { readonly limit: number }) => {
      const { items, next } = await topics.messages(caller, "news", range);
      return [items.map(({ seq }) => seq), next];
    };
    assert.deepEqual(await read({ limit: 2 }), [[1, 2], "2"]);
    assert.deepEqual(await read({ after: 2, limit: 3 }), [[3, 4, 5], undefined]);
    assert.deepEqual(await read({ after: 5, limit: 3 }), [[], undefined]);
    await assert.rejects(read({ after: 6, limit: 1 }), { code: "invalid" });
    assert.deepEqual(await read({ subscriber: "ann", limit: 1 }), [[1], "1"]);
    await topics.acknowledge(caller, "news", "ann", 3);
    assert.deepEqual(await read({ subscriber: "ann", limit: 9 }), [[4, 5], undefined]);
    assert.deepEqual(await read({ subscriber: "ann", after: 1, limit: 1 }), [[2], "2"]);
    assert.deepEqual(await read({ subscriber: "bob", limit: 9 }), [[1, 2, 3, 4, 5], undefined]);
    assert.deepEqual((await topics.messages(caller, "other", { limit: 9 })).items, []);
  });

  it("has nothing of other tenants", async () => {
    const { topics, caller } = await published(engine(), 1);
    const other = engine();
    assert.deepEqual((await topics.messages(other.caller, "news", { limit: 9 })).items, []);
    assert.deepEqual((await topics.list(other.caller, { limit: 9 })).items, []);
    assert.deepEqual((await topics.list(caller, { limit: 9 })).items.length, 1);
  });

  it("ends a page after what is large", async () => {
    const { topics, caller } = engine();
    const content = "x".repeat(65_000);
    for (let i = 0; i < 70; i++) await topics.publish(caller, "large", { content });
    const { items, next } = await topics.messages(caller, "large", { limit: 1_000 });
    assert.equal(next, String(items.length));
    assert.ok(items.length < 70);
  });
});

describe("Topics.acknowledge() and subscribe()", () => {
  it("go on alone, or to any place, and tell what is left", async () => {
    const { topics, caller, clock } = await published(engine(), 5);
    const state = { topic: "news", subscriber: "ann", missed: 0 };
    assert.deepEqual(await topics.subscriber(caller, "news", "ann"), { ...state, acknowledged: 0, pending: 5 });
    const updatedAtUs = clock.now();
    const three = { ...state, acknowledged: 3, pending: 2, updatedAtUs };
    assert.deepEqual(await topics.acknowledge(caller, "news", "ann", 3), three);
    clock.advance(1);
    assert.deepEqual(await topics.acknowledge(caller, "news", "ann", 2), three);
    await assert.rejects(topics.acknowledge(caller, "news", "ann", 6), { code: "invalid" });
    await assert.rejects(topics.subscribe(caller, "news", "ann", 6), { code: "invalid" });
    assert.deepEqual(await topics.subscribe(caller, "news", "ann", 1), {
      ...three,
      acknowledged: 1,
      pending: 4,
      updatedAtUs: clock.now(),
    });
    assert.equal((await topics.subscribe(caller, "news", "ann")).acknowledged, 1, "one that is known stays");
    assert.equal((await topics.subscribe(caller, "news", "bob")).acknowledged, 5);
    await topics.unsubscribe(caller, "news", "ann");
    assert.deepEqual(await topics.subscriber(caller, "news", "ann"), { ...state, acknowledged: 0, pending: 5 });
  });

  it("work before the first message", async () => {
    const { topics, caller } = engine();
    assert.equal((await topics.subscribe(caller, "news", "ann")).acknowledged, 0);
    await topics.publish(caller, "news", { content: 1 });
    assert.deepEqual(
      (await topics.subscribers(caller, "news", { limit: 9 })).items.map(({ pending }) => pending),
      [1],
    );
  });

  it("let in as many subscribers as a topic may have, and no more", async () => {
    const { topics, caller } = engine();
    const names = Array.from({ length: LIMITS.subscribers }, (_, i) => `s${i}`);
    await Promise.all(names.map((name) => topics.acknowledge(caller, "news", name, 0)));
    await assert.rejects(topics.subscribe(caller, "news", "more"), { code: "limit_reached" });
    await topics.acknowledge(caller, "news", "s0", 0);
    await topics.unsubscribe(caller, "news", "s1");
    await topics.subscribe(caller, "news", "more");
    const first = await topics.subscribers(caller, "news", { limit: 600 });
    const rest = await topics.subscribers(caller, "news", { limit: 600, cursor: first.next ?? "" });
    assert.deepEqual([first.items.length, rest.items.length, rest.next], [600, 400, undefined]);
  });

  it("are a session's for its own name alone", async () => {
    const { topics, sessions, caller } = await published(engine(), 2);
    const { ref } = (await sessions.create(caller, { sessionId: "a" })).value.session;
    const acting = { ...caller, actingAs: ref.id };
    const refused = { code: "forbidden" };
    assert.equal((await topics.acknowledge(acting, "news", "a", 1)).pending, 1);
    assert.deepEqual((await topics.messages(acting, "news", { subscriber: "a", limit: 9 })).items.length, 1);
    await assert.rejects(topics.acknowledge(acting, "news", "b", 1), refused);
    await assert.rejects(topics.subscribe(acting, "news", ref.id, 1), refused);
    await assert.rejects(topics.unsubscribe(acting, "news", "b"), refused);
    await assert.rejects(topics.subscriber(acting, "news", "b"), refused);
    await assert.rejects(topics.messages(acting, "news", { subscriber: "b", limit: 9 }), refused);
    await assert.rejects(topics.subscribers(acting, "news", { limit: 9 }), refused);
    await assert.rejects(topics.list(acting, { limit: 9 }), refused);
    await assert.rejects(topics.get(acting, "news"), refused);
    await assert.rejects(topics.delete(acting, "news"), refused);
  });
});

describe("Topics.follow()", () => {
  it("yields what there is, then what is published, to each subscriber what it has not acknowledged", async () => {
    const started = await published(engine(), 3);
    const { topics, caller } = started;
    await topics.acknowledge(caller, "news", "ann", 2);
    const ann = await follow(started, { subscriber: "ann" });
    const bob = await follow(started, { subscriber: "bob" });
    assert.deepEqual([await ann.take(1), await bob.take(3)], [[3], [1, 2, 3]]);
    const next = Promise.all([ann.take(2), bob.take(2)]);
    await topics.publish(caller, "news", { content: 4 });
    await topics.publish(caller, "news", { content: 5 });
    assert.deepEqual(await next, [
      [4, 5],
      [4, 5],
    ]);
    await Promise.all([ann.end(), bob.end()]);
    const again = await follow(started, { subscriber: "ann" });
    assert.deepEqual(await again.take(3), [3, 4, 5], "what was read and not acknowledged comes again");
    await again.end();
  });

  it("waits for the first message of a topic, and ends with the topic", async () => {
    const started = engine();
    const { topics, caller } = started;
    const feed = await follow(started, {});
    const first = feed.take(1);
    await topics.publish(caller, "news", { content: 1 });
    assert.deepEqual(await first, [1]);
    const end = feed.next();
    await topics.delete(caller, "news");
    assert.equal(await end, undefined);
    await assert.rejects(topics.follow(caller, "news", { after: 1, signal: new Stop() }), { code: "invalid" });
  });

  it("ends with the topic although another begins under its name at once", async () => {
    const started = await published(engine(), 2);
    const { topics, caller } = started;
    const feeds = await Promise.all(Array.from({ length: 5 }, () => follow(started, {})));
    for (const feed of feeds) assert.deepEqual(await feed.take(2), [1, 2]);
    const waiting = feeds.slice(1).map((feed) => feed.next());
    await topics.delete(caller, "news");
    const again = Array.from({ length: 10 }, (_, i) => topics.publish(caller, "news", { content: `new ${i}` }));
    await Promise.all(again);
    for (const next of [...waiting, feeds[0]?.next()]) assert.equal(await next, undefined);
    const fresh = await follow(started, {});
    assert.deepEqual(await fresh.take(10), [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    await fresh.end();
  });

  it("brings each of many messages once, in order, to each of many followers", async () => {
    const started = engine();
    const { topics, caller } = started;
    const feeds = await Promise.all(Array.from({ length: 20 }, (_, i) => follow(started, { subscriber: `s${i}` })));
    const all = Promise.all(feeds.map((feed) => feed.take(250)));
    await Promise.all(Array.from({ length: 250 }, (_, i) => topics.publish(caller, "news", { content: i })));
    const expected = Array.from({ length: 250 }, (_, i) => i + 1);
    for (const seqs of await all) assert.deepEqual(seqs, expected);
    await Promise.all(feeds.map((feed) => feed.end()));
  });

  it("ends when topics close", async () => {
    const started = engine();
    const feed = await follow(started, {});
    const end = feed.next();
    await started.topics.close();
    assert.equal(await end, undefined);
  });
});

describe("Topics.list() and delete()", () => {
  it("tell of topics by their names, in pages", async () => {
    const { topics, caller, clock } = engine();
    const createdAtUs = clock.now();
    for (const name of ["b", "a", "c"]) await topics.publish(caller, name, { content: 1 });
    clock.advance(5);
    await topics.publish(caller, "b", { content: 2 });
    const b = { topic: "b", messages: 2, removed: 0, createdAtUs, updatedAtUs: clock.now() };
    const { items, next } = await topics.list(caller, { limit: 2 });
    assert.deepEqual([items.map(({ topic }) => topic), items[1], next], [["a", "b"], b, "b"]);
    assert.deepEqual(
      (await topics.list(caller, { limit: 2, cursor: "b" })).items.map(({ topic }) => topic),
      ["c"],
    );
    assert.deepEqual(await topics.get(caller, "b"), b);
    assert.deepEqual(await topics.get(caller, "none"), { topic: "none", messages: 0, removed: 0 });
  });

  it("removes messages and subscribers, also of a topic that has only the latter", async () => {
    const { topics, caller } = await published(engine(), 3);
    await topics.acknowledge(caller, "news", "ann", 3);
    await topics.subscribe(caller, "quiet", "ann");
    await assert.rejects(topics.delete(caller, "news", { precondition: [2] }), { code: "precondition_failed" });
    await assert.rejects(topics.delete(caller, "quiet", { precondition: "any" }), { code: "precondition_failed" });
    const options = { idempotency: { key: "k", scope: "DELETE", request: "r" } };
    const first = await topics.delete(caller, "news", options);
    assert.deepEqual(first.value, { topic: "news", messages: 3 });
    await topics.publish(caller, "news", { content: "new" });
    assert.deepEqual(await topics.delete(caller, "news", options), { ...first, replayed: true });
    assert.deepEqual((await topics.delete(caller, "quiet")).value, { topic: "quiet", messages: 0 });
    for (const name of ["news", "quiet"]) {
      assert.deepEqual((await topics.subscribers(caller, name, { limit: 9 })).items, []);
    }
    const { items } = await topics.messages(caller, "news", { subscriber: "ann", limit: 9 });
    assert.deepEqual(
      items.map(({ seq, content }) => [seq, content]),
      [[1, "new"]],
    );
  });
});

async function published(started: TestEngine, count: number): Promise<TestEngine> {
  for (let i = 1; i <= count; i++) await started.topics.publish(started.caller, "news", { content: i });
  return started;
}

async function follow({ topics, caller }: TestEngine, from: From) {
  const stop = new Stop();
  const messages: AsyncGenerator<TopicMessage> = await topics.follow(caller, "news", { ...from, signal: stop });
  const next = async (): Promise<number | undefined> => (await messages.next()).value?.seq;
  return {
    next,
    take: async (count: number): Promise<readonly (number | undefined)[]> => {
      const seqs: (number | undefined)[] = [];
      while (seqs.length < count) seqs.push(await next());
      return seqs;
    },
    end: async (): Promise<void> => {
      stop.abort();
      assert.equal(await next(), undefined, "nothing was left to read");
    },
  };
}
