import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gramsOf, inchesOf, size } from "./measures.ts";

describe("gramsOf()", () => {
  it("weighs what is weighed, poured or counted", () => {
    const grams = [
      gramsOf({ amount: 200, unit: "g" }),
      gramsOf({ amount: 0.5, unit: "kg" }),
      gramsOf({ amount: 2, unit: "tbsp" }),
      gramsOf({ amount: 6, unit: "leaves" }),
    ];
    assert.deepEqual(grams, [200, 500, 30, 3]);
  });
});

describe("size", () => {
  it("takes 4 to 24 inches", () => {
    const sizes = ["4inch", "12inch", "10.5 inches", "14in", '16"', "24inch"];
    assert.deepEqual(
      sizes.map((text) => inchesOf(size.parse(text))),
      [4, 12, 10.5, 14, 16, 24],
    );
  });

  it("refuses what is no size, and shows one", () => {
    for (const text of ["", "12", "3inch", "25inch", "24.5inch", "30cm", "large", "-12inch", "012inch"]) {
      const { error } = size.safeParse(text);
      assert.deepEqual(
        error?.issues.map(({ message }) => message),
        ['must be 4inch to 24inch, such as "12inch"'],
        text,
      );
    }
  });
});
