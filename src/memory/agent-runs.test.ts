import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryForTests, NEVER, type TestMemory } from "../../tests/memory.ts";
import { SECOND } from "../engine/clock.ts";
import { History } from "../engine/history.ts";
import { LIMITS } from "../engine/limits.ts";
import type { Message } from "../engine/message.ts";
import type { Session } from "../engine/sessions.ts";

const start = memoryForTests();

async function begin(on: TestMemory): Promise<string> {
  return (await on.sessions.create(on.caller, { idleTimeoutUs: null })).value.session.ref.id;
}

const TASK: Message = { role: "user", content: "What is the weather in Porto?" };

const CALL: Message = {
  role: "assistant",
  content: "",
  toolCalls: [{ id: "call_1", name: "weather", arguments: '{"city":"Porto"}' }],
};

const RESULT: Message = { role: "tool", content: "Rain", toolCallId: "call_1" };

const ANSWER: Message = { role: "assistant", content: "It rains" };

const LEASE_US = 10 * SECOND;

/** A run that was begun, with the ways to go on. */
async function started(on: TestMemory) {
  const uid = await begin(on);
  const { caller } = on;
  const { agentRuns } = on.memory;
  const { run } = (await agentRuns.begin(caller, uid, { agent: "helper", messages: [TASK], leaseUs: LEASE_US })).value;
  const held = { runId: run.runId, fence: run.fence };
  return {
    uid,
    run,
    held,
    step: async (...messages: readonly Message[]) =>
      (await agentRuns.step(caller, uid, { ...held, messages })).value.run,
    finish: async (status: "completed" | "failed" = "completed", reason?: string) => {
      const end = { ...held, status, ...(reason === undefined ? {} : { reason }) };
      return (await agentRuns.finish(caller, uid, end)).value;
    },
    session: async (): Promise<Session> => await on.sessions.get(caller, uid),
  };
}

async function kindsOf(on: TestMemory, uid: string): Promise<readonly string[]> {
  const { items } = await on.sessions.operations(on.caller, uid, { after: 0, limit: 100 });
  return items.map(({ operation }) => operation.kind);
}

