import type { SQLInputValue, SQLOutputValue } from "node:sqlite";
import type { AgentRun } from "../../engine/agent-run.ts";
import type { Artifact, Chunk, Content } from "../../engine/artifact.ts";
import type { Conversation, messagesOf } from "../../engine/conversation.ts";
import { given } from "../../engine/given.ts";
import type { Json, JsonObject } from "../../engine/json.ts";
import { expiresAtUs, isFinal } from "../../engine/lifecycle.ts";
import { type Limits, limitAtUs } from "../../engine/limit-rules.ts";
import type { Entry, OperationKind } from "../../engine/operation.ts";
import type { Origin, SessionRecord, Status } from "../../engine/session.ts";
import type { Head, ReaderCursor, Remembered, Stream, StreamRef, TaskPlace } from "../../engine/store.ts";
import type { Inputs, Records, StreamKind } from "../../engine/streams.ts";

/** A row as `node:sqlite` gives it. */
export type Row = Record<string, SQLOutputValue>;

/** What stands for "never" in a column of times: 2^53 − 1. */
const NEVER = Number.MAX_SAFE_INTEGER;

/** The columns of a session with its stream, as `s` and `t`. */
export const STREAM_COLUMNS = "t.tenant, t.kind, t.id AS uid, t.head_seq, t.head_hash, s.*";

/** The columns of a stream that is no session, with its record, as `t` and `r`. */
export const RECORD_COLUMNS = "t.tenant, t.kind, t.id AS uid, t.head_seq, t.head_hash, r.record";

/** Reads a row of `STREAM_COLUMNS`. */
export function toStream(row: Row): Stream {
  return { ref: toSessionRef(row), head: toHead(row), record: toRecord(row) };
}

/** Reads a row of `RECORD_COLUMNS`. */
export function toOther<K extends StreamKind>(row: Row): Stream<K> {
  // NOTE: whoever asked gave the kind, and records are only ever written from those of their kind.
  return {
    ref: toRef(row) as StreamRef<K>,
    head: toHead(row),
    record: JSON.parse(text(row.record)) as Records[K],
  };
}

function toHead(row: Row): Head {
  return { seq: integer(row.head_seq), hash: hex(row.head_hash) };
}

/** Reads the columns `tenant`, `kind` and `uid` of a session. */
export function toSessionRef(row: Row): StreamRef<"session"> {
  // NOTE: only sessions have a row in `sessions`.
  return toRef(row) as StreamRef<"session">;
}

/** Reads the columns `tenant`, `kind` and `uid`. */
export function toRef(row: Row): StreamRef {
  // NOTE: `kind` is only ever written from a StreamRef.
  return { tenant: text(row.tenant), kind: text(row.kind) as StreamRef["kind"], id: text(row.uid) };
}

function toRecord(row: Row): SessionRecord {
  // NOTE: these columns are only ever written from a SessionRecord.
  const status = text(row.status) as Status;
  const facts = {
    sessionId: text(row.session_id),
    userId: text(row.user_id),
    tags: JSON.parse(text(row.tags)) as string[],
    metadata: JSON.parse(text(row.metadata)) as JsonObject,
    createdAtUs: integer(row.created_at),
    updatedAtUs: integer(row.updated_at),
    lastActivityUs: integer(row.last_activity),
    metrics: {
      requestCount: integer(row.request_count),
      errorCount: integer(row.error_count),
      processingTimeUs: integer(row.processing_time_us),
      inputTokens: integer(row.input_tokens),
      outputTokens: integer(row.output_tokens),
      ...given("costNanoUsd", row.cost_nano_usd ?? undefined, integer),
    },
    conversation: JSON.parse(text(row.conversation)) as Conversation,
    workingMemory: JSON.parse(text(row.working_memory)) as JsonObject,
    artifacts: { count: integer(row.artifact_count), bytes: integer(row.artifact_bytes) },
    checkpoints: JSON.parse(text(row.checkpoints)) as SessionRecord["checkpoints"],
    work: JSON.parse(text(row.work)) as SessionRecord["work"],
    ...given("agentRun", row.agent_run ?? undefined, (run) => JSON.parse(text(run)) as AgentRun),
    ...given("limits", row.limits ?? undefined, (limits) => JSON.parse(text(limits)) as Limits),
    ...given("apps", row.apps ?? undefined, (apps) => JSON.parse(text(apps)) as string[]),
    ...given("origin", row.origin ?? undefined, (origin) => JSON.parse(text(origin)) as Origin),
    ...(row.temporary === 1 && ({ temporary: true } as const)),
    ...given("name", row.name ?? undefined, text),
    ...given("description", row.description ?? undefined, text),
    ...given("parentSessionId", row.parent_session_id ?? undefined, text),
    ...given("reason", row.reason ?? undefined, text),
    ...given("idleTimeoutUs", row.idle_timeout_us ?? undefined, integer),
    ...given("maxLifetimeUs", row.max_lifetime_us ?? undefined, integer),
  };
  return isFinal(status) ? { ...facts, status, endedAtUs: integer(row.ended_at) } : { ...facts, status };
}

