import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { given } from "../engine/given.ts";
import { LINEAGE_EDGES_MAX, LINEAGE_MAX, type MadeObject, type SessionObject } from "../engine/object.ts";
import type { ObjectQuery, Stream } from "../engine/store.ts";
import type { Draft } from "../engine/streams.ts";
import { type Author, draft, nameGuard } from "./author.ts";

const VERSION = "a".repeat(64);

/** A task that makes objects from others. */
function made(action: string, used: readonly string[], objects: readonly MadeObject[]): Draft {
  const call = { taskId: `task_${action}`, app: "kitchen", version: VERSION, action, timeoutMs: 1, input: {} };
  const performed = draft("task.performed", { ...call, status: "completed", processingTimeUs: 1, objects });
  return { ...performed, used, made: objects.map(({ objectId }) => objectId) };
}

const object = (objectId: string, type: string, more: Partial<MadeObject> = {}): MadeObject => {
  return { objectId, type, data: { of: objectId }, ...more };
};

const BURNT = { reason: "burnt", objectId: "d" } as const;

/** What holds of objects: what they are, in which order they were made, and from what. */
export function objectCases(author: () => Author): void {
  /** A session with objects of three operations: a and b; d from a; e from b and d. */
  const cooked = async (writer: Author): Promise<Stream> =>
    await writer.append(
      await writer.create(),
      made("pick", [], [object("a", "raw"), object("b", "raw", { data: 7.5 })]),
      made("burn", ["a", "artifact_0000000000000001"], [object("d", "sauce", { degradation: BURNT })]),
      made("serve", ["d", "b"], [object("e", "dish", { degradation: BURNT })]),
    );

  const idsOf = (objects: readonly Pick<SessionObject, "objectId">[]): readonly string[] =>
    objects.map(({ objectId }) => objectId);

  const paged = async ({ store }: Author, { ref }: Stream, query: Omit<ObjectQuery, "cursor">): Promise<string[]> => {
    const seen: string[] = [];
    for (let cursor: string | undefined; ; ) {
      const { items, next } = await store.objects(ref, { ...query, ...given("cursor", cursor) });
      seen.push(...idsOf(items));
      cursor = next;
      if (cursor === undefined) return seen;
      assert.equal(items.length, query.limit);
    }
  };

  describe("objects() and objectsOf()", () => {
    it("tell what each is, and what made it, in the order in which they were made", async () => {
      const writer = author();
      const { store } = writer;
      const { ref } = await cooked(writer);
      const { items, next } = await store.objects(ref, { limit: 9 });
      assert.equal(next, undefined);
      const operations = await store.operations(ref, { after: 1, limit: 9 });
      const of = (action: string, i: number) => {
        const { seq, id: operationId, at: createdAtUs } = operations[i]?.operation ?? assert.fail("It is there");
        return { app: "kitchen", action, taskId: `task_${action}`, seq, operationId, createdAtUs };
      };
      assert.deepEqual(items, [
        { objectId: "a", type: "raw", data: { of: "a" }, ...of("pick", 0) },
        { objectId: "b", type: "raw", data: 7.5, ...of("pick", 0) },
        { objectId: "d", type: "sauce", data: { of: "d" }, degradation: BURNT, ...of("burn", 1) },
        { objectId: "e", type: "dish", data: { of: "e" }, degradation: BURNT, ...of("serve", 2) },
      ]);
      const some = await store.objectsOf(ref, ["e", "nobody", "b", "e"]);
      assert.deepEqual(new Set(some), new Set([items[1], items[3]]));
      assert.equal(some.length, 2);
      assert.deepEqual(await store.objectsOf(ref, []), []);
    });

    it("come in pages of any size, by type, quality, and as of any operation", async () => {
      const writer = author();
      const { store } = writer;
      const stream = await cooked(writer);
      for (const limit of [1, 2, 3, 4]) assert.deepEqual(await paged(writer, stream, { limit }), ["a", "b", "d", "e"]);
      assert.deepEqual(await paged(writer, stream, { limit: 1, type: "raw" }), ["a", "b"]);
      assert.deepEqual(await paged(writer, stream, { limit: 1, quality: "degraded" }), ["d", "e"]);
      assert.deepEqual(await paged(writer, stream, { limit: 1, quality: "optimal", type: "sauce" }), []);
      assert.deepEqual(await paged(writer, stream, { limit: 2, at: 1 }), []);
      assert.deepEqual(await paged(writer, stream, { limit: 2, at: 3 }), ["a", "b", "d"]);
      for (const cursor of ["", "1", "1.x", "1.1.1", "-1.1"]) {
        await assert.rejects(store.objects(stream.ref, { limit: 1, cursor }), { code: "invalid" }, cursor);
      }
    });

    it("tell nothing of another session, or another tenant", async () => {
      const writer = author();
      const { store } = writer;
      const { ref } = await cooked(writer);
      const other = await writer.create();
      for (const elsewhere of [other.ref, { ...ref, tenant: "another" }]) {
        assert.deepEqual(await store.objects(elsewhere, { limit: 9 }), { items: [] });
        assert.deepEqual(await store.objectsOf(elsewhere, ["a"]), []);
        assert.equal(await store.lineage(elsewhere, "a"), undefined);
      }
    });

    it("have in a fork those that there were by then, and go with their session", async () => {
      const writer = author();
      const { store } = writer;
      const stream = await cooked(writer);
      const entries = await store.operations(stream.ref, { after: 0, limit: 3 });
      const fork = writer.fork(stream, entries, `fork-of-${stream.record.sessionId}`);
      await writer.commit([fork.part], { guards: [nameGuard(fork.stream)] });
      const { items } = await store.objects(stream.ref, { limit: 3 });
      assert.deepEqual(await store.objects(fork.stream.ref, { limit: 9 }), { items });
      assert.equal(fork.stream.record.work.objects, 3);
      await writer.erase(stream);
      assert.deepEqual(await store.objects(stream.ref, { limit: 9 }), { items: [] });
      assert.deepEqual(await store.objects(fork.stream.ref, { limit: 9 }), { items });
    });

    it("refuse one that is there already, with all that comes with it", async () => {
      const writer = author();
      const { store } = writer;
      const stream = await cooked(writer);
      for (const objects of [[object("a", "raw")], [object("f", "raw"), object("f", "raw")]]) {
        const { part } = writer.continue(stream, made("again", [], objects));
        assert.deepEqual(await writer.commit([part]), { outcome: "conflict" });
      }
      assert.deepEqual((await store.stored(stream.ref))?.head, stream.head);
      assert.deepEqual(await store.objectsOf(stream.ref, ["f"]), []);
    });
  });

  describe("lineage()", () => {
    it("leads from an object to all that it was made from", async () => {
      const writer = author();
      const { store } = writer;
      const { ref } = await cooked(writer);
      const { items } = await store.objects(ref, { limit: 9 });
      const nodes = items.map(({ data: _, ...place }) => place);
      assert.deepEqual(await store.lineage(ref, "e"), {
        objectId: "e",
        nodes,
        edges: [
          { from: "a", to: "d" },
          { from: "d", to: "e" },
          { from: "b", to: "e" },
        ],
      });
      assert.deepEqual(idsOf((await store.lineage(ref, "d"))?.nodes ?? []), ["a", "d"]);
      assert.deepEqual(await store.lineage(ref, "b"), { objectId: "b", nodes: [nodes[1]], edges: [] });
      assert.equal(await store.lineage(ref, "nobody"), undefined);
    });

    it("has an object once, however many ways lead to it", async () => {
      const writer = author();
      const drafts: Draft[] = [made("m0", [], [object("x0", "t")])];
      // Each is made from the two before it, so that there are as many ways as Fibonacci had rabbits.
      for (let i = 1; i <= 60; i++) drafts.push(made(`m${i}`, [`x${i - 1}`, `x${i - 2}`], [object(`x${i}`, "t")]));
      const { ref } = await writer.append(await writer.create(), ...drafts);
      const lineage = await writer.store.lineage(ref, "x60");
      assert.equal(lineage?.nodes.length, 61);
      assert.equal(lineage?.edges.length, 60 + 59);
      assert.equal(lineage?.isCut, undefined);
    });

    it("leaves out the farthest where there are too many objects, or edges", async () => {
      const writer = author();
      const { store } = writer;
      const drafts: Draft[] = [made("first", [], [object("o0", "t")])];
      for (let i = 1; i <= LINEAGE_MAX; i++) drafts.push(made(`m${i}`, [`o${i - 1}`], [object(`o${i}`, "t")]));
      const { ref } = await writer.append(await writer.create(), ...drafts);
      const whole = await store.lineage(ref, `o${LINEAGE_MAX - 1}`);
      assert.deepEqual(
        [whole?.nodes.length, whole?.edges.length, whole?.isCut],
        [LINEAGE_MAX, LINEAGE_MAX - 1, undefined],
      );
      const cut = await store.lineage(ref, `o${LINEAGE_MAX}`);
      assert.deepEqual([cut?.nodes.length, cut?.isCut], [LINEAGE_MAX, true]);
      assert.deepEqual([cut?.nodes[0]?.objectId, cut?.edges[0]], ["o1", { from: "o1", to: "o2" }]);

      const wide = (name: string, count: number) => Array.from({ length: count }, (_, i) => object(`${name}${i}`, "t"));
      const [rows, columns] = [wide("r", 400), wide("c", LINEAGE_EDGES_MAX / 100)];
      const dense = await writer.append(
        await writer.create(),
        made("rows", [], rows),
        made("columns", idsOf(rows), columns),
        made("one", idsOf(columns), [object("one", "t")]),
      );
      const { nodes, edges, isCut } = (await store.lineage(dense.ref, "one")) ?? assert.fail("It is there");
      assert.deepEqual([edges.length <= LINEAGE_EDGES_MAX, isCut], [true, true]);
      assert.ok(edges.length > LINEAGE_EDGES_MAX - rows.length, "as many as there may be");
      assert.equal(edges.filter(({ to }) => to === "one").length, columns.length, "the nearest are all there");
      const hanging = nodes.filter(
        ({ objectId }) => objectId !== "one" && !edges.some(({ from }) => from === objectId),
      );
      assert.deepEqual(hanging, []);
    });
  });
}
