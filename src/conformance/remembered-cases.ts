import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Json } from "../engine/json.ts";
import { type Author, requests } from "./author.ts";
import { observe } from "./observe.ts";

const COMMITTED = { outcome: "committed" };
const REPEATED = { outcome: "repeated" };

/** What holds of remembered answers. */
export function rememberedCases(author: () => Author): void {
  describe("remembered()", () => {
    it("returns an answer through the last microsecond of its time, and not after", async () => {
      const writer = author();
      const { store } = writer;
      const answer = writer.answer("k");
      assert.deepEqual(await writer.commit([], { remember: [answer] }), COMMITTED);
      assert.deepEqual(await store.remembered(answer, answer.at), answer);
      assert.deepEqual(await store.remembered(answer, answer.expiresAt), answer);
      assert.equal(await store.remembered(answer, answer.expiresAt + 1), undefined);
    });

    it("tells keys apart by tenant, scope and key", async () => {
      const writer = author();
      const answer = writer.answer("k");
      await writer.commit([], { remember: [answer] });
      for (const other of [{ tenant: "another" }, { scope: "PUT /sessions" }, { key: "K" }, { key: "k " }]) {
        assert.equal(await writer.store.remembered({ ...answer, ...other }, answer.at), undefined);
      }
      const remember = [writer.answer("k", { scope: "PUT /sessions" }), writer.answer("K")];
      assert.deepEqual(await writer.commit([], { remember }), COMMITTED);
    });

    it("keeps any JSON value", async () => {
      const writer = author();
      const values: Json[] = [null, 0, "", "text", [], {}, { a: [1, { b: "🏕️" }] }, false];
      const remember = values.map((answer, i) => writer.answer(`k${i}`, { answer }));
      assert.deepEqual(await writer.commit([], { remember }), COMMITTED);
      const stored = await Promise.all(remember.map((key) => writer.store.remembered(key, key.at)));
      assert.deepEqual(
        stored.map((one) => one?.answer),
        values,
      );
    });
  });

  describe("commit() with an answer to remember", () => {
    it("refuses a key that is taken, and keeps the first answer", async () => {
      const writer = author();
      const stream = await writer.create();
      const first = writer.answer("k");
      await writer.commit([], { remember: [first] });
      const before = await observe(writer, ["k", "l"]);
      const remember = [writer.answer("l"), writer.answer("k", { answer: "another" })];
      assert.deepEqual(await writer.commit([writer.continue(stream, requests(1)).part], { remember }), REPEATED);
      assert.deepEqual(await observe(writer, ["k", "l"]), before);
      assert.deepEqual(await writer.store.remembered(first, first.at), first);
    });

    it("replaces an answer once its time is over, and not before", async () => {
      const writer = author();
      const first = writer.answer("k");
      await writer.commit([], { remember: [first] });
      writer.clock.advance(first.expiresAt - first.at);
      const next = writer.answer("k", { answer: "another" });
      assert.deepEqual(await writer.commit([], { remember: [next] }), REPEATED);
      writer.clock.advance(1);
      assert.deepEqual(await writer.commit([], { remember: [next] }), COMMITTED);
      assert.deepEqual(await writer.store.remembered(first, writer.clock.now()), next);
    });

    it("erases answers with the stream that they are about, and no others", async () => {
      const writer = author();
      const [a, b] = [await writer.create(), await writer.create()];
      const { part, stream } = writer.begin();
      const remember = [
        writer.answer("about a", { about: a.ref }),
        writer.answer("about b", { about: b.ref }),
        writer.answer("about the new one", { about: stream.ref }),
        writer.answer("about none"),
      ];
      assert.deepEqual(await writer.commit([part], { remember }), COMMITTED);
      await writer.erase(a);
      await writer.erase(stream);
      const stored = await Promise.all(remember.map((key) => writer.store.remembered(key, key.at)));
      assert.deepEqual(stored, [undefined, remember[1], undefined, remember[3]]);
      assert.deepEqual(await writer.commit([], { remember: [writer.answer("about a")] }), COMMITTED);
    });

    it("refuses an answer about a stream that is not there", async () => {
      const writer = author();
      const { stream } = writer.begin();
      const remember = [writer.answer("k", { about: stream.ref })];
      assert.deepEqual(await writer.commit([], { remember }), { outcome: "conflict" });
    });

    it("forgets only answers whose time is over", async () => {
      const writer = author();
      const short = Array.from({ length: 20 }, (_, i) => writer.answer(`s${i}`, { expiresAt: writer.clock.now() }));
      const long = Array.from({ length: 20 }, (_, i) => writer.answer(`l${i}`));
      assert.deepEqual(await writer.commit([], { remember: [...short, ...long] }), COMMITTED);
      writer.clock.advance(1);
      for (let i = 0; i < 20; i++) await writer.commit([], { remember: [writer.answer(`n${i}`)] });
      const stored = await Promise.all(long.map((key) => writer.store.remembered(key, writer.clock.now())));
      assert.deepEqual(stored, long);
    });

    it("takes a key from one of many that ask at once", async () => {
      const writer = author();
      const outcomes = await Promise.all(
        Array.from({ length: 32 }, async (_, i) => {
          const remember = [writer.answer("k", { answer: i })];
          return await writer.commit([writer.begin().part], { remember });
        }),
      );
      const winners = outcomes.flatMap(({ outcome }, i) => (outcome === "committed" ? [i] : []));
      assert.equal(winners.length, 1);
      assert.equal(outcomes.filter(({ outcome }) => outcome === "repeated").length, 31);
      assert.equal((await writer.store.remembered(writer.answer("k"), writer.clock.now()))?.answer, winners[0]);
    });
  });
}