/** A column of a session, and where a record has its value. */
export type Column = readonly [name: string, value: (record: SessionRecord) => SQLInputValue];

/** Columns that seldom change and stand in an index; an update that leaves them out does not touch their indexes. */
export const SELDOM_CHANGED: readonly Column[] = [
  ["user_id", (record) => record.userId],
  ["status", (record) => record.status],
  ["name", (record) => record.name ?? null],
  ["parent_session_id", (record) => record.parentSessionId ?? null],
];

/** The other columns that may change. */
export const OFTEN_CHANGED: readonly Column[] = [
  ["description", (record) => record.description ?? null],
  ["tags", (record) => JSON.stringify(record.tags)],
  ["metadata", (record) => JSON.stringify(record.metadata)],
  ["reason", (record) => record.reason ?? null],
  ["updated_at", (record) => record.updatedAtUs],
  ["last_activity", (record) => record.lastActivityUs],
  ["ended_at", (record) => record.endedAtUs ?? null],
  ["idle_timeout_us", (record) => record.idleTimeoutUs ?? null],
  ["max_lifetime_us", (record) => record.maxLifetimeUs ?? null],
  ["expires_at", (record) => expiresAtUs(record) ?? NEVER],
  ["request_count", (record) => record.metrics.requestCount],
  ["error_count", (record) => record.metrics.errorCount],
  ["processing_time_us", (record) => record.metrics.processingTimeUs],
  ["input_tokens", (record) => record.metrics.inputTokens],
  ["output_tokens", (record) => record.metrics.outputTokens],
  ["cost_nano_usd", (record) => record.metrics.costNanoUsd ?? null],
  ["limits", (record) => asJson(record.limits)],
  ["apps", (record) => asJson(record.apps)],
  ["limit_at", (record) => limitAtUs(record) ?? null],
  ["agent_run", (record) => asJson(record.agentRun)],
  ["conversation", (record) => JSON.stringify(record.conversation)],
  ["working_memory", (record) => JSON.stringify(record.workingMemory)],
  ["artifact_count", (record) => record.artifacts.count],
  ["artifact_bytes", (record) => record.artifacts.bytes],
  ["checkpoints", (record) => JSON.stringify(record.checkpoints)],
  ["work", (record) => JSON.stringify(record.work)],
];

function asJson(value: object | undefined): string | null {
  return value === undefined ? null : JSON.stringify(value);
}

/** The columns that hold members of a record that may be large, as JSON. */
export const LARGE = [
  ["tags", "tags"],
  ["metadata", "metadata"],
  ["conversation", "conversation"],
  ["working_memory", "workingMemory"],
  ["checkpoints", "checkpoints"],
  ["work", "work"],
] as const satisfies readonly (readonly [name: string, member: keyof SessionRecord])[];

/** Reads a row of operations, with the `payload_row`, `salt` and `body` of its payload. */
export function toEntry(row: Row): Entry {
  // NOTE: these columns are only ever written from an Entry.
  const operation = {
    seq: integer(row.seq),
    id: text(row.id),
    kind: text(row.kind) as OperationKind,
    name: text(row.name),
    actor: text(row.actor),
    at: integer(row.at),
    ...given("durationUs", row.duration_us ?? undefined, integer),
    outcome: text(row.outcome) as "completed" | "failed",
    used: JSON.parse(text(row.used)) as string[],
    made: JSON.parse(text(row.made)) as string[],
    payloadDigest: hex(row.payload_digest),
    hash: hex(row.hash),
  };
  return { operation, ...toPayload(row) };
}

/** Reads of a row of operations only what its messages need. */
export function toBrought(row: Row): Parameters<typeof messagesOf>[0] {
  // NOTE: only ever written from an Entry.
  return { operation: { kind: text(row.kind) as OperationKind }, ...toPayload(row) };
}

function toPayload({ payload_row: stored, salt, body }: Row): Pick<Entry, "payload"> {
  if (stored == null) return {};
  return { payload: salt == null ? "erased" : { salt: hex(salt), body: text(body) } };
}

/** The columns of an artifact with its content, where that is there; see `ARTIFACT_TABLES`. */
export const ARTIFACT_COLUMNS = `a.seq, a.gone_seq, a.id, a.name, a.version, a.type, a.digest, a.size, a.tags, a.created_at,
  o.actor, p.body, before.digest AS previous_digest, c.stored_size, c.chunks, c.file`;

