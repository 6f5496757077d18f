import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidArgumentError } from "commander";
import { bytes, jsonObject, moment, range } from "./arguments.ts";

function refused(read: (text: string) => unknown, texts: readonly string[]): void {
  for (const text of texts) assert.throws(() => read(text), InvalidArgumentError, text);
}

describe("bytes()", () => {
  it("reads plain numbers, and those with a unit", () => {
    const texts = ["0", "4096", "1B", "64KiB", "64k", "64KB", "20m", "1.5GiB", "2T"];
    const numbers = [0, 4_096, 1, 65_536, 65_536, 65_536, 20_971_520, 1_610_612_736, 2_199_023_255_552];
    assert.deepEqual(texts.map(bytes), numbers);
    refused(bytes, ["", "-1", "1e3", "64 KiB", "1iB", "9999999T", "many"]);
  });
});

describe("moment()", () => {
  it("tells numbers of operations from names of checkpoints", () => {
    assert.deepEqual(["7", "007", "before 7", "-1", "1.0"].map(moment), [7, 7, "before 7", "-1", "1.0"]);
    refused(moment, ["0", "9999999999999999"]);
  });
});

describe("range()", () => {
  it("reads what HTTP would, the last byte included", () => {
    const spans = [{ start: 0, end: 1 }, { start: 5, end: 10 }, { start: 100 }, { start: -100 }];
    assert.deepEqual(["0-0", "5-9", "100-", "-100"].map(range), spans);
    refused(range, ["", "-", "5", "9-5", "-0", "a-b", "1-2-3", "0-1,4-5"]);
  });
});

describe("jsonObject()", () => {
  it("reads an object, and nothing else", () => {
    assert.deepEqual(jsonObject('{"a": [1]}'), { a: [1] });
    refused(jsonObject, ["", "[]", "null", "1", "{a: 1}"]);
  });
});
