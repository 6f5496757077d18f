import {
  type AgentRun,
  type AgentRunInputs,
  begunRun,
  finishedRun,
  forkedRun,
  resumedRun,
  steppedRun,
} from "./agent-run.ts";
import { type ArtifactInputs, type Holdings, NO_ARTIFACTS } from "./artifact.ts";
import {
  type Conversation,
  type ConversationInputs,
  EMPTY_CONVERSATION,
  type TokenUsage,
  type TurnOutput,
  withFacts,
  withMessages,
} from "./conversation.ts";
import { given } from "./given.ts";
import { type Json, type JsonObject, merged } from "./json.ts";
import { changedLimits, type Limits, type LimitsPatch, type Warning } from "./limit-rules.ts";
import type { OperationKind } from "./operation.ts";
import { NO_WORK, type TaskInputs, type Work } from "./task.ts";
import { endedWork, forkedWork, withFinished, withPerformed, withQueued, withReleased, withStarted } from "./work.ts";

/** Every status a session can show. The last three are final. */
export const STATUSES = ["active", "suspended", "completed", "failed", "expired"] as const;

export type Status = (typeof STATUSES)[number];

export type FinalStatus = Exclude<Status, "active" | "suspended">;

/** What requests are counted by. */
export interface Counters {
  readonly requestCount: number;
  readonly errorCount: number;
  readonly processingTimeUs: number;
}

/** What callers add to a session's counters. */
export interface AddedMetrics extends Counters, Partial<TokenUsage> {}

/** Counters of a session; sums of integers, so that they are exact. The tokens are those of language models. */
export interface Metrics extends Counters, TokenUsage {}

export const NO_METRICS: Metrics = {
  requestCount: 0,
  errorCount: 0,
  processingTimeUs: 0,
  inputTokens: 0,
  outputTokens: 0,
};

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
  /** It was made for a chat that named no session; lists show it on request alone. */
  readonly temporary?: true;
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
  /** When it is warned, paused or failed. */
  readonly limits?: Limits;
  /** The apps that it may run; absent: all. */
  readonly apps?: readonly string[];
  readonly conversation: Conversation;
  /** The facts of the task in hand; under `user`, what the user told of themselves. */
  readonly workingMemory: JsonObject;
  /** The artifacts that were stored and not deleted. */
  readonly artifacts: Holdings;
  /** The names that were given to operations, each with its `seq`. */
  readonly checkpoints: Readonly<Record<string, number>>;
  /** What it does by apps. */
  readonly work: Work;
  /** What an agent does in it, or did last. */
  readonly agentRun?: AgentRun;
  /** Of a fork alone. */
  readonly origin?: Origin;
}

/** Where the history of a fork comes from: its log is the other's up to `seq`, word for word, and then its own. */
export interface Origin {
  /** The session that was forked. */
  readonly uid: string;
  readonly seq: number;
  /** The hash of that operation. */
  readonly hash: string;
  /** The session whose log begins here: `uid`, unless that is a fork itself. */
  readonly root: string;
}

/** The folded record of a session's log. Times are microseconds since the epoch. */
export type SessionRecord = Facts & Lifecycle;

/** What each kind of operation of a session carries in its payload. */
export interface SessionInputs extends ConversationInputs, ArtifactInputs, TaskInputs, AgentRunInputs {
  /** With all defaults filled in, also those of the template that it began with. */
  readonly "session.created": { readonly template?: string } & Omit<
    Facts,
    | "createdAtUs"
    | "updatedAtUs"
    | "lastActivityUs"
    | "reason"
    | "metrics"
    | "conversation"
    | "workingMemory"
    | "artifacts"
    | "checkpoints"
    | "work"
    | "agentRun"
    | "origin"
  >;
  readonly "session.updated": SessionPatch;
  readonly "session.suspended": WithReason;
  readonly "session.resumed": WithReason;
  readonly "session.kept_alive": WithReason;
  /** It has reached a limit. */
  readonly "session.warned": Warning;
  readonly "session.completed": WithReason;
  readonly "session.failed": WithReason;
  /** `endedAtUs`: when its time was over, which may be before the operation was written. */
  readonly "session.expired": WithReason & { readonly endedAtUs: number };
  readonly "metrics.recorded": {
    readonly requests: number;
    readonly errors: number;
    readonly processingTimeUs: number;
    readonly inputTokens?: number;
    readonly outputTokens?: number;
    readonly costNanoUsd?: number;
  };
  readonly "checkpoint.created": { readonly name: string; readonly data?: JsonObject };
  /** From here on the log is that of another session, which is active whatever its origin was. */
  readonly "session.forked": {
    readonly uid: string;
    readonly sessionId: string;
    readonly name?: string;
    readonly origin: Origin;
  };
}

