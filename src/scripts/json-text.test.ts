import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsedJson } from "./json-text.ts";

describe("parsedJson()", () => {
  it("takes numbers that come out as they are written", () => {
    const text = '[9007199254740991, -9007199254740991, 0.12345678901234567, 1e300, "9007199254740993"]';
    assert.deepEqual(parsedJson(text), JSON.parse(text));
  });

  it("refuses integers that would come out as others", () => {
    for (const integer of ["9007199254740993", "-9007199254740992", "123456789012345678901234567890"]) {
      assert.throws(() => parsedJson(`{"a": [${integer}]}`), { message: new RegExp(`^JSON has ${integer} in it`) });
    }
  });
});
