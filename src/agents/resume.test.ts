import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { tool } from "ai";
import { z } from "zod";
import { type AgentTask, recordingAgent } from "../../tests/agent-process.ts";
import { type ModelServer, type ScriptedCall, startModelServer } from "../../tests/model-server.ts";
import { PLACES, type Place } from "../../tests/sdk-places.ts";
import { startServer } from "../../tests/server.ts";
import { connect } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { open } from "../platform/index.ts";
import { type AgentOptions, agent, appTool } from "./index.ts";

const USAGE = { prompt_tokens: 100, completion_tokens: 10 };
const APPS = fileURLToPath(new URL("../../tests/apps/slow", import.meta.url));

const calling = (id: string, name: string): ScriptedCall => ({ id, name, arguments: "{}" });

for (const [name, start] of PLACES) {
  describe(`a run that is interrupted, by ${name}`, () => {
    let place: Place;
    let model: ModelServer;
    before(async () => {
      place = await start({ apps: APPS });
      model = await startModelServer();
    });
    after(async () => {
      await place[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
    });

    const made = (options: Partial<AgentOptions> = {}) =>
      agent({ id: "helper", sojourn: place.sojourn, model: "openai:test", modelBaseUrl: model.url, ...options });
    /** A tool, and how often it was called. */
    const counting = (work: () => Promise<unknown> = async () => {}) => {
      const counted = { calls: 0 };
      const count = tool({
        inputSchema: z.object({}),
        execute: async () => {
          counted.calls += 1;
          await work();
          return `called ${counted.calls}`;
        },
      });
      return { counted, tools: { count } };
    };
    const toolMessages = async (sessionId: string) => {
      const session = await place.sojourn.sessions.get(sessionId);
      const messages = await session.messages.recent();
      return messages.filter(({ role }) => role === "tool").map(({ toolCallId, content }) => [toolCallId, content]);
    };

    for (const [who, isSame] of [
      ["the agent that left it", true],
      ["another process", false],
    ] as const) {
      it(`goes on, by ${who}, with the calls that a limit kept it from`, async () => {
        const sessionId = `paused-${isSame}`;
        const session = await place.sojourn.sessions.create({ sessionId, limits: { tokens: 100 } });
        const { counted, tools } = counting();
        model.next({ text: ["I count"], toolCalls: [calling("p1", "count")], usage: USAGE });
        const helper = made({ tools });
        await assert.rejects(helper.executeTask({ description: "Count" }, { sessionId }), {
          code: "invalid_transition",
          message: /^Run run_\w+ of agent "helper" was interrupted: .* it is suspended \(.*tokens.*\)/,
        });
        assert.equal(counted.calls, 0);
        assert.equal((await session.agentRuns.latest())?.status, "interrupted");
        await assert.rejects(helper.resume({ sessionId }), { code: "invalid_transition" });
        await session.update({ limits: { tokens: null } });
        await session.resume();
        model.next({ text: ["One"], usage: USAGE });
        const done = isSame
          ? await helper.resume({ sessionId })
          : await made({ tools }).resume({ sessionId, takeOver: true });
        assert.deepEqual([done.output, done.steps, done.usage.inputTokens], ["One", 2, 200]);
        assert.equal(counted.calls, 1);
        assert.deepEqual(await toolMessages(sessionId), [["p1", "called 1"]]);
        await session.refresh();
        assert.deepEqual([session.metrics.requestCount, session.metrics.errorCount], [1, 0]);
        assert.equal((await session.verify()).ok, true);
      });
    }

    it("keeps what a tool gave back while the session was paused", async () => {
      const session = await place.sojourn.sessions.create({ sessionId: "kept" });
      const { counted, tools } = counting(async () => {
        await session.suspend("lunch");
      });
      model.next({ text: [], toolCalls: [calling("k1", "count")] });
      const helper = made({ tools });
      await assert.rejects(helper.executeTask({ description: "Count" }, { sessionId: "kept" }), {
        code: "invalid_transition",
        message: /lunch/,
      });
      assert.deepEqual(await toolMessages("kept"), []);
      await session.resume();
      model.next({ text: ["One"] });
      assert.equal((await helper.resume({ sessionId: "kept" })).output, "One");
      assert.equal(counted.calls, 1);
      assert.deepEqual(await toolMessages("kept"), [["k1", "called 1"]]);
    });

    it("has failed where a limit ends the session", async () => {
      const limits = { tokens: { at: 100, action: "fail" } } as const;
      const session = await place.sojourn.sessions.create({ sessionId: "ended", limits });
      const { counted, tools } = counting();
      model.next({ text: [], toolCalls: [calling("e1", "count")], usage: USAGE });
      await assert.rejects(made({ tools }).executeTask({ description: "Count" }, { sessionId: "ended" }), {
        code: "invalid_transition",
        message: /failed: .* it is failed \(.*tokens.*\)/,
      });
      await session.refresh();
      assert.deepEqual([session.status, session.metrics.errorCount, counted.calls], ["failed", 1, 0]);
      assert.equal((await session.agentRuns.latest())?.status, "failed");
    });

    it("is somebody else's once that has taken it over, who finds the task of an app that it began", async () => {
      const tools = { count: appTool("test/slow", "count") };
      const call = { id: "a1", name: "count", arguments: '{"to":30,"every_ms":50}' };
      model.next({ text: [], toolCalls: [call] });
      const first = made({ tools, leaseMs: 1_000 }).executeTask({ description: "Count" }, { sessionId: "apps" });
      const lost = assert.rejects(first, { code: "precondition_failed" });
      lost.catch(() => {});
      await model.request(model.requests.length + 1);
      const session = await place.sojourn.sessions.get("apps");
      for await (const _ of session.operations({ kind: "task.started", follow: true })) break;
      model.next({ text: ["Counted"] });
      // Another process has a queue of its own.
      await using elsewhere = name === "open()" ? place.sojourn.actingAs("apps") : place.withKey("sk-of-nobody");
      const { output } = await made({ tools, sojourn: elsewhere }).resume({ sessionId: "apps", takeOver: true });
      assert.equal(output, "Counted");
      assert.deepEqual(await toolMessages("apps"), [["a1", '{"counted":30}']]);
      assert.equal((await Array.fromAsync(session.tasks.list({ status: "all" }))).length, 1);
      await lost;
    });

    it("is lost to whoever has taken it over and finished it, and its tool is stopped", async () => {
      const { promise: stopped, resolve: stop } = Promise.withResolvers<unknown>();
      const wait = tool({
        inputSchema: z.object({}),
        execute: (_, { abortSignal }) => {
          return new Promise((_, reject) => {
            abortSignal?.addEventListener("abort", () => {
              stop(abortSignal.reason);
              reject(abortSignal.reason);
            });
          });
        },
      });
      model.next({ text: [], toolCalls: [calling("w1", "wait")] });
      const first = made({ tools: { wait }, leaseMs: 1_000 }).executeTask(
        { description: "Wait" },
        { sessionId: "lost" },
      );
      const lost = assert.rejects(first, {
        code: "precondition_failed",
        message: /^Run run_\w+ of agent "helper" was lost: .*another has taken it over, and it is completed$/,
      });
      lost.catch(() => {});
      await model.request(model.requests.length + 1);
      const session = await place.sojourn.sessions.get("lost");
      for await (const { inputs } of session.operations({ kind: "agent.stepped", follow: true })) {
        if (inputs?.messages.length === 1) break;
      }
      const { runId } = (await session.agentRuns.latest()) ?? { runId: "" };
      const other = await session.agentRuns.resume(runId, { takeOver: true });
      await other.finish({ status: "completed" });
      await lost;
      const reason = await stopped;
      assert.ok(reason instanceof SojournError && reason.code === "precondition_failed");
      assert.equal((await session.agentRuns.latest())?.status, "completed");
    });

    it("keeps its lease while a tool takes longer than that", async () => {
      const { promise: over, resolve: end } = Promise.withResolvers<void>();
      const { tools } = counting(() => over);
      model.next({ text: [], toolCalls: [calling("l1", "count")] });
      const task = made({ tools, leaseMs: 1_000 }).executeTask({ description: "Count" }, { sessionId: "lease" });
      await model.request(model.requests.length + 1);
      const session = await place.sojourn.sessions.get("lease");
      let renewals = 0;
      for await (const { inputs } of session.operations({ kind: "agent.stepped", follow: true })) {
        if (inputs?.messages.length === 0) renewals += 1;
        if (renewals === 4) break;
      }
      assert.equal((await session.agentRuns.latest())?.status, "running");
      model.next({ text: ["One"] });
      end();
      assert.equal((await task).output, "One");
    });

    it("is taken up by nobody where it is over, another's, or never was", async () => {
      await place.sojourn.sessions.create({ sessionId: "none" });
      await assert.rejects(made().resume({ sessionId: "none" }), { code: "agent_run_not_found" });
      await made().executeTask({ description: "Hi" }, { sessionId: "none" });
      await assert.rejects(made().resume({ sessionId: "none" }), { code: "invalid_transition" });
      await assert.rejects(made({ id: "other" }).resume({ sessionId: "none" }), {
        code: "invalid_transition",
        message: /it is of agent "helper", and this is "other"/,
      });
    });
  });
}

describe("an agent whose process is killed in the middle of its tools", () => {
  let model: ModelServer;
  let directory = "";
  before(async () => {
    model = await startModelServer();
    directory = await mkdtemp(join(tmpdir(), "sojourn-agent-"));
  });
  after(async () => {
    await model[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  /** Has a process begin the task, and kills it once its tools are stuck. */
  const killed = async (task: AgentTask) => {
    model.next({
      text: [],
      toolCalls: [calling("q", "quick"), calling("p", "pay"), calling("l", "look")],
      usage: USAGE,
    });
    const script = fileURLToPath(new URL("../../tests/agent-process.ts", import.meta.url));
    const child = spawn(process.execPath, [script, JSON.stringify(task)], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    const [said] = await Promise.race([once(child.stdout, "data"), ended]);
    assert.equal(String(said), "stuck\n");
    child.kill("SIGKILL");
    assert.deepEqual(await ended, [null, "SIGKILL"]);
  };

  for (const way of ["connect()", "open()"]) {
    it(`is taken up where it stopped, by ${way}: nothing is done twice that must not be`, async () => {
      const calls = join(directory, `${way}.txt`);
      await using server = await startServer();
      const data = join(directory, way);
      const where = way === "open()" ? { data } : { url: server.url };
      const task = { place: where, modelUrl: model.url, sessionId: "crash", calls };
      await killed(task);
      await using sojourn = "data" in where ? await open({ ...where, durability: "none" }) : connect(where);
      const session = await sojourn.sessions.get("crash");
      assert.deepEqual(
        (await session.messages.recent()).map(({ role, toolCallId }) => [role, toolCallId]),
        [
          ["user", undefined],
          ["assistant", undefined],
          ["tool", "q"],
        ],
      );
      model.next({ text: ["Done what could be"], usage: USAGE });
      const helper = recordingAgent(sojourn, { modelUrl: model.url, calls, isStuck: false });
      const done = await helper.resume({ sessionId: "crash", takeOver: true });
      assert.deepEqual(
        [done.output, done.steps, done.usage],
        ["Done what could be", 2, { inputTokens: 200, outputTokens: 20 }],
      );
      assert.deepEqual((await readFile(calls, "utf8")).trim().split("\n"), ["quick", "pay", "look", "look"]);
      const results = (await session.messages.recent()).filter(({ role }) => role === "tool");
      assert.deepEqual(
        results.map(({ toolCallId, metadata }) => [toolCallId, metadata?.["isInterrupted"] ?? false]),
        [
          ["q", false],
          ["p", true],
          ["l", false],
        ],
      );
      const told = model.requests.at(-1)?.body.messages ?? [];
      assert.deepEqual(
        told.slice(-3).map(({ role, content }) => [role, String(content).split(":")[0]]),
        [
          ["tool", "quick done"],
          ["tool", "(interrupted"],
          ["tool", "look done"],
        ],
      );
      await session.refresh();
      assert.deepEqual([session.metrics.requestCount, session.metrics.errorCount], [1, 0]);
      assert.equal((await session.verify()).ok, true);
    });
  }
});
