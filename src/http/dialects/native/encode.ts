import { z } from "zod";
import { SECOND } from "../../../engine/clock.ts";
import { DOLLAR, type TokenUsage, type TurnOutput } from "../../../engine/conversation.ts";
import { given } from "../../../engine/given.ts";
import type { Json } from "../../../engine/json.ts";
import { expiresAtUs } from "../../../engine/lifecycle.ts";
import { ROLES, type SealedMessage, type StoredMessage } from "../../../engine/message.ts";
import type { MadeObject } from "../../../engine/object.ts";
import { type Entry, OPERATION_KINDS, type OperationKind, payloadBody } from "../../../engine/operation.ts";
import { averageProcessingTimeUs, type Metrics, type SessionRecord, STATUSES } from "../../../engine/session.ts";
import type { Session } from "../../../engine/sessions.ts";
import type { Totals } from "../../../engine/store.ts";
import type { Work } from "../../../engine/task.ts";
import type { Verdict } from "../../../engine/verify.ts";
import { encodeLimits, encodeLimitsPatch, LimitsShape } from "./limits.ts";

const time = z.iso.datetime().describe("ISO 8601, UTC");
const count = z.int().min(0);
const seconds = z.number().min(0).describe("seconds");

/** The counters of a session. */
export const MetricsShape = z
  .object({
    request_count: count,
    error_count: count,
    total_processing_time: seconds,
    average_processing_time: seconds.describe("seconds; 0 without requests"),
    input_tokens: count.describe("of language models, where they tell"),
    output_tokens: count,
    cost_usd: z.number().optional().describe("of language models, where their prices are known; US dollars"),
  })
  .meta({ id: "Metrics" });

/** What a session remembers. */
export const MemoryShape = z
  .object({
    session_id: z.string(),
    has_session_memory: z.boolean(),
    has_working_memory: z.boolean(),
    has_behavior_profile: z.boolean(),
    conversation_turns: count.describe("messages of the user that were answered"),
    messages: count,
    window_tokens: count.describe("about how much of a model's window the messages take that were not compacted"),
    compacted_through: count.describe("the number of the last message that was compacted; 0 where none was"),
  })
  .meta({ id: "Memory" });

/** How much a session has. */
const UsedShape = z
  .object({
    operation_count: count,
    artifact_count: count.describe("those that were deleted do not count"),
    artifact_bytes: count.describe("before compression"),
    object_count: count,
  })
  .meta({ id: "SessionUsage" });

/** What a session does by apps. */
const WorkShape = z
  .object({
    apps: z
      .record(
        z.string(),
        z.object({
          version: z.string().describe("the one that the session began with, and stays on"),
          setup: z.record(z.string(), z.json()).optional(),
          is_warm: z.boolean().describe("whether a worker waits for the next task, with what the app remembers"),
        }),
      )
      .describe("by the name of the app"),
    tasks: z
      .array(
        z.object({
          task_id: z.string(),
          app: z.string(),
          action: z.string(),
          status: z.enum(["queued", "running"]),
          operation_seq: count,
          started_at: time.optional(),
        }),
      )
      .describe("those that have not finished, in the order in which they came"),
    usage: z.object({
      calls: count,
      busy_time: seconds,
      idle_time: seconds.describe("seconds while a worker waited between two tasks"),
      memory_peak_bytes: count,
    }),
  })
  .meta({ id: "Work" });

/** A session as clients see it. */
export const SessionShape = z
  .object({
    session_id: z.string(),
    uid: z.string().describe("the immutable identity; a session_id means the newest session so called"),
    user_id: z.string(),
    status: z.enum(STATUSES),
    is_active: z.boolean(),
    name: z.string().optional(),
    description: z.string().optional(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.json()),
    parent_session_id: z.string().optional(),
    created_at: time,
    updated_at: time,
    last_activity: time,
    expires_at: time.optional().describe("when its time is over, unless it is used before"),
    ended_at: time.optional(),
    reason: z.string().optional(),
    idle_timeout_seconds: seconds.optional(),
    max_lifetime_seconds: seconds.optional(),
    limits: LimitsShape.optional(),
    apps: z.array(z.string()).optional().describe("the apps that it may run; absent: all"),
    version: count.describe("the seq of its last operation; what If-Match takes"),
    head_hash: z.string().describe("the hash of its last operation; keep it, to verify the log against it later"),
    temporary: z.literal(true).optional().describe("made for a chat that named no session; listed on request alone"),
    metrics: MetricsShape,
    usage: UsedShape,
    memory: MemoryShape,
    work: WorkShape,
    origin: z
      .object({ uid: z.string(), seq: count, hash: z.string() })
      .optional()
      .describe("of a fork: the session, and the operation of it, up to which the histories are one"),
  })
  .meta({ id: "Session" });

