import type { Json, JsonObject } from "../engine/json.ts";
import type { Scope } from "../engine/key.ts";
import type { OperationKind } from "../engine/operation.ts";
import type { Status } from "../engine/session.ts";
import type { SessionStats, Verdict } from "./answers.ts";
import { decodeSealed, decodeUsage, type WireMessage, type WireUsage } from "./decode-memory.ts";
import { decodeMade, type WireMadeObject } from "./decode-objects.ts";
import { decodeWork, type WireWork } from "./decode-tasks.ts";
import { exactMs } from "./duration.ts";
import type { Key } from "./keys.ts";
import { decodeLimits, type WireLimits } from "./limits.ts";
import type { Operation } from "./operation.ts";
import type { Origin, SessionMetrics, SessionState } from "./session-state.ts";

/** The counters of a session on the wire; times are seconds. */
export interface WireMetrics {
  readonly request_count: number;
  readonly error_count: number;
  readonly total_processing_time: number;
  readonly average_processing_time: number;
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_usd?: number | undefined;
}

/** What a session remembers, on the wire. */
export interface WireMemory {
  readonly conversation_turns: number;
  readonly messages: number;
  readonly window_tokens: number;
  readonly compacted_through: number;
}

/** How much a session has, on the wire. */
export interface WireSessionUsage {
  readonly operation_count: number;
  readonly artifact_count: number;
  readonly artifact_bytes: number;
  readonly object_count: number;
}

/** A session on the wire; times are ISO 8601, durations seconds. */
export interface WireSession {
  readonly session_id: string;
  readonly uid: string;
  readonly user_id: string;
  readonly status: Status;
  readonly is_active: boolean;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly parent_session_id?: string | undefined;
  readonly created_at: string;
  readonly updated_at: string;
  readonly last_activity: string;
  readonly expires_at?: string | undefined;
  readonly ended_at?: string | undefined;
  readonly reason?: string | undefined;
  readonly idle_timeout_seconds?: number | undefined;
  readonly max_lifetime_seconds?: number | undefined;
  readonly limits?: WireLimits | undefined;
  readonly apps?: readonly string[] | undefined;
  readonly version: number;
  readonly head_hash: string;
  readonly temporary?: boolean | undefined;
  readonly metrics: WireMetrics;
  readonly memory: WireMemory;
  readonly usage: WireSessionUsage;
  readonly work: WireWork;
  readonly origin?: Origin | undefined;
}

/** An operation on the wire. */
export interface WireOperation {
  readonly seq: number;
  readonly id: string;
  readonly kind: OperationKind;
  readonly name: string;
  readonly actor: string;
  readonly timestamp: string;
  readonly duration_ms?: number | undefined;
  readonly status: "completed" | "failed";
  readonly inputs: Json;
  readonly output?: Json | undefined;
  readonly result_id?: string | undefined;
  readonly error?: string | undefined;
  readonly hash: string;
}

/** Statistics on the wire. */
export interface WireStats extends WireMetrics {
  readonly sessions: number;
  readonly by_status: Readonly<Record<Status, number>>;
  readonly error_rate: number;
}

/** A verdict on the wire. */
export interface WireVerdict {
  readonly ok: boolean;
  readonly operations: number;
  readonly head_hash: string;
  readonly first_bad_seq?: number | undefined;
  readonly fault?: Verdict["fault"];
}

/** A session in the words of the SDK. */
export function decodeSession(wire: WireSession): SessionState {
  return {
    sessionId: wire.session_id,
    uid: wire.uid,
    userId: wire.user_id,
    status: wire.status,
    isActive: wire.is_active,
    name: wire.name,
    description: wire.description,
    tags: wire.tags,
    metadata: wire.metadata,
    parentSessionId: wire.parent_session_id,
    createdAt: new Date(wire.created_at),
    updatedAt: new Date(wire.updated_at),
    lastActivity: new Date(wire.last_activity),
    expiresAt: date(wire.expires_at),
    endedAt: date(wire.ended_at),
    reason: wire.reason,
    idleTimeoutMs: ms(wire.idle_timeout_seconds),
    maxLifetimeMs: ms(wire.max_lifetime_seconds),
    limits: decodeLimits(wire.limits ?? {}),
    apps: wire.apps,
    version: wire.version,
    headHash: wire.head_hash,
    isTemporary: wire.temporary ?? false,
    metrics: decodeMetrics(wire.metrics),
    memory: {
      conversationTurns: wire.memory.conversation_turns,
      messages: wire.memory.messages,
      windowTokens: wire.memory.window_tokens,
      compactedThrough: wire.memory.compacted_through,
    },
    usage: {
      operationCount: wire.usage.operation_count,
      artifactCount: wire.usage.artifact_count,
      artifactBytes: wire.usage.artifact_bytes,
      objectCount: wire.usage.object_count,
    },
    work: decodeWork(wire.work),
    origin: wire.origin,
  };
}

