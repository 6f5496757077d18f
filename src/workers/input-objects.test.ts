import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { idOf, objectType, z } from "../app-format/index.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import { describedSchema } from "./described-schema.ts";
import { usesIn } from "./input-objects.ts";

const Data = z.object({});
const Raw = objectType("raw", { prefix: "tom", data: Data });
const Sliced = objectType("sliced", { prefix: "slc", data: Data });
const Sauce = objectType("sauce", { prefix: "sce", data: Data });

type Use = readonly [objectId: string, types: readonly string[], field: string];

function usesOf(schema: z.ZodType | JsonObject, input: Json): readonly Use[] {
  const described = schema instanceof z.ZodType ? describedSchema(schema, "input") : schema;
  return usesIn(described)(input).map(({ objectId, types, field }) => [objectId, types, field]);
}

/** A schema by which one id stands at `id`, and the schema itself at other places. */
const NAMES = { type: "string", "x-object-types": ["raw"] };

describe("usesIn()", () => {
  it("finds ids at every depth, in the order of the input, with the field of each", () => {
    const schema = z.object({
      base: idOf(Raw),
      ids: z.array(idOf(Raw, Sliced)),
      rows: z.array(z.object({ id: idOf(Sauce), amount: z.number() })),
      pair: z.tuple([z.string(), idOf(Raw)], idOf(Sauce)),
      byName: z.record(z.string(), z.array(idOf(Sliced))),
      both: z.object({ a: idOf(Raw) }).and(z.object({ b: idOf(Sauce) })),
      name: z.string(),
    });
    const input = {
      name: "tom_0",
      byName: { "a.b": ["slc_1"], __proto: ["slc_2"] },
      rows: [
        { id: "sce_1", amount: 1 },
        { amount: 2, id: "sce_2" },
      ],
      base: "tom_1",
      ids: ["tom_1", "slc_1", "tom_1"],
      pair: ["tom_9", "tom_2", "sce_3"],
      both: { b: "sce_4", a: "tom_3" },
    };
    assert.equal(schema.safeParse(input).success, true);
    assert.deepEqual(usesOf(schema, input), [
      ["slc_1", ["sliced"], "input.byName.a.b.0"],
      ["slc_2", ["sliced"], "input.byName.__proto.0"],
      ["sce_1", ["sauce"], "input.rows.0.id"],
      ["sce_2", ["sauce"], "input.rows.1.id"],
      ["tom_1", ["raw"], "input.base"],
      ["tom_1", ["raw", "sliced"], "input.ids.0"],
      ["slc_1", ["raw", "sliced"], "input.ids.1"],
      ["tom_1", ["raw", "sliced"], "input.ids.2"],
      ["tom_2", ["raw"], "input.pair.1"],
      ["sce_3", ["sauce"], "input.pair.2"],
      ["sce_4", ["sauce"], "input.both.b"],
      ["tom_3", ["raw"], "input.both.a"],
    ]);
    assert.deepEqual(usesOf(idOf(Raw), "tom_1"), [["tom_1", ["raw"], "input"]]);
  });

  it("finds ids that may be absent, null, or made to fit", () => {
    const schema = z.object({
      a: idOf(Raw).optional(),
      b: idOf(Raw).nullable(),
      c: idOf(Raw).nullish(),
      d: idOf(Raw).default("tom_0"),
      e: idOf(Raw).trim().describe("what it is of"),
      f: z.preprocess((value) => value, z.object({ id: idOf(Raw) })),
      g: idOf(Raw).transform((id) => ({ id })),
    });
    assert.deepEqual(usesOf(schema, { b: null, e: "tom_1", f: { id: "tom_2" }, g: "tom_3" }), [
      ["tom_1", ["raw"], "input.e"],
      ["tom_2", ["raw"], "input.f.id"],
      ["tom_3", ["raw"], "input.g"],
    ]);
    assert.deepEqual(
      usesOf(schema, { a: "tom_4", b: "tom_5", c: "tom_6", d: "tom_7" }).map(([id]) => id),
      ["tom_4", "tom_5", "tom_6", "tom_7"],
    );
  });

  it("takes all types that alternatives allow, of those that the input can be", () => {
    const either = z.object({ id: z.union([idOf(Raw), idOf(Sliced, Raw), z.number()]) });
    assert.deepEqual(usesOf(either, { id: "x_1" }), [["x_1", ["raw", "sliced"], "input.id"]]);
    assert.deepEqual(usesOf(either, { id: 1 }), []);
    const told = z.discriminatedUnion("kind", [
      z.object({ kind: z.literal("raw"), of: idOf(Raw) }),
      z.object({ kind: z.literal("sauce"), of: idOf(Sauce) }),
      z.object({ kind: z.enum(["text", "note"]), of: z.string() }),
    ]);
    assert.deepEqual(usesOf(told, { kind: "raw", of: "a" }), [["a", ["raw"], "input.of"]]);
    assert.deepEqual(usesOf(told, { of: "a", kind: "sauce" }), [["a", ["sauce"], "input.of"]]);
    assert.deepEqual(usesOf(told, { kind: "note", of: "a" }), []);
    const shaped = z.union([
      z.strictObject({ a: idOf(Raw) }),
      z.strictObject({ a: idOf(Sliced), b: z.number() }),
      z.array(z.object({ a: idOf(Sauce) })),
      z.tuple([z.literal("pair"), idOf(Sliced)]),
    ]);
    assert.deepEqual(usesOf(shaped, { a: "x" }), [["x", ["raw"], "input.a"]]);
    assert.deepEqual(usesOf(shaped, { a: "x", b: 1 }), [["x", ["sliced"], "input.a"]]);
    assert.deepEqual(usesOf(shaped, ["pair", "x"]), [["x", ["sliced"], "input.1"]]);
    // Where it can be none of them, all count.
    assert.deepEqual(usesOf(told, { kind: "none", of: "a" }), [["a", ["raw", "sauce"], "input.of"]]);
  });

  it("takes a text that stands there as a literal for no id", () => {
    const one = z.union([idOf(Raw), z.literal("generic"), z.enum(["none", "any"])]);
    const row = z.union([z.object({ id: idOf(Raw) }), z.object({ id: z.literal("generic"), name: z.string() })]);
    const schema = z.object({ ids: z.array(one), row });
    assert.deepEqual(usesOf(schema, { ids: ["generic", "tom_1", "any"], row: { id: "generic", name: "salt" } }), [
      ["tom_1", ["raw"], "input.ids.1"],
    ]);
    assert.deepEqual(usesOf(schema, { ids: [], row: { id: "tom_1", name: "salt" } }), [
      ["tom_1", ["raw"], "input.row.id"],
    ]);
  });

  it("follows references, also those that lead in circles", () => {
    const Tree = z.object({
      id: idOf(Raw),
      get children() {
        return z.array(Tree);
      },
    });
    assert.deepEqual(usesOf(Tree, { id: "a", children: [{ id: "b", children: [{ id: "c", children: [] }] }] }), [
      ["a", ["raw"], "input.id"],
      ["b", ["raw"], "input.children.0.id"],
      ["c", ["raw"], "input.children.0.children.0.id"],
    ]);
    const odd = {
      $ref: "#/$defs/a~1b~0c",
      $defs: { "a/b~c": { anyOf: [{ $ref: "#/$defs/a~1b~0c" }, { $ref: "#" }, { type: "null" }, NAMES] } },
    };
    assert.deepEqual(usesOf(odd, "x"), [["x", ["raw"], "input"]]);
    assert.deepEqual(
      usesOf({ allOf: [{ $ref: "#" }, { properties: { a: { $ref: "#" }, id: NAMES } }] }, { a: { id: "x" } }),
      [["x", ["raw"], "input.a.id"]],
    );
  });

  it("finds nothing by what is no schema, and by no member that every object has", () => {
    for (const schema of [
      {},
      { "x-object-types": "raw" },
      { "x-object-types": [] },
      { "x-object-types": [1, null, {}] },
      { anyOf: "x", allOf: {}, oneOf: null, $ref: 1 },
      { $ref: "#/constructor/name" },
      { $ref: "https://example.com/schema", anyOf: [1, null, true] },
      { $ref: "#/$defs/none", not: NAMES, default: NAMES, const: NAMES },
    ]) {
      for (const input of ["tom_1", { id: "tom_1" }, ["tom_1"]]) assert.deepEqual(usesOf(schema, input), []);
    }
    const members = { properties: { id: NAMES }, prefixItems: 1, items: [NAMES], additionalProperties: false };
    assert.deepEqual(usesOf(members, JSON.parse('{"constructor": "a", "__proto__": "b", "toString": "c"}')), []);
    assert.deepEqual(usesOf(members, ["a"]), []);
  });

  it("goes on to one object more than a task may take, and no further", () => {
    const schema = z.object({ ids: z.array(idOf(Raw)), last: idOf(Raw) });
    const idsOf = (count: number): readonly string[] => Array.from({ length: count }, (_, i) => `tom_${i}`);
    const among = (ids: readonly string[]): number => usesOf(schema, { ids, last: "tom_0" }).length;
    assert.deepEqual(
      [999, 1_000, 1_001, 5_000].map((count) => among(idsOf(count))),
      [1_000, 1_001, 1_001, 1_001],
    );
    assert.equal(among(idsOf(5_000).map(() => "tom_0")), 5_001);
  });

  it("passes over much that names nothing", () => {
    const schema = z.object({ points: z.array(z.array(z.number())), names: z.array(z.string()), id: idOf(Raw) });
    const points = Array.from({ length: 300_000 }, (_, i) => [i, i]);
    const names = points.map(() => "x");
    assert.deepEqual(usesOf(schema, { points, names, id: "tom_1" }), [["tom_1", ["raw"], "input.id"]]);
  });

  it("gives up on what would take too long, and survives what is too deep", () => {
    const tooMuch = {
      code: "invalid",
      faults: [{ field: "input", message: "holds too much to be looked through for objects", type: "too_big" }],
    };
    const wide: JsonObject = { anyOf: Array.from({ length: 2_000 }, (_, i) => ({ ...NAMES, title: String(i) })) };
    assert.throws(
      () =>
        usesOf(
          { items: wide },
          Array.from({ length: 1_000 }, () => "x"),
        ),
      tooMuch,
    );
    let nested: JsonObject = NAMES;
    for (let i = 0; i < 25; i++) nested = { anyOf: [nested, { ...nested }] };
    assert.deepEqual(usesOf(nested, "x"), [["x", ["raw"], "input"]]);
    const $defs = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, i) => [`d${i}`, i === 99_999 ? NAMES : { $ref: `#/$defs/d${i + 1}` }]),
    );
    assert.deepEqual(usesOf({ $ref: "#/$defs/d0", $defs }, "x"), [["x", ["raw"], "input"]]);
    const deep = JSON.parse(`${"[".repeat(5_000)}"x"${"]".repeat(5_000)}`) as Json;
    assert.deepEqual(usesOf({ ...NAMES, items: { $ref: "#" } }, deep), []);
    const within = JSON.parse(`${"[".repeat(32)}"x"${"]".repeat(32)}`) as Json;
    assert.equal(usesOf({ ...NAMES, items: { $ref: "#" } }, within).length, 1);
  });
});
