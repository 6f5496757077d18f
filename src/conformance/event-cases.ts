import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { OperationKind } from "../engine/operation.ts";
import { EVENT_STRETCH, type EventRow } from "../engine/store.ts";
import { type Author, draft, requests } from "./author.ts";

/** What holds of `events`. */
export function eventCases(author: () => Author): void {
  describe("events()", () => {
    const end = async ({ store, tenant }: Author): Promise<number> =>
      (await store.events({ tenant, limit: 1 })).through;

    /** All events after a position, page by page. */
    async function read(
      { store, tenant }: Author,
      from: { readonly after: number; readonly limit?: number; readonly kinds?: readonly OperationKind[] },
    ): Promise<readonly EventRow[]> {
      const items: EventRow[] = [];
      for (let { after } = from; ; ) {
        const page = await store.events({ tenant, limit: 100, ...from, after });
        items.push(...page.items);
        assert.ok(page.through >= after && page.items.every(({ position }) => position > after));
        after = page.through;
        if (page.isEnd) return items;
      }
    }

    const places = (rows: readonly EventRow[]) => rows.map(({ sessionId, entry }) => [sessionId, entry.operation.seq]);

    it("returns whole operations of all sessions of the tenant, in the order of their commits", async () => {
      const writer = author();
      const { store } = writer;
      const start = await end(writer);
      const a = await writer.create({ sessionId: "a", userId: "ann" });
      const b = await writer.create({ sessionId: "b" });
      await writer.append(writer.user("ann"), draft("profile.changed", { patch: { tone: "formal" }, origin: "set" }));
      await writer.append(writer.topic("t"), draft("message.published", { content: 1 }));
      const later = await writer.append(a, requests(1), requests(2));
      await writer.append(b, requests(3));
      await author().create({ sessionId: "of another" });
      const rows = await read(writer, { after: start });
      assert.deepEqual(places(rows), [
        ["a", 1],
        ["b", 1],
        ["a", 2],
        ["a", 3],
        ["b", 2],
      ]);
      const entries = await store.operations(a.ref, { after: 0, limit: 9 });
      assert.deepEqual(
        rows.filter(({ sessionId }) => sessionId === "a").map(({ entry }) => entry),
        entries,
      );
      assert.deepEqual([rows[0]?.ref, rows[0]?.userId, later.head.seq], [a.ref, "ann", 3]);
    });

    it("goes on after any position, in pages of any size, and filters by kind", async () => {
      const writer = author();
      const start = await end(writer);
      let stream = await writer.create();
      for (let i = 0; i < 9; i++)
        stream = await writer.append(stream, i % 2 ? requests(1) : draft("session.kept_alive", {}));
      const all = await read(writer, { after: start });
      for (const limit of [1, 2, 3, 100]) assert.deepEqual(await read(writer, { after: start, limit }), all);
      for (const [i, { position }] of all.entries()) {
        assert.deepEqual(await read(writer, { after: position }), all.slice(i + 1));
      }
      const kinds = ["session.kept_alive", "session.created"] as const;
      const some = all.filter(({ entry }) => kinds.some((kind) => kind === entry.operation.kind));
      assert.deepEqual(await read(writer, { after: start, kinds, limit: 2 }), some);
      assert.deepEqual(await read(writer, { after: start, kinds: [] }), []);
    });

    it("tells how far it came also where nothing was meant, and ends past the last", async () => {
      const writer = author();
      const { store, tenant } = writer;
      const start = await end(writer);
      await author().create();
      const page = await store.events({ tenant, after: start, limit: 5 });
      assert.deepEqual([page.items, page.isEnd], [[], true]);
      assert.ok(page.through > start);
      const past = await store.events({ tenant, after: page.through + 5, limit: 5 });
      assert.deepEqual(past, { items: [], through: page.through + 5, isEnd: true });
    });

    it("passes over many operations of others in pages", async () => {
      const writer = author();
      const other = author();
      const start = await end(writer);
      let stream = await other.create();
      for (let i = 0; i < 5; i++) {
        stream = await other.append(stream, ...Array.from({ length: EVENT_STRETCH / 4 }, () => requests(1)));
      }
      const own = await writer.create();
      const { store, tenant } = writer;
      const first = await store.events({ tenant, after: start, limit: 5 });
      assert.deepEqual([first.items, first.isEnd, first.through], [[], false, start + EVENT_STRETCH]);
      const rows = await read(writer, { after: start });
      assert.deepEqual(
        rows.map(({ ref }) => ref),
        [own.ref],
      );
    });

    it("stops after the payload by which there is too much", async () => {
      const writer = author();
      const { store, tenant } = writer;
      const start = await end(writer);
      const long = draft("session.updated", { description: "x".repeat(1_000) });
      await writer.append(await writer.create(), long, long, long, long);
      const page = await store.events({ tenant, after: start, limit: 100, charactersMax: 2_000 });
      assert.deepEqual([page.items.length, page.isEnd], [3, false]);
      assert.equal(page.through, page.items.at(-1)?.position);
    });

    it("has nothing of a session that was erased, and passes over where it was", async () => {
      const writer = author();
      const start = await end(writer);
      const gone = await writer.append(await writer.create(), requests(1));
      const kept = await writer.create();
      await writer.erase(gone);
      const rows = await read(writer, { after: start, limit: 1 });
      assert.deepEqual(
        rows.map(({ ref }) => ref),
        [kept.ref],
      );
      await writer.erase(kept);
      assert.deepEqual(await read(writer, { after: start }), []);
      assert.ok((await end(writer)) >= (rows[0]?.position ?? 0));
    });

    it("has of a fork what comes behind its history", async () => {
      const writer = author();
      const origin = await writer.append(await writer.create({ sessionId: "origin" }), requests(1));
      const start = await end(writer);
      const entries = await writer.store.operations(origin.ref, { after: 0, limit: 9 });
      const fork = writer.fork(origin, entries, "fork");
      await writer.commit([fork.part]);
      await writer.append(fork.stream, requests(2));
      assert.deepEqual(places(await read(writer, { after: start })), [
        ["fork", 3],
        ["fork", 4],
      ]);
    });

    it("misses nothing of many writers at once, whoever reads meanwhile", async () => {
      const writer = author();
      const start = await end(writer);
      const count = 300;
      const written = Promise.all(
        Array.from({ length: count }, async (_, i) =>
          writer.append(await writer.create({ sessionId: `s${i}` }), requests(1)),
        ),
      );
      const seen: EventRow[] = [];
      for (let after = start; seen.length < 2 * count; ) {
        const page = await writer.store.events({ tenant: writer.tenant, after, limit: 7 });
        seen.push(...page.items);
        after = page.through;
      }
      await written;
      assert.deepEqual(seen, await read(writer, { after: start }));
      assert.equal(new Set(seen.map(({ position }) => position)).size, 2 * count);
    });
  });
}
