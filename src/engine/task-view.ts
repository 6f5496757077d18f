import { SojournError } from "./errors.ts";
import { given } from "./given.ts";
import type { Json } from "./json.ts";
import type { GivenObject, MadeObject } from "./object.ts";
import { type Operation, type PayloadBody, payloadBody } from "./operation.ts";
import type { RecordedTask } from "./runner.ts";
import type { Session } from "./sessions.ts";
import { entries, entryAt } from "./state-at.ts";
import type { Store, Stream, TaskPlace } from "./store.ts";
import type { Report, TaskError, TaskInputs, TaskStatus, WorkerOrigin } from "./task.ts";

/** A call of an action, as it stands. */
export interface Task {
  readonly taskId: string;
  readonly status: TaskStatus;
  /** Of the session: its uid, and the name that it has. */
  readonly uid: string;
  readonly sessionId: string;
  readonly app: string;
  readonly version: string;
  readonly action: string;
  readonly input: Json;
  readonly output?: Json;
  readonly error?: TaskError;
  /** What it made. */
  readonly made?: readonly MadeObject[];
  /** The last operation of it. */
  readonly seq: number;
  readonly createdAtUs: number;
  readonly startedAtUs?: number;
  readonly finishedAtUs?: number;
  readonly processingTimeUs?: number;
  readonly worker?: WorkerOrigin;
  /** It runs, and was asked to stop. */
  readonly isCanceling?: true;
}

/** A report, and when it came, in microseconds since the epoch. */
export interface TimedReport {
  readonly at: number;
  readonly report: Report;
}

/** A task that has come to its end, and the session right after. */
export interface Finished {
  readonly task: Task;
  readonly session: Session;
}

/** What happens to a task: it stands otherwise than before, or it told something. */
export type TaskEvent =
  | { readonly event: "task"; readonly task: Task }
  /** `number`: which of its reports, from 1 on. */
  | { readonly event: "report"; readonly number: number; readonly report: Report; readonly at: number };

/** A task as the log tells it, from where it has its place. */
export async function readTask(store: Store, stream: Stream, { id, seq, goneSeq }: TaskPlace): Promise<Task> {
  const [first, last] = await Promise.all([
    entryAt(store, stream, seq),
    goneSeq === undefined ? undefined : entryAt(store, stream, goneSeq),
  ]);
  const open = stream.record.work.tasks.find(({ taskId }) => taskId === id);
  const began = {
    taskId: id,
    uid: stream.ref.id,
    sessionId: stream.record.sessionId,
    ...calledIn(payloadBody(first)),
    seq: goneSeq ?? seq,
    createdAtUs: first.operation.at,
  };
  if (last === undefined) {
    return { ...began, status: open?.status ?? "running", ...given("startedAtUs", open?.startedAtUs) };
  }
  const startedAtUs = first.operation.kind === "task.started" ? first.operation.at : undefined;
  return { ...began, ...given("startedAtUs", startedAtUs), ...outcomeIn(last.operation, payloadBody(last)) };
}

/**
 * When a task that is over began to run and ended, as its last operation tells; one that never ran did not begin, and of
 * one whose outcome is unknown nobody knows how long it ran.
 */
export function finishedAt(
  at: number,
  { status, processingTimeUs }: Pick<TaskInputs["task.finished"], "status" | "processingTimeUs">,
): Pick<Task, "startedAtUs" | "finishedAtUs" | "processingTimeUs"> {
  if (status === "unknown") return { finishedAtUs: at };
  const hasRun = status !== "canceled" || processingTimeUs > 0;
  return { finishedAtUs: at, processingTimeUs, ...(hasRun && { startedAtUs: at - processingTimeUs }) };
}

/** What a task told, oldest first, of those parts of the log that are not erased. */
export async function readReports(
  store: Store,
  stream: Stream,
  { id, seq, goneSeq = stream.head.seq }: TaskPlace,
): Promise<readonly TimedReport[]> {
  const reports: TimedReport[] = [];
  for await (const entry of entries(store, stream, { after: seq, through: goneSeq })) {
    if (entry.operation.kind !== "task.reported") continue;
    // NOTE: the input of an operation has the shape of its kind.
    const input = payloadBody(entry)?.input as TaskInputs["task.reported"] | undefined;
    if (input?.taskId !== id) continue;
    for (const report of input.reports) reports.push({ at: entry.operation.at, report });
  }
  return reports;
}

