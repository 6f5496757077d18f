import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Json } from "./json.ts";
import { jsonDifferences } from "./json-differences.ts";

describe("jsonDifferences()", () => {
  const of = (expected: Json | undefined, actual: Json | undefined, path = "at"): readonly object[] => [
    ...jsonDifferences(expected, actual, path),
  ];

  it("finds none between values that are the same, in whatever order their members are", () => {
    for (const value of [null, 1, "a", [], {}, { a: [1, { b: null }] }]) assert.deepEqual(of(value, value), []);
    assert.deepEqual(of({ a: 1, b: [2], c: undefined }, { b: [2], a: 1 }), []);
  });

  it("names the places where values differ, as deep as may be", () => {
    const expected = { a: 1, b: { c: [1, 2, { d: "x" }] }, gone: { e: 1 } };
    const actual = { b: { c: [1, 3, { d: "y" }, 4] }, a: 1, f: null };
    assert.deepEqual(of(expected, actual), [
      { path: "at.b.c.1", expected: 2, actual: 3 },
      { path: "at.b.c.2.d", expected: "x", actual: "y" },
      { path: "at.b.c.3", actual: 4 },
      { path: "at.gone", expected: { e: 1 } },
      { path: "at.f", actual: null },
    ]);
    assert.deepEqual(of({ a: { b: 1 } }, { a: { b: 2 } }, ""), [{ path: "a.b", expected: 1, actual: 2 }]);
  });

  it("tells values of another sort whole", () => {
    const sorts: readonly Json[] = [null, 0, "", false, [], {}];
    for (const expected of sorts) {
      for (const actual of sorts.filter((one) => one !== expected)) {
        assert.deepEqual(of(expected, actual), [{ path: "at", expected, actual }]);
      }
    }
    assert.deepEqual(of(undefined, 1), [{ path: "at", actual: 1 }]);
  });

  it("takes nothing for a member that an object does not have itself", () => {
    assert.deepEqual(of({ constructor: 1 }, {}), [{ path: "at.constructor", expected: 1 }]);
  });
});