const ToolCallShape = z.object({ id: z.string(), name: z.string(), arguments: z.string().describe("JSON") });

/** A message without its place. */
export const SealedShape = z.object({
  role: z.enum(ROLES),
  content: z.string(),
  tokens: count.describe("about how much of a model's window it takes"),
  tool_calls: z.array(ToolCallShape).optional(),
  tool_call_id: z.string().optional(),
  metadata: z.record(z.string(), z.json()).optional(),
});

/** One entry of the conversation. */
export const MessageShape = z
  .object({
    number: count.describe("1, 2, 3 … without gaps within its session"),
    seq: count.describe("the operation that brought it"),
    timestamp: time,
    ...SealedShape.shape,
  })
  .meta({ id: "Message" });

export const UsageShape = z
  .object({
    input_tokens: count,
    output_tokens: count,
    cost_usd: z.number().min(0).optional().describe("US dollars, where the prices are known"),
  })
  .meta({ id: "Usage" });

export function encodeMessage({ number, seq, at, ...message }: StoredMessage): z.output<typeof MessageShape> {
  return { number, seq, timestamp: isoTime(at), ...encodeSealed(message) };
}

/** One entry of the log. */
export const OperationShape = z
  .object({
    seq: count,
    id: z.string(),
    kind: z.enum(OPERATION_KINDS),
    name: z.string(),
    actor: z.string(),
    timestamp: time,
    duration_ms: z.number().optional(),
    status: z.enum(["completed", "failed"]),
    inputs: z.json().describe("null once erased"),
    output: z.json().optional().describe("of a completed turn the answer, and of a task what its app put out"),
    result_id: z.string().optional(),
    error: z.string().optional(),
    hash: z.string(),
  })
  .meta({ id: "Operation" });

export const VerdictShape = z
  .object({
    ok: z.boolean(),
    operations: count,
    head_hash: z.string(),
    first_bad_seq: count.optional(),
    fault: z.enum(["chain", "payload", "head", "view", "known_head"]).optional(),
  })
  .meta({ id: "Verdict" });

export const StatsShape = z
  .object({
    sessions: count,
    by_status: z.record(z.enum(STATUSES), count),
    ...MetricsShape.shape,
    error_rate: z.number().describe("errors per request; 0 without requests"),
  })
  .meta({ id: "Stats" });

/** The state of the server; without an envelope, as ATLUS has it. */
export const HealthShape = z
  .object({
    status: z.literal("healthy"),
    service: z.string(),
    version: z.string(),
    model: z.string().describe("what answers chats: a language model such as openai:gpt-5, or built-in"),
    is_language_model: z.boolean(),
    sandbox: z.string().describe("how apps are kept apart from the machine: process, or bubblewrap, which is more"),
    timestamp: time,
  })
  .meta({ id: "Health" });

/** The envelope of every success. */
export function enveloped<T extends z.ZodType>(data: T): z.ZodObject {
  return z.object({ success: z.literal(true), data, timestamp: time });
}

/** An answer that has the session with it, where that is asked for. */
export function besideSession(shape: z.ZodObject): z.ZodObject {
  return shape.extend({ session: SessionShape.optional().describe("with return=session") });
}

/** The envelope of every error. */
export const ErrorShape = z
  .object({
    success: z.literal(false),
    error: z.object({
      code: z.string(),
      message: z.string(),
      status: z.int(),
      details: z.array(z.object({ field: z.string(), message: z.string(), type: z.string() })).optional(),
    }),
    timestamp: time,
    request_id: z.string(),
  })
  .meta({ id: "Error" });

/** Puts data into the envelope. */
export function envelope(data: object, nowUs: number): object {
  return { success: true, data, timestamp: isoTime(nowUs) };
}

export function encodeSession({ ref, head, record }: Session): z.output<typeof SessionShape> {
  return {
    session_id: record.sessionId,
    uid: ref.id,
    user_id: record.userId,
    status: record.status,
    is_active: record.status === "active",
    name: record.name,
    description: record.description,
    tags: [...record.tags],
    // NOTE: metadata came in as JSON.
    metadata: record.metadata as Record<string, z.core.util.JSONType>,
    parent_session_id: record.parentSessionId,
    created_at: isoTime(record.createdAtUs),
    updated_at: isoTime(record.updatedAtUs),
    last_activity: isoTime(record.lastActivityUs),
    expires_at: map(expiresAtUs(record), isoTime),
    ended_at: map(record.endedAtUs, isoTime),
    reason: record.reason,
    idle_timeout_seconds: map(record.idleTimeoutUs, inSeconds),
    max_lifetime_seconds: map(record.maxLifetimeUs, inSeconds),
    limits: map(record.limits, encodeLimits),
    apps: map(record.apps, (apps) => [...apps]),
    version: head.seq,
    head_hash: head.hash,
    temporary: record.temporary,
    metrics: encodeMetrics(record.metrics),
    usage: {
      operation_count: head.seq,
      artifact_count: record.artifacts.count,
      artifact_bytes: record.artifacts.bytes,
      object_count: record.work.objects ?? 0,
    },
    memory: encodeMemory(record),
    work: encodeWork(record.work),
    ...given("origin", record.origin, ({ uid, seq, hash }) => ({ uid, seq, hash })),
  };
}

