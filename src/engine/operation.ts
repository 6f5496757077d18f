import type { Json } from "./json.ts";

/** What an operation of a session did. The prefix is the noun that it changed. */
export const OPERATION_KINDS = [
  "session.created",
  "session.updated",
  "session.suspended",
  "session.resumed",
  "session.kept_alive",
  "session.warned",
  "session.completed",
  "session.failed",
  "session.expired",
  "metrics.recorded",
  "messages.added",
  "turn.completed",
  "turn.failed",
  "conversation.compacted",
  "working_memory.changed",
  "artifact.stored",
  "artifact.deleted",
  "artifact.granted",
  "artifact.revoked",
  "artifact.accessed",
  "checkpoint.created",
  "session.forked",
  "task.queued",
  "task.started",
  "task.reported",
  "task.finished",
  "task.performed",
  "worker.released",
  "agent.started",
  "agent.resumed",
  "agent.stepped",
  "agent.finished",
] as const;

export type OperationKind = (typeof OPERATION_KINDS)[number];

/** What an operation of any stream did. */
export type StreamOperationKind =
  | OperationKind
  | "profile.changed"
  | "template.set"
  | "template.removed"
  | "webhook.set"
  | "webhook.removed"
  | "message.published";

/**
 * The header of one log entry. It holds no free text: what a person may have written stands in the payload, which can
 * be erased while the chain of hashes still verifies.
 */
export interface Operation {
  /** 1, 2, 3 … without gaps within its stream. */
  readonly seq: number;
  readonly id: string;
  readonly kind: StreamOperationKind;
  /** The command that was called, such as `end` for a `session.failed`. */
  readonly name: string;
  /** Who asked for it. */
  readonly actor: string;
  /** Microseconds since the epoch. */
  readonly at: number;
  readonly durationUs?: number;
  readonly outcome: "completed" | "failed";
  /** Ids of the objects and artifacts that it read. */
  readonly used: readonly string[];
  /** Ids of the objects and artifacts that it made. */
  readonly made: readonly string[];
  /** `digest(salt + body)` of the payload. */
  readonly payloadDigest: string;
  /** `digest` of the previous hash, this header and the payload's digest; see `chain.ts`. */
  readonly hash: string;
}

/** What went into an operation and what came out, kept apart from its header so that it can be erased. */
export interface Payload {
  /** 32 hex digits. They go with the payload, so that an erased one can't be guessed from its digest. */
  readonly salt: string;
  /** `{input, output?, error?}` as JSON text, byte for byte as it was hashed. */
  readonly body: string;
}

/** One log entry. An erased payload leaves a tombstone; one that is absent is lost, which only damage does. */
export interface Entry {
  readonly operation: Operation;
  readonly payload?: Payload | "erased";
}

/** The parsed body of a payload. */
export interface PayloadBody {
  readonly input: Json;
  readonly output?: Json;
  readonly error?: string;
}

/** How large the payloads of some entries are together, in characters; those that are gone take none. */
export function charactersOf(entries: readonly Pick<Entry, "payload">[]): number {
  return entries.reduce((sum, { payload }) => sum + (typeof payload === "object" ? payload.body.length : 0), 0);
}

/** The parsed body of an entry's payload, or `undefined` where it is gone. */
export function payloadBody(entry: Pick<Entry, "payload">): PayloadBody | undefined {
  // NOTE: the text is our own `JSON.stringify` of a `PayloadBody`, held to its digest by `verify`.
  return typeof entry.payload === "object" ? (JSON.parse(entry.payload.body) as PayloadBody) : undefined;
}
