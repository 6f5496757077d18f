import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { AnswerText } from "./answer-text.ts";

describe("AnswerText", () => {
  it("holds blanks back until text follows them", () => {
    const text = new AnswerText(100);
    assert.deepEqual([text.add(" "), text.add("\n"), text.isBlank], ["", "", true]);
    assert.deepEqual([text.add("a"), text.add(" "), text.isBlank], [" \na", " ", false]);
  });

  it("cuts at its bound, however large a piece is, and never within a character", () => {
    const text = new AnswerText(1);
    assert.equal(text.add("a".repeat(15)), "a".repeat(15));
    assert.equal(text.isFull, false);
    assert.equal(text.add(`😀${"b".repeat(1_000_000)}`), "");
    assert.equal(text.isFull, true);
    assert.equal(new AnswerText(1).add("b".repeat(1_000_000)), "b".repeat(16));
  });

  it("counts what is not shown", () => {
    const text = new AnswerText(1);
    text.addHidden("c".repeat(16));
    assert.deepEqual([text.isFull, text.isBlank], [true, true]);
  });
});
