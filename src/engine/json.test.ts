import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Json, sameJson } from "./json.ts";

describe("sameJson()", () => {
  const values: readonly Json[] = [null, false, true, 0, 1, "", "1", [], [1], [1, 2], [2, 1], [null], {}, { a: 1 }];

  it("tells values apart", () => {
    const more: readonly Json[] = [...values, { a: 2 }, { b: 1 }, { a: 1, b: 2 }, { a: [] }, { a: {} }, { 0: 1 }];
    for (const [i, a] of more.entries()) {
      for (const [k, b] of more.entries()) {
        assert.equal(sameJson(a, structuredClone(b)), i === k, `${JSON.stringify(a)} and ${JSON.stringify(b)}`);
      }
    }
  });

  it("minds neither the order of members nor absent ones", () => {
    assert.ok(sameJson({ a: 1, b: { c: [1], d: 2 } }, { b: { d: 2, c: [1] }, a: 1 }));
    assert.ok(sameJson({ a: 1, b: undefined }, { a: 1 }));
    assert.ok(!sameJson({ a: undefined, b: 1 }, { a: 1, b: undefined }));
    assert.ok(!sameJson({ a: null }, {}));
  });
});
