import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { type Lineage, type ObjectPlace, type SessionObject, SojournError, TaskFailure } from "../src/client/index.ts";
import { cook, PANTRY, pick } from "./pantry.ts";
import { PLACES } from "./sdk-places.ts";
import { APPS } from "./workshop.ts";

const NOBODY = "itm_0123456789abcdef";

/** A lineage, by the ids alone. */
function shapeOf({ objectId, nodes, edges, isCut }: Lineage): unknown {
  return { objectId, nodes: nodes.map((node) => node.objectId), edges, isCut };
}

function placeOf({ data: _, ...place }: SessionObject): ObjectPlace {
  return place;
}

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} has objects`, async () => {
    const place = await start({ apps: APPS });
    after(() => place[Symbol.asyncDispose]());
    const { sojourn } = place;
    const { sessions } = sojourn;
    // Most share one, as each that runs an app has a worker.
    const kitchen = await sessions.create({ sessionId: "kitchen" });
    const [good = "", bad = ""] = [...(await pick(kitchen, ["salt"])), ...(await pick(kitchen, ["egg"], "rotten"))];
    const soup = await cook(kitchen, [good]);
    const cake = await cook(kitchen, [soup, bad, good]);
    const ids = [good, bad, soup, cake];

    const found = async (query: Parameters<typeof kitchen.objects.list>[0]): Promise<readonly string[]> =>
      (await Array.fromAsync(kitchen.objects.list(query))).map(({ objectId }) => objectId);

    describe("get()", () => {
      it("has the data of an object, and what made it", async () => {
        const before = Date.now();
        const session = await sessions.create();
        const run = await session.run<{ ids: readonly string[] }>(PANTRY, "pick", { names: ["ü;€"] });
        const object = await session.objects.get<{ name: string }>(run.output.ids[0] ?? "");
        const { createdAt, operationId, ...rest } = object;
        assert.deepEqual(rest, {
          objectId: run.output.ids[0],
          type: "item",
          quality: "optimal",
          degradation: undefined,
          data: { name: "ü;€" },
          app: PANTRY,
          action: "pick",
          taskId: run.taskId,
          operationSeq: run.operationSeq,
        });
        const operation = (await Array.fromAsync(session.operations())).at(-1);
        assert.deepEqual([operation?.seq, operation?.id], [run.operationSeq, operationId]);
        assert.ok(createdAt.getTime() >= before - 1_000 && createdAt.getTime() <= Date.now() + 1_000);
        assert.equal(object.data?.name.length, 3);
      });

      it("tells of a degraded one why, and where that began", async () => {
        const [egg, dish] = [await kitchen.objects.get(bad), await kitchen.objects.get(cake)];
        const degradation = { reason: "rotten", objectId: bad };
        assert.deepEqual([egg.quality, egg.degradation], ["degraded", degradation]);
        assert.deepEqual([dish.quality, dish.degradation], ["degraded", degradation]);
        assert.deepEqual(dish.data, { name: "of 3", from: [soup, bad, good] });
      });

      it("is refused for what the session does not have", async () => {
        const other = await sessions.create();
        for (const id of [NOBODY, "", ".", "..", "../x", "itm_..", "itm_a/b", "itm_\ud800", "x".repeat(10_000)]) {
          await assert.rejects(kitchen.objects.get(id), { code: "object_not_found" }, id);
          await assert.rejects(kitchen.objects.lineage(id), { code: "object_not_found" }, id);
        }
        await assert.rejects(other.objects.get(good), { code: "object_not_found" });
        await assert.rejects(other.objects.lineage(good), { code: "object_not_found" });
        await other.delete();
        await assert.rejects(other.objects.get(good), { code: "session_not_found" });
        await assert.rejects(Array.fromAsync(other.objects.list()), { code: "session_not_found" });
      });
    });

    describe("list()", () => {
      it("has all objects, in the order in which they were made", async () => {
        assert.deepEqual(await found({}), ids);
        const all = await Array.fromAsync(kitchen.objects.list());
        assert.deepEqual(all, await Promise.all(ids.map((id) => kitchen.objects.get(id))));
        assert.deepEqual(await Array.fromAsync((await sessions.create()).objects.list()), []);
      });

      it("has those of a type, of a quality, and of a moment", async () => {
        assert.deepEqual(await found({ type: "dish" }), [soup, cake]);
        assert.deepEqual(await found({ type: "none" }), []);
        assert.deepEqual(await found({ quality: "degraded" }), [bad, cake]);
        assert.deepEqual(await found({ quality: "optimal", type: "item" }), [good]);
        const { operationSeq } = await kitchen.objects.get(soup);
        assert.deepEqual(await found({ at: operationSeq }), [good, bad, soup]);
        assert.deepEqual(await found({ at: operationSeq - 1 }), [good, bad]);
        assert.deepEqual(await found({ at: 1 }), []);
      });

      it("has those of a checkpoint", async () => {
        const session = await sessions.create();
        const [first] = await pick(session, ["a"]);
        await session.checkpoint("first");
        await pick(session, ["b"]);
        const objects = await Array.fromAsync(session.objects.list({ at: "first" }));
        assert.deepEqual(
          objects.map(({ objectId }) => objectId),
          [first],
        );
        await assert.rejects(Array.fromAsync(session.objects.list({ at: "none" })), { code: "checkpoint_not_found" });
      });

      it("fetches page by page, also those of one task", async () => {
        const session = await sessions.create();
        const made = await pick(session, ["a", "b", "c", "d", "e"]);
        assert.equal(new Set(made).size, 5);
        const names: unknown[] = [];
        for await (const { objectId, data } of session.objects.list<{ name: string }>({ pageSize: 2 })) {
          names.push([objectId, data?.name]);
        }
        assert.deepEqual(
          names,
          made.map((id, i) => [id, "abcde"[i]]),
        );
      });

      it("is refused for what makes no sense, by the names of the fields", async () => {
        const fieldsOf = async (query: object): Promise<readonly string[]> => {
          const error = await Array.fromAsync(kitchen.objects.list(query)).then(
            () => assert.fail("it went well"),
            (thrown: unknown) => thrown,
          );
          assert.ok(error instanceof SojournError && error.code === "invalid", String(error));
          return error.faults.map(({ field }) => field);
        };
        assert.deepEqual(await fieldsOf({ quality: "good" }), ["quality"]);
        assert.deepEqual(await fieldsOf({ pageSize: 0 }), ["limit"]);
        assert.deepEqual(await fieldsOf({ at: 0 }), ["at"]);
        assert.deepEqual(await fieldsOf({ tag: "x" }), ["tag"]);
      });

      it("ends with its signal", async () => {
        const reason = new Error("enough");
        const signal = AbortSignal.abort(reason);
        await assert.rejects(Array.fromAsync(kitchen.objects.list({ signal })), (error) => error === reason);
        await assert.rejects(kitchen.objects.get(good, { signal }), (error) => error === reason);
        await assert.rejects(kitchen.objects.lineage(good, { signal }), (error) => error === reason);
      });
    });

    describe("lineage()", () => {
      it("is the object alone where it was made from nothing", async () => {
        assert.deepEqual(await kitchen.objects.lineage(good), {
          objectId: good,
          nodes: [placeOf(await kitchen.objects.get(good))],
          edges: [],
          isCut: false,
        });
      });

      it("has all that an object was made from, and what of what", async () => {
        const { edges, ...lineage } = await kitchen.objects.lineage(cake);
        const all = await Promise.all(ids.map((id) => kitchen.objects.get(id)));
        assert.deepEqual(lineage, { objectId: cake, nodes: all.map(placeOf), isCut: false });
        assert.deepEqual(
          new Set(edges.map(({ from, to }) => `${from} ${to}`)),
          new Set([`${good} ${soup}`, `${soup} ${cake}`, `${bad} ${cake}`, `${good} ${cake}`]),
        );
        assert.equal(edges.length, 4);
        assert.deepEqual(shapeOf(await kitchen.objects.lineage(soup)), {
          objectId: soup,
          nodes: [good, soup],
          edges: [{ from: good, to: soup }],
          isCut: false,
        });
      });
    });

    describe("a task", () => {
      it("is refused an object that the session does not have, and one of another type", async () => {
        const before = await found({});
        const refused: readonly (readonly [item: string, code: string, faults: readonly (readonly string[])[]])[] = [
          [NOBODY, "object_not_found", []],
          [soup, "invalid", [["input.item", "wrong_object_type"]]],
        ];
        for (const [item, code, faults] of refused) {
          const error = await kitchen.run(PANTRY, "peel", { item }).then(
            () => assert.fail("it went well"),
            (thrown: unknown) => thrown,
          );
          assert.ok(error instanceof TaskFailure, String(error));
          assert.deepEqual([error.code, error.task.status, error.task.error?.code], [code, "failed", code]);
          assert.deepEqual(
            error.faults.map(({ field, type }) => [field, type]),
            faults,
          );
          const last = (await Array.fromAsync(kitchen.operations())).at(-1);
          assert.deepEqual([last?.kind, last?.status, last?.seq], ["task.finished", "failed", kitchen.version]);
        }
        assert.deepEqual(await found({}), before);
        assert.equal((await kitchen.run(PANTRY, "peel", { item: good })).output, "salt");
      });
    });

    it("has what a task made in its operation", async () => {
      const { operationSeq, degradation } = await kitchen.objects.get(cake);
      const tasks = await Array.fromAsync(kitchen.operations({ kind: "task.finished" }));
      const { inputs, resultId } = tasks.find(({ seq }) => seq === operationSeq) ?? assert.fail();
      const data = { name: "of 3", from: [soup, bad, good] };
      assert.deepEqual(inputs?.objects, [{ objectId: cake, type: "dish", data, degradation }]);
      assert.equal(resultId, cake);
    });

    it("counts the objects of a session", async () => {
      const session = await sessions.create();
      assert.equal(session.usage.objectCount, 0);
      await pick(session, ["a", "b"]);
      assert.equal(session.usage.objectCount, 2);
    });

    it("has the objects of a session that was, and of a fork", async () => {
      const { operationSeq } = await kitchen.objects.get(soup);
      const past = await kitchen.at(operationSeq);
      const then = await Array.fromAsync(past.objects());
      assert.deepEqual(
        then.map(({ objectId }) => objectId),
        [good, bad, soup],
      );
      const [only] = await Array.fromAsync(past.objects<{ name: string }>({ type: "dish", pageSize: 1 }));
      assert.equal(only?.data?.name, "of 1");
      const fork = await kitchen.fork({ at: operationSeq });
      assert.deepEqual(await Array.fromAsync(fork.objects.list()), then);
      assert.deepEqual(await fork.objects.lineage(soup), await kitchen.objects.lineage(soup));
      await assert.rejects(fork.objects.get(cake), { code: "object_not_found" });
    });
  });
}
