import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { jobOf, listen, openStage, type Stage } from "../../tests/small-apps.ts";
import type { App, Ran } from "../engine/runner.ts";

const USER = `
const does = (run) => action({ input: z.looseObject({}), run });
let kept;
export const app = defineApp({
  name: "user",
  actions: {
    who: does(({ session, taskId }) => [session.id, session.userId, session.name ?? null, taskId]),
    memory: does(async ({ session }) => [
      await session.memory.set({ a: 1, b: 2 }), await session.memory.merge({ b: 3 }), await session.memory.get(),
    ]),
    messages: does(async ({ session }) => {
      await session.messages.add({ role: "user", content: "one" }, { role: "assistant", content: "two" });
      return [await session.messages.list(), await session.messages.list({ limit: 1 })];
    }),
    badMessage: does(({ session }) => session.messages.add({ role: "king", content: "one" })),
    chat: does(async ({ session }) => {
      const pieces = [];
      const answer = await session.chat("you", { onText: (text) => pieces.push(text) });
      return { answer, pieces };
    }),
    artifacts: does(async ({ session }) => {
      const bytes = new Uint8Array(300_000).fill(9);
      const stored = await session.artifacts.store("a.csv", bytes);
      const read = await session.artifacts.read("a.csv");
      return [stored, read.bytes.length, read.bytes.every((byte) => byte === 9), await session.artifacts.list(), (await session.artifacts.read("b")) ?? null];
    }),
    stream: action({ input: z.object({}), run: async function* ({ session }) {
      yield { part: 1 };
      session.progress(0.5, "half");
      session.log("careful", "warn");
      console.error("oops %d", 7);
      process.stdout.write("printed\\nlines\\n");
      yield { part: 2 };
      return "whole";
    } }),
    ends: does(({ session }) => { session.end("all done"); return 1; }),
    keeps: does(({ session }) => { kept = session; return 1; }),
    late: does(async () => { try { return await kept.memory.get(); } catch (error) { return error.message; } }),
    checked: action({ input: z.object({ a: z.object({ b: z.number() }) }), output: z.object({ c: z.string() }), run: ({ input }) => ({ c: input.a.b === 1 ? "fits" : 5 }) }),
    many: does(async ({ session }) => (await Promise.all(Array.from({ length: 200 }, () => session.memory.get()))).length),
  },
});`;

describe("The session of an app", () => {
  let stage: Stage;
  let app: App;
  before(async () => {
    stage = openStage();
    app = await stage.app(USER);
  });
  after(() => stage[Symbol.asyncDispose]());

  const run = (action: string, more = {}): Promise<Ran> => stage.pool.run(jobOf(app, { action, ...more }));

  it("knows who it is, and the task in hand", async () => {
    assert.deepEqual((await run("who", { taskId: "task-x" })).output, ["s1", "u1", null, "task-x"]);
  });

  it("reads and writes working memory", async () => {
    const { output } = await run("memory");
    assert.deepEqual(output, [
      { a: 1, b: 2 },
      { a: 1, b: 3 },
      { a: 1, b: 3 },
    ]);
  });

  it("reads and adds messages", async () => {
    const [one, two] = [
      { role: "user", content: "one" },
      { role: "assistant", content: "two" },
    ];
    assert.deepEqual((await run("messages")).output, [[one, two], [two]]);
    assert.equal((await run("badMessage")).error?.message, "A message has a role and a content");
  });

  it("talks to the model, piece by piece", async () => {
    assert.deepEqual((await run("chat")).output, {
      answer: { response: "heard you", model: "echo" },
      pieces: ["he", "ard"],
    });
  });

  it("stores and reads artifacts", async () => {
    const artifact = {
      ...{ artifactId: "a-a.csv", name: "a.csv", version: 1, type: "agent_output", mimeType: "text/csv" },
      ...{ size: 300_000, digest: "d" },
    };
    assert.deepEqual((await run("artifacts")).output, [artifact, 300_000, true, [artifact], null]);
  });

  it("tells partial outputs, progress and what is printed, in order", async () => {
    const host = listen();
    const { output } = await run("stream", { host });
    assert.equal(output, "whole");
    assert.deepEqual(host.reports, [
      { type: "output", output: { part: 1 } },
      { type: "progress", fraction: 0.5, message: "half" },
      { type: "log", level: "warn", message: "careful" },
      { type: "log", level: "error", message: "oops 7" },
      { type: "log", level: "info", message: "printed" },
      { type: "log", level: "info", message: "lines" },
      { type: "output", output: { part: 2 } },
    ]);
  });

  it("ends, once the task is done", async () => {
    assert.deepEqual((await run("ends")).ends, { reason: "all done" });
    assert.equal((await run("who")).ends, undefined);
  });

  it("is of no use when its task is over", async () => {
    await run("keeps");
    assert.equal((await run("late")).output, "The task is over; only while it runs it may use its session");
  });

  it("carries out many calls at once", async () => {
    assert.equal((await run("many")).output, 200);
  });

  it("says which field of an input does not fit, and holds outputs to their schema", async () => {
    const bad = await run("checked", { input: { a: { b: "x" } } });
    assert.deepEqual(bad.error, {
      code: "invalid",
      message: 'The input does not fit: "a.b" Invalid input: expected number, received string',
      faults: [
        { field: "input.a.b", message: "Invalid input: expected number, received string", type: "invalid_type" },
      ],
    });
    assert.deepEqual((await run("checked", { input: { a: { b: 1 } } })).output, { c: "fits" });
    const wrong = await run("checked", { input: { a: { b: 2 } } });
    assert.deepEqual(wrong.error, {
      code: "app_failed",
      message: 'The output is not what the app declares: "c" Invalid input: expected string, received number',
    });
  });

  it("has no actions but those of the app", async () => {
    assert.deepEqual((await run("toString")).error, { code: "invalid", message: 'There is no action "toString"' });
  });
});
