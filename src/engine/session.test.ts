import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_ARTIFACTS } from "./artifact.ts";
import { EMPTY_CONVERSATION } from "./conversation.ts";
import { OPERATION_KINDS, type OperationKind } from "./operation.ts";
import {
  averageProcessingTimeUs,
  fold,
  NO_METRICS,
  type SessionChange,
  type SessionInputs,
  type SessionRecord,
} from "./session.ts";
import { NO_WORK } from "./task.ts";

const CREATED: SessionRecord = {
  sessionId: "a",
  userId: "u",
  name: "A name",
  tags: ["x"],
  metadata: { keep: 1, drop: { deep: true } },
  idleTimeoutUs: 60,
  status: "active",
  createdAtUs: 100,
  updatedAtUs: 100,
  lastActivityUs: 100,
  metrics: NO_METRICS,
  conversation: EMPTY_CONVERSATION,
  workingMemory: { task: "x", gone: 1 },
  artifacts: NO_ARTIFACTS,
  checkpoints: {},
  work: NO_WORK,
};

const USED = { ...CREATED, updatedAtUs: 200, lastActivityUs: 200 };

const CALL = { taskId: "task_1", app: "a", version: "00", action: "b", timeoutMs: 1_000 } as const;

const said = (content: string) => ({ role: "user", content, tokens: 3 }) as const;
const ANSWER = { role: "assistant", content: "Hello", tokens: 3 } as const;

const ORIGIN = { uid: "u", seq: 1, hash: "00", root: "u" } as const;

