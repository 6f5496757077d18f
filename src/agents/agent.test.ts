import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { tool } from "ai";
import { MockLanguageModelV4 } from "ai/test";
import { z } from "zod";
import { type ModelServer, type ScriptedCall, startModelServer } from "../../tests/model-server.ts";
import { PLACES, type Place } from "../../tests/sdk-places.ts";
import { startServer } from "../../tests/server.ts";
import { connect } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { open } from "../platform/index.ts";
import { type AgentOptions, type AgentStepReport, type AgentTask, agent, appTool, type TaskOptions } from "./index.ts";

const USAGE = { prompt_tokens: 100, completion_tokens: 10 };

/** A call of the tool that adds. */
const adding = (id: string, a: number, b: number): ScriptedCall => ({
  id,
  name: "add",
  arguments: JSON.stringify({ a, b }),
});

const add = tool({
  description: "Adds",
  inputSchema: z.object({ a: z.number(), b: z.number() }),
  execute: ({ a, b }) => {
    if (a < 0) throw new Error("Only what is positive can be added");
    return { sum: a + b };
  },
});

for (const [name, start] of PLACES) {
  describe(`agents, by ${name}`, () => {
    let place: Place;
    let model: ModelServer;
    before(async () => {
      place = await start();
      model = await startModelServer();
    });
    after(async () => {
      await place[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
    });

    const made = (options: Partial<AgentOptions> = {}) =>
      agent({
        id: "helper",
        sojourn: place.sojourn,
        model: "openai:test",
        modelBaseUrl: model.url,
        maxRetries: 0,
        tools: { add },
        ...options,
      });
    const said = async (sessionId: string) => {
      const session = await place.sojourn.sessions.get(sessionId);
      const messages = await session.messages.recent();
      return messages.map(({ role, content, toolCalls, toolCallId }) => {
        return [
          role,
          content,
          ...(toolCalls ?? []).map(({ id }) => id),
          ...(toolCallId === undefined ? [] : [toolCallId]),
        ];
      });
    };
    /** What the model was sent last, each message by its role and text. */
    const asked = () =>
      (model.requests.at(-1)?.body.messages ?? []).map(({ role, content }) => [role, content] as const);

    it("makes the session on first use, counts, and keeps each step", async () => {
      const steps: AgentStepReport[] = [];
      const helper = made({ instructions: "Be exact", price: { inputUsdPerMillion: 2, outputUsdPerMillion: 10 } });
      model.next(
        { text: ["I add."], toolCalls: [adding("c1", 2, 3), adding("c2", 4, 5)], usage: USAGE },
        { text: ["5 and 9"], usage: USAGE },
      );
      const done = await helper.executeTask(
        { description: "Add 2 and 3, and 4 and 5", context: { unit: "m" } },
        { sessionId: "first", userId: "ann", onStep: (step) => steps.push(step) },
      );
      const { runId, ...result } = done;
      assert.deepEqual(result, {
        output: "5 and 9",
        sessionId: "first",
        steps: 2,
        usage: { inputTokens: 200, outputTokens: 20 },
        costUsd: 0.0006,
        finishReason: "stop",
      });
      assert.deepEqual(await said("first"), [
        ["user", 'Add 2 and 3, and 4 and 5\n\nContext:\n{\n  "unit": "m"\n}'],
        ["assistant", "I add.", "c1", "c2"],
        ["tool", '{"sum":5}', "c1"],
        ["tool", '{"sum":9}', "c2"],
        ["assistant", "5 and 9"],
      ]);
      const session = await place.sojourn.sessions.get("first");
      const { requestCount, errorCount, inputTokens, outputTokens } = session.metrics;
      assert.deepEqual([requestCount, errorCount, inputTokens, outputTokens], [1, 0, 200, 20]);
      assert.equal(session.userId, "ann");
      const run = await session.agentRuns.latest();
      assert.deepEqual([run?.runId, run?.agent, run?.status], [runId, "helper", "completed"]);
      assert.equal((await session.verify()).ok, true);
      assert.deepEqual(
        steps.map(({ number, text, toolResults }) => [number, text, toolResults.map(({ content }) => content)]),
        [
          [1, "I add.", ['{"sum":5}', '{"sum":9}']],
          [2, "5 and 9", []],
        ],
      );
      assert.equal(asked()[0]?.[1], "Be exact");
    });

    it("remembers what was said in the session, by whomever", async () => {
      const helper = made();
      await helper.executeTask({ description: "One" }, { sessionId: "talk" });
      const session = await place.sojourn.sessions.get("talk");
      await session.messages.add({ role: "system", content: "Ann is back" });
      const { output } = await helper.executeTask({ description: "Two" }, { sessionId: "talk" });
      assert.equal(output, "You said: Two");
      assert.deepEqual(asked().slice(1), [
        ["user", "One"],
        ["assistant", "You said: One"],
        ["user", "Two"],
      ]);
      assert.match(String(asked()[0]?.[1]), /"Ann is back"/);
      assert.equal((await session.refresh()).metrics.requestCount, 2);
    });

    it("has the answer of the model in the log before it calls what that wants", async () => {
      const seen: unknown[] = [];
      const looking = tool({
        inputSchema: z.object({}),
        execute: async () => {
          seen.push(await said("order"));
          return "seen";
        },
      });
      const call = { id: "look", name: "look", arguments: "{}" };
      model.next({ text: [], toolCalls: [call] }, { text: ["Done"] });
      await made({ tools: { look: looking } }).executeTask({ description: "Look" }, { sessionId: "order" });
      assert.deepEqual(seen, [
        [
          ["user", "Look"],
          ["assistant", "", "look"],
        ],
      ]);
    });

    it("gives to the model what a tool throws, and calls that can't be made", async () => {
      const wrong = [
        adding("negative", -1, 1),
        { id: "unknown", name: "subtract", arguments: "{}" },
        { id: "garbled", name: "add", arguments: '{"a": "x"}' },
      ];
      model.next({ text: [], toolCalls: wrong }, { text: ["Sorry"] });
      await made().executeTask({ description: "Do" }, { sessionId: "wrong" });
      const session = await place.sojourn.sessions.get("wrong");
      const results = (await session.messages.recent()).filter(({ role }) => role === "tool");
      assert.deepEqual(results.map(({ toolCallId, metadata }) => [toolCallId, metadata]).toSorted(), [
        ["garbled", { isError: true }],
        ["negative", { isError: true }],
        ["unknown", { isError: true }],
      ]);
      assert.equal(
        results.find(({ toolCallId }) => toolCallId === "negative")?.content,
        "Only what is positive can be added",
      );
      assert.deepEqual([session.metrics.requestCount, session.metrics.errorCount], [1, 0]);
    });

    it("tells the model of results that are none, as of failures", async () => {
      const circle: Record<string, unknown> = {};
      circle["self"] = circle;
      const giving = (output: unknown) => tool({ inputSchema: z.object({}), execute: () => output });
      const tools = {
        circle: giving(circle),
        big: giving({ v: 10n }),
        unclean: giving("a\0b\ud800c"),
        nothing: giving(undefined),
        pieces: tool({
          inputSchema: z.object({}),
          execute: async function* () {
            yield "half";
            yield "whole";
          },
        }),
      };
      const calls = Object.keys(tools).map((name) => ({ id: name, name, arguments: "{}" }));
      model.next({ text: [], toolCalls: calls }, { text: ["Sorry"] });
      await made({ tools }).executeTask({ description: "Do" }, { sessionId: "no-json" });
      const told = asked().filter(([role]) => role === "tool");
      const kept = (await said("no-json")).filter(([role]) => role === "tool");
      assert.deepEqual(
        told.map(([, content]) => String(content).split("\n")[0]),
        [
          "Converting circular structure to JSON",
          "Do not know how to serialize a BigInt",
          "a\ufffdb\ufffdc",
          "null",
          "whole",
        ],
      );
      assert.deepEqual(
        kept.map(([, content]) => content),
        told.map(([, content]) => content),
      );
    });

    it("keeps of an answer what fits the session, and counts all of it", async () => {
      const many = Array.from({ length: 70 }, (_, i) => adding(`m${i}`, i, 1));
      const long = { ...adding("long", 1, 1), arguments: JSON.stringify({ a: 1, b: 2, note: "n".repeat(150_000) }) };
      const unknown = { id: "unknown", name: "u".repeat(300), arguments: "{}" };
      model.next(
        { text: ["I add."], toolCalls: many, usage: USAGE },
        { text: [], toolCalls: [long, unknown], usage: USAGE },
        { text: ["😀".repeat(60_000)], usage: USAGE },
      );
      const done = await made().executeTask({ description: "Add" }, { sessionId: "fit" });
      assert.deepEqual([done.output.length, done.usage.inputTokens], [120_000, 300]);
      const results = model.requests.at(-2)?.body.messages?.filter(({ role }) => role === "tool") ?? [];
      assert.deepEqual(
        [results.length, results[63]?.content, results[64]?.content],
        [70, '{"sum":64}', "Not called: an answer may call 64 tools at most"],
      );
      const session = await place.sojourn.sessions.get("fit");
      assert.equal(session.metrics.inputTokens, 300);
      const answers = (await session.messages.recent(100)).filter(({ role }) => role === "assistant");
      assert.deepEqual(
        answers.map(({ toolCalls = [], metadata }) => [toolCalls.length, metadata]),
        [
          [64, { isCut: true }],
          [2, { isCut: true }],
          [0, { isCut: true }],
        ],
      );
      assert.match((answers[1]?.toolCalls?.[0]?.arguments ?? "").slice(-50), /n… \(cut: it has \d+ characters\)$/);
      assert.equal(answers[1]?.toolCalls?.[1]?.name.length, 255);
      assert.match(answers[2]?.content ?? "", /^(😀)+… \(cut: it has 120000 characters\)$/u);
      assert.equal((await session.verify()).ok, true);
    });

    it("shows no more of a step's results than fits, and keeps each", async () => {
      const page = tool({
        inputSchema: z.object({ length: z.number() }),
        execute: ({ length }) => "語".repeat(length),
      });
      const calls = Array.from({ length: 60 }, (_, i) => {
        return { id: `p${i}`, name: "page", arguments: JSON.stringify({ length: i === 0 ? 3 : 20_000 }) };
      });
      model.next({ text: [], toolCalls: calls }, { text: ["Read"] });
      await made({ tools: { page } }).executeTask({ description: "Read" }, { sessionId: "pages" });
      const told = asked().filter(([role]) => role === "tool");
      const lengths = told.map(([, content]) => String(content).length);
      assert.deepEqual([told.length, told[0]?.[1]], [60, "語語語"]);
      assert.deepEqual(new Set(lengths.slice(1)), new Set([Math.floor((64_000 - 3) / 59)]));
      assert.match(String(told[1]?.[1]), /^語+… \(cut: it has 20000 characters\)$/);
      const session = await place.sojourn.sessions.get("pages");
      const kept = (await session.messages.recent(100)).filter(({ role }) => role === "tool");
      assert.equal(
        kept.reduce((sum, { content }) => sum + content.length, 0),
        3 + 59 * 16_000,
      );
    });

    it("gives calls ids of their own where a server counts them anew", async () => {
      model.next(
        { text: [], toolCalls: [adding("call_0", 1, 1)] },
        { text: [], toolCalls: [adding("call_0", 2, 2)] },
        { text: ["2 and 4"] },
      );
      await made().executeTask({ description: "Add" }, { sessionId: "ids" });
      const calls = (await said("ids")).filter(([role]) => role === "tool");
      assert.deepEqual(
        calls.map(([, content]) => content),
        ['{"sum":2}', '{"sum":4}'],
      );
      assert.equal(new Set(calls.map(([, , id]) => id)).size, 2);
      assert.deepEqual(
        asked().map(([role, content]) => (role === "tool" ? content : role)),
        ["user", "assistant", '{"sum":2}', "assistant", '{"sum":4}'],
      );
    });

    it("tells text as it comes", async () => {
      const pieces: string[] = [];
      model.next(
        { text: ["I ", "add."], toolCalls: [adding("s1", 1, 2)], usage: USAGE },
        { text: ["It ", "is 3"], usage: USAGE },
      );
      const onText = (text: string) => pieces.push(text);
      const { output, usage } = await made().executeTask({ description: "Add" }, { sessionId: "stream", onText });
      assert.deepEqual(pieces, ["I ", "add.", "It ", "is 3"]);
      assert.equal(output, "It is 3");
      assert.deepEqual(usage, { inputTokens: 200, outputTokens: 20 });
      assert.deepEqual((await said("stream")).at(-2), ["tool", '{"sum":3}', "s1"]);
    });

    it("ends with what onText throws, as it is, and does not ask again", async () => {
      const before = model.requests.length;
      for (const onText of [
        () => {
          throw new Error("Too loud");
        },
        async () => await Promise.reject(new Error("Too loud")),
      ]) {
        model.next({ text: ["One"] });
        const task = made({ maxRetries: 2 }).executeTask({ description: "Do" }, { sessionId: "loud", onText });
        await assert.rejects(task, { name: "Error", message: "Too loud" });
      }
      assert.equal(model.requests.length, before + 2);
      const session = await place.sojourn.sessions.get("loud");
      const run = await session.agentRuns.latest();
      assert.deepEqual([run?.status, run?.toJSON().error], ["failed", "Too loud"]);
    });

    it("counts a failure of the model, and says what it was", async () => {
      model.next({ status: 400, body: "{}" });
      await assert.rejects(made().executeTask({ description: "Do" }, { sessionId: "failing" }), {
        code: "model_failed",
        message: /^Model "openai:test" refused the request \(status 400\)/,
      });
      model.next({ text: ["  "] });
      await assert.rejects(made().executeTask({ description: "Do" }, { sessionId: "failing" }), {
        code: "model_failed",
      });
      const pieces: string[] = [];
      model.next({ cutAfter: ["I beg"] });
      const cut = made({ maxRetries: 2 }).executeTask(
        { description: "Do" },
        { sessionId: "failing", onText: (text) => pieces.push(text) },
      );
      await assert.rejects(cut, { code: "model_failed", message: /broke off/ });
      assert.deepEqual(pieces, ["I beg"]);
      const session = await place.sojourn.sessions.get("failing");
      assert.deepEqual([session.metrics.requestCount, session.metrics.errorCount], [3, 3]);
      const run = await session.agentRuns.latest();
      assert.equal(run?.status, "failed");
    });

    it("ends after so many steps, with the results of the last", async () => {
      model.next({ text: [], toolCalls: [adding("m1", 1, 1)] }, { text: [], toolCalls: [adding("m2", 2, 2)] });
      const task = made({ maxSteps: 2 }).executeTask({ description: "Add" }, { sessionId: "steps" });
      await assert.rejects(task, { code: "limit_reached", message: /"helper" has not answered after 2 steps/ });
      assert.deepEqual((await said("steps")).slice(-2), [
        ["tool", '{"sum":4}', "m2"],
        ["assistant", "(The task failed.)"],
      ]);
      const session = await place.sojourn.sessions.get("steps");
      assert.equal((await session.agentRuns.latest())?.toJSON().error?.includes("2 steps"), true);
    });

    it("ends at once where it is aborted, though a tool does not listen", async () => {
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      const { promise: never } = Promise.withResolvers<string>();
      const stuck = tool({
        inputSchema: z.object({}),
        execute: () => {
          begin();
          return never;
        },
      });
      model.next({ text: [], toolCalls: [{ id: "k", name: "stuck", arguments: "{}" }] });
      const stop = new AbortController();
      const task = made({ tools: { stuck } }).executeTask(
        { description: "Do" },
        { sessionId: "aborted", signal: stop.signal },
      );
      await begun;
      stop.abort(new Error("Enough"));
      await assert.rejects(task, { message: "Enough" });
      const session = await place.sojourn.sessions.get("aborted");
      assert.deepEqual([session.metrics.requestCount, session.metrics.errorCount], [1, 1]);
      const { output } = await made().executeTask({ description: "Again" }, { sessionId: "aborted" });
      assert.equal(output, "You said: Again");
    });

    it("does the tasks of a session in their order, and those of others meanwhile", async () => {
      const order: string[] = [];
      const helper = made();
      const other = made({ id: "other" });
      model.next({ text: ["a"] }, { text: ["a"] }, { text: ["a"] }, { text: ["a"] });
      await Promise.all(
        [helper, other, helper, other].map(async (one, i) => {
          await one.executeTask({ description: `Task ${i}` }, { sessionId: "queue" });
          order.push(`Task ${i}`);
        }),
      );
      assert.deepEqual(order, ["Task 0", "Task 1", "Task 2", "Task 3"]);
      assert.deepEqual(
        (await said("queue")).filter(([role]) => role === "user").map(([, content]) => content),
        order,
      );
    });

    it("refuses a task within a task of the same session, instead of waiting for itself", async () => {
      const helper = made();
      const inner = tool({
        inputSchema: z.object({}),
        execute: async () => (await helper.executeTask({ description: "Inner" }, { sessionId: "nested" })).output,
      });
      model.next({ text: [], toolCalls: [{ id: "n", name: "inner", arguments: "{}" }] }, { text: ["Done"] });
      await made({ tools: { inner } }).executeTask({ description: "Outer" }, { sessionId: "nested" });
      assert.match(String((await said("nested")).at(-2)?.[1]), /from within another/);
    });

    it("waits for whoever is at work in the session, and not for ever", async () => {
      const session = await place.sojourn.sessions.create({ sessionId: "busy" });
      const run = await session.agentRuns.begin({ agent: "elsewhere", messages: { role: "user", content: "Hi" } });
      await assert.rejects(made({ busyWaitMs: 50 }).executeTask({ description: "Do" }, { sessionId: "busy" }), {
        code: "session_busy",
      });
      const waiting = made().executeTask({ description: "Do" }, { sessionId: "busy" });
      await run.finish({ status: "completed" });
      await waiting;
      assert.deepEqual((await said("busy")).at(-2), ["user", "Do"]);
    });

    it("begins another session where that of the name has ended", async () => {
      await made().executeTask({ description: "One" }, { sessionId: "ended" });
      const session = await place.sojourn.sessions.get("ended");
      await session.complete();
      await made().executeTask({ description: "Two" }, { sessionId: "ended" });
      assert.notEqual((await place.sojourn.sessions.get("ended")).uid, session.uid);
    });

    it("begins the session as it is told, also where that of the name has ended", async () => {
      const newSession = { limits: { tokens: 900 }, tags: ["a"], metadata: { from: "here" } };
      for (const description of ["One", "Two"]) {
        await made().executeTask({ description }, { sessionId: "told", userId: "ann", newSession });
        const session = await place.sojourn.sessions.get("told");
        const { userId, tags, metadata, limits } = session;
        assert.deepEqual([userId, tags, metadata], ["ann", ["a"], { from: "here" }]);
        assert.deepEqual(Object.keys(limits), ["tokens"]);
        await session.complete();
      }
    });

    it("refuses what is no task, before anything is begun", async () => {
      const circle: Record<string, unknown> = {};
      circle["self"] = circle;
      const { signal } = new AbortController();
      for (const [task, options, field] of [
        [{ description: "Do", context: circle }, {}, "context"],
        [{ description: "Do", context: { many: 10n } }, {}, "context"],
        [{ description: "Do", context: () => 1 }, {}, "context"],
        [{ description: "Do", signal }, {}, "signal"],
        [{ description: 1 }, {}, "description"],
        [{ description: "a".repeat(100_001) }, {}, "description"],
        [{ description: "Do" }, { onText: "loud" }, "onText"],
        [{ description: "Do" }, { limits: {} }, "limits"],
      ] as const) {
        // NOTE: callers without types may hand anything in.
        const refused = made().executeTask(task as AgentTask, { sessionId: "refused", ...options } as TaskOptions);
        await assert.rejects(refused, (error) => {
          assert.ok(error instanceof SojournError && error.code === "invalid");
          assert.deepEqual(
            error.faults.map((fault) => fault.field),
            [field],
          );
          return true;
        });
      }
      await assert.rejects(place.sojourn.sessions.get("refused"), { code: "session_not_found" });
    });

    it("refuses tools of a session that are none", async () => {
      for (const given of [undefined, Promise.resolve({ add })]) {
        // NOTE: callers without types may give anything.
        const tools = (() => given) as unknown as AgentOptions["tools"];
        await assert.rejects(made({ tools }).executeTask({ description: "Do" }, { sessionId: "no-tools" }), {
          code: "invalid",
          message: /"tools" must be tools by their names/,
        });
      }
      const session = await place.sojourn.sessions.get("no-tools");
      assert.equal(await session.agentRuns.latest(), undefined);
    });

    it("runs apps as tools, in the session, by their own descriptions", async () => {
      const call = { id: "app1", name: "set", arguments: JSON.stringify({ key: "colour", value: "red" }) };
      model.next({ text: [], toolCalls: [call] }, { text: ["Set"] });
      const tools = { set: appTool("infsh/session-test", "set_value") };
      await made({ tools }).executeTask({ description: "Set it" }, { sessionId: "apps" });
      const session = await place.sojourn.sessions.get("apps");
      const tasks = await Array.fromAsync(session.tasks.list({ status: "all" }));
      assert.deepEqual(
        tasks.map(({ app, action, status }) => [app, action, status]),
        [["infsh/session-test", "set_value", "completed"]],
      );
      const app = await place.sojourn.app("infsh/session-test");
      const action = app.actions.find(({ name: called }) => called === "set_value");
      const offered = model.requests.at(-1)?.body["tools"];
      assert.deepEqual(offered, [
        {
          type: "function",
          function: {
            name: "set",
            description: action?.description ?? app.description,
            parameters: action?.inputSchema,
          },
        },
      ]);
      await assert.rejects(
        made({ tools: { no: appTool("infsh/session-test", "nothing") } }).executeTask(
          { description: "Do" },
          { sessionId: "apps" },
        ),
        { code: "invalid" },
      );
    });

    it("makes tools for the session that it works in", async () => {
      const helper = made({
        tools: (session) => ({
          note: tool({
            inputSchema: z.object({ text: z.string() }),
            execute: async ({ text }) =>
              (await session.artifacts.store("note.txt", text, { type: "agent_output" })).name,
          }),
        }),
      });
      model.next(
        { text: [], toolCalls: [{ id: "t", name: "note", arguments: '{"text":"hello"}' }] },
        { text: ["Noted"] },
      );
      await helper.executeTask({ description: "Note it" }, { sessionId: "notes" });
      const session = await place.sojourn.sessions.get("notes");
      assert.equal(await (await Array.fromAsync(session.artifacts.list({ name: "note.txt" })))[0]?.text(), "hello");
    });
  });
}

describe("a model that thinks", () => {
  it("is given its own thoughts back, with their signatures, and is told what Anthropic insists on", async () => {
    const data = await mkdtemp(join(tmpdir(), "sojourn-test-"));
    try {
      await using sojourn = await open({ data, durability: "none" });
      const none = { total: undefined, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
      const told = {
        usage: { inputTokens: none, outputTokens: { total: undefined, text: undefined, reasoning: undefined } },
        warnings: [],
      };
      const signed = { anthropic: { signature: "s1" } };
      const model = new MockLanguageModelV4({
        provider: "anthropic.messages",
        doGenerate: [
          {
            content: [
              { type: "reasoning", text: "Hm", providerMetadata: signed },
              { type: "tool-call", toolCallId: "c1", toolName: "add", input: '{"a":1,"b":2}' },
            ],
            finishReason: { unified: "tool-calls", raw: undefined },
            ...told,
          },
          { content: [{ type: "text", text: "3" }], finishReason: { unified: "stop", raw: undefined }, ...told },
          { content: [{ type: "text", text: "Yes" }], finishReason: { unified: "stop", raw: undefined }, ...told },
        ],
      });
      const done = await agent({ id: "a", sojourn, model, tools: { add } }).executeTask(
        { description: "Add" },
        { sessionId: "s" },
      );
      assert.deepEqual([done.output, done.usage, done.costUsd], ["3", { inputTokens: 0, outputTokens: 0 }, undefined]);
      const [, second] = model.doGenerateCalls;
      const spoken = second?.prompt.find(({ role }) => role === "assistant");
      assert.ok(Array.isArray(spoken?.content));
      const [thought] = spoken.content;
      assert.deepEqual(typeof thought === "object" && [thought.type, thought.providerOptions], ["reasoning", signed]);
      await agent({ id: "a", sojourn, model }).executeTask({ description: "Sure?" }, { sessionId: "s" });
      const third = model.doGenerateCalls.at(-1);
      assert.deepEqual([third?.tools?.map(({ name }) => name), third?.toolChoice], [["add"], { type: "none" }]);
    } finally {
      await rm(data, { recursive: true });
    }
  });
});

describe("an answer that the server does not take", () => {
  it("ends the run, and its tokens are counted all the same", async () => {
    await using model = await startModelServer();
    await using server = await startServer({ max_body_bytes: "1024" });
    await using sojourn = connect({ url: server.url });
    const helper = agent({ id: "a", sojourn, model: "openai:test", modelBaseUrl: model.url });
    model.next({ text: ["much ".repeat(1_000)], usage: USAGE });
    const task = helper.executeTask({ description: "Tell" }, { sessionId: "s" });
    await assert.rejects(task, { code: "payload_too_large", message: /"a" failed/ });
    const session = await sojourn.sessions.get("s");
    assert.deepEqual([session.metrics.inputTokens, session.metrics.errorCount], [100, 1]);
    assert.equal((await session.agentRuns.latest())?.status, "failed");
  });
});

describe("a long run", () => {
  it("is shown within the window, by what went before in short, and always with what it did last", async () => {
    await using model = await startModelServer();
    const data = await mkdtemp(join(tmpdir(), "sojourn-test-"));
    try {
      await using sojourn = await open({ data, durability: "none", windowTokens: 1_000 });
      const page = tool({
        inputSchema: z.object({ number: z.number() }),
        execute: ({ number }) =>
          number === 15 ? "long ".repeat(10_000) : `Page ${number}: ${"some words ".repeat(40)}`,
      });
      const helper = agent({ id: "reader", sojourn, model: "openai:test", modelBaseUrl: model.url, tools: { page } });
      for (let number = 1; number <= 18; number++) {
        const call = { id: `page-${number}`, name: "page", arguments: JSON.stringify({ number }) };
        model.next({ text: [], toolCalls: [call] });
      }
      model.next({ text: ["Read"] });
      const { output, steps } = await helper.executeTask({ description: "Read all pages" }, { sessionId: "book" });
      assert.deepEqual([output, steps], ["Read", 19]);
      const sizes = model.requests.map(({ body }) => JSON.stringify(body.messages).length);
      // A token has about four characters; beside the window stand the summary and one result.
      assert.ok(Math.max(...sizes) < 4_000 * 2 + 16_000 * 1.5, sizes.join());
      assert.ok((sizes.at(-1) ?? 0) < 4_000 * 3, sizes.join());
      for (const [i, { body }] of model.requests.entries()) {
        const last = body.messages?.at(-1);
        if (i > 0)
          assert.match(
            String(last?.content),
            i === 15 ? /^long .*cut: it has 50000 characters/ : new RegExp(`^Page ${i}:`),
          );
      }
      const session = await sojourn.sessions.get("book");
      assert.equal((await Array.fromAsync(session.messages.list())).length, 2 + 18 * 2);
      assert.ok((await session.operations({ kind: "conversation.compacted" }).next()).done !== true);
    } finally {
      await rm(data, { recursive: true });
    }
  });
});

describe("agent()", () => {
  /** The faults of an agent of these options. */
  const faultsOf = (options: object) => {
    try {
      // NOTE: callers without types may hand anything in, and nothing is asked of it before it is refused.
      agent({ id: "a", sojourn: { sessions: {} }, model: "openai:m", modelApiKey: "k", ...options } as AgentOptions);
    } catch (error) {
      assert.ok(error instanceof SojournError && error.code === "invalid");
      return error.faults.map(({ field, type }) => [field, type]);
    }
    return [];
  };

  it("refuses what can't be one, all at once and by the names that its caller wrote", () => {
    assert.deepEqual(faultsOf({}), []);
    const wrong = {
      id: "",
      sojourn: {},
      instructions: 1,
      tools: "all",
      maxSteps: 0,
      maxResultCharacters: 999,
      price: { inputUsdPerMillion: -1, outputUsdPerMillion: Number.NaN },
      leaseMs: 1,
      busyWaitMs: -1,
      temperature: "x",
      maxRetries: -1,
      maxTurns: 3,
      modelBaseUrl: "ftp://models.example",
    };
    assert.deepEqual(faultsOf(wrong), [
      ["id", "too_small"],
      ["sojourn", "custom"],
      ["instructions", "invalid_type"],
      ["tools", "custom"],
      ["maxSteps", "too_small"],
      ["maxResultCharacters", "too_small"],
      ["price.inputUsdPerMillion", "too_small"],
      ["price.outputUsdPerMillion", "invalid_type"],
      ["leaseMs", "too_small"],
      ["busyWaitMs", "too_small"],
      ["temperature", "invalid_type"],
      ["maxRetries", "too_small"],
      ["maxTurns", "unrecognized_keys"],
      ["modelBaseUrl", "invalid_url"],
    ]);
    assert.deepEqual(faultsOf({ price: {}, leaseMs: 86_400_001, model: undefined }), [
      ["model", "custom"],
      ["price.inputUsdPerMillion", "invalid_type"],
      ["price.outputUsdPerMillion", "invalid_type"],
      ["leaseMs", "too_big"],
    ]);
    assert.deepEqual(faultsOf({ model: "gpt-5", modelApiKey: "a b" }), [
      ["model", "invalid_model"],
      ["modelApiKey", "invalid_key"],
    ]);
  });

  it("refuses what can't be a tool", () => {
    const inputSchema = z.object({});
    const tools = {
      "two words": tool({ inputSchema, execute: () => 1 }),
      absent: tool({ inputSchema: z.object({ a: z.string() }), outputSchema: z.string() }),
      asking: tool({ inputSchema, execute: () => 1, needsApproval: true }),
      nothing: null,
    };
    assert.deepEqual(faultsOf({ tools }), [
      ["tools.two words", "invalid_name"],
      ["tools.absent", "missing"],
      ["tools.asking", "not_allowed"],
      ["tools.nothing", "invalid_type"],
    ]);
  });
});