/** A partial change. `metadata` is merged, where `null` removes a key; any other `null` removes the field. */
export interface SessionPatch {
  readonly name?: string | null;
  readonly description?: string | null;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  readonly idleTimeoutUs?: number | null;
  /** Those of the measures that it names. */
  readonly limits?: LimitsPatch | null;
  readonly apps?: readonly string[] | null;
}

export interface WithReason {
  readonly reason?: string;
}

/** One operation as the fold sees it. `input` is absent once the payload was erased. */
export interface SessionChange<K extends OperationKind = OperationKind> {
  readonly kind: K;
  readonly at: number;
  /** Absent where it is only tried what the operation would do. */
  readonly seq?: number;
  readonly input?: SessionInputs[K];
  /** Of a completed turn, and of tasks. */
  readonly output?: TurnOutput | Json;
}

/**
 * Applies one operation to the record of a session: the only place where a session changes. Pure.
 *
 * The fold trusts its log; whether an operation is allowed was decided before it was appended.
 */
export function fold(session: SessionRecord | undefined, change: SessionChange): SessionRecord {
  if (session === undefined) return born(change);
  // NOTE: each reducer takes the input of its own kind; the compiler can't follow that through an index by `kind`.
  const reduce = REDUCERS[change.kind] as (session: SessionRecord, change: SessionChange) => SessionRecord;
  return reduce(session, change);
}

/** The average processing time of a request in microseconds, rounded down; 0 without requests. */
export function averageProcessingTimeUs({ requestCount, processingTimeUs }: Counters): number {
  return requestCount === 0 ? 0 : Math.floor(processingTimeUs / requestCount);
}

type Reducers = {
  readonly [K in Exclude<OperationKind, "session.created">]: (
    session: SessionRecord,
    change: SessionChange<K>,
  ) => SessionRecord;
};

