import { z } from "zod";
import { given } from "../../../engine/given.ts";
import type { Json } from "../../../engine/json.ts";
import type { Report } from "../../../engine/task.ts";
import type { Finished, Task, TimedReport } from "../../../engine/tasks.ts";
import { workerLost } from "./errors.ts";

const time = z.iso.datetime().describe("ISO 8601, UTC");

/** Where a task stands, by number. */
export const TASK_STATES = {
  received: 1,
  queued: 2,
  running: 7,
  cancelling: 8,
  completed: 10,
  failed: 11,
  cancelled: 12,
} as const;

export type TaskState = keyof typeof TASK_STATES;

const status = z.int().describe(
  Object.entries(TASK_STATES)
    .map(([name, number]) => `${number}: ${name}`)
    .join(", "),
);

const LogShape = z.object({
  id: z.string(),
  created_at: time,
  updated_at: time,
  task_id: z.string(),
  log_type: z.int().describe("1: what the app wrote, 4: how far it has come"),
  content: z.string(),
});

const EventShape = z.object({ id: z.string(), created_at: time, event_time: time, task_id: z.string(), status });

/** What any object of this contract has. */
export const ModelShape = z.object({
  id: z.string(),
  short_id: z.string(),
  created_at: time,
  updated_at: time,
  user_id: z.string(),
  team_id: z.string(),
  visibility: z.literal("private"),
});

/** A task, wherever one is told. */
export const TaskShape = z
  .object({
    ...ModelShape.shape,
    status,
    status_text: z.string(),
    app_id: z.string(),
    app_version_id: z.string(),
    app_variant: z.literal("default"),
    function: z.string(),
    infra: z.literal("private"),
    workers: z.array(z.string()),
    input: z.json(),
    output: z.json().describe("while it runs: the newest part of it that the app told"),
    error: z.string().optional(),
    events: z.array(EventShape),
    logs: z.array(LogShape).describe("while it is followed: the newest of them"),
    rating: z.literal("unrated"),
    is_featured: z.literal(false),
    session_id: z.string().optional(),
  })
  .meta({ id: "Task" });

export type TaskDto = z.output<typeof TaskShape>;

/** `GET /tasks/{id}/status`. */
export const StatusShape = z.object({ id: z.string(), status, updated_at: time }).meta({ id: "TaskStatus" });

/** `POST /tasks/{id}/cancel`. */
export const CanceledShape = z.object({ id: z.string(), status, cancelled: z.boolean() }).meta({ id: "Cancelled" });

/** `GET /tasks/{id}/logs`. */
export const LogsShape = z
  .object({ task_id: z.string(), status, events: z.array(EventShape), logs: z.array(LogShape) })
  .meta({ id: "TaskLogs" });

/** A page of a list. */
export function pageShape(item: z.ZodType): z.ZodType {
  return z.object({
    items: z.array(item),
    next_cursor: z.string(),
    prev_cursor: z.string().describe("always empty: lists go forward alone"),
    has_next: z.boolean(),
    has_previous: z.boolean(),
    items_per_page: z.int(),
    total_items: z.int().describe("as far as is known: those up to this page"),
  });
}

export function encodePage(
  items: readonly object[],
  { limit, cursor, next }: { readonly limit: number; readonly cursor?: string; readonly next?: string | undefined },
): object {
  return {
    items,
    next_cursor: next ?? "",
    prev_cursor: "",
    has_next: next !== undefined,
    has_previous: cursor !== undefined,
    items_per_page: limit,
    total_items: items.length,
  };
}

/** What is told of a task beside its own record. */
export interface Told {
  readonly reports?: readonly TimedReport[];
  readonly tenant: string;
}

/** How calls that name no session are marked, whose session is of no interest. */
export const STATELESS = "stateless";

