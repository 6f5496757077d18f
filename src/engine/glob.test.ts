import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { compileGlob, globFaults } from "./glob.ts";

describe("compileGlob()", () => {
  const cases: readonly (readonly [pattern: string, matching: readonly string[], others: readonly string[]])[] = [
    ["*.csv", [".csv", "a.csv", "a.b.csv", "🏕️.csv"], ["a.CSV", "a.csv2", "csv", ""]],
    ["?.csv", ["a.csv", "🏕.csv"], [".csv", "ab.csv"]],
    ["", [""], ["a"]],
    ["*", ["", "anything"], []],
    ["a**b", ["ab", "axb"], ["a", "b"]],
    ["report_[0-9][0-9].txt", ["report_07.txt"], ["report_7.txt", "report_aa.txt"]],
    ["[!a-c]x", ["dx", "🏕x"], ["ax", "x"]],
    ["[^a]", ["b"], ["a"]],
    ["[]a]", ["]", "a"], ["b", "[]a]"]],
    ["[a-]", ["a", "-"], ["b"]],
    ["[\\]]", ["]"], ["\\"]],
    ["\\*\\?\\[", ["*?["], ["a?["]],
    ["a\\", ["a\\"], ["a"]],
    ["[a", ["[a"], ["a"]],
    ["a*b*c", ["abc", "axxbyyc", "abcbc"], ["acb", "ab"]],
  ];
  for (const [pattern, matching, others] of cases) {
    it(`reads ${JSON.stringify(pattern)}`, () => {
      const matches = compileGlob(pattern);
      for (const name of matching) assert.ok(matches(name), name);
      for (const name of others) assert.ok(!matches(name), name);
    });
  }

  it("is done at once with many stars and a name that fits them all but at its end", () => {
    // One that tried each way to share the name out among the stars would have about 10^28 of them to try.
    const matches = compileGlob(`${"*a".repeat(20)}b`);
    assert.equal(matches("a".repeat(255)), false);
    assert.equal(matches(`${"a".repeat(254)}b`), true);
  });
});

describe("globFaults()", () => {
  it("refuses what is too long, empty, or does not end", () => {
    assert.deepEqual(globFaults("p", "*".repeat(1_024)), []);
    assert.equal(globFaults("p", "*".repeat(1_025))[0]?.type, "too_big");
    assert.equal(globFaults("p", "")[0]?.type, "too_small");
    assert.equal(globFaults("p", "[a")[0]?.type, "invalid_pattern");
    assert.deepEqual(globFaults("p", "\\[a"), []);
  });
});