const REDUCERS: Reducers & { readonly "session.created": (session: SessionRecord) => SessionRecord } = {
  "session.created": (session) => session,
  "session.updated": (session, { at, input = {} }) => patched(used(session, at), input),
  "session.suspended": (session, { at, input }) => ({ ...open(session, at, input), status: "suspended" }),
  "session.resumed": (session, { at, input }) => ({ ...open(session, at, input), status: "active" }),
  "session.kept_alive": (session, { at }) => used(session, at),
  // Nobody used it.
  "session.warned": (session, { at }) => ({ ...session, updatedAtUs: Math.max(session.updatedAtUs, at) }),
  "session.completed": (session, { at, input }) => ended(used(session, at), "completed", at, input),
  "session.failed": (session, { at, input }) => ended(used(session, at), "failed", at, input),
  "session.expired": (session, { at, input }) => ended(session, "expired", input?.endedAtUs ?? at, input),
  "metrics.recorded": (session, { at, input = { requests: 0, errors: 0, processingTimeUs: 0 } }) => {
    const { requests: requestCount, errors: errorCount, ...rest } = input;
    return counted(used(session, at), { requestCount, errorCount, ...rest });
  },
  "messages.added": (session, { at, input = { messages: [] } }) => ({
    ...used(session, at),
    conversation: withMessages(session.conversation, input.messages),
  }),
  "turn.completed": (session, { at, input, output }) => {
    if (input === undefined || output === undefined) return counted(used(session, at), { requestCount: 1 });
    const { messages, facts, processingTimeUs, usage } = input;
    // NOTE: a turn has an output of its own shape.
    const { message } = output as TurnOutput;
    return {
      ...counted(used(session, at), { requestCount: 1, processingTimeUs, ...usage }),
      conversation: withMessages(session.conversation, [...messages, message]),
      workingMemory: withFacts(session.workingMemory, facts),
    };
  },
  "turn.failed": (session, { at, input = { processingTimeUs: 0 } }) =>
    counted(used(session, at), { requestCount: 1, errorCount: 1, ...input }),
  "conversation.compacted": (session, { at, input }) => {
    if (input === undefined) return used(session, at);
    const { summary: _, ...conversation } = session.conversation;
    const { through: compactedThrough, tokens, summary, usage = {} } = input;
    return {
      ...counted(used(session, at), usage),
      conversation: { ...conversation, compactedThrough, tokens, ...(summary === undefined ? {} : { summary }) },
    };
  },
  "working_memory.changed": (session, { at, input = { merge: {} } }) => ({
    ...used(session, at),
    workingMemory: "set" in input ? input.set : merged(session.workingMemory, input.merge),
  }),
  "artifact.stored": (session, { at, input = { size: 0 } }) => holding(used(session, at), 1, input.size),
  "artifact.deleted": (session, { at, input = { size: 0 } }) => holding(noted(session, at), -1, -input.size),
  "artifact.granted": (session, { at }) => noted(session, at),
  "artifact.revoked": (session, { at }) => noted(session, at),
  "artifact.accessed": (session) => session,
  "checkpoint.created": (session, { at, input, seq = 0 }) => {
    if (input === undefined) return noted(session, at);
    return { ...noted(session, at), checkpoints: { ...session.checkpoints, [input.name]: seq } };
  },
  "task.queued": (session, { at, seq = 0, input }) => {
    if (input === undefined) return used(session, at);
    return { ...used(session, at), work: withQueued(session.work, { at, seq, input }) };
  },
  "task.started": (session, { at, seq = 0, input }) => {
    if (input === undefined) return used(session, at);
    return { ...used(session, at), work: withStarted(session.work, { at, seq, input }) };
  },
  "task.reported": (session, { at }) => noted(session, at),
  "task.finished": (session, { at, seq = 0, input }) => {
    if (input === undefined) return noted(session, at);
    const { status, neverBegan, processingTimeUs } = input;
    const errorCount = status === "completed" ? 0 : 1;
    const added = neverBegan ? {} : { requestCount: 1, errorCount, processingTimeUs };
    const metered = counted(noted(session, at), added);
    return { ...metered, work: withFinished(session.work, { at, seq, input }, session.endedAtUs !== undefined) };
  },
  "task.performed": (session, { at, seq = 0, input }) => {
    if (input === undefined) return used(session, at);
    const { status, processingTimeUs } = input;
    const errorCount = status === "completed" ? 0 : 1;
    const metered = counted(used(session, at), { requestCount: 1, errorCount, processingTimeUs });
    return { ...metered, work: withPerformed(session.work, { at, seq, input }) };
  },
  "worker.released": (session, { at, seq = 0, input }) =>
    input === undefined ? session : { ...session, work: withReleased(session.work, { at, seq, input }) },
  "agent.started": (session, { at, seq = 0, input }) => {
    if (input === undefined) return used(session, at);
    const { conversation } = session;
    return {
      ...used(session, at),
      conversation: withMessages(conversation, input.messages),
      agentRun: begunRun({ at, seq, input }, conversation.messages),
    };
  },
  "agent.resumed": (session, { at, seq = 0, input }) => {
    const { agentRun } = session;
    if (input === undefined || agentRun === undefined) return used(session, at);
    return { ...used(session, at), agentRun: resumedRun(agentRun, { at, seq, input }) };
  },
  "agent.stepped": (session, { at, seq = 0, input }) => {
    const { agentRun, conversation } = session;
    if (input === undefined || agentRun === undefined) return used(session, at);
    return {
      ...counted(used(session, at), input.usage ?? {}),
      conversation: withMessages(conversation, input.messages),
      agentRun: steppedRun(agentRun, { at, seq, input }),
    };
  },
  "agent.finished": (session, { at, input }) => {
    const { agentRun } = session;
    if (input === undefined) return counted(noted(session, at), { requestCount: 1 });
    const { status, processingTimeUs } = input;
    const errorCount = status === "completed" ? 0 : 1;
    const metered = counted(noted(session, at), { requestCount: 1, errorCount, processingTimeUs });
    const conversation = withMessages(session.conversation, input.messages ?? []);
    return { ...metered, conversation, ...given("agentRun", agentRun, (run) => finishedRun(run, { at, input })) };
  },
  "session.forked": (session, { at, input }) => {
    const { endedAtUs: _, reason: __, temporary: ___, ...rest } = session;
    const own = { ...(input === undefined ? {} : forked(input)), ...given("agentRun", rest.agentRun, forkedRun) };
    const work = forkedWork(session.work);
    return { ...rest, ...own, work, status: "active", createdAtUs: at, updatedAtUs: at, lastActivityUs: at };
  },
};

