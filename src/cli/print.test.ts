import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { size } from "./print.ts";

describe("size()", () => {
  it("says how many bytes, in the unit that people would take", () => {
    const cases: readonly (readonly [bytes: number, text: string])[] = [
      [0, "0 B"],
      [1_023, "1023 B"],
      [1_024, "1.0 KiB"],
      [1_258_291, "1.2 MiB"],
      [1_048_575, "1.0 MiB"],
      [20 * 1_048_576, "20.0 MiB"],
      [10_737_418_240, "10.0 GiB"],
      [5_000 * 1_099_511_627_776, "5000.0 TiB"],
    ];
    for (const [bytes, text] of cases) assert.equal(size(bytes), text);
  });
});
