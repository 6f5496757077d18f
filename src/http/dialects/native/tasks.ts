import { z } from "zod";
import { SECOND } from "../../../engine/clock.ts";
import { type Fault, SojournError } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import type { Json } from "../../../engine/json.ts";
import { LIMITS } from "../../../engine/limits.ts";
import type { App, BrokenApp } from "../../../engine/runner.ts";
import type { Session } from "../../../engine/sessions.ts";
import { type Report, TASK_STATUSES, type TaskError, type TaskStatus } from "../../../engine/task.ts";
import { type NewTask, type Task, type TimedReport, WHEN_BUSY } from "../../../engine/tasks.ts";
import { metadata, PageShape, pageLimit } from "./decode.ts";
import { encodeSession, isoTime, SessionShape } from "./encode.ts";

const time = z.iso.datetime().describe("ISO 8601, UTC");
const count = z.int().min(0);
const schema = z.record(z.string(), z.json()).describe("JSON Schema");
// NOTE: what a body holds is JSON already; see `metadata`.
const json = z.any() as z.ZodType<Json>;

const digest = z.string().regex(/^[0-9a-f]{8,64}$/, "must be a version, or its beginning: 8 to 64 hex digits");

/** `POST /sessions/{id}/run`. */
export const RunShape = z.strictObject({
  app: z.string().min(1).max(255),
  action: z.string().min(1).max(255).optional().describe("left out: the input's own action, or the app's default"),
  input: json.optional().describe("any JSON that fits the action; {} where it is left out"),
  setup: metadata
    .optional()
    .describe("left out: as the session set the app up before; another one begins a fresh worker"),
  timeout_seconds: z
    .number()
    .positive()
    .max(LIMITS.durationSeconds)
    .optional()
    .describe("seconds, from when it runs; default and most: what the operator allows"),
  version: digest.optional().describe("the version that is wanted; a session stays on the one that it began with"),
  when_busy: z
    .enum(WHEN_BUSY)
    .optional()
    .describe("where others run in the session: wait (enqueue, the default), be refused, or cancel those"),
  fresh: z.boolean().optional().describe("true: what the app remembers in this session is left behind"),
  wait: z.boolean().optional().describe("false: answer once the task is recorded, with 202"),
  stream: z.boolean().optional().describe("true: the answer comes as events, as with Accept: text/event-stream"),
});

/** `GET /sessions/{id}/tasks`. */
export const TasksQueryShape = z.strictObject({
  ...PageShape.shape,
  status: z.enum(["open", "all"]).optional().describe("open: only those that have not finished"),
});

const ActionShape = z.object({
  name: z.string(),
  description: z.string().optional(),
  input_schema: schema,
  output_schema: schema.optional(),
  is_idempotent: z.boolean().describe("doing it twice is as doing it once"),
});

export const AppShape = z
  .object({
    name: z.string(),
    version: z.string().describe("the digest of its files"),
    description: z.string().optional(),
    place: z.enum(["process", "server"]).describe("in a process for each session, or in the server"),
    recovery: z.enum(["snapshot", "replay", "refuse", "fresh"]).describe("how it comes back where its worker was lost"),
    setup_schema: schema.optional(),
    default_action: z.string().optional().describe("what a call without an action means"),
    actions: z.array(ActionShape),
    permissions: z.record(z.string(), z.json()).describe("what it asks for beyond computing"),
  })
  .meta({ id: "App" });

export const AppsShape = z.object({
  apps: z.array(AppShape),
  broken: z.array(
    z.object({
      source: z.string().describe("its folder or file, or the source as the operator named it"),
      message: z.string(),
      version: z.string().optional().describe("what is used in its place: the last that was good"),
    }),
  ),
});

const TaskErrorShape = z.object({
  code: z.string().describe("app_failed, invalid, worker_lost, timed_out, output_too_large, canceled, unknown, …"),
  message: z.string(),
  details: z.array(z.object({ field: z.string(), message: z.string(), type: z.string() })).optional(),
});

