import type { Difference, Moment, ReplayMode } from "../engine/history.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { FinalStatus, Status } from "../engine/session.ts";
import type { Operation } from "./operation.ts";

export type { Difference, Moment, ReplayMode };

/** A name that was given to a moment of a session. */
export interface Checkpoint {
  readonly name: string;
  /** The operation that says so, and at which it is. */
  readonly seq: number;
  readonly createdAt: Date;
  readonly data: JsonObject | undefined;
}

/** A fork to make. What is left out is as it was at that moment; the id is minted. */
export interface NewFork {
  /** An operation, or a checkpoint by its name; default: now. */
  readonly at?: Moment | undefined;
  readonly sessionId?: string | undefined;
  readonly name?: string | undefined;
}

/** How to go through a session again. */
export interface ReplayRequest {
  /**
   * `verify` folds the log and looks at nothing else; `recorded` decides each call anew on what was recorded, and takes
   * what came from outside from the log; `execute` makes the calls in a fork, outside too.
   */
  readonly mode: ReplayMode;
  /** The first and the last operation; default: all. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Whether the first that differs or fails is the last; default false. */
  readonly stopOnError?: boolean | undefined;
  /** After how long it stops, with what it has: 1,000 to 3,600,000; default 300,000. */
  readonly timeoutMs?: number | undefined;
}

/** How the operations of a session came out when it was gone through again. */
export interface ReplayReport {
  readonly mode: ReplayMode;
  readonly from: number;
  readonly to: number;
  /** The sum of the three that follow. */
  readonly operationsReplayed: number;
  readonly equal: number;
  readonly different: number;
  readonly failed: number;
  /** What has nothing to do again, such as an expiry. */
  readonly skipped: number;
  /** The first of them. */
  readonly differences: readonly Difference[];
  /** Why it stopped before `to`. */
  readonly stopped: "error" | "timeout" | undefined;
  /** The fork that it was executed in. */
  readonly fork: { readonly sessionId: string; readonly uid: string } | undefined;
  readonly durationMs: number;
}

/** An operation without what it carries. */
export type OperationSummary = Pick<Operation, "seq" | "id" | "kind" | "name" | "actor" | "timestamp" | "status">;

/** What one of two sessions did since they parted. */
export interface Side {
  readonly sessionId: string;
  readonly uid: string;
  readonly version: number;
  readonly headHash: string;
  /** How many; `operations` are the first of them. */
  readonly operationsSince: number;
  readonly operations: readonly OperationSummary[];
}

/** Something that two sessions do not have in common. What one of them has not is `undefined`. */
export interface Change {
  /** Such as `metadata.plan`, `working_memory.task`, `tags`, `messages`, `artifacts.report.csv`. */
  readonly path: string;
  readonly a?: Json | undefined;
  readonly b?: Json | undefined;
}

/** Where the histories of two sessions part, and how they differ. */
export interface Diff {
  /** The last operation that both have; `seq` 0 where they have none in common. */
  readonly common: { readonly seq: number; readonly hash: string | undefined };
  readonly a: Side;
  readonly b: Side;
  readonly changes: readonly Change[];
  /** Whether there may be more changes, which are left out. */
  readonly isCut: boolean;
}

/** A session with those that descend from it. */
export interface Family {
  readonly sessionId: string;
  readonly uid: string;
  readonly userId: string;
  readonly status: Status;
  readonly name: string | undefined;
  readonly createdAt: Date;
  /** Those that name it as their parent, oldest first. */
  readonly children: readonly Family[];
  /** Whether there may be more children, which are left out: the family is too large, or too deep. */
  readonly isCut: boolean;
}

/**
 * Which ended sessions to remove, with all that they hold. One of `olderThanMs`, `maxSessions` and `maxArtifactBytes` must
 * be given; of several, each is held to.
 */
export interface PrunePolicy {
  /** Those that ended longer ago. */
  readonly olderThanMs?: number | undefined;
  /** Default: all that are final. */
  readonly statuses?: readonly FinalStatus[] | undefined;
  /** So many of those that ended last stay in any case. */
  readonly keepLatest?: number | undefined;
  /** As many go, the oldest first, that no more than this are left. */
  readonly maxSessions?: number | undefined;
  /** As many go, the oldest first, that the artifacts of those left have no more bytes. */
  readonly maxArtifactBytes?: number | undefined;
  /** Only tell which they are. */
  readonly dryRun?: boolean | undefined;
}

/** What was removed, or would be. */
export interface Pruned {
  readonly deleted: number;
  /** The first of them, those that ended first first; at most 10,000. */
  readonly sessionIds: readonly string[];
  /** Before compression. */
  readonly artifactBytes: number;
}

/** How to take in a session from a file. */
export interface ImportQuery {
  /** A `headHash` of the session that was kept, of any time: its log must have it. */
  readonly head?: string | undefined;
  /** What it is to be called: it becomes a fork of itself then, active and with a `uid` of its own. */
  readonly sessionId?: string | undefined;
}
