import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import type { NewMessage, Session } from "../src/client/index.ts";
import { PLACES } from "./sdk-places.ts";

const TASK: NewMessage = { role: "user", content: "What is the weather in Porto?" };

const CALL: NewMessage = {
  role: "assistant",
  content: "",
  toolCalls: [{ id: "call_1", name: "weather", arguments: '{"city":"Porto"}' }],
};

const RESULT: NewMessage = { role: "tool", content: "Rain", toolCallId: "call_1" };

for (const [name, start] of PLACES) {
  describe(`the SDK by ${name} has runs of agents`, async () => {
    const place = await start();
    after(() => place[Symbol.asyncDispose]());
    const { sessions } = place.sojourn;

    it("that keep their steps, and are counted with what they took", async () => {
      const session = await sessions.create();
      assert.equal(await session.agentRuns.latest(), undefined);
      const run = await session.agentRuns.begin({ agent: "helper", messages: TASK, leaseMs: 30_000 });
      const { runId, beganAt, updatedAt, leaseUntil, ...state } = run.toJSON();
      assert.match(runId, /^run_[0-9a-f]{16}$/);
      assert.equal(leaseUntil.getTime() - updatedAt.getTime(), 30_000);
      assert.ok(Math.abs(Date.now() - beganAt.getTime()) < 60_000);
      assert.deepEqual(state, {
        agent: "helper",
        status: "running",
        steps: 0,
        fence: 2,
        firstMessage: 1,
        processingTimeMs: 0,
        error: undefined,
      });
      await run.step({ messages: [CALL], usage: { inputTokens: 12, outputTokens: 3, costUsd: 0.000_001 } });
      await run.step({ messages: [RESULT] });
      await run.step();
      const { summary, messages } = await run.window();
      assert.equal(summary, undefined);
      assert.deepEqual(
        messages.map(({ tokens: _, ...message }) => message),
        [TASK, CALL, RESULT],
      );
      await run.finish({ status: "failed", error: "The model is away" });
      assert.deepEqual([run.status, run.steps, run.toJSON().error], ["failed", 2, "The model is away"]);
      const { requestCount, errorCount, inputTokens, outputTokens, costUsd } = session.metrics;
      assert.deepEqual(
        { requestCount, errorCount, inputTokens, outputTokens, costUsd },
        { requestCount: 1, errorCount: 1, inputTokens: 12, outputTokens: 3, costUsd: 0.000_001 },
      );
      const operations = await Array.fromAsync(session.operations());
      const stepped = operations.find((one) => one.kind === "agent.stepped");
      assert.deepEqual(stepped?.inputs?.usage, { inputTokens: 12, outputTokens: 3, costUsd: 0.000_001 });
      const started = operations.find((one) => one.kind === "agent.started");
      assert.deepEqual([started?.inputs?.runId, started?.inputs?.leaseMs], [runId, 30_000]);
      assert.equal((await session.verify()).ok, true);
    });

    it("that are taken up by others, which ends the right of whoever had them", async () => {
      const session = await sessions.create();
      const first = await session.agentRuns.begin({ agent: "helper", messages: [TASK] });
      await assert.rejects(session.agentRuns.begin({ agent: "helper", messages: [TASK] }), { code: "session_busy" });
      await assert.rejects(session.agentRuns.resume(first.runId), { code: "session_busy" });
      const second = await session.agentRuns.resume(first.runId, { takeOver: true });
      await assert.rejects(first.step({ messages: [CALL] }), { code: "precondition_failed" });
      await second.step({ messages: [CALL] });
      const seen = (await session.agentRuns.latest()) ?? assert.fail("There is one");
      await assert.rejects(first.finish({ status: "completed" }), { code: "precondition_failed" });
      await seen.finish({ status: "completed" });
      await assert.rejects(second.step(), { code: "invalid_transition" });
      await assert.rejects(session.agentRuns.resume("run_none"), { code: "agent_run_not_found" });
    });

    it("that refuse what they can't take, by the names of the wire, and keep nothing of it", async () => {
      const session = await sessions.create();
      const fieldsOf = (call: Promise<unknown>): Promise<readonly string[]> =>
        call.then(
          () => [],
          (error: { readonly faults?: readonly { readonly field: string }[] }) =>
            error.faults?.map(({ field }) => field) ?? [],
        );
      assert.deepEqual(await fieldsOf(session.agentRuns.begin({ agent: "", messages: TASK })), ["agent"]);
      const short = session.agentRuns.begin({ agent: "a", messages: TASK, leaseMs: 999 });
      assert.deepEqual(await fieldsOf(short), ["lease_seconds"]);
      const run = await session.agentRuns.begin({ agent: "a", messages: TASK });
      const usage = { inputTokens: 1, outputTokens: 1, costUsd: 100_001 };
      assert.deepEqual(await fieldsOf(run.step({ usage })), ["usage.cost_usd"]);
      assert.equal((await session.refresh()).version, 2);
    });
  });

  describe(`the SDK by ${name} has limits`, async () => {
    const place = await start();
    after(() => place[Symbol.asyncDispose]());
    const { sessions, templates } = place.sojourn;

    it("of sessions, which stop them, and can be changed", async () => {
      const limits = { errorRate: { over: 0.5, action: "warn", minCalls: 2 }, calls: 2, tokens: null } as const;
      const session = await sessions.create({ limits });
      assert.deepEqual(session.limits, {
        calls: [{ at: 2, action: "pause" }],
        errorRate: [{ over: 0.5, action: "warn", minCalls: 2 }],
      });
      const run = await session.agentRuns.begin({ agent: "a", messages: TASK });
      await session.record({ requests: 2, errors: 2 });
      assert.deepEqual([session.status, session.reason], ["suspended", "calls is 2, the limit is 2"]);
      const paused = {
        code: "invalid_transition",
        message: /suspended \(calls is 2, the limit is 2\); resume it first/,
      };
      await assert.rejects(run.step({ messages: [CALL] }), paused);
      const warned = (await Array.fromAsync(session.operations())).find((one) => one.kind === "session.warned");
      assert.deepEqual(warned?.inputs, { reason: "error_rate is 1, over 0.5", measure: "error_rate", value: 1 });
      await assert.rejects(session.resume(), { code: "invalid_transition", message: /limits\.calls/ });
      await session.update({ limits: { calls: null, errorRate: null, costUsd: [{ at: 0.5, action: "fail" }] } });
      await session.resume();
      assert.deepEqual(session.limits, { costUsd: [{ at: 0.5, action: "fail" }] });
      await run.step({ messages: [CALL] });
      await run.step({ usage: { inputTokens: 1, outputTokens: 1, costUsd: 0.5 } });
      await session.refresh();
      assert.deepEqual([session.status, session.reason], ["failed", "cost_usd is 0.5, the limit is 0.5"]);
      await run.finish({ status: "completed" });
      assert.equal(session.metrics.costUsd, 0.5);
    });

    it("and apps, which templates set, and sessions on top of them", async () => {
      await templates.set("bounded", { limits: { calls: 5, errors: 1 }, apps: ["data-processor"] });
      const held = await templates.get("bounded");
      assert.deepEqual(held.apps, ["data-processor"]);
      assert.deepEqual(held.limits, { calls: [{ at: 5, action: "pause" }], errors: [{ at: 1, action: "pause" }] });
      const session = await sessions.create({ template: "bounded", limits: { errors: null } });
      assert.deepEqual(session.limits, { calls: [{ at: 5, action: "pause" }] });
      assert.deepEqual(session.apps, ["data-processor"]);
      const refused = { code: "forbidden", message: /may not run infsh\/session-test; its apps are: data-processor/ };
      await assert.rejects(async () => await session.run("infsh/session-test", "get_all"), refused);
      const other: Session = await session.update({ apps: null });
      assert.equal(other.apps, undefined);
    });
  });
}