/** The tables of `ARTIFACT_COLUMNS`, from the stream on. */
export const ARTIFACT_TABLES = `streams t JOIN artifacts a ON a.stream = t.n
  JOIN operations o ON o.stream = a.stream AND o.seq = a.seq LEFT JOIN payloads p ON p.n = o.payload
  LEFT JOIN artifacts before ON before.stream = a.stream AND before.name = a.name AND before.version = a.version - 1
  LEFT JOIN contents c ON c.tenant = t.tenant AND c.digest = a.digest`;

/** Reads a row of `ARTIFACT_COLUMNS`. */
export function toArtifact(row: Row): Artifact {
  const digest = hex(row.digest);
  const size = integer(row.size);
  // NOTE: the payload is that of the operation that stored it.
  const stored = row.body == null ? undefined : (JSON.parse(text(row.body)) as { input: Inputs["artifact.stored"] });
  return {
    id: text(row.id),
    name: text(row.name),
    type: text(row.type),
    version: integer(row.version),
    ...given("previousDigest", row.previous_digest ?? undefined, hex),
    digest,
    size,
    mimeType: stored?.input.mimeType ?? "application/octet-stream",
    tags: JSON.parse(text(row.tags)) as string[],
    metadata: stored?.input.metadata ?? {},
    seq: integer(row.seq),
    ...given("goneSeq", row.gone_seq ?? undefined, integer),
    createdAtUs: integer(row.created_at),
    createdBy: text(row.actor),
    ...(row.chunks != null && { content: toContent({ ...row, digest: row.digest ?? null }) }),
  };
}

/** Reads the columns `digest`, `size`, `stored_size`, `chunks` and `file` of a content. */
export function toContent(row: Row): Content {
  return {
    digest: hex(row.digest),
    size: integer(row.size),
    storedSize: integer(row.stored_size),
    chunks: unpackChunks(row.chunks),
    place: row.file == null ? { in: "store" } : { in: "file", name: text(row.file) },
  };
}

/** What one chunk takes: its digest, and its stored size. */
const CHUNK_ROW_BYTES = 36;

/** The chunks of a content as one column. */
export function packChunks(chunks: readonly Chunk[]): Uint8Array {
  const packed = Buffer.alloc(chunks.length * CHUNK_ROW_BYTES);
  for (const [i, { digest, storedSize }] of chunks.entries()) {
    packed.write(digest, i * CHUNK_ROW_BYTES, "hex");
    packed.writeUInt32BE(storedSize, i * CHUNK_ROW_BYTES + 32);
  }
  return packed;
}

function unpackChunks(value: SQLOutputValue | undefined): readonly Chunk[] {
  const packed = asBuffer(value);
  return Array.from({ length: packed.length / CHUNK_ROW_BYTES }, (_, i) => ({
    digest: packed.toString("hex", i * CHUNK_ROW_BYTES, i * CHUNK_ROW_BYTES + 32),
    storedSize: packed.readUInt32BE(i * CHUNK_ROW_BYTES + 32),
  }));
}

/** Reads a row of remembered answers, with `about_tenant`, `kind` and `uid` of the stream that it is about. */
export function toRemembered(row: Row): Remembered {
  return {
    tenant: text(row.tenant),
    scope: text(row.scope),
    key: text(row.key),
    fingerprint: hex(row.fingerprint),
    answer: JSON.parse(text(row.answer)) as Json,
    at: integer(row.at),
    expiresAt: integer(row.expires_at),
    ...given("about", row.uid ?? undefined, () => toRef({ ...row, tenant: row.about_tenant ?? null })),
  };
}

/** Reads a row of cursors. */
export function toReaderCursor(row: Row): ReaderCursor {
  return { reader: text(row.reader), position: integer(row.position), updatedAtUs: integer(row.at) };
}

/** The columns of a task with its stream, as `k` and `t`. */
export const TASK_COLUMNS = "t.tenant, t.kind, t.id AS uid, k.id, k.seq, k.gone_seq";

/** Reads a row of `TASK_COLUMNS`. */
export function toTaskPlace(row: Row): TaskPlace {
  const goneSeq = given("goneSeq", row.gone_seq ?? undefined, integer);
  return { ref: toSessionRef(row), id: text(row.id), seq: integer(row.seq), ...goneSeq };
}

/** The bytes of a text of hex digits. */
export function bytes(hexDigits: string): Buffer {
  return Buffer.from(hexDigits, "hex");
}

// The decoders check types, so that a damaged row is an error and not a wrong answer.
export function text(value: SQLOutputValue | undefined): string {
  if (typeof value === "string") return value;
  throw new TypeError(`The store holds ${typeof value} where text belongs`);
}

export function integer(value: SQLOutputValue | undefined): number {
  if (typeof value === "number") return value;
  throw new TypeError(`The store holds ${typeof value} where an integer belongs`);
}

export function hex(value: SQLOutputValue | undefined): string {
  return asBuffer(value).toString("hex");
}

function asBuffer(value: SQLOutputValue | undefined): Buffer {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  throw new TypeError(`The store holds ${typeof value} where bytes belong`);
}
