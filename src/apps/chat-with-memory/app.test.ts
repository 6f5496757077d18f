import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { holdApp } from "../../../tests/app-harness.ts";
import { saying, ToldModel } from "../../../tests/memory.ts";
import { app } from "./app.ts";

const SYSTEM = "You are a helpful assistant.";

const QUESTIONS = [
  "What is quantum computing?",
  "Can you give me a simple example?",
  "How is it different from classical computing?",
];

describe("chat-with-memory", () => {
  it("answers message after message, as its callers write them", async () => {
    const model = new ToldModel();
    await using held = await holdApp(app, { model });
    assert.deepEqual((await held.call({ action: "init", system: SYSTEM })).output, { ready: true, system: SYSTEM });
    const answers: unknown[] = [];
    for (const message of QUESTIONS) answers.push((await held.call({ message })).output);
    assert.deepEqual(
      answers,
      [1, 2, 3].map((n) => ({ response: `Answer ${n}`, model: "told" })),
    );
    const last = model.asked.at(-1);
    assert.equal(last?.systemPrompt, SYSTEM);
    assert.deepEqual(
      last?.messages.map(({ content }) => content),
      [QUESTIONS[0], "Answer 1", QUESTIONS[1], "Answer 2", QUESTIONS[2]],
    );
  });

  it("remembers what it was told, without a language model", async () => {
    await using held = await holdApp(app);
    await held.call({ action: "init", system: SYSTEM });
    await held.call({ message: "My name is Ada" });
    const { output } = await held.call({ message: "What is my name?" });
    const { response, model } = output as { readonly response: string; readonly model: string };
    assert.match(response, /Ada/);
    assert.equal(model, "built-in");
  });

  it("tells the answer while it is made", async () => {
    const model = new ToldModel();
    model.replies.push(async function* () {
      yield { piece: "text", text: "Well" };
      yield { piece: "text", text: ", yes" };
      yield { piece: "end", reason: "stop" };
    });
    await using held = await holdApp(app, { model });
    const { output, told } = await held.call({ message: "Are you there?" });
    assert.deepEqual(told[0], { output: { response: "Well" } });
    assert.deepEqual(output, { response: "Well, yes", model: "told" });
  });

  it("keeps its prompt and the conversation where its worker was lost", async () => {
    const model = new ToldModel();
    await using held = await holdApp(app, { model });
    await held.call({ action: "init", system: SYSTEM });
    await held.call({ message: "One" });
    held.lose();
    assert.deepEqual((await held.call({ message: "Two" })).output, { response: "Answer 2", model: "told" });
    assert.equal(model.asked.at(-1)?.systemPrompt, SYSTEM);
    assert.deepEqual((await held.call({ action: "history", limit: 3 })).output, {
      system: SYSTEM,
      messages: [
        { role: "assistant", content: "Answer 1" },
        { role: "user", content: "Two" },
        { role: "assistant", content: "Answer 2" },
      ],
    });
  });

  it("takes the server's prompt before init, and after an init without one", async () => {
    const model = new ToldModel();
    await using held = await holdApp(app, { model });
    await held.call({ message: "One" });
    const [first] = model.asked;
    await held.call({ action: "init", system: "Answer in French" });
    await held.call({ message: "Two" });
    assert.equal(model.asked.at(-1)?.systemPrompt, "Answer in French");
    assert.deepEqual((await held.call({ action: "init" })).output, { ready: true, system: null });
    await held.call({ message: "Three" });
    assert.equal(model.asked.at(-1)?.systemPrompt, first?.systemPrompt);
  });

  it("says which field is wrong", async () => {
    await using held = await holdApp(app, { model: new ToldModel() });
    for (const message of ["   ", "x".repeat(5_001)]) {
      await assert.rejects(held.call({ message }), ({ issues }: { readonly issues: readonly { path: unknown }[] }) => {
        assert.deepEqual(issues[0]?.path, ["message"]);
        return true;
      });
    }
  });

  it("has nothing of a turn that failed", async () => {
    const model = new ToldModel();
    model.replies.push(() => {
      throw new Error("no answer");
    }, saying("There"));
    await using held = await holdApp(app, { model });
    await assert.rejects(held.call({ message: "Are you there?" }));
    assert.deepEqual((await held.call({ action: "history" })).output, { system: null, messages: [] });
  });
});