describe("fold()", () => {
  it("begins with what session.created says", () => {
    const { sessionId, userId, name = "", tags, metadata, idleTimeoutUs = 0 } = CREATED;
    const input = { sessionId, userId, name, tags, metadata, idleTimeoutUs };
    assert.deepEqual(fold(undefined, { kind: "session.created", at: 100, input }), { ...CREATED, workingMemory: {} });
  });

  it("begins with a skeleton where the payload was erased", () => {
    const { sessionId, status, createdAtUs } = fold(undefined, { kind: "session.created", at: 100 });
    assert.deepEqual({ sessionId, status, createdAtUs }, { sessionId: "", status: "active", createdAtUs: 100 });
  });

  const cases: { readonly [K in Exclude<OperationKind, "session.created">]: readonly [SessionInputs[K], object] } = {
    "session.updated": [{ description: "For this" }, { ...USED, description: "For this" }],
    "session.suspended": [{ reason: "lunch" }, { ...USED, status: "suspended", reason: "lunch" }],
    "session.resumed": [{ reason: "back" }, { ...USED, status: "active", reason: "back" }],
    "session.kept_alive": [{ reason: "still here" }, USED],
    "session.warned": [
      { reason: "calls is 9, over 8", measure: "calls", value: 9 },
      { ...CREATED, updatedAtUs: 200 },
    ],
    "session.completed": [{ reason: "done" }, { ...USED, status: "completed", reason: "done", endedAtUs: 200 }],
    "session.failed": [{}, { ...USED, status: "failed", endedAtUs: 200 }],
    "session.expired": [
      { endedAtUs: 161, reason: "Idle" },
      { ...CREATED, status: "expired", endedAtUs: 161, updatedAtUs: 161, reason: "Idle" },
    ],
    "metrics.recorded": [
      { requests: 2, errors: 1, processingTimeUs: 30 },
      { ...USED, metrics: { ...NO_METRICS, requestCount: 2, errorCount: 1, processingTimeUs: 30 } },
    ],
    "messages.added": [
      { messages: [said("Hi")] },
      { ...USED, conversation: { ...EMPTY_CONVERSATION, messages: 1, isAwaiting: true, tokens: 3 } },
    ],
    "turn.completed": [
      {
        messages: [said("I am John")],
        facts: { name: "John" },
        processingTimeUs: 5,
        usage: { inputTokens: 7, outputTokens: 2 },
      },
      {
        ...USED,
        metrics: { requestCount: 1, errorCount: 0, processingTimeUs: 5, inputTokens: 7, outputTokens: 2 },
        conversation: { ...EMPTY_CONVERSATION, messages: 2, turns: 1, tokens: 6 },
        workingMemory: { task: "x", gone: 1, user: { name: "John" } },
      },
    ],
    "turn.failed": [
      { processingTimeUs: 5 },
      { ...USED, metrics: { ...NO_METRICS, requestCount: 1, errorCount: 1, processingTimeUs: 5 } },
    ],
    "conversation.compacted": [
      { strategy: "summarize", through: 4, summary: "They met", tokens: 9, usage: { inputTokens: 3, outputTokens: 1 } },
      {
        ...USED,
        metrics: { ...NO_METRICS, inputTokens: 3, outputTokens: 1 },
        conversation: { ...EMPTY_CONVERSATION, compactedThrough: 4, summary: "They met", tokens: 9 },
      },
    ],
    "working_memory.changed": [{ merge: { gone: null, b: 2 } }, { ...USED, workingMemory: { task: "x", b: 2 } }],
    "artifact.stored": [
      {
        artifactId: "artifact_1",
        name: "a.csv",
        type: "user_input",
        mimeType: "text/csv",
        tags: [],
        metadata: {},
        digest: "00",
        size: 7,
      },
      { ...USED, artifacts: { count: 1, bytes: 7 } },
    ],
    "artifact.deleted": [
      { artifactId: "artifact_1", name: "a.csv", size: 7 },
      { ...USED, artifacts: { count: -1, bytes: -7 } },
    ],
    "artifact.granted": [{ artifactId: "artifact_1", grantee: "u", permission: "read", replaces: false }, USED],
    "artifact.revoked": [{ artifactId: "artifact_1", grantee: "u" }, USED],
    "artifact.accessed": [{ artifactId: "artifact_1", by: "u", needed: "read" }, CREATED],
    "checkpoint.created": [{ name: "before" }, { ...USED, checkpoints: { before: 2 } }],
    "task.queued": [
      { ...CALL, input: { by: 1 } },
      { ...USED, work: { ...NO_WORK, tasks: [{ taskId: "task_1", app: "a", action: "b", status: "queued", seq: 2 }] } },
    ],
    "task.started": [
      { ...CALL, input: {} },
      {
        ...USED,
        work: {
          ...NO_WORK,
          apps: { a: { version: "00", freshSeq: 2 } },
          tasks: [{ taskId: "task_1", app: "a", action: "b", status: "running", seq: 2, startedAtUs: 200 }],
        },
      },
    ],
    "task.reported": [{ taskId: "task_1", reports: [{ type: "progress", fraction: 0.5 }] }, USED],
    "task.finished": [
      { taskId: "task_1", status: "failed", staysWarm: true, processingTimeUs: 5 },
      {
        ...USED,
        metrics: { ...NO_METRICS, requestCount: 1, errorCount: 1, processingTimeUs: 5 },
        work: { ...NO_WORK, usage: { ...NO_WORK.usage, calls: 1, busyUs: 5 } },
      },
    ],
    "task.performed": [
      { ...CALL, input: {}, status: "completed", processingTimeUs: 5 },
      {
        ...USED,
        metrics: { ...NO_METRICS, requestCount: 1, processingTimeUs: 5 },
        work: {
          ...NO_WORK,
          apps: { a: { version: "00", freshSeq: 2 } },
          usage: { ...NO_WORK.usage, calls: 1, busyUs: 5 },
        },
      },
    ],
    "worker.released": [{ app: "a", reason: "idle" }, CREATED],
    "agent.started": [
      { runId: "run_1", agent: "helper", leaseUs: 60, messages: [said("Do this")] },
      {
        ...USED,
        conversation: { ...EMPTY_CONVERSATION, messages: 1, isAwaiting: true, tokens: 3 },
        agentRun: {
          runId: "run_1",
          agent: "helper",
          steps: 0,
          fence: 2,
          firstMessage: 1,
          beganAtUs: 200,
          sinceUs: 200,
          updatedAtUs: 200,
          leaseUs: 60,
          spentUs: 0,
        },
      },
    ],
    // What else there is of a run, agent-run.test.ts tells; here is none.
    "agent.resumed": [{ runId: "run_1", leaseUs: 60 }, USED],
    "agent.stepped": [{ runId: "run_1", messages: [] }, USED],
    "agent.finished": [
      { runId: "run_1", status: "failed", processingTimeUs: 5 },
      { ...USED, metrics: { ...NO_METRICS, requestCount: 1, errorCount: 1, processingTimeUs: 5 } },
    ],
    "session.forked": [
      { uid: "v", sessionId: "b", name: "Fork", origin: ORIGIN },
      {
        ...USED,
        status: "active",
        sessionId: "b",
        name: "Fork",
        origin: ORIGIN,
        createdAtUs: 200,
        updatedAtUs: 200,
        lastActivityUs: 200,
      },
    ],
  };

  for (const kind of OPERATION_KINDS) {
    if (kind === "session.created") continue;
    const [input, expected] = cases[kind];

    it(`applies ${kind}`, () => {
      const output = kind === "turn.completed" ? { message: ANSWER, model: "m", reason: "stop" } : undefined;
      assert.deepEqual(fold(CREATED, { kind, at: 200, seq: 2, input, output } as SessionChange), expected);
    });

    it(`applies ${kind} whose payload was erased, and changes its argument in neither case`, () => {
      const before = structuredClone(CREATED);
      assert.equal(fold(CREATED, { kind, at: 200 }).sessionId, "a");
      assert.deepEqual(CREATED, before);
    });
  }

  it("removes a field by null, merges metadata, and leaves what is not named", () => {
    const input = {
      name: null,
      idleTimeoutUs: null,
      tags: [],
      metadata: { drop: null, added: { b: null }, absent: null },
    };
    const next = fold(CREATED, { kind: "session.updated", at: 200, input });
    const { name: _, idleTimeoutUs: __, ...rest } = USED;
    assert.deepEqual(next, { ...rest, tags: [], metadata: { keep: 1, added: { b: null } } });
  });

  it("drops the reason of the status before", () => {
    const suspended = fold(CREATED, { kind: "session.suspended", at: 200, input: { reason: "lunch" } });
    assert.equal(fold(suspended, { kind: "session.resumed", at: 300, input: {} }).reason, undefined);
    assert.equal(fold(suspended, { kind: "session.completed", at: 300, input: {} }).reason, undefined);
    assert.equal(fold(suspended, { kind: "session.kept_alive", at: 300, input: {} }).reason, "lunch");
  });

  it("never lets a clock that was set back make a session look idle", () => {
    const { updatedAtUs, lastActivityUs } = fold(USED, { kind: "session.kept_alive", at: 150, input: {} });
    assert.deepEqual({ updatedAtUs, lastActivityUs }, { updatedAtUs: 200, lastActivityUs: 200 });
  });
});

describe("averageProcessingTimeUs()", () => {
  it("rounds down, and is 0 without requests", () => {
    assert.equal(averageProcessingTimeUs({ requestCount: 3, errorCount: 0, processingTimeUs: 11 }), 3);
    assert.equal(averageProcessingTimeUs({ requestCount: 0, errorCount: 0, processingTimeUs: 11 }), 0);
  });
});
