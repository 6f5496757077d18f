import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { clean, cut, shareOf } from "./kept-text.ts";

describe("cut()", () => {
  it("keeps whole characters, and says how long the text was", () => {
    assert.equal(cut("abc", 3), "abc");
    for (const before of ["", "a"]) {
      const text = before + "😀".repeat(100);
      const kept = cut(text, 100);
      assert.match(kept, new RegExp(`^a?(😀)+… \\(cut: it has ${text.length} characters\\)$`, "u"));
      assert.ok(kept.isWellFormed() && kept.length >= 99 && kept.length <= 100, kept);
    }
  });
});

describe("clean()", () => {
  it("leaves neither NUL nor half a character", () => {
    assert.equal(clean("a\0b\ud800c😀"), "a\ufffdb\ufffdc😀");
  });
});

describe("shareOf()", () => {
  it("leaves to the long what the short do not take", () => {
    assert.equal(shareOf([], 10), 10);
    assert.equal(shareOf([2, 3, 5], 10), 10);
    assert.equal(shareOf([9, 1, 9], 10), 4);
    assert.equal(shareOf([9, 9, 9], 10), 3);
  });
});
