import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { idOf, type ObjectType, objectType, z } from "./index.ts";

const Data = z.object({ name: z.string() });

describe("objectType()", () => {
  it("declares a type by its name, the prefix of its ids and the shape of its data", () => {
    const Sauce = objectType("sauce", { prefix: "sce", data: Data });
    const known: ObjectType<{ name: string }> = Sauce;
    assert.deepEqual(known, { type: "sauce", prefix: "sce", data: Data });
    assert.equal(Object.isFrozen(Sauce), true);
  });

  it("takes names and prefixes up to their lengths, and nothing past them", () => {
    const faultsOf = (type: string, prefix: string): readonly string[] => {
      try {
        objectType(type, { prefix, data: Data });
        return [];
      } catch (error) {
        return (error as { readonly faults: readonly { readonly field: string }[] }).faults.map(({ field }) => field);
      }
    };
    for (const [type, prefix, wrong] of [
      ["a", "a", []],
      ["0_-z".padEnd(64, "a"), "abcdefghijklmnop", []],
      ["a".repeat(65), "a".repeat(17), ["type", "prefix"]],
      ["", "", ["type", "prefix"]],
      ["Sauce", "sce1", ["type", "prefix"]],
      ["a b", "s_", ["type", "prefix"]],
      ["a\n", "a\n", ["type", "prefix"]],
    ] as const) {
      assert.deepEqual(faultsOf(type, prefix), wrong, `${type} ${prefix}`);
    }
  });

  it("says all that is wrong with a type whose types nobody checked", () => {
    const wrong = { prefix: 1, data: {} } as unknown as { readonly prefix: string; readonly data: z.ZodType };
    assert.throws(() => objectType("Sauce", wrong), {
      code: "invalid",
      message:
        'This is no type of objects: "type" must be 1 to 64 lower-case letters, digits, _ and -; ' +
        '"prefix" must be 1 to 16 lower-case letters; "data" must be a Zod schema',
      faults: [
        { field: "type", message: "must be 1 to 64 lower-case letters, digits, _ and -", type: "invalid_value" },
        { field: "prefix", message: "must be 1 to 16 lower-case letters", type: "invalid_value" },
        { field: "data", message: "must be a Zod schema", type: "invalid_type" },
      ],
    });
  });
});

describe("idOf()", () => {
  const Raw = objectType("raw", { prefix: "tom", data: Data });
  const Sliced = objectType("sliced", { prefix: "slc", data: Data });

  it("is a text of at most 128 characters whose JSON Schema names the types", () => {
    const id = idOf(Raw, Sliced);
    assert.deepEqual(z.toJSONSchema(z.object({ id }).shape.id), {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      type: "string",
      minLength: 1,
      maxLength: 128,
      "x-object-types": ["raw", "sliced"],
    });
    assert.deepEqual(
      ["", "a", "a".repeat(128), "a".repeat(129), 1].map((value) => id.safeParse(value).success),
      [false, true, true, false, false],
    );
  });

  it("is of one type at least", () => {
    assert.throws(() => idOf(), { code: "invalid", message: "idOf() takes one type of objects, or more" });
  });
});
