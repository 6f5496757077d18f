import type { JsonObject } from "../engine/json.ts";
import type { OperationKind } from "../engine/operation.ts";
import type { Status } from "../engine/session.ts";
import type { Sort } from "../engine/store.ts";
import type { WantedLimits } from "./limits.ts";

/** What may come with any call. */
export interface CallOptions {
  /** Aborting it rejects the call with the signal's reason. A write may have been carried out all the same. */
  readonly signal?: AbortSignal | undefined;
}

/** What may come with any write. */
export interface WriteOptions extends CallOptions {
  /**
   * A write that is repeated under the same key, within 24 hours, happens once and answers the same; 1 to 255 printable
   * ASCII characters. Left out: one of the SDK's own for each call, so that its retries are safe.
   */
  readonly idempotencyKey?: string | undefined;
  /** The `version` that the session must have, or the write is refused with `precondition_failed`. */
  readonly ifMatch?: number | undefined;
}

/** A new session. What is left out takes the server's default. */
export interface NewSession {
  /** Letters, digits and `. _ : @ -`, at most 128; minted where it is left out. */
  readonly sessionId?: string | undefined;
  /** `default_user` where it is left out. */
  readonly userId?: string | undefined;
  readonly name?: string | undefined;
  readonly description?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: JsonObject | undefined;
  /** An existing session. */
  readonly parentSessionId?: string | undefined;
  /** 1,000 or more; `null`: it never expires by idleness. */
  readonly idleTimeoutMs?: number | null | undefined;
  /** 1,000 or more. */
  readonly maxLifetimeMs?: number | undefined;
  /** Beside those of the server. */
  readonly limits?: WantedLimits | undefined;
  /** The apps that it may run; left out: all. */
  readonly apps?: readonly string[] | undefined;
  /** What to do where an open session is called so: refuse with `session_exists` (the default), or return it. */
  readonly ifExists?: "error" | "return" | undefined;
  /** The name of a template, whose defaults fill what is left out. */
  readonly template?: string | undefined;
}

/** A partial change. `metadata` is merged, where `null` removes a key; any other `null` removes the field. */
export interface SessionPatch {
  readonly name?: string | null | undefined;
  readonly description?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: JsonObject | undefined;
  readonly idleTimeoutMs?: number | null | undefined;
  /** Those of other measures stay. */
  readonly limits?: WantedLimits | null | undefined;
  readonly apps?: readonly string[] | null | undefined;
}

/** What to add to a session's counters. Left out altogether it counts one request; otherwise what is left out is 0. */
export interface AddedMetrics {
  readonly requests?: number | undefined;
  readonly errors?: number | undefined;
  /** Rounded to the microsecond. */
  readonly processingTimeMs?: number | undefined;
  /** Of a language model. */
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  /** In US dollars; kept to the billionth. */
  readonly costUsd?: number | undefined;
}

/** Which sessions. All that is given must match. */
export interface SessionFilter {
  readonly status?: Status | undefined;
  readonly userId?: string | undefined;
  /** All of them. */
  readonly tags?: readonly string[] | undefined;
  readonly parentSessionId?: string | undefined;
  /** `true`: those that were made for a chat without a session, and no others. Default `false`: all others. */
  readonly temporary?: boolean | undefined;
  /** Part of the session's id, name or description; ASCII letters in either case. */
  readonly search?: string | undefined;
  /** Exclusive, like `createdBefore`; a text is a date or a date-time in ISO 8601. */
  readonly createdAfter?: Date | string | undefined;
  readonly createdBefore?: Date | string | undefined;
}

/** Which sessions, in which order. */
export interface SessionQuery extends SessionFilter {
  /** Default `created_at`. */
  readonly sort?: Sort | undefined;
  /** Default `desc`; `asc` for `sort: "name"`. */
  readonly order?: "asc" | "desc" | undefined;
  /** How many are fetched at a time: 1 to 1000, default 50. */
  readonly pageSize?: number | undefined;
}

/** Which operations of a log. */
export interface OperationQuery {
  /** Only those with a greater `seq`; default 0. */
  readonly after?: number | undefined;
  readonly kind?: OperationKind | undefined;
  /** How many are fetched at a time: 1 to 1000, default 50. */
  readonly pageSize?: number | undefined;
}

/** Which sessions a cleanup means. */
export interface CleanupQuery {
  /** Open sessions that were idle for longer. */
  readonly maxIdleMs: number;
  /** Only tell which they are. */
  readonly dryRun?: boolean | undefined;
}
