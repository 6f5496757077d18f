import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Value } from "../value.ts";
import { packed, unpacked } from "./packed-values.ts";

describe("packed() and unpacked()", () => {
  it("keep every value, also texts that look like bytes", () => {
    const value: Value = {
      texts: ["", "a", "\0", "\0b0", "\0\0b0", "b0"],
      bytes: [Uint8Array.of(0, 255), { deep: Uint8Array.of() }],
      rest: [null, true, 1.5, -0.1, {}],
    };
    const { text, bytes } = packed(value);
    assert.deepEqual(unpacked(text, bytes), { value });
    assert.equal(bytes.length, 2);
  });

  it("have nothing for nothing", () => {
    assert.deepEqual(packed(undefined), { text: "{}", bytes: [] });
  });
});
