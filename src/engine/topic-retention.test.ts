import assert from "node:assert/strict";
import { afterEach, describe, it } from "node:test";
import { engineForTests, type TestEngine } from "../conformance/index.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { operationHash, payloadDigest } from "./chain.ts";
import { Stop } from "./signal.ts";
import { TopicRetention } from "./topic-retention.ts";

const MINUTE_US = 60_000_000;

describe("TopicRetention.enforce()", () => {
  const begin = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));
  let begun: TestEngine[] = [];
  const engine = (): TestEngine => {
    const started = begin();
    begun.push(started);
    return started;
  };
  // They share a store, of which it goes through all tenants.
  afterEach(async () => {
    for (const { topics, caller } of begun) {
      for (const { topic } of (await topics.list(caller, { limit: 100 })).items) await topics.delete(caller, topic);
    }
    begun = [];
  });

  const publish = async ({ topics, caller, clock }: TestEngine, count: number, topic = "news"): Promise<void> => {
    for (let i = 1; i <= count; i++) {
      await topics.publish(caller, topic, { content: i });
      clock.advance(MINUTE_US);
    }
  };
  const seqs = async ({ topics, caller }: TestEngine, topic = "news", after = 0): Promise<readonly number[]> =>
    (await topics.messages(caller, topic, { after, limit: 100 })).items.map(({ seq }) => seq);

  it("keeps so many messages of each topic, which keep their places", async () => {
    const started = engine();
    const { topics, caller, store, clock } = started;
    const retention = new TopicRetention({ store, clock });
    await publish(started, 10);
    await publish(started, 3, "quiet");
    assert.equal(await retention.enforce({ messagesMax: 4 }), 6);
    assert.equal(await retention.enforce({ messagesMax: 4 }), 0);
    assert.deepEqual(
      [await seqs(started), await seqs(started, "quiet")],
      [
        [7, 8, 9, 10],
        [1, 2, 3],
      ],
    );
    const { messages, removed } = await topics.get(caller, "news");
    assert.deepEqual([messages, removed], [10, 6]);
    await publish(started, 2);
    assert.equal(await retention.enforce({ messagesMax: 4 }), 2);
    assert.deepEqual(await seqs(started), [9, 10, 11, 12]);
    assert.deepEqual(await seqs(started, "news", 10), [11, 12]);
    const page = await topics.messages(caller, "news", { limit: 1 });
    assert.deepEqual([page.items[0]?.seq, page.items[0]?.content, page.next], [9, 9, "9"]);
    assert.deepEqual(
      (await topics.list(caller, { limit: 9 })).items.map(({ topic, removed }) => [topic, removed]),
      [
        ["news", 8],
        ["quiet", 0],
      ],
    );
  });

  it("removes what is too old, up to everything, and the next message follows", async () => {
    const started = engine();
    const { topics, caller, store, clock } = started;
    const retention = new TopicRetention({ store, clock });
    await publish(started, 10);
    // The tenth is a minute old by now.
    assert.equal(await retention.enforce({ olderThanUs: 3 * MINUTE_US }), 7);
    assert.deepEqual(await seqs(started), [8, 9, 10]);
    assert.equal(await retention.enforce({ olderThanUs: 3 * MINUTE_US, messagesMax: 2 }), 1);
    clock.advance(MINUTE_US * 60);
    assert.equal(await retention.enforce({ olderThanUs: MINUTE_US }), 2);
    assert.deepEqual(await seqs(started), []);
    await topics.acknowledge(caller, "news", "ann", 10);
    assert.equal((await topics.publish(caller, "news", { content: "new" })).value.seq, 11);
    assert.deepEqual(await seqs(started), [11]);
    assert.equal(await retention.enforce({ olderThanUs: MINUTE_US }), 0);
  });

  it("tells a subscriber what it has missed, and brings it what is left", async () => {
    const started = engine();
    const { topics, caller, store, clock } = started;
    await publish(started, 5);
    await topics.acknowledge(caller, "news", "ann", 1);
    await topics.acknowledge(caller, "news", "bob", 4);
    await new TopicRetention({ store, clock }).enforce({ messagesMax: 2 });
    const { items } = await topics.subscribers(caller, "news", { limit: 9 });
    assert.deepEqual(
      items.map(({ subscriber, acknowledged, pending, missed }) => [subscriber, acknowledged, pending, missed]),
      [
        ["ann", 1, 2, 2],
        ["bob", 4, 1, 0],
      ],
    );
    assert.deepEqual(await topics.subscriber(caller, "news", "ann"), items[0]);
    const stop = new Stop();
    const feed = await topics.follow(caller, "news", { subscriber: "ann", signal: stop });
    assert.deepEqual([(await feed.next()).value, (await feed.next()).value].map(seqOf), [4, 5]);
    const next = feed.next();
    await topics.publish(caller, "news", { content: 6 });
    assert.equal(seqOf((await next).value), 6);
    stop.abort();
    assert.equal((await feed.next()).done, true);
    assert.equal((await topics.acknowledge(caller, "news", "ann", 4)).missed, 0);
  });

  it("leaves a chain of hashes that goes on from the header of the last that went", async () => {
    const started = engine();
    const { store, clock, caller } = started;
    const { digest } = started.ports;
    await publish(started, 6);
    await new TopicRetention({ store, clock }).enforce({ messagesMax: 3 });
    const ref = { tenant: caller.tenant, kind: "topic", id: "news" } as const;
    const [anchor, ...entries] = await store.operations(ref, { after: 0, limit: 10 });
    assert.deepEqual([anchor?.operation.seq, anchor?.payload, entries.length], [3, "erased", 3]);
    let hash = anchor?.operation.hash ?? "";
    for (const { operation, payload } of entries) {
      assert.ok(typeof payload === "object");
      assert.equal(payloadDigest(payload, digest), operation.payloadDigest);
      assert.equal(operationHash(hash, operation, digest), operation.hash);
      hash = operation.hash;
    }
    assert.equal((await store.stream(ref))?.head.hash, hash);
  });

  it("loses nothing that is published meanwhile, and touches no topic that begins anew", async () => {
    const started = engine();
    const { topics, caller, store, clock } = started;
    const retention = new TopicRetention({ store, clock });
    await publish(started, 30);
    const many = Array.from({ length: 50 }, (_, i) => topics.publish(caller, "news", { content: i }));
    const [removed] = await Promise.all([retention.enforce({ messagesMax: 10 }), ...many]);
    assert.ok(removed >= 20);
    await retention.enforce({ messagesMax: 10 });
    assert.deepEqual(
      await seqs(started),
      Array.from({ length: 10 }, (_, i) => 71 + i),
    );
    await topics.delete(caller, "news");
    await publish(started, 2);
    assert.equal(await retention.enforce({ messagesMax: 10 }), 0);
    assert.deepEqual(await seqs(started), [1, 2]);
  });

  it("stops with its signal", async () => {
    const started = engine();
    await publish(started, 3);
    const stop = new Stop();
    stop.abort();
    assert.equal(await new TopicRetention(started).enforce({ messagesMax: 1 }, stop), 0);
    assert.deepEqual(await seqs(started), [1, 2, 3]);
  });
});

function seqOf(message: { readonly seq: number } | string | undefined): number {
  return typeof message === "object" ? message.seq : assert.fail("there is a message");
}
