import type { JsonObject } from "../engine/json.ts";
import type { Status } from "../engine/session.ts";
import type { Limits } from "./limits.ts";

/** The counters of a session. Times are milliseconds with up to three decimals, exact to the microsecond. */
export interface SessionMetrics {
  readonly requestCount: number;
  readonly errorCount: number;
  readonly totalProcessingTimeMs: number;
  /** 0 without requests. */
  readonly averageProcessingTimeMs: number;
  /** Of language models. */
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What those cost, in US dollars, where their prices are known. */
  readonly costUsd: number;
}

/** What a session remembers of its conversation. */
export interface SessionMemory {
  /** How many messages of the user were answered. */
  readonly conversationTurns: number;
  readonly messages: number;
  /** About how much of a model's window the messages take that were not compacted. */
  readonly windowTokens: number;
  /** The number of the last message that was compacted; 0 where none was. */
  readonly compactedThrough: number;
}

/** How much a session has. */
export interface SessionUsage {
  /** Of its log. */
  readonly operationCount: number;
  /** Those that were stored and not deleted, versions included. */
  readonly artifactCount: number;
  /** Before compression. */
  readonly artifactBytes: number;
  /** That apps made. */
  readonly objectCount: number;
}

/** What a session does by apps. */
export interface SessionWork {
  /** By the name of the app. */
  readonly apps: Readonly<Record<string, AppUse>>;
  /** Those that have not finished, in the order in which they came. */
  readonly tasks: readonly OpenTask[];
  readonly usage: WorkUsage;
}

/** How a session uses an app. */
export interface AppUse {
  /** The one that it began with, and stays on. */
  readonly version: string;
  readonly setup: JsonObject | undefined;
  /** Whether a worker waits for the next task, with what the app remembers. */
  readonly isWarm: boolean;
}

/** A task that has not finished. */
export interface OpenTask {
  readonly taskId: string;
  readonly app: string;
  readonly action: string;
  readonly status: "queued" | "running";
  /** The operation that has its call. */
  readonly operationSeq: number;
  readonly startedAt: Date | undefined;
}

/** What tasks took, summed up. */
export interface WorkUsage {
  readonly calls: number;
  readonly busyTimeMs: number;
  /** While a worker waited between two tasks. */
  readonly idleTimeMs: number;
  readonly memoryPeakBytes: number;
}

/** Where the history of a fork comes from: its log is the other's up to `seq`, word for word. */
export interface Origin {
  /** The session that was forked. */
  readonly uid: string;
  readonly seq: number;
  /** The hash of that operation. */
  readonly hash: string;
}

/** A session as it was at one moment. Times are to the millisecond. */
export interface SessionState {
  readonly sessionId: string;
  /** The immutable identity; a `sessionId` means the newest session so called. */
  readonly uid: string;
  readonly userId: string;
  readonly status: Status;
  readonly isActive: boolean;
  readonly name: string | undefined;
  readonly description: string | undefined;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly parentSessionId: string | undefined;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly lastActivity: Date;
  /** When its time is over, unless it is used before. */
  readonly expiresAt: Date | undefined;
  readonly endedAt: Date | undefined;
  /** Why it is in its status, in the words of whoever changed it. */
  readonly reason: string | undefined;
  /** `undefined`: it never expires by idleness. */
  readonly idleTimeoutMs: number | undefined;
  readonly maxLifetimeMs: number | undefined;
  /** When it is warned, paused or failed. */
  readonly limits: Limits;
  /** The apps that it may run; `undefined`: all. */
  readonly apps: readonly string[] | undefined;
  /** The `seq` of its last operation; what `ifMatch` takes. */
  readonly version: number;
  /** The hash of its last operation; keep it, to verify the log against it later. */
  readonly headHash: string;
  /** Made for a chat that named no session; lists show it on request alone. */
  readonly isTemporary: boolean;
  readonly metrics: SessionMetrics;
  readonly memory: SessionMemory;
  readonly work: SessionWork;
  readonly usage: SessionUsage;
  /** Of a fork alone. */
  readonly origin: Origin | undefined;
}

/** Tells whether nothing can follow this status. */
export function isEnded(status: Status): boolean {
  return status !== "active" && status !== "suspended";
}
