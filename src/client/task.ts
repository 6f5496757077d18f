import { SojournError } from "../engine/errors.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { LogLevel, TaskError, TaskStatus, WorkerOrigin } from "../engine/task.ts";
import type { WhenBusy } from "../engine/tasks.ts";
import type { WriteOptions } from "./inputs.ts";

export type { LogLevel, TaskError, TaskStatus, WhenBusy, WorkerOrigin };

/** An action of an app. Schemas are JSON Schema. */
export interface Action {
  readonly name: string;
  readonly description: string | undefined;
  readonly inputSchema: JsonObject;
  readonly outputSchema: JsonObject | undefined;
  /** Doing it twice is as doing it once. */
  readonly isIdempotent: boolean;
}

/** An app that a server has. */
export interface App {
  readonly name: string;
  /** The digest of its files. */
  readonly version: string;
  readonly description: string | undefined;
  /** Whether it runs in a process for each session, or in the server. */
  readonly place: "process" | "server";
  /** How it comes back to where it was, where its worker was lost. */
  readonly recovery: "snapshot" | "replay" | "refuse" | "fresh";
  readonly setupSchema: JsonObject | undefined;
  /** What a call without an action means. */
  readonly defaultAction: string | undefined;
  readonly actions: readonly Action[];
  /** What it asks for beyond computing. */
  readonly permissions: JsonObject;
}

/** What should be an app, and is none. */
export interface BrokenApp {
  /** Its folder or file, or the source as the operator named it. */
  readonly source: string;
  /** What is wrong, and where. */
  readonly message: string;
  /** What is used in its place: the last version that was good. */
  readonly version: string | undefined;
}

/** A call of an action, as it was seen. */
export interface Task {
  readonly taskId: string;
  readonly status: TaskStatus;
  /** The name of its session. */
  readonly sessionId: string;
  readonly app: string;
  readonly version: string;
  readonly action: string;
  /** Where it was looked up; `undefined` of a `Run`, whose caller has it. */
  readonly input: Json | undefined;
  readonly output: Json | undefined;
  /** Of what did not complete. */
  readonly error: TaskError | undefined;
  /** The last operation of it. */
  readonly operationSeq: number;
  readonly createdAt: Date;
  readonly startedAt: Date | undefined;
  readonly finishedAt: Date | undefined;
  readonly processingTimeMs: number | undefined;
  /** What its worker was: as the task before left it (`warm`), begun for it (`new`), or brought back (`restored`). */
  readonly worker: WorkerOrigin | undefined;
}

/** A task that did what it was to do. An app that returned nothing put out `null`. */
export interface CompletedTask<Output = Json> extends Omit<Task, "status" | "output"> {
  readonly status: "completed";
  readonly output: Output;
}

/** What happens to a task: it stands otherwise than before, or its app told something. */
export type TaskEvent =
  | { readonly type: "task"; readonly task: Task }
  /** A part of its output. */
  | { readonly type: "output"; readonly output: Json; readonly timestamp: Date }
  /** `fraction`: 0 to 1. */
  | {
      readonly type: "progress";
      readonly fraction: number | undefined;
      readonly message: string | undefined;
      readonly timestamp: Date;
    }
  | { readonly type: "log"; readonly level: LogLevel; readonly message: string; readonly timestamp: Date };

/** What may come with a call of an action. */
export interface RunOptions extends WriteOptions {
  /** Parameters to set the app up with; left out: as the session did before. Another one begins a fresh worker. */
  readonly setup?: JsonObject | undefined;
  /** Leaves behind what the app remembers in this session. */
  readonly fresh?: boolean | undefined;
  /** How long it may run, from when it does; default and most: what the operator allows. */
  readonly timeoutMs?: number | undefined;
  /** The version that is wanted, or its beginning; another is `version_mismatch`. */
  readonly version?: string | undefined;
  /** What to do where others run in the session: wait (`enqueue`, the default), be refused, or cancel those. */
  readonly whenBusy?: WhenBusy | undefined;
  /** Aborting it rejects the run with the signal's reason, and asks the task to stop. */
  readonly signal?: AbortSignal | undefined;
}

/** Which tasks of a session. */
export interface TaskQuery {
  /** `open`: only those that have not finished. */
  readonly status?: "open" | "all" | undefined;
  /** How many are fetched at a time: 1 to 1000, default 50. */
  readonly pageSize?: number | undefined;
}

/**
 * Why a run did not complete. Its `code` is `task_failed` where the app did not do it, `invalid` where the action refused
 * its input, `object_not_found` where that names an object that the session does not have, `worker_lost` where its worker
 * crashed or ran past its time, or nobody knows how far it came, and `task_canceled`.
 */
export class TaskFailure extends SojournError {
  /** `task.error` has the code by which the task failed. */
  readonly task: Task;

  /** Failures come from runs. */
  constructor(task: Task) {
    const { message = `Task ${task.taskId} did not complete`, faults = [] } = task.error ?? {};
    super(codeOf(task), { message, faults });
    this.task = task;
  }
}

/** Whether nothing can follow this status. */
export function isOver({ status }: Task): boolean {
  return status !== "queued" && status !== "running";
}

function codeOf({ status, error }: Task): SojournError["code"] {
  if (status === "canceled") return "task_canceled";
  if (status === "lost" || status === "unknown") return "worker_lost";
  return error?.code === "invalid" || error?.code === "object_not_found" ? error.code : "task_failed";
}
