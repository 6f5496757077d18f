import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { questionsOf } from "./questions.ts";

describe("questionsOf()", () => {
  it("parts what asks twice", () => {
    assert.deepEqual(questionsOf("What is my name, and where do I live"), ["What is my name", "where do I live"]);
    assert.deepEqual(questionsOf("Who am I and do I have a dog"), ["Who am I", "do I have a dog"]);
    assert.deepEqual(questionsOf("What's my name and my city"), ["What's my name", "What's my city"]);
    assert.deepEqual(questionsOf("How much is my rent and when is it due"), [
      "How much is my rent",
      "when is my rent due",
    ]);
    assert.deepEqual(questionsOf("Where do I live and work"), ["Where do I live", "Where do I work"]);
  });

  it("parts a few at most", () => {
    assert.equal(questionsOf("What is my name and ".repeat(50)).length, 8);
  });

  it("leaves alone what asks or tells once", () => {
    for (const text of [
      "What do my mother and my father like",
      "What did I say about where I live and what I eat",
      "Who is older, Ann or Bob",
      "I know who you are and where you live",
    ]) {
      assert.deepEqual(questionsOf(text), [text]);
    }
  });
});
