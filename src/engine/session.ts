import type { JsonObject } from "./json.ts";
import type { OperationKind } from "./operation.ts";

/** Every status a session can show. The last three are final. */
export const STATUSES = ["active", "suspended", "completed", "failed", "expired"] as const;

export type Status = (typeof STATUSES)[number];

export type FinalStatus = Exclude<Status, "active" | "suspended">;

/** Counters of a session; sums of integers, so that they are exact. */
export interface Metrics {
  readonly requestCount: number;
  readonly errorCount: number;
  readonly processingTimeUs: number;
}

/** Where a session stands in its life. Only an ended one has an end. */
export type Lifecycle =
  | { readonly status: "active" | "suspended"; readonly endedAtUs?: undefined }
  | { readonly status: FinalStatus; readonly endedAtUs: number };

interface Facts {
  /** The name that clients use; it points to the newest session so called. */
  readonly sessionId: string;
  readonly userId: string;
  readonly name?: string;
  readonly description?: string;
  /** Without repetitions, in the order given. */
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly parentSessionId?: string;
  /** Absent: the session never expires by idleness. */
  readonly idleTimeoutUs?: number;
  /** Absent: the session may live for ever. */
  readonly maxLifetimeUs?: number;
  readonly createdAtUs: number;
  readonly updatedAtUs: number;
  readonly lastActivityUs: number;
  /** Why it is in its status, in the words of whoever changed it. */
  readonly reason?: string;
  readonly metrics: Metrics;
}

/** The folded record of a session's log. Times are microseconds since the epoch. */
export type SessionRecord = Facts & Lifecycle;

/** What each kind of operation carries in its payload. */
export interface SessionInputs {
  readonly "session.created": Omit<Facts, "createdAtUs" | "updatedAtUs" | "lastActivityUs" | "reason" | "metrics">;
  readonly "session.updated": SessionPatch;
  readonly "session.suspended": WithReason;
  readonly "session.resumed": WithReason;
  readonly "session.kept_alive": WithReason;
  readonly "session.completed": WithReason;
  readonly "session.failed": WithReason;
  /** `endedAtUs`: when its time was over, which may be before the operation was written. */
  readonly "session.expired": WithReason & { readonly endedAtUs: number };
  readonly "metrics.recorded": {
    readonly requests: number;
    readonly errors: number;
    readonly processingTimeUs: number;
  };
}

/** A partial change. `metadata` is merged, where `null` removes a key; any other `null` removes the field. */
export interface SessionPatch {
  readonly name?: string | null;
  readonly description?: string | null;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  readonly idleTimeoutUs?: number | null;
}

export interface WithReason {
  readonly reason?: string;
}

/** One operation as the fold sees it. `input` is absent once the payload was erased. */
export interface Change<K extends OperationKind = OperationKind> {
  readonly kind: K;
  readonly at: number;
  readonly input?: SessionInputs[K];
}

/**
 * Applies one operation to the record of a session: the only place where a session changes. Pure.
 *
 * The fold trusts its log; whether an operation is allowed was decided before it was appended.
 */
export function fold(session: SessionRecord | undefined, change: Change): SessionRecord {
  if (session === undefined) return born(change);
  // NOTE: each reducer takes the input of its own kind; the compiler can't follow that through an index by `kind`.
  const reduce = REDUCERS[change.kind] as (session: SessionRecord, change: Change) => SessionRecord;
  return reduce(session, change);
}

/** The average processing time of a request in microseconds, rounded down; 0 without requests. */
export function averageProcessingTimeUs({ requestCount, processingTimeUs }: Metrics): number {
  return requestCount === 0 ? 0 : Math.floor(processingTimeUs / requestCount);
}

type Reducers = {
  readonly [K in Exclude<OperationKind, "session.created">]: (
    session: SessionRecord,
    change: Change<K>,
  ) => SessionRecord;
};

const REDUCERS: Reducers & { readonly "session.created": (session: SessionRecord) => SessionRecord } = {
  "session.created": (session) => session,
  "session.updated": (session, { at, input = {} }) => patched(used(session, at), input),
  "session.suspended": (session, { at, input }) => ({ ...open(session, at, input), status: "suspended" }),
  "session.resumed": (session, { at, input }) => ({ ...open(session, at, input), status: "active" }),
  "session.kept_alive": (session, { at }) => used(session, at),
  "session.completed": (session, { at, input }) => ended(used(session, at), "completed", at, input),
  "session.failed": (session, { at, input }) => ended(used(session, at), "failed", at, input),
  "session.expired": (session, { at, input }) => ended(session, "expired", input?.endedAtUs ?? at, input),
  "metrics.recorded": (session, { at, input = { requests: 0, errors: 0, processingTimeUs: 0 } }) => ({
    ...used(session, at),
    metrics: {
      requestCount: session.metrics.requestCount + input.requests,
      errorCount: session.metrics.errorCount + input.errors,
      processingTimeUs: session.metrics.processingTimeUs + input.processingTimeUs,
    },
  }),
};

function born({ at, input }: Change): SessionRecord {
  // NOTE: a log begins with `session.created`; once its payload was erased, only the skeleton is left.
  const created = (input ?? { sessionId: "", userId: "", tags: [], metadata: {} }) as SessionInputs["session.created"];
  return {
    ...created,
    status: "active",
    createdAtUs: at,
    updatedAtUs: at,
    lastActivityUs: at,
    metrics: { requestCount: 0, errorCount: 0, processingTimeUs: 0 },
  };
}

// A clock that was set back must not make a session look idle, so times in a record never decrease.
function used(session: SessionRecord, at: number): SessionRecord {
  return {
    ...session,
    updatedAtUs: Math.max(session.updatedAtUs, at),
    lastActivityUs: Math.max(session.lastActivityUs, at),
  };
}

function open(session: SessionRecord, at: number, input: WithReason = {}): Facts {
  const { endedAtUs: _, reason: __, ...rest } = used(session, at);
  return { ...rest, ...input };
}

/** The record of a session that ended at `endedAtUs`, which is also when it was last updated. */
export function ended(
  session: SessionRecord,
  status: FinalStatus,
  endedAtUs: number,
  { reason }: WithReason = {},
): SessionRecord {
  const { reason: _, ...rest } = session;
  return {
    ...rest,
    ...(reason === undefined ? {} : { reason }),
    status,
    endedAtUs,
    updatedAtUs: Math.max(session.updatedAtUs, endedAtUs),
  };
}

function patched(session: SessionRecord, patch: SessionPatch): SessionRecord {
  const next: { -readonly [K in keyof Facts]: Facts[K] } & Lifecycle = { ...session };
  for (const field of ["name", "description", "idleTimeoutUs"] as const) {
    const value = patch[field];
    if (value === null) delete next[field];
    else if (value !== undefined) Object.assign(next, { [field]: value });
  }
  if (patch.tags !== undefined) next.tags = patch.tags;
  if (patch.metadata !== undefined) next.metadata = merged(session.metadata, patch.metadata);
  return next;
}

function merged(metadata: JsonObject, changes: JsonObject): JsonObject {
  const next = new Map(Object.entries(metadata));
  for (const [key, value] of Object.entries(changes)) {
    if (value === null) next.delete(key);
    else next.set(key, value);
  }
  return Object.fromEntries(next);
}
