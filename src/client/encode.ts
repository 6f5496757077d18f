import { type Fault, invalid } from "../engine/errors.ts";
import type { WriteOptions } from "./inputs.ts";
import { encodeLimits } from "./limits.ts";

/** How a member is called on the wire, and what it is there. */
type Encoding = readonly [name: string, encode?: (value: unknown, field: string) => unknown];

/** How the members of bodies are called on the wire. What is not here is called the same. */
const BODY: Readonly<Record<string, Encoding>> = {
  sessionId: ["session_id"],
  userId: ["user_id"],
  parentSessionId: ["parent_session_id"],
  idleTimeoutMs: ["idle_timeout_seconds", seconds],
  maxLifetimeMs: ["max_lifetime_seconds", seconds],
  limits: ["limits", encodeLimits],
  ifExists: ["if_exists"],
  processingTimeMs: ["processing_time_seconds", seconds],
  maxIdleMs: ["max_idle_seconds", seconds],
  dryRun: ["dry_run"],
  expiresAt: ["expires_at", moment],
  endedAt: ["ended_at", moment],
  keepRecent: ["keep_recent"],
  keepTokens: ["keep_tokens"],
  toolCalls: ["tool_calls"],
  toolCallId: ["tool_call_id"],
  messages: ["messages", each],
  message: ["message", inner],
  usage: ["usage", inner],
  inputTokens: ["input_tokens"],
  outputTokens: ["output_tokens"],
  artifactType: ["artifact_type"],
  mimeType: ["mime_type"],
  stopOnError: ["stop_on_error"],
  timeoutMs: ["timeout_seconds", seconds],
  olderThanMs: ["older_than_seconds", seconds],
  keepLatest: ["keep_latest"],
  maxSessions: ["max_sessions"],
  maxArtifactBytes: ["max_artifact_bytes"],
  namePrefix: ["name_prefix"],
  whenBusy: ["when_busy"],
  taskId: ["task_id"],
  isIdempotent: ["is_idempotent"],
  faults: ["details"],
  staysWarm: ["stays_warm"],
  memoryPeakBytes: ["memory_peak_bytes"],
  objects: ["objects", each],
  leaseMs: ["lease_seconds", seconds],
  takeOver: ["take_over"],
  costUsd: ["cost_usd"],
  objectId: ["object_id"],
  degradation: ["degradation", inner],
  at: ["at", point],
};

const QUERY: Readonly<Record<string, Encoding>> = {
  userId: ["user_id"],
  tags: ["tag"],
  parentSessionId: ["parent_session_id"],
  createdAfter: ["created_after", moment],
  createdBefore: ["created_before", moment],
  pageSize: ["limit"],
  sessionId: ["session_id"],
  namePattern: ["name_pattern"],
  types: ["type"],
  minSize: ["min_size"],
  maxSize: ["max_size"],
  at: ["at", point],
};

/** How an artifact is described beside its bytes. */
const DESCRIPTION: Readonly<Record<string, Encoding>> = {
  type: ["artifact_type"],
  mimeType: ["mime_type"],
  // One that has a comma is one all the same.
  tags: ["tag"],
  metadata: ["metadata", (value) => toJson(value as object)],
};

/** A value of a query; more than one where its name is repeated. */
export type QueryValue = string | readonly string[];

/**
 * A body in the words of the wire, without what is `undefined`. A member that nobody knows goes along, so that whoever reads it refuses it by name.
 *
 * @throws {SojournError} `invalid` for a duration that is no finite number
 */
export function encodeBody(input: object): Readonly<Record<string, unknown>> {
  return renamed(input, BODY);
}

/** A query in the words of the wire, without what is `undefined`. */
export function encodeQuery(input: object): Readonly<Record<string, QueryValue>> {
  return texts(renamed(input, QUERY));
}

/** What is said of an artifact, as the query beside its bytes. */
export function encodeDescription(input: object): Readonly<Record<string, QueryValue>> {
  return texts(renamed(input, DESCRIPTION));
}

function texts(input: object): Readonly<Record<string, QueryValue>> {
  const members = Object.entries(input).map(([name, value]) => {
    return [name, Array.isArray(value) ? value.map(String) : String(value)];
  });
  return Object.fromEntries(members);
}

/** The text of a body. */
export function toJson(body: object): string {
  try {
    return JSON.stringify(body);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw invalid([{ field: "", message: `can't be written as JSON: ${why}`, type: "invalid_json" }]);
  }
}

/** Refuses, with `invalid`, a key or a version that no header could carry. */
export function assertWritable({ idempotencyKey, ifMatch }: WriteOptions): void {
  const faults: Fault[] = [];
  if (idempotencyKey !== undefined && !KEY.test(idempotencyKey)) {
    const message = "must be 1 to 255 printable ASCII characters, without blanks at its ends";
    faults.push({ field: "idempotency-key", message, type: "invalid_header" });
  }
  if (ifMatch !== undefined && !(Number.isSafeInteger(ifMatch) && ifMatch >= 0)) {
    faults.push({ field: "if-match", message: "must be a version: a whole number", type: "invalid_header" });
  }
  if (faults.length > 0) throw invalid(faults);
}

const KEY = /^(?! )[\x20-\x7e]{1,255}(?<! )$/;

// In a plain loop: it runs for every call.
function renamed(input: object, names: Readonly<Record<string, Encoding>>): Record<string, unknown> {
  const output: Record<string, unknown> = {};
  // Whoever writes JavaScript may leave out what has to be given; whoever reads the body tells what it lacks.
  for (const [key, value] of Object.entries(input ?? {})) {
    if (value === undefined) continue;
    const [name, encode] = (Object.hasOwn(names, key) && names[key]) || [key];
    output[name] = encode === undefined ? value : encode(value, name);
  }
  return output;
}

function each(values: unknown): unknown {
  return Array.isArray(values) ? values.map(inner) : values;
}

function inner(value: unknown): unknown {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? renamed(value, BODY) : value;
}

// In whole microseconds, as it is kept. What is no number goes as it is, to be refused where it is read.
function seconds(ms: unknown, field: string): unknown {
  if (typeof ms !== "number") return ms;
  // JSON would make it null, which means something else.
  if (!Number.isFinite(ms)) throw invalid([{ field, message: "must be a finite number", type: "invalid_type" }]);
  return Math.round(ms * 1_000) / 1_000_000;
}

function moment(value: unknown, field: string): unknown {
  if (!(value instanceof Date)) return value;
  if (!Number.isNaN(value.getTime())) return value.toISOString();
  throw invalid([{ field, message: "must be a valid date", type: "invalid_date" }]);
}

// In a query any other number would be a text, and so the name of a checkpoint.
function point(value: unknown, field: string): unknown {
  if (typeof value !== "number" || (Number.isSafeInteger(value) && value > 0)) return value;
  const message = "must be the seq of an operation, or the name of a checkpoint";
  throw invalid([{ field, message, type: "out_of_range" }]);
}