/** An operation in the words of the SDK. */
export function decodeOperation(wire: WireOperation): Operation {
  const { seq, id, kind, name, actor, status, error, hash } = wire;
  // NOTE: the inputs of an operation have the shape of its kind.
  return {
    seq,
    id,
    kind,
    name,
    actor,
    timestamp: new Date(wire.timestamp),
    durationMs: wire.duration_ms,
    status,
    inputs: decodeInputs(wire.inputs),
    output: kind === "turn.completed" ? decodeTurn(wire.output) : wire.output,
    resultId: wire.result_id,
    error,
    hash,
  } as Operation;
}

/** Statistics in the words of the SDK. */
export function decodeStats(wire: WireStats): SessionStats {
  const { sessions, by_status: byStatus, error_rate: errorRate } = wire;
  return { sessions, byStatus, ...decodeMetrics(wire), errorRate };
}

/** A verdict in the words of the SDK. */
export function decodeVerdict(wire: WireVerdict): Verdict {
  const { ok, operations, fault } = wire;
  return { ok, operations, headHash: wire.head_hash, firstBadSeq: wire.first_bad_seq, fault };
}

function decodeMetrics(wire: WireMetrics): SessionMetrics {
  return {
    requestCount: wire.request_count,
    errorCount: wire.error_count,
    totalProcessingTimeMs: exactMs(wire.total_processing_time),
    averageProcessingTimeMs: exactMs(wire.average_processing_time),
    inputTokens: wire.input_tokens,
    outputTokens: wire.output_tokens,
    costUsd: wire.cost_usd ?? 0,
  };
}

/** How the members of an operation's inputs are called here. */
const INPUT_MEMBERS: Readonly<Record<string, readonly [name: string, decode?: (value: unknown) => unknown]>> = {
  session_id: ["sessionId"],
  user_id: ["userId"],
  parent_session_id: ["parentSessionId"],
  idle_timeout_seconds: ["idleTimeoutMs", inMs],
  max_lifetime_seconds: ["maxLifetimeMs", inMs],
  processing_time_seconds: ["processingTimeMs", inMs],
  ended_at: ["endedAt", (value) => new Date(String(value))],
  messages: ["messages", (value) => (Array.isArray(value) ? value.map(decodeSealed) : value)],
  usage: ["usage", (value) => decodeUsage(value as WireUsage)],
  artifact_id: ["artifactId"],
  artifact_type: ["type"],
  mime_type: ["mimeType"],
  content_hash: ["contentHash"],
  task_id: ["taskId"],
  run_id: ["runId"],
  lease_seconds: ["leaseMs", inMs],
  cost_usd: ["costUsd"],
  input_tokens: ["inputTokens"],
  output_tokens: ["outputTokens"],
  limits: ["limits", (value) => decodeLimits(value as WireLimits)],
  timeout_seconds: ["timeoutMs", inMs],
  is_idempotent: ["isIdempotent"],
  details: ["faults"],
  stays_warm: ["staysWarm"],
  never_began: ["neverBegan"],
  memory_peak_bytes: ["memoryPeakBytes"],
  objects: ["objects", (value) => (value as readonly WireMadeObject[]).map(decodeMade)],
};

function decodeInputs(inputs: Json): object | undefined {
  if (typeof inputs !== "object" || inputs === null) return undefined;
  const members = Object.entries(inputs).map(([key, value]) => {
    const [name, decode] = (Object.hasOwn(INPUT_MEMBERS, key) && INPUT_MEMBERS[key]) || [key];
    return [name, decode === undefined ? value : decode(value)];
  });
  return Object.fromEntries(members);
}

function decodeTurn(output: Json | undefined): object | undefined {
  if (typeof output !== "object" || output === null) return undefined;
  // NOTE: of a turn, which has a message.
  const { message, ...rest } = output as unknown as { readonly message: WireMessage };
  return { ...rest, message: decodeSealed(message) };
}

function inMs(value: unknown): unknown {
  return typeof value === "number" ? exactMs(value) : value;
}

function ms(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : exactMs(seconds);
}

function date(iso: string | undefined): Date | undefined {
  return iso === undefined ? undefined : new Date(iso);
}

/** A key on the wire. */
export interface WireKey {
  readonly id: string;
  readonly tenant: string;
  readonly name?: string | undefined;
  readonly scopes: readonly Scope[];
  readonly status: Key["status"];
  readonly created_at: string;
  readonly created_by: string;
  readonly expires_at?: string | undefined;
  readonly revoked_at?: string | undefined;
  readonly revoked_by?: string | undefined;
  readonly last_used_at?: string | undefined;
}

export function decodeKey(wire: WireKey): Key {
  return {
    id: wire.id,
    tenant: wire.tenant,
    name: wire.name,
    scopes: wire.scopes,
    status: wire.status,
    createdAt: new Date(wire.created_at),
    createdBy: wire.created_by,
    expiresAt: date(wire.expires_at),
    revokedAt: date(wire.revoked_at),
    revokedBy: wire.revoked_by,
    lastUsedAt: date(wire.last_used_at),
  };
}