export function encodeTask({ task, session }: Finished, { reports = [], tenant }: Told): TaskDto {
  const state = stateOf(task);
  const { record } = session;
  const updatedUs = Math.max(task.finishedAtUs ?? 0, task.startedAtUs ?? task.createdAtUs, reports.at(-1)?.at ?? 0);
  return {
    id: task.taskId,
    short_id: shortId(task.taskId),
    created_at: isoTime(task.createdAtUs),
    updated_at: isoTime(updatedUs),
    user_id: record.userId,
    team_id: tenant,
    visibility: "private",
    status: TASK_STATES[state],
    status_text: state,
    app_id: task.app,
    app_version_id: task.version,
    app_variant: "default",
    function: task.action,
    infra: "private",
    workers: [],
    input: task.input as z.core.util.JSONType,
    output: (task.output ?? newestOutput(reports) ?? null) as z.core.util.JSONType,
    ...given("error", errorOf(task)),
    events: eventsOf(task),
    logs: logsOf(task.taskId, reports),
    rating: "unrated",
    is_featured: false,
    ...(record.tags.includes(STATELESS) ? {} : { session_id: record.sessionId }),
  };
}

export function encodeStatus(task: Task): z.output<typeof StatusShape> {
  const at = task.finishedAtUs ?? task.startedAtUs ?? task.createdAtUs;
  return { id: task.taskId, status: TASK_STATES[stateOf(task)], updated_at: isoTime(at) };
}

export function encodeLogs(task: Task, reports: readonly TimedReport[]): z.output<typeof LogsShape> {
  const { taskId } = task;
  return {
    task_id: taskId,
    status: TASK_STATES[stateOf(task)],
    events: eventsOf(task),
    logs: logsOf(taskId, reports),
  };
}

/** Where a task stands in the words of this contract. What nobody knows the end of, has failed. */
export function stateOf({ status, isCanceling }: Task): TaskState {
  switch (status) {
    case "queued":
      return "queued";
    case "running":
      return isCanceling === true ? "cancelling" : "running";
    case "completed":
      return "completed";
    case "canceled":
      return "cancelled";
    default:
      return "failed";
  }
}

/** Why a task did not complete. */
function errorOf({ status, error, sessionId }: Task): string | undefined {
  if (error?.code === "worker_lost") return workerLost(sessionId, error.message);
  if (error !== undefined) return error.message;
  return status === "completed" || status === "queued" || status === "running" ? undefined : status;
}

/** Microseconds since the epoch as ISO 8601 in UTC, to the millisecond. */
export function isoTime(us: number): string {
  return new Date(us / 1_000).toISOString();
}

/** The last digits of an id. */
export function shortId(id: string): string {
  return id.slice(-8);
}

function newestOutput(reports: readonly TimedReport[]): Json | undefined {
  const newest = reports.findLast(({ report }) => report.type === "output");
  return newest?.report.type === "output" ? newest.report.output : undefined;
}

function eventsOf({ taskId, createdAtUs, startedAtUs, finishedAtUs, ...task }: Task): z.output<typeof EventShape>[] {
  const final = TASK_STATES[stateOf({ taskId, createdAtUs, ...task })];
  const told = [
    [createdAtUs, TASK_STATES.received],
    [startedAtUs, TASK_STATES.running],
    [finishedAtUs, final],
  ] as const;
  return told.flatMap(([at, status], i) => {
    if (at === undefined) return [];
    const when = isoTime(at);
    return [{ id: `${taskId}-event-${i + 1}`, created_at: when, event_time: when, task_id: taskId, status }];
  });
}

function logsOf(taskId: string, reports: readonly TimedReport[]): z.output<typeof LogShape>[] {
  return reports.flatMap(({ at, report }, i) => {
    const content = contentOf(report);
    if (content === undefined) return [];
    const when = isoTime(at);
    const log_type = report.type === "progress" ? 4 : 1;
    const id = `${taskId}-log-${i + 1}`;
    return [{ id, created_at: when, updated_at: when, task_id: taskId, log_type, content }];
  });
}

function contentOf(report: Report): string | undefined {
  switch (report.type) {
    case "log":
      return report.message;
    case "progress": {
      const percent = report.fraction === undefined ? [] : [`${Math.round(report.fraction * 100)} %`];
      return [...percent, ...(report.message === undefined ? [] : [report.message])].join(" ");
    }
    default:
      return undefined;
  }
}
