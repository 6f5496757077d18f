import type { Fault } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import type { MadeObject } from "./object.ts";

/**
 * Where a task stands. The last five are final.
 *
 * - `failed`: the app said so, or its input was refused
 * - `canceled`: somebody asked for that, or another call took its place
 * - `lost`: its worker crashed, was killed, or ran past the deadline
 * - `unknown`: the server stopped while it ran; nobody knows how far it came
 */
export const TASK_STATUSES = ["queued", "running", "completed", "failed", "canceled", "lost", "unknown"] as const;

export type TaskStatus = (typeof TASK_STATUSES)[number];

export type TaskOutcome = Exclude<TaskStatus, "queued" | "running">;

/** One call of an action, but for its input. */
export interface TaskUse {
  readonly taskId: string;
  readonly app: string;
  /** The digest of the app's files. */
  readonly version: string;
  readonly action: string;
  /** Absent: the app's own defaults. */
  readonly setup?: JsonObject;
  /** Leave what the app remembers in its worker behind, and begin anew. */
  readonly fresh?: true;
  /** The action says that doing it twice is as doing it once. */
  readonly isIdempotent?: true;
  readonly timeoutMs: number;
}

/** One call of an action. */
export interface TaskCall extends TaskUse {
  readonly input: Json;
}

/** What an action tells while it runs. */
export type Report =
  /** A part of its output. */
  | { readonly type: "output"; readonly output: Json }
  /** `fraction`: 0 to 1. */
  | { readonly type: "progress"; readonly fraction?: number; readonly message?: string }
  | { readonly type: "log"; readonly level: LogLevel; readonly message: string };

export type LogLevel = "debug" | "info" | "warn" | "error";

/** What a worker was when a task came to it: as the task before left it, begun for it, or brought back to where it was. */
export type WorkerOrigin = "warm" | "new" | "restored";

/** What failed in a task: a code that programs branch on, and what to read. */
export interface TaskError {
  /** `app_failed`, `invalid`, `worker_lost`, `timed_out`, `output_too_large`, `canceled`, `unknown`, … */
  readonly code: string;
  readonly message: string;
  readonly faults?: readonly Fault[];
}

/** What each kind of operation of a task carries. */
export interface TaskInputs {
  /** It waits for others; nothing of it has run. */
  readonly "task.queued": TaskCall;
  /** It runs from here on. One that was queued has its input there. */
  readonly "task.started": TaskUse & { readonly input?: Json };
  /** What it told meanwhile. */
  readonly "task.reported": { readonly taskId: string; readonly reports: readonly Report[] };
  /** Its output and the text of its error stand beside. */
  readonly "task.finished": {
    readonly taskId: string;
    readonly status: TaskOutcome;
    /** Of what did not complete. */
    readonly code?: string;
    readonly faults?: readonly Fault[];
    /** Absent where it came to no worker. */
    readonly worker?: WorkerOrigin;
    /** Whether the worker stays for the next task. */
    readonly staysWarm: boolean;
    /** It was canceled while it waited, has asked for nothing, and is not counted. */
    readonly neverBegan?: true;
    readonly processingTimeUs: number;
    readonly memoryPeakBytes?: number;
    /** What it made. */
    readonly objects?: readonly MadeObject[];
    /** What the app needs to come back to here; absent: what the task before left, if any. */
    readonly snapshot?: Json;
  };
  /** Begun and done in one, by an app that runs in the server. */
  readonly "task.performed": TaskCall & {
    readonly status: "completed" | "failed";
    readonly code?: string;
    readonly faults?: readonly Fault[];
    readonly processingTimeUs: number;
    readonly objects?: readonly MadeObject[];
  };
  /** A worker has gone between two tasks, and the session has not. */
  readonly "worker.released": { readonly app: string; readonly reason: ReleaseReason };
}

/** Why a worker went between two tasks: idle for too long, others needed its memory, it died, or the server stopped. */
export type ReleaseReason = "idle" | "memory" | "lost" | "shutdown";

/** How a session uses an app. */
export interface AppUse {
  /** The version that it began with, and stays on. */
  readonly version: string;
  readonly setup?: JsonObject;
  /** The operation that has the app's newest snapshot. */
  readonly snapshotSeq?: number;
  /** The operation after which what the app remembers began anew. */
  readonly freshSeq: number;
  /** A task has come to a worker since then, so that there is something to remember. */
  readonly hasRun?: true;
  /** Since when its worker waits for the next task, in microseconds since the epoch; absent without one. */
  readonly warmSinceUs?: number;
}

/** A task that has not finished. */
export interface OpenTask {
  readonly taskId: string;
  readonly app: string;
  readonly action: string;
  readonly status: "queued" | "running";
  /** The operation that has its call. */
  readonly seq: number;
  /** When it began to run, in microseconds since the epoch. */
  readonly startedAtUs?: number;
  readonly isIdempotent?: true;
}

/** What tasks took, summed up. */
export interface WorkUsage {
  readonly calls: number;
  readonly busyUs: number;
  /** While a worker waited, kept warm for the session. */
  readonly idleUs: number;
  /** Of the largest of its workers. */
  readonly memoryPeakBytes: number;
}

/** What a session does by apps. */
export interface Work {
  /** By the name of the app, in the order in which they were used first. */
  readonly apps: Readonly<Record<string, AppUse>>;
  /** In the order in which they came: the one that runs, and those that wait. */
  readonly tasks: readonly OpenTask[];
  readonly usage: WorkUsage;
  /** How many objects there are; absent: none. */
  readonly objects?: number;
}

export const NO_WORK: Work = {
  apps: {},
  tasks: [],
  usage: { calls: 0, busyUs: 0, idleUs: 0, memoryPeakBytes: 0 },
};