describe("agentRuns", () => {
  it("keep each step in its order, with what it took, and count the run once it is over", async () => {
    const on = start();
    const { uid, held, run, step, finish } = await started(on);
    assert.deepEqual(
      { status: run.status, fence: run.fence, firstMessage: run.firstMessage, steps: run.steps },
      { status: "running", fence: 2, firstMessage: 1, steps: 0 },
    );
    on.clock.advance(2 * SECOND);
    const usage = { inputTokens: 20, outputTokens: 5, costNanoUsd: 7 };
    await on.memory.agentRuns.step(on.caller, uid, { ...held, messages: [CALL], usage });
    await step(RESULT);
    await on.memory.agentRuns.step(on.caller, uid, { ...held, messages: [ANSWER], usage });
    on.clock.advance(SECOND);
    const { session, run: over } = await finish();
    assert.deepEqual({ status: over.status, steps: over.steps }, { status: "completed", steps: 3 });
    assert.deepEqual(await kindsOf(on, uid), [
      "session.created",
      "agent.started",
      "agent.stepped",
      "agent.stepped",
      "agent.stepped",
      "agent.finished",
    ]);
    assert.deepEqual(session.record.metrics, {
      requestCount: 1,
      errorCount: 0,
      processingTimeUs: 3 * SECOND,
      inputTokens: 40,
      outputTokens: 10,
      costNanoUsd: 14,
    });
    const { items } = await on.sessions.messages(on.caller, uid, { take: "oldest", limit: 10 });
    assert.deepEqual(
      items.map(({ role, content }) => [role, content]),
      [
        ["user", TASK.content],
        ["assistant", ""],
        ["tool", "Rain"],
        ["assistant", "It rains"],
      ],
    );
    assert.equal(session.record.conversation.turns, 1);
    assert.equal((await on.sessions.verify(on.caller, uid)).ok, true);
  });

  it("count a run that failed as an error, with its reason, and change nothing when that is said again", async () => {
    const on = start();
    const { uid, finish } = await started(on);
    await finish("failed", "The model is away");
    const { session, run } = await finish("failed", "Said again");
    assert.deepEqual(
      { status: run.status, reason: run.reason, version: session.head.seq },
      { status: "failed", reason: "The model is away", version: 3 },
    );
    const { requestCount, errorCount } = session.record.metrics;
    assert.deepEqual({ requestCount, errorCount }, { requestCount: 1, errorCount: 1 });
    const { items } = await on.sessions.messages(on.caller, uid, { take: "oldest", limit: 10 });
    assert.deepEqual(
      items.map(({ role, content }) => [role, content]),
      [
        ["user", TASK.content],
        ["assistant", "(The task failed.)"],
      ],
    );
    const [, , entry] = (await on.sessions.operations(on.caller, uid, { after: 0, limit: 10 })).items;
    assert.equal(entry?.operation.outcome, "failed");
    await assert.rejects(finish("completed"), { code: "invalid_transition", message: /as failed: The model is away/ });
  });

  it("let one be at work in a session, until its lease is over, and no longer", async () => {
    const on = start();
    const { uid, step } = await started(on);
    const another = () => on.memory.agentRuns.begin(on.caller, uid, { agent: "other", messages: [TASK] });
    await assert.rejects(another(), { code: "session_busy", retryAfterMs: 10_000 });
    on.clock.advance(LEASE_US - 1);
    await assert.rejects(another(), { code: "session_busy", retryAfterMs: 1 });
    await step();
    on.clock.advance(LEASE_US - 1);
    await assert.rejects(another(), { code: "session_busy" });
    on.clock.advance(1);
    assert.equal((await on.memory.agentRuns.get(on.caller, uid, "latest")).status, "interrupted");
    const { run } = (await another()).value;
    assert.deepEqual({ agent: run.agent, status: run.status }, { agent: "other", status: "running" });
  });

  it("end an interrupted run when another begins, and close its calls; what came after it does not count", async () => {
    const on = start();
    const { uid, step, finish } = await started(on);
    on.clock.advance(SECOND);
    await step(CALL);
    on.clock.advance(1_000 * SECOND);
    await on.memory.agentRuns.begin(on.caller, uid, { agent: "helper", messages: [TASK] });
    assert.deepEqual((await kindsOf(on, uid)).slice(3), ["agent.finished", "agent.started"]);
    const { metrics } = (await on.sessions.get(on.caller, uid)).record;
    assert.deepEqual([metrics.requestCount, metrics.errorCount, metrics.processingTimeUs], [1, 1, SECOND]);
    const { messages } = await on.memory.agentRuns.window(on.caller, uid, "latest");
    assert.deepEqual(
      messages.map(({ role, toolCallId }) => [role, toolCallId]),
      [
        ["user", undefined],
        ["assistant", undefined],
        ["tool", "call_1"],
        ["assistant", undefined],
        ["user", undefined],
      ],
    );
    await assert.rejects(finish(), { code: "agent_run_not_found" });
  });

  it("are taken up where they stopped, and whoever had them before can't go on", async () => {
    const on = start();
    const { uid, held, step, finish } = await started(on);
    on.clock.advance(SECOND);
    await step(CALL);
    const resume = (takesOver: boolean) =>
      on.memory.agentRuns.resume(on.caller, uid, { runId: held.runId, leaseUs: LEASE_US, takesOver });
    await assert.rejects(resume(false), { code: "session_busy" });
    on.clock.advance(500 * SECOND);
    const { run } = (await resume(false)).value;
    assert.deepEqual(
      { fence: run.fence, steps: run.steps, status: run.status },
      { fence: 4, steps: 1, status: "running" },
    );
    await assert.rejects(step(RESULT), { code: "precondition_failed", message: /another has taken it up/ });
    await assert.rejects(finish(), { code: "precondition_failed" });
    await on.memory.agentRuns.step(on.caller, uid, { ...held, fence: 4, messages: [RESULT] });
    const again = (await resume(true)).value.run;
    on.clock.advance(2 * SECOND);
    const end = { runId: run.runId, fence: again.fence, status: "completed" } as const;
    const { session } = (await on.memory.agentRuns.finish(on.caller, uid, end)).value;
    assert.equal(session.record.metrics.processingTimeUs, 3 * SECOND);
    assert.equal(session.record.metrics.errorCount, 0);
    await assert.rejects(resume(true), { code: "invalid_transition" });
    assert.equal((await on.sessions.verify(on.caller, uid)).ok, true);
  });

  it("stop in a session that is not active, and can be finished there", async () => {
    const on = start();
    const { uid, step, finish, session } = await started(on);
    await on.sessions.suspend(on.caller, uid, { reason: "too dear" });
    await assert.rejects(step(CALL), {
      code: "invalid_transition",
      message: /it is suspended \(too dear\); resume it/,
    });
    await on.sessions.end(on.caller, uid);
    await assert.rejects(step(CALL), { code: "invalid_transition", message: /it is completed/ });
    await finish("failed", "Stopped");
    assert.equal((await session()).record.status, "completed");
    assert.equal((await session()).record.conversation.messages, 1, "what has ended takes no messages");
    assert.equal((await session()).record.metrics.errorCount, 1);
    assert.equal((await on.sessions.verify(on.caller, uid)).ok, true);
  });

  it("keep others from speaking while they are at work", async () => {
    const on = start();
    const { uid, finish } = await started(on);
    const say = () => on.memory.chat(on.caller, { sessionId: uid, message: "Hi" }, { signal: NEVER });
    await assert.rejects(say(), { code: "session_busy" });
    await assert.rejects(on.memory.add(on.caller, uid, [TASK]), { code: "session_busy" });
    await finish();
    assert.equal((await say()).value.response, "Answer 1");
  });

  it("show a model what one of a chat is shown, and compact it in time", async () => {
    const on = start({ windowTokens: 200, compactsItself: true });
    const { uid, step } = await started(on);
    for (let n = 0; n < 12; n++) await step({ role: "assistant", content: `Thought ${n}: ${"word ".repeat(30)}` });
    await on.memory.close();
    const session = await on.sessions.get(on.caller, uid);
    const { messages, summary } = await on.memory.agentRuns.window(on.caller, uid, "latest");
    assert.equal(summary, session.record.conversation.summary);
    assert.match(summary ?? "", /Thought 0/);
    assert.ok(messages.reduce((sum, { tokens }) => sum + tokens, 0) <= 200);
    assert.equal(messages[0]?.content, TASK.content, "what the run is to do is shown in any case");
    assert.match(messages.at(-1)?.content ?? "", /Thought 11/);
    assert.deepEqual(on.failures, []);
  });

  it("show what is to be done once, wherever the window begins", async () => {
    const on = start({ windowTokens: 60 });
    const uid = await begin(on);
    await on.memory.add(on.caller, uid, [
      { role: "assistant", content: "", toolCalls: [{ id: "c", name: "f", arguments: "{}" }] },
    ]);
    const asked = ["One", "Two", "Three"].map((content): Message => ({ role: "user", content }));
    const { run } = (await on.memory.agentRuns.begin(on.caller, uid, { agent: "helper", messages: asked })).value;
    const shown = async (): Promise<readonly string[]> =>
      (await on.memory.agentRuns.window(on.caller, uid, "latest")).messages.map(({ content }) => content.slice(0, 9));
    assert.deepEqual((await shown()).slice(-3), ["One", "Two", "Three"]);
    for (let n = 0; n < 9; n++) {
      const messages: Message[] = [{ role: "assistant", content: `Thought ${n} and what followed from it` }];
      await on.memory.agentRuns.step(on.caller, uid, { ...run, messages });
      const all = await shown();
      assert.deepEqual(all.filter((one) => !one.startsWith("Thought")).slice(-3), ["One", "Two", "Three"]);
      assert.equal(all.at(-1), `Thought ${n}`);
    }
  });

  it("go on in a fork, where nobody is at work", async () => {
    const on = start();
    const { uid, held, step } = await started(on);
    await step(CALL);
    const fork = (await new History(on.ports, on.sessions).fork(on.caller, uid, {})).value;
    const inFork = await on.memory.agentRuns.get(on.caller, fork.ref.id, held.runId);
    assert.deepEqual({ status: inFork.status, steps: inFork.steps }, { status: "interrupted", steps: 1 });
    const { run } = (await on.memory.agentRuns.resume(on.caller, fork.ref.id, { runId: held.runId })).value;
    const next = { runId: run.runId, fence: run.fence, messages: [RESULT] };
    assert.equal((await on.memory.agentRuns.step(on.caller, fork.ref.id, next)).value.run.steps, 2);
    assert.equal((await step(RESULT)).steps, 2);
  });

  it("are begun once by one key", async () => {
    const on = start();
    const uid = await begin(on);
    const idempotency = { key: "k", scope: "s", request: "{}" };
    const wanted = { agent: "helper", messages: [TASK] };
    const first = await on.memory.agentRuns.begin(on.caller, uid, wanted, { idempotency });
    const second = await on.memory.agentRuns.begin(on.caller, uid, wanted, { idempotency });
    assert.equal(second.replayed, true);
    assert.equal(second.value.run.runId, first.value.run.runId);
  });

  it("refuse what is over a limit, and take what is at it", async () => {
    const on = start();
    const uid = await begin(on);
    const wanted = { agent: "a".repeat(LIMITS.nameLength), messages: [TASK], leaseUs: LIMITS.leaseSeconds * SECOND };
    const begins = (more: object) => on.memory.agentRuns.begin(on.caller, uid, { ...wanted, ...more });
    const many = Array<Message>(LIMITS.messagesAtOnce).fill(TASK);
    const refused = [
      { agent: "" },
      { agent: `${wanted.agent}a` },
      { messages: [] },
      { messages: [...many, TASK] },
      { leaseUs: SECOND - 1 },
      { leaseUs: wanted.leaseUs + 1 },
    ];
    for (const more of refused) await assert.rejects(begins(more), { code: "invalid" });
    assert.equal((await on.sessions.get(on.caller, uid)).head.seq, 1);
    const { run } = (await begins({ messages: many })).value;
    const held = { runId: run.runId, fence: run.fence };
    const steps = (more: object) => on.memory.agentRuns.step(on.caller, uid, { ...held, messages: [], ...more });
    const count = LIMITS.count;
    for (const usage of [
      { inputTokens: -1, outputTokens: 0 },
      { inputTokens: 0, outputTokens: count + 1 },
      { inputTokens: 0.5, outputTokens: 0 },
    ]) {
      await assert.rejects(steps({ usage }), { code: "invalid" });
    }
    await steps({ usage: { inputTokens: count, outputTokens: count }, messages: many });
    await assert.rejects(steps({ messages: [...many, TASK] }), { code: "invalid" });
    const end = (reason: string) => on.memory.agentRuns.finish(on.caller, uid, { ...held, status: "failed", reason });
    await assert.rejects(end("x".repeat(LIMITS.reasonLength + 1)), { code: "invalid" });
    assert.equal((await end("x".repeat(LIMITS.reasonLength))).value.run.status, "failed");
    await assert.rejects(on.memory.agentRuns.get(on.caller, uid, "run_none"), { code: "agent_run_not_found" });
  });
});
