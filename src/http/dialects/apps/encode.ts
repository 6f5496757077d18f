import { z } from "zod";
import { SECOND } from "../../../engine/clock.ts";
import { given } from "../../../engine/given.ts";
import { isArray, type Json, type JsonObject } from "../../../engine/json.ts";
import { expiresAtUs } from "../../../engine/lifecycle.ts";
import { type MadeObject, QUALITIES, qualityOf } from "../../../engine/object.ts";
import type { Session } from "../../../engine/sessions.ts";
import { TASK_STATUSES } from "../../../engine/task.ts";
import type { LoggedTask, Task } from "../../../engine/tasks.ts";
import type { JsonReply } from "../../route.ts";
import { encodeTaskError, TaskErrorShape } from "./errors.ts";

const time = z.iso.datetime().describe("ISO 8601, UTC");

const ObjectShape = z
  .looseObject({
    id: z.string(),
    type: z.string(),
    quality: z.enum(QUALITIES),
    degradation: z.object({ reason: z.string(), object_id: z.string().describe("where it began") }).optional(),
  })
  .describe("with all that its data has but members of these names: those are what the server knows of it");

const OperationShape = z.object({
  timestamp: time,
  endpoint: z
    .string()
    .describe("the path of the action; of an app without routes its name, and the action after a colon"),
  result_id: z.string().nullable().describe("the first object that it made"),
  object_ids: z.array(z.string()).describe("all objects that it made"),
  used_ids: z.array(z.string()).describe("those that its input names"),
  inputs: z.json(),
  status: z.enum(TASK_STATUSES),
  error: TaskErrorShape.optional().describe("of what did not complete"),
  duration_seconds: z.number().min(0).optional(),
  task_id: z.string(),
});

/** `GET <base>/session/{id}/log`. */
export const LogShape = z
  .object({
    session_id: z.string(),
    created_at: time,
    last_activity: time,
    expires_at: time.nullable().describe("unless it is used before; null: not as things are"),
    objects: z.array(ObjectShape).describe("those that these operations made, oldest first"),
    operations: z.array(OperationShape).describe("oldest first; those that have not finished come last"),
    next_cursor: z.string().optional().describe("there are more"),
  })
  .meta({ id: "SessionLog" });

/** A part of a session's log. */
export interface LogPage {
  readonly session: Session;
  readonly ended: readonly LoggedTask[];
  /** Those that have not finished. */
  readonly open: readonly Task[];
  readonly next: string | undefined;
}

/** @param baseOf  where the actions of an app are, if it has routes */
export function encodeLog(
  { session, ended, open, next }: LogPage,
  baseOf: (app: string) => string | undefined,
): object {
  const { record } = session;
  const operation = (task: Task, used: readonly string[] = []): z.output<typeof OperationShape> => {
    const { taskId, status, error, made = [], processingTimeUs } = task;
    const base = baseOf(task.app);
    return {
      timestamp: isoTime(task.createdAtUs),
      endpoint: base === undefined ? `${task.app}:${task.action}` : `${base}/${task.action}`,
      result_id: made[0]?.objectId ?? null,
      object_ids: made.map(({ objectId }) => objectId),
      used_ids: [...used],
      // NOTE: inputs are JSON.
      inputs: task.input as z.core.util.JSONType,
      status,
      ...given("error", error, encodeTaskError),
      ...given("duration_seconds", processingTimeUs, (us) => us / SECOND),
      task_id: taskId,
    };
  };
  return {
    session_id: record.sessionId,
    created_at: isoTime(record.createdAtUs),
    last_activity: isoTime(record.lastActivityUs),
    expires_at: given("at", expiresAtUs(record), isoTime).at ?? null,
    objects: ended.flatMap(({ made = [] }) => made.map(encodeObject)),
    operations: [...ended.map((task) => operation(task, task.used)), ...open.map((task) => operation(task))],
    ...given("next_cursor", next),
  };
}

/** The output of a task as it is; that something came out degraded is told in a header, since the status is that of success. */
export function encodeResult({ output, made = [] }: Task, { head }: Session): JsonReply {
  const degraded = made.filter(({ degradation }) => degradation !== undefined).slice(0, WARNINGS_MAX);
  const warning = degraded.map(({ objectId, degradation }) =>
    quoted(`${objectId} is degraded: ${degradation?.reason}`),
  );
  return {
    // NOTE: whatever JSON it is, it is sent as that.
    body: (output ?? null) as object,
    headers: {
      etag: `"${head.seq}"`,
      ...(warning.length > 0 && { warning: warning.map((text) => `299 sojourn ${text}`).join(", ") }),
    },
  };
}

/** How many degraded objects an answer warns of. */
const WARNINGS_MAX = 10;

/** How much of an app's own words goes into a header. */
const WARNING_LENGTH = 200;

/** A text as headers hold one, of printable ASCII alone. */
function quoted(text: string): string {
  const plain = text.slice(0, WARNING_LENGTH).replaceAll(/[^\x20-\x7e]/g, "?");
  return `"${plain.replaceAll(/["\\]/g, "\\$&")}"`;
}

/** What the server knows of an object counts, also where its data has members of these names. */
function encodeObject({ objectId, type, data, degradation }: MadeObject): object {
  const { id: _, type: __, quality: ___, degradation: ____, ...members } = isObject(data) ? data : { data };
  return {
    id: objectId,
    type,
    ...members,
    quality: qualityOf({ ...given("degradation", degradation) }),
    ...given("degradation", degradation, ({ reason, objectId }) => ({ reason, object_id: objectId })),
  };
}

function isObject(data: Json): data is JsonObject {
  return typeof data === "object" && data !== null && !isArray(data);
}

/** Microseconds since the epoch as ISO 8601 in UTC, to the millisecond. */
function isoTime(us: number): string {
  return new Date(us / 1_000).toISOString();
}
