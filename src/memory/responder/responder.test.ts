import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { JsonObject } from "../../engine/json.ts";
import type { Message } from "../../engine/message.ts";
import { DEFAULT_STYLE, type Profile } from "../../engine/user.ts";
import type { Context, Piece } from "../model.ts";
import { builtInModel } from "./responder.ts";
import { SUMMARY_LENGTH_MAX } from "./summary.ts";

const model = builtInModel();
const signal = new AbortController().signal;

interface Given {
  readonly facts?: JsonObject;
  readonly earlier?: readonly Message[];
  readonly summary?: string;
  readonly profile?: Partial<Profile>;
  readonly task?: JsonObject;
}

function contextOf(content: string, { facts = {}, earlier = [], summary, profile, task }: Given = {}): Context {
  return {
    systemPrompt: "Be helpful.",
    profile: { ...DEFAULT_STYLE, preferences: {}, ...profile },
    workingMemory: { ...task, user: facts },
    messages: [...earlier, { role: "user", content }],
    ...(summary === undefined ? {} : { summary }),
  };
}

async function piecesOf(context: Context, abort: AbortSignal = signal): Promise<readonly Piece[]> {
  return Array.fromAsync(model.answer(context, abort));
}

async function answerOf(content: string, given: Given = {}): Promise<string> {
  const pieces = await piecesOf(contextOf(content, given));
  return pieces.map((piece) => (piece.piece === "text" ? piece.text : "")).join("");
}

const user = (content: string): Message => ({ role: "user", content });
const assistant = (content: string): Message => ({ role: "assistant", content });

describe("builtInModel().answer()", () => {
  it("streams words, and then the end without usage", async () => {
    assert.deepEqual(await piecesOf(contextOf("What's my name?", { facts: { name: "John" } })), [
      { piece: "text", text: "Your" },
      { piece: "text", text: " name" },
      { piece: "text", text: " is" },
      { piece: "text", text: " John" },
      { piece: "end", reason: "stop" },
    ]);
  });

  it("stops with the signal's reason", async () => {
    const reason = new Error("Enough");
    await assert.rejects(piecesOf(contextOf("Hello"), AbortSignal.abort(reason)), reason);
  });

  it("notes nothing where somebody despairs, and sends them to people", async () => {
    for (const message of [
      "I want to die",
      "i just wanna kill myself.",
      "I'm thinking about ending my life",
      "I am suicidal",
    ]) {
      assert.match(await answerOf(message), /crisis line/, message);
    }
    for (const message of ["My phone died", "I want to dye my hair", "I wish to kill this process"]) {
      assert.doesNotMatch(await answerOf(message), /crisis line/, message);
    }
  });

  it("answers from the summary and the task where the messages are gone", async () => {
    const { text: summary } = await model.summarize(
      undefined,
      [user("My sister lives in Rome."), assistant("Fine.")],
      signal,
    );
    assert.equal(
      await answerOf("Where does my sister live?", { summary }),
      "You told me that your sister lives in Rome.",
    );
    assert.equal(
      await answerOf("Where does my sister live?", { summary: "The user's sister lives in Rome." }),
      "You told me that your sister lives in Rome.",
    );
    assert.equal(
      await answerOf("What is the deadline?", { task: { deadline: "May 5" } }),
      "You told me that the deadline is May 5.",
    );
  });

  it("is shorter or longer as the profile has it", async () => {
    const text = "My cat is grey. I sold the car.";
    assert.equal(await answerOf(text, { profile: { verbosity: "low" } }), "I'll remember that.");
    assert.equal(await answerOf(text), "I'll remember that your cat is grey, and that you sold the car.");
    assert.equal(
      await answerOf(text, { profile: { verbosity: "high" } }),
      "I'll remember that your cat is grey, and that you sold the car. You can ask me about it at any time in this session.",
    );
  });

  it("answers any text with some text", async () => {
    const odd = [
      "",
      " ",
      "\0",
      "\ud800",
      "🎉",
      "?",
      "'",
      "a".repeat(5_000),
      "my ".repeat(1_666),
      "((((",
      "%s {{x}}",
      "我的名字",
    ];
    for (const text of odd) {
      for (const one of [text, `${text}?`, `what did I say about ${text}`, `my name is ${text}`]) {
        assert.notEqual(
          await answerOf(one, { earlier: [user(text), assistant(text)] }),
          "",
          JSON.stringify(one.slice(0, 40)),
        );
      }
    }
  });

  it("answers 5,000 characters made to keep it searching", async () => {
    const parts = [
      "my ",
      "I ",
      "and I ",
      ", and my ",
      '"',
      "' ",
      "?",
      "1. ",
      "is the ",
      "hi ",
      "please ",
      "not ",
      "a",
      "y",
    ];
    for (const part of parts) assert.notEqual(await answerOf(part.repeat(Math.floor(5_000 / part.length))), "", part);
  });
});

describe("builtInModel().summarize()", () => {
  it("says in order what was told, asked and answered", async () => {
    const messages = [user("Hi, my name is John. Where is the station?"), assistant("I don't know. Sorry.")];
    assert.equal(
      (await model.summarize("User: I like tea.", messages, signal)).text,
      "User: I like tea.\nUser: my name is John.\nUser asked: Where is the station?\nAnswer: I don't know",
    );
  });

  it("lets the oldest give way, and what tells of the user last", async () => {
    const messages = Array.from({ length: 400 }, (_, i) => [user(`The box ${i} is heavy.`), assistant(`Noted ${i}.`)]);
    const { text: summary } = await model.summarize("User: my name is John.", messages.flat(), signal);
    assert.ok(summary.length <= SUMMARY_LENGTH_MAX, `${summary.length}`);
    assert.match(summary, /^User: my name is John\.\nUser: The box \d+ is heavy\./);
    assert.match(summary, /The box 399 is heavy\.$/);
    assert.doesNotMatch(summary, /The box 0 |Noted/);
  });
});