function encodeMemory({ sessionId, conversation }: SessionRecord): z.output<typeof MemoryShape> {
  return {
    session_id: sessionId,
    // All of them exist from a session's beginning on.
    has_session_memory: true,
    has_working_memory: true,
    has_behavior_profile: true,
    conversation_turns: conversation.turns,
    messages: conversation.messages,
    window_tokens: conversation.tokens,
    compacted_through: conversation.compactedThrough,
  };
}

function encodeWork({ apps, tasks, usage }: Work): z.output<typeof WorkShape> {
  const { calls, busyUs, idleUs, memoryPeakBytes } = usage;
  const used = Object.entries(apps).map(([name, { version, setup, warmSinceUs }]) => {
    // NOTE: setup parameters came in as JSON.
    const parameters = setup as Record<string, z.core.util.JSONType> | undefined;
    return [name, { version, ...given("setup", parameters), is_warm: warmSinceUs !== undefined }] as const;
  });
  return {
    apps: Object.fromEntries(used),
    tasks: tasks.map(({ taskId, app, action, status, seq, startedAtUs }) => ({
      task_id: taskId,
      app,
      action,
      status,
      operation_seq: seq,
      ...given("started_at", startedAtUs, isoTime),
    })),
    usage: {
      calls,
      busy_time: inSeconds(busyUs),
      idle_time: inSeconds(idleUs),
      memory_peak_bytes: memoryPeakBytes,
    },
  };
}

export function encodeMetrics(metrics: Metrics): z.output<typeof MetricsShape> {
  return {
    request_count: metrics.requestCount,
    error_count: metrics.errorCount,
    total_processing_time: inSeconds(metrics.processingTimeUs),
    average_processing_time: inSeconds(averageProcessingTimeUs(metrics)),
    input_tokens: metrics.inputTokens,
    output_tokens: metrics.outputTokens,
    ...(metrics.costNanoUsd && { cost_usd: inUsd(metrics.costNanoUsd) }),
  };
}

export function encodeTotals({ byStatus, metrics }: Totals): z.output<typeof StatsShape> {
  const { requestCount, errorCount } = metrics;
  return {
    sessions: Object.values(byStatus).reduce((sum, n) => sum + n, 0),
    by_status: { ...byStatus },
    ...encodeMetrics(metrics),
    error_rate: requestCount === 0 ? 0 : errorCount / requestCount,
  };
}

export function encodeOperation(entry: Entry): z.output<typeof OperationShape> {
  const { seq, id, kind, name, actor, at, durationUs, outcome, made, hash } = entry.operation;
  const body = payloadBody(entry);
  return {
    seq,
    id,
    // NOTE: of a session's log.
    kind: kind as OperationKind,
    name,
    actor,
    timestamp: isoTime(at),
    duration_ms: map(durationUs, (us) => us / 1_000),
    status: outcome,
    inputs: encodeInputs(body?.input ?? null),
    output: kind === "turn.completed" ? encodeTurn(body?.output) : asJson(body?.output),
    result_id: made[0],
    error: body?.error,
    hash,
  };
}

export function encodeVerdict({
  ok,
  operations,
  headHash,
  firstBadSeq,
  fault,
}: Verdict): z.output<typeof VerdictShape> {
  return { ok, operations, head_hash: headHash, first_bad_seq: firstBadSeq, fault };
}

const DAY_US = 86_400 * SECOND;

/** Times of one day share a text; making it anew for each is what shows in a profile of `GET`. */
const days = new Map<number, string>();

/** How many days are kept. A session has times of today, of the day it expires, and of the days of its life. */
const DAYS_MAX = 1_000;