/** The snapshot that an operation has. */
export async function readSnapshot(store: Store, session: Session, seq: number): Promise<Json | undefined> {
  const body = payloadBody(await entryAt(store, session, seq));
  return (body?.input as TaskInputs["task.finished"] | undefined)?.snapshot;
}

/** The tasks of an app that came to an end of their own since an operation, in the order in which they ran. */
export async function* readPast(
  store: Store,
  session: Session,
  {
    app,
    from,
    objectsOf,
  }: {
    readonly app: string;
    readonly from: number;
    readonly objectsOf: (task: Pick<RecordedTask, "action" | "input">) => Promise<readonly GivenObject[]>;
  },
): AsyncGenerator<RecordedTask> {
  const calls = new Map<string, Json>();
  const running = new Map<string, Omit<RecordedTask, "objects">>();
  for await (const entry of entries(store, session, { after: from - 1, through: session.head.seq })) {
    const { kind } = entry.operation;
    const carried: unknown = payloadBody(entry)?.input;
    if (carried === undefined) continue;
    if (kind === "task.queued") {
      const call = carried as TaskInputs["task.queued"];
      calls.set(call.taskId, call.input);
    } else if (kind === "task.started") {
      const call = carried as TaskInputs["task.started"];
      if (call.app !== app) continue;
      const { taskId, action } = call;
      // One that waited while what the app remembered began anew has its input before that.
      const input = call.input ?? calls.get(taskId) ?? (await queuedInput(store, session, taskId));
      running.set(taskId, { taskId, action, input });
    } else if (kind === "task.finished") {
      const { taskId, status, worker } = carried as TaskInputs["task.finished"];
      const task = running.get(taskId);
      running.delete(taskId);
      calls.delete(taskId);
      // What never came to a worker, or brought it down, is no part of what the app remembers.
      if (task === undefined || worker === undefined || (status !== "completed" && status !== "failed")) continue;
      yield { ...task, objects: await objectsOf(task) };
    }
  }
}

async function queuedInput(store: Store, session: Session, taskId: string): Promise<Json> {
  const place = await store.task(session.ref.tenant, taskId, session.ref.id);
  return place === undefined ? {} : calledIn(payloadBody(await entryAt(store, session, place.seq))).input;
}

/** The call that an operation has. */
export function calledIn(body: PayloadBody | undefined): Pick<Task, "app" | "version" | "action" | "input"> {
  // NOTE: whoever knows the place of a task points to the operation that has its call.
  const input = body?.input as TaskInputs["task.queued"] | undefined;
  if (input === undefined) return { app: "", version: "", action: "", input: null };
  const { app, version, action } = input;
  return { app, version, action, input: input.input };
}

/** How a task came out, by its last operation. */
export function outcomeIn(
  operation: Operation,
  body: PayloadBody | undefined,
): Pick<Task, "status" | "finishedAtUs"> & Partial<Task> {
  if (operation.kind === "session.forked") return { status: "unknown", finishedAtUs: operation.at };
  // NOTE: a task ends with one of its own kinds.
  const input = body?.input as TaskInputs["task.finished"] | undefined;
  if (body === undefined || input === undefined) {
    return { status: operation.outcome === "completed" ? "completed" : "failed", finishedAtUs: operation.at };
  }
  const { status, code, faults, worker, objects } = input;
  return {
    status,
    ...given("output", body.output),
    ...given("error", body.error, (message) => ({ code: code ?? "app_failed", message, ...given("faults", faults) })),
    ...given("made", objects),
    ...finishedAt(operation.at, input),
    ...given("worker", worker),
  };
}

/** The error for a task that a session does not have. */
export function noTask(taskId: string): SojournError {
  return new SojournError("task_not_found", { message: `Task ${taskId} not found` });
}
