import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type Delivery, SojournError, type TopicMessage } from "../src/client/index.ts";
import { PLACES } from "./sdk-places.ts";

const BYTES_MAX = 65_536;

/** The first so many, after which nothing more is read. */
async function take<T>(messages: AsyncGenerator<T, void, undefined>, count: number): Promise<readonly T[]> {
  const taken: T[] = [];
  if (count === 0) return taken;
  for await (const message of messages) if (taken.push(message) === count) break;
  return taken;
}

function seqs(messages: readonly TopicMessage[]): readonly number[] {
  return messages.map(({ seq }) => seq);
}

async function fieldsOf(call: Promise<unknown>): Promise<readonly string[]> {
  const error = await call.then(
    () => assert.fail("it went well"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof SojournError && error.code === "invalid", String(error));
  return error.faults.map(({ field }) => field);
}

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} has topics`, async () => {
    const place = await start();
    after(() => place[Symbol.asyncDispose]());
    const { sojourn } = place;
    const { topics, sessions } = sojourn;

    const publish = async (topic: string, count: number): Promise<readonly TopicMessage[]> => {
      const published: TopicMessage[] = [];
      for (let i = 1; i <= count; i++) published.push(await topics.publish(topic, i));
      return published;
    };

    describe("publish()", () => {
      it("numbers messages, and says who they are from", async () => {
        const before = Date.now();
        const session = await sessions.create({ sessionId: "writer" });
        const content = { claim: "Bees see ultraviolet", messages: [{ sessionId: "x" }], "ü;€": null };
        const { publishedAt, actor, ...first } = await session.publish("facts", content);
        assert.deepEqual(first, {
          topic: "facts",
          seq: 1,
          content,
          sessionId: "writer",
          sessionUid: session.uid,
        });
        assert.ok(publishedAt.getTime() >= before - 1_000 && publishedAt.getTime() <= Date.now() + 1_000);
        assert.equal((await topics.publish("facts", "by name", { session: "writer" })).sessionUid, session.uid);
        const acting = await sojourn.actingAs(session).topics.publish("facts", null);
        assert.deepEqual([acting.sessionId, acting.actor], ["writer", `session:${session.uid}`]);
        const anonymous = await topics.publish("facts", false);
        assert.deepEqual([anonymous.seq, anonymous.sessionId, anonymous.actor], [4, undefined, actor]);
        const all = await Array.fromAsync(topics.messages("facts"));
        assert.deepEqual(all[0], { ...first, publishedAt, actor });
        assert.deepEqual(
          all.map((message) => message.content),
          [content, "by name", null, false],
        );
      });

      it("publishes a repeated call once", async () => {
        const options = { idempotencyKey: "once" };
        const first = await topics.publish("once", 1, options);
        assert.deepEqual(await topics.publish("once", 1, options), first);
        await assert.rejects(topics.publish("once", 2, options), { code: "idempotency_mismatch" });
        await assert.rejects(topics.publish("once", 2, { ifMatch: 0 }), { code: "precondition_failed" });
        assert.equal((await topics.publish("once", 2, { ifMatch: 1 })).seq, 2);
      });

      it("takes what many publish at once, each message once", async () => {
        const published = await Promise.all(Array.from({ length: 100 }, (_, i) => topics.publish("crowd", i)));
        const all = await Array.fromAsync(topics.messages("crowd", { pageSize: 7 }));
        assert.deepEqual(
          seqs(all),
          Array.from({ length: 100 }, (_, i) => i + 1),
        );
        assert.deepEqual(new Set(all.map(({ content }) => content)).size, 100);
        assert.deepEqual(
          all,
          published.toSorted((a, b) => a.seq - b.seq),
        );
      });

      it("is refused for what is no message, and from a session that has ended", async () => {
        assert.equal((await topics.publish("limits", "x".repeat(BYTES_MAX - 2))).seq, 1);
        assert.deepEqual(await fieldsOf(topics.publish("limits", "x".repeat(BYTES_MAX - 1))), ["content"]);
        // @ts-expect-error: whoever writes JavaScript may leave it out
        assert.deepEqual(await fieldsOf(topics.publish("limits")), ["content"]);
        for (const bad of ["", ".", "..", "a/b", "a b", "__proto__", "ü", "x".repeat(129)]) {
          assert.deepEqual(await fieldsOf(topics.publish(bad, 1)), ["topic"], bad);
          assert.deepEqual(await fieldsOf(topics.subscriber("limits", bad)), ["subscriber"], bad);
          await assert.rejects(Array.fromAsync(topics.subscribe("limits", { subscriber: bad })), { code: "invalid" });
          await assert.rejects(Array.fromAsync(topics.follow(bad)), { code: "invalid" });
        }
        // @ts-expect-error: whoever writes JavaScript may leave them out
        assert.deepEqual(await fieldsOf(Array.fromAsync(topics.subscribe("limits"))), ["subscriber"]);
        // @ts-expect-error: or give something else
        const elsewhere = topics.subscribe("limits", { subscriber: "ann", begin: "elsewhere" });
        assert.deepEqual(await fieldsOf(Array.fromAsync(elsewhere)), ["begin"]);
        await assert.rejects(topics.publish("limits", 1, { session: "nobody" }), { code: "session_not_found" });
        const ended = await (await sessions.create()).complete();
        await assert.rejects(ended.publish("limits", 1), { code: "invalid_transition" });
        assert.equal((await topics.get("limits")).messages, 1);
      });
    });

    describe("messages()", () => {
      it("has those after a message, or after what a subscriber has acknowledged", async () => {
        await publish("read", 5);
        const read = async (query: Parameters<typeof topics.messages>[1]) =>
          seqs(await Array.fromAsync(topics.messages("read", query)));
        assert.deepEqual(await read({ pageSize: 2 }), [1, 2, 3, 4, 5]);
        assert.deepEqual(await read({ after: 3 }), [4, 5]);
        await topics.acknowledge("read", "ann", 2);
        assert.deepEqual(await read({ subscriber: "ann", pageSize: 1 }), [3, 4, 5]);
        assert.deepEqual(await Array.fromAsync(topics.messages("nothing")), []);
        assert.deepEqual(await fieldsOf(read({ after: 6 })), ["after"]);
        assert.deepEqual(await fieldsOf(read({ pageSize: 0 })), ["limit"]);
        const reason = new Error("enough");
        await assert.rejects(read({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
      });
    });

    describe("follow()", () => {
      it("yields what there is, and then what is published, until the topic is deleted", async () => {
        await publish("live", 2);
        const messages = topics.follow<number>("live", { after: 1 });
        assert.equal((await messages.next()).value?.content, 2);
        const next = messages.next();
        await topics.publish("live", 3);
        assert.equal((await next).value?.seq, 3);
        const end = messages.next();
        assert.deepEqual(await topics.delete("live"), { topic: "live", messages: 3 });
        assert.deepEqual(await end, { done: true, value: undefined });
      });

      it("waits for a topic, and ends with it although nothing came", async () => {
        const stop = new AbortController();
        const waiting = topics.follow("later", { signal: stop.signal });
        const first = waiting.next();
        await topics.publish("later", "here");
        assert.equal((await first).value?.content, "here");
        const quiet = topics.follow("later", { after: 1 });
        const [end, other] = [quiet.next(), waiting.next()];
        await topics.delete("later");
        assert.deepEqual(await Promise.all([end, other]), [
          { done: true, value: undefined },
          { done: true, value: undefined },
        ]);
      });

      it("ends with its signal", async () => {
        const stop = new AbortController();
        const messages = topics.follow("quiet", { signal: stop.signal });
        const next = messages.next();
        stop.abort();
        assert.deepEqual(await next, { done: true, value: undefined });
        assert.deepEqual(await Array.fromAsync(topics.follow("quiet", { signal: AbortSignal.abort() })), []);
      });
    });

    describe("subscribe()", () => {
      it("gives again what was not acknowledged, and goes on where it was", async () => {
        await publish("work", 3);
        const subscribe = () => topics.subscribe<number>("work", { subscriber: "worker" });
        const [first, second] = await take(subscribe(), 2);
        await first?.ack();
        assert.equal((await topics.subscriber("work", "worker")).acknowledged, 1);
        assert.deepEqual(seqs(await take(subscribe(), 2)), [2, 3]);
        await second?.ack();
        await second?.ack();
        const [third] = await take(subscribe(), 1);
        assert.deepEqual([third?.seq, third?.content], [3, 3]);
        assert.deepEqual(seqs(await take(topics.subscribe("work", { subscriber: "other" }), 3)), [1, 2, 3]);
      });

      it("waits for what is published, and is told of it in order", async () => {
        const session = await sessions.create({ sessionId: "listener" });
        const received: unknown[] = [];
        const reading = (async () => {
          for await (const message of session.subscribe<string>("chatter")) {
            received.push(message.content);
            await message.ack();
            if (message.content === "stop") return;
          }
        })();
        for (const word of ["a", "b", "stop"]) await session.publish("chatter", word);
        await reading;
        assert.deepEqual(received, ["a", "b", "stop"]);
        const { acknowledged, pending } = await topics.subscriber("chatter", "listener");
        assert.deepEqual([acknowledged, pending], [3, 0]);
      });

      it("counts acknowledgements without a gap, in whatever order they come", async () => {
        await publish("order", 4);
        const acknowledged = async () => (await topics.subscriber("order", "ann")).acknowledged;
        const [one, two, three, four] = await take(topics.subscribe("order", { subscriber: "ann" }), 4);
        await three?.ack();
        assert.equal(await acknowledged(), 0);
        await one?.ack();
        assert.equal(await acknowledged(), 1);
        await Promise.all([two?.ack(), four?.ack()]);
        assert.equal(await acknowledged(), 4);
      });

      it("acknowledges many at once", async () => {
        await publish("many", 50);
        const messages: readonly Delivery[] = await take(topics.subscribe("many", { subscriber: "ann" }), 50);
        await Promise.all(messages.toReversed().map(({ ack }) => ack()));
        assert.equal((await topics.subscriber("many", "ann")).pending, 0);
      });

      it("begins with the next message where that is wanted, and only the first time", async () => {
        await publish("late", 2);
        const subscribe = () => topics.subscribe("late", { subscriber: "ann", begin: "next" });
        const messages = subscribe();
        const first = messages.next();
        while ((await Array.fromAsync(topics.subscribers("late"))).length === 0);
        await topics.publish("late", 3);
        assert.equal((await first).value?.seq, 3);
        await messages.return();
        await topics.publish("late", 4);
        assert.deepEqual(seqs(await take(subscribe(), 2)), [3, 4]);
      });

      it("goes on with the next topic of that name, of which what was delivered before acknowledges nothing", async () => {
        await publish("gone", 2);
        await using messages = topics.subscribe("gone", { subscriber: "ann" });
        const [{ value: one }, { value: two }] = [await messages.next(), await messages.next()];
        await topics.delete("gone");
        await one?.ack();
        const next = messages.next();
        await topics.publish("gone", "anew");
        const { value: anew } = await next;
        assert.deepEqual([anew?.seq, anew?.content], [1, "anew"]);
        await topics.publish("gone", "and more");
        await two?.ack();
        assert.equal((await topics.subscriber("gone", "ann")).acknowledged, 0);
        await anew?.ack();
        assert.equal((await topics.subscriber("gone", "ann")).acknowledged, 1);
      });

      it("begins with the first message of a topic that began anew while a message was dealt with", async () => {
        await publish("swift", 1);
        await using messages = topics.subscribe("swift", { subscriber: "ann" });
        const { value: old } = await messages.next();
        await topics.delete("swift");
        for (const content of ["a", "b"]) await topics.publish("swift", content);
        await old?.ack();
        const next = [await messages.next(), await messages.next()];
        assert.deepEqual(
          next.map(({ value }) => value?.content),
          ["a", "b"],
        );
      });

      it("is a session's by its own name alone", async () => {
        await publish("own", 1);
        const session = await sessions.create({ sessionId: "me" });
        const { topics: mine } = sojourn.actingAs(session);
        const [message] = await take(mine.subscribe("own", { subscriber: "me" }), 1);
        await message?.ack();
        assert.equal((await mine.subscriber("own", "me")).acknowledged, 1);
        for (const call of [
          () => take(mine.subscribe("own", { subscriber: "other" }), 1),
          () => mine.acknowledge("own", "other", 1),
          () => mine.moveSubscriber("own", "other"),
          () => mine.unsubscribe("own", "other"),
          () => mine.publish("own", 1, { session: "listener" }),
          () => Array.fromAsync(mine.list()),
          () => Array.fromAsync(mine.subscribers("own")),
          () => mine.get("own"),
          () => mine.delete("own"),
        ]) {
          await assert.rejects(call(), { code: "forbidden" }, String(call));
        }
        assert.equal((await topics.get("own")).messages, 1);
      });
    });

    describe("subscribers", () => {
      it("are moved, listed and forgotten", async () => {
        await publish("people", 3);
        const ann = { topic: "people", subscriber: "ann" };
        const unknown = { ...ann, acknowledged: 0, pending: 3, missed: 0, updatedAt: undefined };
        assert.deepEqual(await topics.subscriber("people", "ann"), unknown);
        const moved = await topics.acknowledge("people", "ann", 2);
        assert.deepEqual({ ...moved, updatedAt: undefined }, { ...unknown, acknowledged: 2, pending: 1 });
        assert.ok(moved.updatedAt instanceof Date);
        assert.equal((await topics.acknowledge("people", "ann", 1)).acknowledged, 2);
        assert.equal((await topics.moveSubscriber("people", "ann", { after: 1 })).acknowledged, 1);
        assert.equal((await topics.moveSubscriber("people", "ann")).acknowledged, 1);
        assert.equal((await topics.moveSubscriber("people", "bob")).acknowledged, 3);
        const all = await Array.fromAsync(topics.subscribers("people", { pageSize: 1 }));
        assert.deepEqual(
          all.map(({ subscriber, pending }) => [subscriber, pending]),
          [
            ["ann", 2],
            ["bob", 0],
          ],
        );
        assert.deepEqual(await fieldsOf(topics.acknowledge("people", "ann", 4)), ["through"]);
        assert.deepEqual(await fieldsOf(topics.acknowledge("people", "ann", -1)), ["through"]);
        assert.deepEqual(await fieldsOf(topics.moveSubscriber("people", "ann", { after: 4 })), ["after"]);
        await topics.unsubscribe("people", "ann");
        await topics.unsubscribe("people", "ann");
        assert.deepEqual(await topics.subscriber("people", "ann"), unknown);
      });
    });

    describe("list(), get() and delete()", () => {
      it("tell of topics by their names, and remove them whole", async () => {
        const [, last] = await publish("listed", 2);
        const { createdAt, ...topic } = await topics.get("listed");
        assert.deepEqual(topic, { topic: "listed", messages: 2, removed: 0, updatedAt: last?.publishedAt });
        const all = await Array.fromAsync(topics.list({ pageSize: 2 }));
        const names = all.map((each) => each.topic);
        assert.deepEqual(names, names.toSorted());
        assert.deepEqual(
          all.find((each) => each.topic === "listed"),
          { ...topic, createdAt },
        );
        const empty = { topic: "listed", messages: 0, removed: 0, createdAt: undefined, updatedAt: undefined };
        await assert.rejects(topics.delete("listed", { ifMatch: 1 }), { code: "precondition_failed" });
        assert.deepEqual(await topics.delete("listed"), { topic: "listed", messages: 2 });
        assert.deepEqual(await topics.delete("listed"), { topic: "listed", messages: 0 });
        assert.deepEqual(await topics.get("listed"), empty);
      });
    });
  });

  describe(`the SDK by ${name}, where it closes`, () => {
    it("ends what is followed", async () => {
      await using place = await start();
      const { sojourn } = place;
      const messages = sojourn.topics.subscribe("news", { subscriber: "ann" });
      const next = messages.next();
      await sojourn.topics.publish("news", 1);
      assert.equal((await next).value?.seq, 1);
      const end = messages.next();
      await sojourn.close();
      assert.deepEqual(await end, { done: true, value: undefined });
      await assert.rejects(sojourn.topics.publish("news", 1), { code: "store_unavailable" });
    });
  });
}
