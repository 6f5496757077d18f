import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { readItems, type Slot, toNested } from "./tensor.ts";

const IMAGES: Slot = { name: "image", type: "float32", shape: ["batch", 2, 3] };

const TEXTS: Slot = { name: "text", type: "int64", shape: ["batch", "length"] };

describe("readItems()", () => {
  const image = { values: [1, 2, 3, 4, 5, 6], dimensions: [2, 3] };
  const rows = [
    [1, 2, 3],
    [4, 5, 6],
  ];

  it("takes one item, as nested arrays or as all its values", () => {
    for (const one of [rows, [1, 2, 3, 4, 5, 6]]) {
      assert.deepEqual(readItems(one, IMAGES, "data"), { items: [image], isOne: true });
    }
  });

  it("takes many items in either way", () => {
    for (const many of [
      [rows, rows],
      [
        [1, 2, 3, 4, 5, 6],
        [1, 2, 3, 4, 5, 6],
      ],
    ]) {
      assert.deepEqual(readItems(many, IMAGES, "data"), { items: [image, image], isOne: false });
    }
  });

  it("takes any length where the model does, and single values where those are items", () => {
    assert.deepEqual(readItems([7, 8], TEXTS, "data"), { items: [{ values: [7, 8], dimensions: [2] }], isOne: true });
    const words: Slot = { name: "word", type: "string", shape: ["batch"] };
    assert.deepEqual(readItems("a", words, "data"), { items: [{ values: ["a"], dimensions: [] }], isOne: true });
    assert.deepEqual(readItems(["a"], words, "data"), { items: [{ values: ["a"], dimensions: [] }], isOne: false });
  });

  it("takes a whole tensor where the model counts no items, or says no shape", () => {
    const fixed: Slot = { name: "x", type: "float32", shape: [2, 3] };
    assert.deepEqual(readItems(rows, fixed, "data"), { items: [image], isOne: true });
    const unknown: Slot = { name: "x", type: "float32", shape: [] };
    assert.deepEqual(readItems(rows, unknown, "data"), { items: [image], isOne: true });
  });

  it("says where data does not fit, and what would", () => {
    const wanted = "one item is float32 [2, 3], as nested arrays; many are an array of items";
    const cases: readonly (readonly [unknown, string])[] = [
      [5, `data is no array: ${wanted}`],
      [[], "data is empty"],
      [[1, 2], `data has 2 elements in place of 6: ${wanted}`],
      [
        [
          [1, 2, 3],
          [4, 5],
        ],
        `data[1] has 2 elements in place of 3: ${wanted}`,
      ],
      [[[1, 2, 3], 4], `data[1] is no array: ${wanted}`],
      [
        [
          [1, 2, 3],
          [4, 5, "6"],
        ],
        `data[1][2] is no number: ${wanted}`,
      ],
      [[rows, [[1]]], `data[1] has 1 elements in place of 2: ${wanted}`],
      [[[[[1]]]], `data has 4 levels of arrays: ${wanted}`],
    ];
    for (const [data, message] of cases) assert.throws(() => readItems(data, IMAGES, "data"), { message });
    assert.throws(() => readItems([1.5], TEXTS, "data.text"), {
      message: "data.text[0] is no integer: one item is int64 [length], as nested arrays; many are an array of items",
    });
  });
});

describe("toNested()", () => {
  it("makes arrays of a tensor's shape, single values, and texts of integers that are too large", () => {
    const floats = Float32Array.of(1, 2, 3, 4);
    assert.deepEqual(toNested({ data: floats, dims: [2, 1, 2] }), [[[1, 2]], [[3, 4]]]);
    assert.deepEqual(toNested({ data: floats, dims: [4] }), [1, 2, 3, 4]);
    assert.equal(toNested({ data: floats.subarray(0, 1), dims: [] }), 1);
    assert.deepEqual(toNested({ data: new Float32Array(), dims: [0, 3] }), []);
    assert.deepEqual(toNested({ data: BigInt64Array.of(5n, 2n ** 60n), dims: [2] }), [5, "1152921504606846976"]);
  });
});