export const TaskShape = z
  .object({
    task_id: z.string(),
    status: z.enum(TASK_STATUSES),
    session_id: z.string(),
    app: z.string(),
    version: z.string(),
    action: z.string(),
    input: z.json().optional().describe("where a task is looked up; whoever runs one has it"),
    output: z.json().optional(),
    error: TaskErrorShape.optional().describe("of what did not complete"),
    operation_seq: count.describe("the last operation of it"),
    created_at: time,
    started_at: time.optional(),
    finished_at: time.optional(),
    processing_time: z.number().min(0).optional().describe("seconds"),
    worker: z
      .enum(["warm", "new", "restored"])
      .optional()
      .describe("what its worker was: as the task before left it, begun for it, or brought back to where it was"),
    session: SessionShape.optional().describe("with return=session, and once it has finished"),
  })
  .meta({ id: "Task" });

/** How many tasks have been asked for, and from where on. */
export function decodeTasks({ limit, cursor, status }: z.output<typeof TasksQueryShape>): {
  readonly limit: number;
  readonly cursor?: string;
  readonly open?: boolean;
} {
  return { limit: pageLimit(limit), ...given("cursor", cursor), ...(status === "open" && { open: true }) };
}

export function decodeRun(body: z.output<typeof RunShape>): NewTask {
  return {
    app: body.app,
    ...given("action", body.action),
    ...given("input", body.input),
    ...given("setup", body.setup),
    ...given("timeoutMs", body.timeout_seconds, (seconds) => Math.ceil(seconds * 1_000)),
    ...given("version", body.version),
    ...given("whenBusy", body.when_busy),
    ...given("fresh", body.fresh),
  };
}

export function encodeApps(apps: readonly App[], broken: readonly BrokenApp[]): z.output<typeof AppsShape> {
  return {
    apps: apps.map(encodeApp),
    broken: broken.map(({ source, message, version }) => ({ source, message, ...given("version", version) })),
  };
}

export function encodeApp(app: App): z.output<typeof AppShape> {
  // NOTE: schemas and permissions are JSON.
  type Schema = z.output<typeof schema>;
  return {
    name: app.name,
    version: app.version,
    ...given("description", app.description),
    place: app.place,
    recovery: app.recovery,
    ...given("setup_schema", app.setupSchema as Schema | undefined),
    ...given("default_action", app.defaultAction),
    actions: app.actions.map(({ name, description, inputSchema, outputSchema, isIdempotent }) => ({
      name,
      ...given("description", description),
      input_schema: inputSchema as Schema,
      ...given("output_schema", outputSchema as Schema | undefined),
      is_idempotent: isIdempotent,
    })),
    permissions: app.permissions as Schema,
  };
}

/** A task without its input. */
export function encodeRun(task: Task, session?: Session): z.output<typeof TaskShape> {
  return {
    task_id: task.taskId,
    status: task.status,
    session_id: task.sessionId,
    app: task.app,
    version: task.version,
    action: task.action,
    // NOTE: inputs and outputs are JSON.
    ...given("output", task.output as z.core.util.JSONType | undefined),
    ...given("error", task.error, encodeTaskError),
    operation_seq: task.seq,
    created_at: isoTime(task.createdAtUs),
    ...given("started_at", task.startedAtUs, isoTime),
    ...given("finished_at", task.finishedAtUs, isoTime),
    ...given("processing_time", task.processingTimeUs, (us) => us / SECOND),
    ...given("worker", task.worker),
    ...given("session", session, encodeSession),
  };
}

export function encodeTask(task: Task): z.output<typeof TaskShape> {
  return { ...encodeRun(task), input: task.input as z.core.util.JSONType };
}

/** What a report is called as an event, and its data. */
export function encodeReport({ report, at }: TimedReport): readonly [event: Report["type"], data: object] {
  const { type, ...told } = report;
  return [type, { ...told, timestamp: isoTime(at) }];
}

/** Whether nothing can follow this status. */
export function isOver(status: TaskStatus): boolean {
  return status !== "queued" && status !== "running";
}

/** Throws what is no outcome of an app: an input that its action refused, an object that is not there, a worker that is gone. */
export function assertRan({ taskId, status, error }: Task): void {
  const { code, message = "its worker is gone", faults = [] } = error ?? {};
  if (status === "lost") throw new SojournError("worker_lost", { message: `${message} (task ${taskId})` });
  if (status === "failed" && (code === "invalid" || code === "object_not_found")) {
    throw new SojournError(code, { message: `${message} (task ${taskId})`, faults });
  }
}

function encodeTaskError({ code, message, faults }: TaskError): z.output<typeof TaskErrorShape> {
  return { code, message, ...given("details", faults, (all: readonly Fault[]) => all.map((fault) => ({ ...fault }))) };
}
