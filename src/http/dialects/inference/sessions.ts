import { z } from "zod";
import { SECOND } from "../../../engine/clock.ts";
import { given } from "../../../engine/given.ts";
import { expiresAtUs } from "../../../engine/lifecycle.ts";
import type { Status } from "../../../engine/session.ts";
import type { Session } from "../../../engine/sessions.ts";
import type { Task } from "../../../engine/tasks.ts";
import { isoTime, ModelShape, shortId } from "./encode.ts";

const time = z.iso.datetime();

/** A session as clients of this contract see it: of the app that it used first. */
export const AppSessionShape = z
  .object({
    ...ModelShape.shape,
    worker_id: z.string().describe("empty while no worker is kept warm for it"),
    app_id: z.string(),
    app_version_id: z.string(),
    status: z.enum(["active", "ended", "expired"]),
    expires_at: time.optional().describe("when its time is over, unless it is used before; absent while a task runs"),
    ended_at: time.optional(),
    task_id: z.string().optional().describe("its newest task"),
    call_count: z.int(),
    last_call_at: time.optional(),
    idle_timeout: z.number().optional().describe("seconds"),
  })
  .meta({ id: "AppSession" });

const STATES: Readonly<Record<Status, "active" | "ended" | "expired">> = {
  active: "active",
  suspended: "active",
  completed: "ended",
  failed: "ended",
  expired: "expired",
};

/** @param newest  the newest of its tasks */
export function encodeSession({ ref, record }: Session, newest: Task | undefined): z.output<typeof AppSessionShape> {
  const { work, idleTimeoutUs, endedAtUs } = record;
  const [name = "", use] = Object.entries(work.apps)[0] ?? [];
  const isHeld = work.tasks.length > 0 || Object.values(work.apps).some(({ warmSinceUs }) => warmSinceUs !== undefined);
  return {
    id: record.sessionId,
    short_id: shortId(record.sessionId),
    created_at: isoTime(record.createdAtUs),
    updated_at: isoTime(record.updatedAtUs),
    user_id: record.userId,
    team_id: ref.tenant,
    visibility: "private",
    worker_id: isHeld ? `worker_${ref.id}` : "",
    app_id: name,
    app_version_id: use?.version ?? "",
    status: STATES[record.status],
    ...given("expires_at", expiresAtUs(record), isoTime),
    ...given("ended_at", endedAtUs, isoTime),
    ...given("task_id", newest?.taskId),
    call_count: work.usage.calls,
    ...given("last_call_at", newest?.createdAtUs, isoTime),
    ...given("idle_timeout", idleTimeoutUs, (us) => us / SECOND),
  };
}