function born({ at, input }: SessionChange): SessionRecord {
  // NOTE: a log begins with `session.created`; once its payload was erased, only the skeleton is left.
  const { template: _, ...created } = (input ?? {
    sessionId: "",
    userId: "",
    tags: [],
    metadata: {},
  }) as SessionInputs["session.created"];
  return {
    ...created,
    status: "active",
    createdAtUs: at,
    updatedAtUs: at,
    lastActivityUs: at,
    metrics: NO_METRICS,
    conversation: EMPTY_CONVERSATION,
    workingMemory: {},
    artifacts: NO_ARTIFACTS,
    checkpoints: {},
    work: NO_WORK,
  };
}

function forked({ sessionId, name, origin }: SessionInputs["session.forked"]): Partial<Facts> {
  return { sessionId, origin, ...(name === undefined ? {} : { name }) };
}

function holding(session: SessionRecord, count: number, bytes: number): SessionRecord {
  const { artifacts } = session;
  return { ...session, artifacts: { count: artifacts.count + count, bytes: artifacts.bytes + bytes } };
}

function counted(session: SessionRecord, added: Partial<Metrics>): SessionRecord {
  const { metrics } = session;
  const cost = (metrics.costNanoUsd ?? 0) + (added.costNanoUsd ?? 0);
  return {
    ...session,
    metrics: {
      requestCount: metrics.requestCount + (added.requestCount ?? 0),
      errorCount: metrics.errorCount + (added.errorCount ?? 0),
      processingTimeUs: metrics.processingTimeUs + (added.processingTimeUs ?? 0),
      inputTokens: metrics.inputTokens + (added.inputTokens ?? 0),
      outputTokens: metrics.outputTokens + (added.outputTokens ?? 0),
      ...(cost === 0 ? {} : { costNanoUsd: cost }),
    },
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

/** What may also be done to an ended session; of an open one it counts as use. */
function noted(session: SessionRecord, at: number): SessionRecord {
  if (session.endedAtUs === undefined) return used(session, at);
  return { ...session, updatedAtUs: Math.max(session.updatedAtUs, at) };
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
    work: endedWork(session.work, endedAtUs),
    status,
    endedAtUs,
    updatedAtUs: Math.max(session.updatedAtUs, endedAtUs),
  };
}

function patched(session: SessionRecord, patch: SessionPatch): SessionRecord {
  const next: { -readonly [K in keyof Facts]: Facts[K] } & Lifecycle = { ...session };
  for (const field of ["name", "description", "idleTimeoutUs", "apps"] as const) {
    const value = patch[field];
    if (value === null) delete next[field];
    else if (value !== undefined) Object.assign(next, { [field]: value });
  }
  if (patch.limits !== undefined) {
    const limits = patch.limits === null ? undefined : changedLimits(session.limits, patch.limits);
    if (limits === undefined) delete next.limits;
    else next.limits = limits;
  }
  if (patch.tags !== undefined) next.tags = patch.tags;
  if (patch.metadata !== undefined) next.metadata = merged(session.metadata, patch.metadata);
  return next;
}
