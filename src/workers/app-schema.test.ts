import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { z } from "zod";
import type { Json, JsonObject } from "../engine/json.ts";
import { checkOf } from "./app-schema.ts";
import { describedSchema } from "./described-schema.ts";

function wire(schema: z.ZodType): JsonObject {
  return describedSchema(schema, "input");
}

describe("checkOf()", () => {
  it("names the field, the rule and what is wrong, of every fault", () => {
    const check = checkOf(
      wire(
        z.strictObject({
          k: z.number().int().min(1),
          rows: z.array(z.object({ name: z.string() })),
          type: z.enum(["a", "b"]),
          by: z.number().default(1),
        }),
      ),
    );
    assert.deepEqual(check({ k: 1, rows: [{ name: "x" }], type: "a" }), []);
    assert.deepEqual(check({ k: 0.5, rows: [{ name: 1 }], type: "c", colour: 1 }), [
      { field: "k", message: "Invalid input: expected int, received number", type: "invalid_type" },
      { field: "rows.0.name", message: "Invalid input: expected string, received number", type: "invalid_type" },
      { field: "type", message: 'Invalid option: expected one of "a"|"b"', type: "invalid_value" },
      { field: "colour", message: "is not known here", type: "unrecognized_keys" },
    ]);
    assert.deepEqual(check({ rows: [], type: "a" }), [
      { field: "k", message: "Invalid input: expected number, received undefined", type: "invalid_type" },
    ]);
    assert.deepEqual(check("text"), [
      { field: "", message: "Invalid input: expected object, received string", type: "invalid_type" },
    ]);
  });

  it("refuses nothing that the schema itself takes", () => {
    const tree: z.ZodType = z.object({
      get next() {
        return z.nullable(tree);
      },
    });
    const cases: readonly (readonly [schema: z.ZodType, value: Json])[] = [
      [z.string().trim().max(3), "  abc  "],
      [z.string().trim().pipe(z.email()), " a@b.co "],
      [z.string().regex(/^a$/i), "A"],
      [
        z.discriminatedUnion("t", [z.object({ t: z.literal(1) }), z.object({ t: z.literal(2), b: z.string() })]),
        { t: 1 },
      ],
      [z.union([z.email(), z.string().startsWith("x")]), "xy"],
      [z.record(z.string().regex(/^A$/i), z.number()), { a: 1 }],
      [z.object({ a: z.string() }).and(z.object({ b: z.number().default(1) })), { a: "x" }],
      [z.preprocess(Number, z.number()), "5"],
      [z.object({ n: z.coerce.number().min(1) }), { n: "5" }],
      [z.object({ n: z.preprocess((given) => given ?? 1, z.number()) }), {}],
      [z.array(z.number().catch(0)), ["x"]],
      [z.bigint().or(z.date()).or(z.null()), null],
      [z.stringbool(), "yes"],
      [
        z.object({ at: z.iso.datetime().optional(), default: z.string(), pattern: z.number() }),
        { default: "a", pattern: 1 },
      ],
      [z.tuple([z.string()], z.number()), ["a", 1, 2]],
      [tree, { next: { next: null } }],
      [z.literal([1, "a", null]), null],
      [z.json(), { a: [1, null] }],
    ];
    for (const [schema, value] of cases) {
      assert.equal(schema.safeParse(value).success, true, JSON.stringify(wire(schema)));
      assert.deepEqual(checkOf(wire(schema))(value), [], JSON.stringify(wire(schema)));
    }
  });

  it("lets through what it can't tell, and what is no schema", () => {
    for (const schema of [
      { not: { type: "string" } },
      { type: "object", if: {}, else: false },
      { $ref: "#/$defs/none" },
      { type: "colour" },
      { type: "string", "x-unit": "m", maxLength: "a" },
      { anyOf: [{ type: "number" }, { type: "boolean" }] },
    ]) {
      assert.deepEqual(checkOf(schema)("text"), [], JSON.stringify(schema));
    }
    assert.deepEqual(checkOf(undefined)(1), []);
  });

  it("never runs a pattern of the app", () => {
    const check = checkOf({ type: "object", properties: { a: { type: "string", pattern: "^(a+)+$" } } });
    const began = performance.now();
    assert.deepEqual(check({ a: `${"a".repeat(40)}!` }), []);
    assert.ok(performance.now() - began < 1_000);
  });
});