/** Microseconds since the epoch as ISO 8601 in UTC; with microseconds only where there are any. */
export function isoTime(us: number): string {
  const startUs = us - (us % DAY_US);
  const day = days.get(startUs) ?? keepDay(startUs);
  const ofDay = us - startUs;
  const digits = (value: number, width: number): string => String(Math.floor(value)).padStart(width, "0");
  const hours = digits(ofDay / 3_600 / SECOND, 2);
  const minutes = digits((ofDay / 60 / SECOND) % 60, 2);
  const seconds = digits((ofDay / SECOND) % 60, 2);
  const rest = us % 1_000;
  const fraction = digits((ofDay / 1_000) % 1_000, 3) + (rest === 0 ? "" : digits(rest, 3));
  return `${day}${hours}:${minutes}:${seconds}.${fraction}Z`;
}

function keepDay(startUs: number): string {
  const text = new Date(startUs / 1_000).toISOString().slice(0, 11);
  if (days.size === DAYS_MAX) days.clear();
  days.set(startUs, text);
  return text;
}

function map<T, U>(value: T | undefined, encode: (value: T) => U): U | undefined {
  return value === undefined ? undefined : encode(value);
}

export function inSeconds(us: number): number {
  return us / SECOND;
}

/** Nano-dollars in dollars. */
export function inUsd(nanoUsd: number): number {
  return nanoUsd / DOLLAR;
}

/** How the members of the engine's inputs are called on this wire, and in which unit. */
const INPUT_MEMBERS: Readonly<Record<string, readonly [name: string, encode?: (value: never) => unknown]>> = {
  sessionId: ["session_id"],
  userId: ["user_id"],
  parentSessionId: ["parent_session_id"],
  idleTimeoutUs: ["idle_timeout_seconds", inSeconds],
  maxLifetimeUs: ["max_lifetime_seconds", inSeconds],
  processingTimeUs: ["processing_time_seconds", inSeconds],
  endedAtUs: ["ended_at", isoTime],
  messages: ["messages", (messages: readonly SealedMessage[]) => messages.map(encodeSealed)],
  usage: ["usage", encodeUsage],
  artifactId: ["artifact_id"],
  type: ["artifact_type"],
  mimeType: ["mime_type"],
  digest: ["content_hash"],
  taskId: ["task_id"],
  runId: ["run_id"],
  leaseUs: ["lease_seconds", inSeconds],
  costNanoUsd: ["cost_usd", inUsd],
  inputTokens: ["input_tokens"],
  outputTokens: ["output_tokens"],
  limits: ["limits", encodeLimitsPatch],
  timeoutMs: ["timeout_seconds", (ms: number) => ms / 1_000],
  isIdempotent: ["is_idempotent"],
  faults: ["details"],
  staysWarm: ["stays_warm"],
  neverBegan: ["never_began"],
  memoryPeakBytes: ["memory_peak_bytes"],
  objects: ["objects", (objects: readonly MadeObject[]) => objects.map(encodeMade)],
};

function encodeInputs(input: Json): z.core.util.JSONType {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return null;
  const members = Object.entries(input).map(([key, value]) => {
    const [name, encode] = INPUT_MEMBERS[key] ?? [key];
    // NOTE: a member of that name has the type that its encoder takes; only `PendingLog` writes them.
    return [name, encode === undefined || value === null ? value : encode(value as never)];
  });
  return Object.fromEntries(members);
}

function encodeMade({ objectId, degradation, ...made }: MadeObject): object {
  return {
    object_id: objectId,
    ...made,
    ...given("degradation", degradation, ({ reason, objectId }) => ({ reason, object_id: objectId })),
  };
}

function asJson(value: Json | undefined): z.core.util.JSONType | undefined {
  // NOTE: a payload is JSON.
  return value as z.core.util.JSONType | undefined;
}

function encodeTurn(output: Json | undefined): z.core.util.JSONType | undefined {
  if (output === undefined) return undefined;
  // NOTE: of a turn.
  const { message, ...rest } = output as unknown as TurnOutput;
  return { ...rest, message: encodeSealed(message) as unknown as z.core.util.JSONType };
}

/** A message without its place. */
export function encodeSealed({
  role,
  content,
  tokens,
  toolCalls,
  toolCallId,
  metadata,
}: SealedMessage): z.output<typeof SealedShape> {
  return {
    role,
    content,
    tokens,
    ...given("tool_calls", toolCalls && [...toolCalls]),
    ...given("tool_call_id", toolCallId),
    // NOTE: metadata came in as JSON.
    ...given("metadata", metadata as Record<string, z.core.util.JSONType> | undefined),
  };
}

export function encodeUsage({ inputTokens, outputTokens, costNanoUsd }: TokenUsage): z.output<typeof UsageShape> {
  return { input_tokens: inputTokens, output_tokens: outputTokens, ...given("cost_usd", costNanoUsd, inUsd) };
}
