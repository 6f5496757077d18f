import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { objectType, z } from "../../app-format/index.ts";
import type { GivenObject } from "../../engine/object.ts";
import { TaskObjects } from "./task-objects.ts";

const Raw = objectType("raw", { prefix: "tom", data: z.object({ ripeness: z.number().max(1) }) });
const Picked = objectType("picked", {
  prefix: "pck",
  data: z.object({ at: z.coerce.date(), by: z.string().default("x") }),
});
const Any = objectType("any", { prefix: "any", data: z.any() });

const RAW: GivenObject = { objectId: "tom_1", app: "kitchen", type: "raw", data: { ripeness: 0.5 } };
const OLD: GivenObject = {
  objectId: "tom_2",
  app: "kitchen",
  type: "raw",
  data: { ripeness: 1 },
  degradation: { reason: "old", objectId: "tom_0" },
};

function objectsOf(...objects: readonly GivenObject[]): TaskObjects {
  return new TaskObjects("kitchen", { taskId: "task_4968", objects });
}

describe("TaskObjects.get()", () => {
  it("gets an object that the input names, and how good it is", () => {
    const objects = objectsOf(RAW, OLD);
    const raw = objects.get("tom_1", Raw);
    assert.deepEqual(raw, { id: "tom_1", type: "raw", data: { ripeness: 0.5 }, quality: "optimal" });
    assert.deepEqual(objects.get("tom_2"), {
      ...{ id: "tom_2", type: "raw", data: { ripeness: 1 }, quality: "degraded" },
      degradation: { reason: "old", objectId: "tom_0" },
    });
    assert.deepEqual(objects.get<unknown>("tom_1", Any, Raw).data, { ripeness: 0.5 });
  });

  it("refuses an id that the input does not name, also one that was made", () => {
    const objects = objectsOf(RAW);
    const { id } = objects.make(Raw, { ripeness: 1 });
    for (const unknown of ["tom_9", id, "", "constructor"]) {
      assert.throws(() => objects.get(unknown), {
        message: `Object ${unknown} is none that the input names: let its schema name it by idOf()`,
      });
    }
  });

  it("refuses an object of another type, and one whose data the type does not take", () => {
    const wrong = { ...RAW, objectId: "tom_3", data: { ripeness: "much" } };
    const objects = objectsOf(RAW, wrong);
    assert.throws(() => objects.get<unknown>("tom_1", Picked, Any), {
      message: "Object tom_1 is of type raw, and not of type picked or any",
    });
    assert.throws(() => objects.get("tom_3", Raw), {
      message:
        'The data of object tom_3 is not what its type declares: "ripeness" Invalid input: expected number, received string',
    });
    assert.deepEqual(objects.get("tom_3").data, { ripeness: "much" });
  });

  it("knows a type by its app", () => {
    const objects = objectsOf(RAW, { ...RAW, objectId: "tom_5", app: "market" });
    const Bought = objectType("raw", { prefix: "tom", data: z.object({ ripeness: z.number() }), app: "market" });
    assert.equal(objects.get("tom_5", Raw, Bought).id, "tom_5");
    assert.throws(() => objects.get("tom_5", Raw), /^Error: Object tom_5 is of type raw, and not of type raw$/);
    assert.throws(() => objects.get("tom_1", Bought), /^Error: Object tom_1 is of type raw/);
    assert.throws(() => objects.make(Bought, { ripeness: 1 }), /^Error: Objects of type raw are made by market alone$/);
  });

  it("gives data that can't be changed, and leaves what it was given as it is", () => {
    const list = { objectId: "any_1", app: "kitchen", type: "any", data: { list: [{ n: 1 }] } };
    const objects = objectsOf(list);
    const { data } = objects.get<{ list: { n: number }[] }>("any_1");
    assert.throws(() => data.list.push({ n: 2 }), TypeError);
    assert.throws(() => {
      const [first] = data.list;
      if (first !== undefined) first.n = 2;
    }, TypeError);
    list.data.list.push({ n: 3 });
    assert.deepEqual(data, { list: [{ n: 1 }] });
  });
});

