import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toSecondPerson } from "./second-person.ts";
import { asks, clausesOf, sentencesOf } from "./sentences.ts";
import { contentOf, rootOf } from "./words.ts";

describe("sentencesOf()", () => {
  it("ends a sentence neither at a title nor within a number, and leaves code out", () => {
    assert.deepEqual(sentencesOf("Dr. Müller paid 3.50 euros. Why?! ```js\nx. y\n``` Fine…"), [
      { text: "Dr. Müller paid 3.50 euros", isQuestion: false },
      { text: "Why", isQuestion: true },
      { text: "Fine", isQuestion: false },
    ]);
  });

  it("parts a statement from the question behind it", () => {
    assert.deepEqual(sentencesOf("My name is John, what's yours?"), [
      { text: "My name is John", isQuestion: false },
      { text: "what's yours", isQuestion: true },
    ]);
  });
});

describe("clausesOf()", () => {
  it("parts what could stand alone, and only that", () => {
    assert.deepEqual(clausesOf("my son is 7 and my daughter is 4"), ["my son is 7", "my daughter is 4"]);
    assert.deepEqual(clausesOf("my cat and my dog are old"), ["my cat and my dog are old"]);
    assert.deepEqual(clausesOf("I love my mother and my father"), ["I love my mother and my father"]);
  });
});

describe("asks()", () => {
  it("knows a question without its mark", () => {
    for (const text of ["what is my name", "do I like tea", "where does she live", "is the shop open"]) {
      assert.equal(asks(text), true, text);
    }
    for (const text of ["when I was young, I sang", "what a day", "have fun", "I know who you are"]) {
      assert.equal(asks(text), false, text);
    }
  });
});

describe("toSecondPerson()", () => {
  it("says a user's words back to them", () => {
    assert.equal(toSecondPerson("My sister visits me, and I was glad"), "your sister visits you, and you were glad");
    assert.equal(toSecondPerson("I'm sure you are slow but I like you"), "you're sure I am slow but you like me");
    assert.equal(toSecondPerson("We took our dog"), "you took your dog");
    assert.equal(toSecondPerson("Rex is mine"), "Rex is yours");
  });

  it("leaves what stands in quotation marks alone", () => {
    assert.equal(toSecondPerson('He told me "I am my own boss" and left'), 'he told you "I am my own boss" and left');
  });
});

describe("rootOf()", () => {
  it("gives the forms of a word one root", () => {
    for (const [one, other] of [
      ["lives", "living"],
      ["went", "go"],
      ["colour", "colors"],
      ["mum", "mother"],
      ["Anna's", "anna"],
    ] as const) {
      assert.equal(rootOf(one), rootOf(other), one);
    }
    assert.notEqual(rootOf("sister"), rootOf("brother"));
  });
});

describe("contentOf()", () => {
  it("keeps the words that carry sense", () => {
    assert.deepEqual(contentOf("Where does my sister live?"), [rootOf("sister"), rootOf("live")]);
  });
});
