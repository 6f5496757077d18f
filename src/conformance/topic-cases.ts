import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { CursorChange, Guard, ReaderCursor, Stream, StreamRef } from "../engine/store.ts";
import { NEW_TENANT } from "../engine/tenant.ts";
import { type Author, draft, requests } from "./author.ts";

const COMMITTED = { outcome: "committed" };
const CONFLICT = { outcome: "conflict" };

/** What holds of streams that are no sessions, and of those who read a stream. */
export function topicCases(author: () => Author): void {
  const said = (content: string) => draft("message.published", { content });

  describe("streams()", () => {
    it("returns those of a kind and tenant, whole, in pages of a lasting order", async () => {
      const writer = author();
      const { store, tenant } = writer;
      assert.deepEqual(await store.streams(tenant, "topic", { limit: 10 }), []);
      const names = ["b", "a", "B", "c.d", "10", "9"];
      const topics = await Promise.all(
        names.map((name) => writer.append(writer.topic(name), said(name), said("more"))),
      );
      await writer.append(writer.user("a"), draft("profile.changed", { patch: { tone: "formal" }, origin: "set" }));
      await writer.create();
      const all = await store.streams(tenant, "topic", { limit: 10 });
      assert.deepEqual(
        new Map(all.map((stream) => [stream.ref.id, stream])),
        new Map(topics.map((t) => [t.ref.id, t])),
      );
      for (const [i, { ref }] of all.entries()) {
        const rest = await store.streams(tenant, "topic", { after: ref.id, limit: 2 });
        assert.deepEqual(rest, all.slice(i + 1, i + 3));
      }
      assert.equal((await store.streams(tenant, "user", { limit: 10 })).length, 1);
      assert.deepEqual(await store.streams("another", "topic", { limit: 10 }), []);
      const [gone, ...kept] = all;
      if (gone !== undefined) await writer.erase(gone);
      assert.deepEqual(await store.streams(tenant, "topic", { limit: 10 }), kept);
    });

    it("has the streams of tenants themselves, with their records", async () => {
      const writer = author();
      const ref = { tenant: writer.tenant, kind: "tenant", id: "tenant" } as const;
      const blank = { ref, head: { ...writer.topic("").head }, record: NEW_TENANT };
      const set = draft("template.set", { name: "a", template: { tags: ["é"] } });
      const stream = await writer.append(blank, set);
      assert.deepEqual(await writer.store.streams(writer.tenant, "tenant", { limit: 1 }), [stream]);
      assert.deepEqual(await writer.store.stored(ref), stream);
    });
  });

  describe("commit() of a cut", () => {
    it("leaves what comes after, and of the last that goes the header, from which the log goes on", async () => {
      const writer = author();
      const { store } = writer;
      const [topic, other] = await Promise.all(
        ["a", "b"].map((id) => writer.append(writer.topic(id), ...Array.from("abcde", said))),
      );
      if (topic === undefined || other === undefined) return assert.fail();
      const read = async ({ ref }: Stream<"topic">, after = 0) => await store.operations(ref, { after, limit: 10 });
      const [before, others] = await Promise.all([read(topic), read(other)]);
      const cut = (seq: number, hash = before[seq - 1]?.operation.hash ?? "") =>
        writer.commit([{ change: "cut", ref: topic.ref, through: { seq, hash } }]);
      assert.deepEqual(await cut(3, before[3]?.operation.hash), CONFLICT);
      assert.deepEqual(await cut(6), CONFLICT);
      assert.deepEqual(await read(topic), before);
      assert.deepEqual(await cut(3), COMMITTED);
      const [, , third, ...rest] = before;
      assert.deepEqual(await read(topic), [{ operation: third?.operation, payload: "erased" }, ...rest]);
      assert.deepEqual(await read(topic, 3), rest);
      assert.deepEqual(await store.stored(topic.ref), topic);
      assert.deepEqual(await store.stream(topic.ref), topic);
      assert.deepEqual(await cut(2), CONFLICT);
      assert.deepEqual(await cut(3), COMMITTED);
      assert.deepEqual(await cut(5), COMMITTED);
      assert.deepEqual(await read(topic), [{ operation: before[4]?.operation, payload: "erased" }]);
      const longer = await writer.append(topic, said("f"));
      assert.equal(longer.head.seq, 6);
      assert.deepEqual(
        (await read(topic)).map(({ operation }) => operation.seq),
        [5, 6],
      );
      assert.deepEqual(await read(other), others);
      await writer.erase(longer);
      assert.deepEqual(await cut(5), CONFLICT);
      assert.deepEqual(await read(topic), []);
    });
  });

  describe("commit() with cursors", () => {
    const read = async ({ store }: Author, ref: StreamRef): Promise<readonly (readonly [string, number, number])[]> =>
      (await store.cursors(ref, { limit: 100 })).map((one) => [one.reader, one.position, one.updatedAtUs]);
    const move = (change: "begin" | "advance" | "set", ref: StreamRef, to: Pick<ReaderCursor, "reader" | "position">) =>
      ({ change, ref, headMin: 0, ...to }) satisfies CursorChange;

    it("begins a cursor and moves it: on alone, or to any place", async () => {
      const writer = author();
      const { ref } = writer.topic("a");
      const { clock, store } = writer;
      assert.equal(await store.cursor(ref, "x"), undefined);
      const start = clock.now();
      assert.deepEqual(
        await writer.commit([], { cursors: [move("advance", ref, { reader: "x", position: 5 })] }),
        COMMITTED,
      );
      assert.deepEqual(await store.cursor(ref, "x"), { reader: "x", position: 5, updatedAtUs: start });
      clock.advance(1);
      for (const position of [4, 5]) {
        const cursors = [move("advance", ref, { reader: "x", position })];
        assert.deepEqual(await writer.commit([], { cursors }), COMMITTED);
        assert.deepEqual(await read(writer, ref), [["x", 5, start]], "what is not past it changes nothing");
      }
      await writer.commit([], { cursors: [move("advance", ref, { reader: "x", position: 6 })] });
      assert.deepEqual(await read(writer, ref), [["x", 6, clock.now()]]);
      await writer.commit([], { cursors: [move("set", ref, { reader: "x", position: 2 })] });
      const second = { reader: "x", position: 2, updatedAtUs: clock.now() };
      assert.deepEqual(await store.cursor(ref, "x"), second);
      clock.advance(1);
      const begun = ["x", "y"].map((reader) => move("begin", ref, { reader, position: 7 }));
      assert.deepEqual(await writer.commit([], { cursors: begun }), COMMITTED);
      assert.deepEqual(await store.cursor(ref, "x"), second);
      assert.deepEqual(await store.cursor(ref, "y"), { reader: "y", position: 7, updatedAtUs: clock.now() });
    });

    it("holds cursors apart by stream, tenant and reader, and pages through those of a stream", async () => {
      const writer = author();
      const [a, b] = [writer.topic("a").ref, writer.topic("b").ref];
      const readers = ["x", "X", "y", "é", "x.y"];
      const cursors = readers.map((reader, i) => move("advance", a, { reader, position: i }));
      const others = [b, { ...a, tenant: `${a.tenant}!` }, { ...a, kind: "user" } as const];
      await writer.commit([], {
        cursors: [...cursors, ...others.map((ref) => move("set", ref, { reader: "z", position: 9 }))],
      });
      const all = await writer.store.cursors(a, { limit: 10 });
      assert.deepEqual(all.map(({ reader }) => reader).sort(), readers.sort());
      for (const [i, { reader }] of all.entries()) {
        assert.deepEqual(await writer.store.cursors(a, { after: reader, limit: 2 }), all.slice(i + 1, i + 3));
      }
      assert.equal(await writer.store.cursor(a, "z"), undefined);
      for (const ref of others) assert.equal((await writer.store.cursor(ref, "z"))?.position, 9);
    });

    it("refuses to go where the stream has not come yet, and changes nothing", async () => {
      const writer = author();
      const topic = writer.topic("a");
      const to = (headMin: number) => ({ ...move("advance", topic.ref, { reader: "x", position: headMin }), headMin });
      const first = writer.continue(topic, said("1"), said("2"));
      assert.deepEqual(await writer.commit([first.part], { cursors: [to(3)] }), CONFLICT);
      assert.equal(await writer.store.stored(topic.ref), undefined);
      assert.deepEqual(await writer.commit([first.part], { cursors: [to(2)] }), COMMITTED);
      assert.deepEqual(await writer.commit([], { cursors: [{ ...to(3), change: "set" }] }), CONFLICT);
      assert.equal((await writer.store.cursor(topic.ref, "x"))?.position, 2);
    });

    it("drops one reader, or all, and is no conflict where there is none", async () => {
      const writer = author();
      const [a, b] = [writer.topic("a").ref, writer.topic("b").ref];
      const all = ["x", "y", "z"].map((reader) => move("set", a, { reader, position: 1 }));
      await writer.commit([], { cursors: [...all, move("set", b, { reader: "x", position: 1 })] });
      const drop = (reader: string): CursorChange => ({ change: "drop", ref: a, reader });
      assert.deepEqual(await writer.commit([], { cursors: [drop("x"), drop("nobody")] }), COMMITTED);
      assert.deepEqual(
        (await read(writer, a)).map(([reader]) => reader),
        ["y", "z"],
      );
      assert.deepEqual(await writer.commit([], { cursors: [{ change: "drop", ref: a }] }), COMMITTED);
      assert.deepEqual(await read(writer, a), []);
      assert.equal((await read(writer, b)).length, 1);
    });

    it("loses them with their stream", async () => {
      const writer = author();
      const [a, b] = [await writer.append(writer.topic("a"), said("1")), writer.topic("b")];
      await writer.commit([], { cursors: [a, b].map(({ ref }) => move("set", ref, { reader: "x", position: 1 })) });
      await writer.erase(a);
      assert.equal(await writer.store.cursor(a.ref, "x"), undefined);
      assert.equal((await writer.store.cursor(b.ref, "x"))?.position, 1);
    });

    it("lets in no more readers than a guard says, but those that are there", async () => {
      const writer = author();
      const { ref } = writer.topic("a");
      const enter = async (reader: string, position: number) => {
        const guard: Guard = { guard: "readers_below", ref, reader, limit: 2 };
        return await writer.commit([], { guards: [guard], cursors: [move("advance", ref, { reader, position })] });
      };
      const outcomes = await Promise.all(["x", "y", "z"].map((reader) => enter(reader, 1)));
      assert.deepEqual(outcomes.map(({ outcome }) => outcome).sort(), ["committed", "committed", "limit_reached"]);
      const [[known = ""] = []] = await read(writer, ref);
      assert.deepEqual(await enter(known, 2), COMMITTED);
      await writer.commit([], { cursors: [{ change: "drop", ref, reader: known }] });
      assert.deepEqual(await enter("new", 1), COMMITTED);
    });

    it("keeps the furthest of many at once", async () => {
      const writer = author();
      const { ref } = writer.topic("a");
      const places = Array.from({ length: 200 }, (_, i) => ((i * 37) % 200) + 1);
      await Promise.all(
        places.map((position) => writer.commit([], { cursors: [move("advance", ref, { reader: "x", position })] })),
      );
      assert.equal((await writer.store.cursor(ref, "x"))?.position, 200);
    });

    it("moves nothing with a commit that is refused", async () => {
      const writer = author();
      const session = await writer.create();
      const { part } = writer.continue(session, requests(1));
      const cursors = [move("set", session.ref, { reader: "x", position: 1 })];
      assert.deepEqual(await writer.commit([{ ...part, expectedHead: 7 }], { cursors }), CONFLICT);
      const answer = writer.answer("taken");
      await writer.commit([], { remember: [answer] });
      assert.deepEqual(await writer.commit([part], { cursors, remember: [answer] }), { outcome: "repeated" });
      assert.deepEqual(await read(writer, session.ref), []);
      assert.deepEqual(await writer.store.stored(session.ref), session);
    });
  });
}