describe("TaskObjects.make()", () => {
  it("makes objects with the ids that the server gives them", () => {
    const objects = objectsOf(RAW);
    assert.equal(objects.made, undefined);
    const first = objects.make(Raw, { ripeness: 0.25 });
    const second = objects.make(Picked, { at: new Date(0), by: "ada" }, { reason: "too_soon" });
    assert.deepEqual(first, { id: "tom_4968", type: "raw", data: { ripeness: 0.25 }, quality: "optimal" });
    assert.deepEqual(second, {
      ...{ id: "pck_4968_2", type: "picked", data: { at: new Date(0), by: "ada" }, quality: "degraded" },
      degradation: { reason: "too_soon", objectId: "pck_4968_2" },
    });
    assert.deepEqual(JSON.parse(objects.made ?? ""), [
      { type: "raw", prefix: "tom", data: { ripeness: 0.25 } },
      { type: "picked", prefix: "pck", data: { at: "1970-01-01T00:00:00.000Z", by: "ada" }, reason: "too_soon" },
    ]);
    assert.deepEqual([Object.isFrozen(first), Object.isFrozen(first.data)], [true, true]);
  });

  it("degrades what is made from a degraded object", () => {
    const objects = objectsOf(RAW, OLD);
    assert.deepEqual(objects.make(Raw, { ripeness: 1 }).degradation, { reason: "old", objectId: "tom_0" });
    assert.deepEqual(objects.make(Raw, { ripeness: 1 }, { reason: "raw" }).degradation, {
      reason: "raw",
      objectId: "tom_4968_2",
    });
  });

  it("keeps what the schema makes of data, and not what the app changes after", () => {
    const objects = objectsOf();
    const data = { ripeness: 1, more: true };
    objects.make(Raw, data);
    data.ripeness = 2;
    assert.equal(objects.made, '[{"type":"raw","prefix":"tom","data":{"ripeness":1}}]');
  });

  it("refuses data that the type does not take, that is no JSON, or that no store keeps", () => {
    const objects = objectsOf();
    let deep: unknown = 1;
    for (let i = 0; i < 33; i++) deep = [deep];
    const circle: { self?: unknown } = {};
    circle.self = circle;
    for (const [type, data, message] of [
      [
        Raw,
        { ripeness: 2 },
        /^Error: The data of the raw to be made is not what its type declares: "ripeness" Too big/,
      ],
      [Raw, { ripeness: Number.NaN }, /expected number, received null/],
      [Any, undefined, /^Error: The data of the any to be made is no JSON$/],
      [Any, () => 1, /is no JSON$/],
      [Any, 1n, /BigInt/],
      [Any, circle, /circular/],
      [Any, "a\0b", /^Error: The data of the any to be made can't be kept: must hold neither NUL/],
      [Any, { a: "\ud800" }, /can't be kept: "a" must hold neither NUL nor lone surrogates/],
      [Any, JSON.parse('{"__proto__": 1}'), /can't be kept: "__proto__" is not a name/],
      [Any, deep, /must have at most 32 levels/],
    ] as const) {
      assert.throws(() => objects.make<unknown>(type, data), message);
    }
    assert.equal(objects.made, undefined);
  });

  it("takes reasons of 1 to 256 characters", () => {
    const objects = objectsOf();
    for (const reason of ["", "a".repeat(257), "a\0", 1 as unknown as string]) {
      assert.throws(() => objects.make(Any, 1, { reason }), {
        message: "Why an object is degraded is told in 1 to 256 characters",
      });
    }
    objects.make(Any, 1, { reason: "a".repeat(256) });
    objects.make(Any, 1, { reason: "a" });
    assert.equal(JSON.parse(objects.made ?? "").length, 2);
  });

  it("makes 1,000 objects and no more, and none once the task is over", () => {
    const objects = objectsOf();
    for (let i = 0; i < 1_000; i++) objects.make(Any, i);
    assert.throws(() => objects.make(Any, 1), { message: "A task makes at most 1000 objects" });
    objects.close();
    assert.throws(() => objects.make(Any, 1), {
      message: "The task is over; only while it runs it may make objects",
    });
    assert.equal(JSON.parse(objects.made ?? "").length, 1_000);
  });

  it("makes nothing of a type that is none", () => {
    const none = { type: "No Type", prefix: "tom", data: z.any() };
    for (const type of [none, { ...none, type: "a", prefix: "T" }]) {
      assert.throws(() => objectsOf().make(type, 1), { message: "Objects are made of an objectType()" });
    }
  });
});
