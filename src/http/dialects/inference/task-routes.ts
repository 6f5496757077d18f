import { z } from "zod";
import { SojournError } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import type { Finished } from "../../../engine/tasks.ts";
import { type Call, type Reply, type Route, route } from "../../route.ts";
import { answered, enveloped, VERSION_HEADERS, wantsEventStream } from "./answer.ts";
import { decodeList, ListShape, RunShape, WaitQueryShape } from "./decode.ts";
import * as encode from "./encode.ts";
import { asBegun, awaited, beginRun } from "./runs.ts";
import { states } from "./stream.ts";

/** Calls of apps, and what becomes of them. */
export const taskRoutes: readonly Route[] = [
  run({ path: "/apps/run", operationId: "runApp", summary: "Begin a call of an app", waits: false }),
  run({ path: "/run", operationId: "run", summary: "Call an app, and wait for its answer", waits: true }),
  route({
    method: "GET",
    path: "/tasks/{id}",
    operationId: "getTask",
    summary: "A task, with all that it told",
    scope: "apps:read",
    headers: VERSION_HEADERS,
    isWrite: false,
    answers: { 200: enveloped(encode.TaskShape) },
    refusals: ["task_not_found"],
    handle: async (call) => answered(call, await whole(call, await found(call))),
  }),
  route({
    method: "GET",
    path: "/tasks/{id}/status",
    operationId: "getTaskStatus",
    summary: "Where a task stands, for whoever polls",
    scope: "apps:read",
    headers: VERSION_HEADERS,
    isWrite: false,
    answers: { 200: enveloped(encode.StatusShape) },
    refusals: ["task_not_found"],
    handle: async (call) => answered(call, encode.encodeStatus((await found(call)).task)),
  }),
  route({
    method: "GET",
    path: "/tasks/{id}/stream",
    operationId: "streamTask",
    summary: "The whole task, again and again, as it is now and after each change, up to its end; a line of JSON each",
    scope: "apps:read",
    isWrite: false,
    type: "application/x-ndjson",
    stream: "answer",
    answers: { 200: encode.TaskShape },
    refusals: ["task_not_found"],
    handle: async (call) => {
      const { task, session } = await found(call);
      return streamed(call, states(call, task, session));
    },
  }),
  route({
    method: "POST",
    path: "/tasks/{id}/cancel",
    operationId: "cancelTask",
    summary: "Ask a task to stop; one that has come to its end stays as it is",
    scope: "apps:execute",
    headers: VERSION_HEADERS,
    isWrite: false,
    answers: { 200: enveloped(encode.CanceledShape) },
    refusals: ["task_not_found"],
    handle: async (call) => {
      const { task, session } = await found(call);
      const asked = await call.tasks.cancel(call.caller, session.ref.id, task.taskId);
      const state = encode.stateOf(asked);
      const cancelled = state === "cancelling" || state === "cancelled";
      return answered(call, { id: task.taskId, status: encode.TASK_STATES[state], cancelled });
    },
  }),
  route({
    method: "GET",
    path: "/tasks/{id}/logs",
    operationId: "getTaskLogs",
    summary: "What a task wrote",
    scope: "apps:read",
    headers: VERSION_HEADERS,
    isWrite: false,
    answers: { 200: enveloped(encode.LogsShape) },
    refusals: ["task_not_found"],
    handle: async (call) => {
      const { task, session } = await found(call);
      const reports = await call.tasks.reports(call.caller, session.ref.id, task.taskId);
      return answered(call, encode.encodeLogs(task, reports));
    },
  }),
  route({
    method: "POST",
    path: "/tasks/list",
    operationId: "listTasks",
    summary: "Tasks, page by page: those of the session that was used last, newest first, then those of the one before",
    scope: "apps:read",
    headers: VERSION_HEADERS,
    body: ListShape,
    isBodyOptional: true,
    isWrite: false,
    answers: { 200: enveloped(encode.pageShape(encode.TaskShape)) },
    refusals: [],
    handle: async (call) => answered(call, await listed(call)),
  }),
];

function run({
  path,
  operationId,
  summary,
  waits,
}: {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly waits: boolean;
}): Route {
  return route({
    method: "POST",
    path,
    operationId,
    summary,
    scope: "apps:execute",
    headers: VERSION_HEADERS,
    query: WaitQueryShape,
    body: RunShape,
    isWrite: false,
    answers: { 200: enveloped(encode.TaskShape) },
    refusals: [
      "session_not_found",
      "invalid_transition",
      "app_not_found",
      "app_broken",
      "version_mismatch",
      "worker_lost",
      "sandbox_missing",
      "session_busy",
      "limit_reached",
    ],
    handle: async (call) => {
      const { begun, wait = waits } = await beginRun(call);
      const isAwaited = call.query.wait === undefined ? wait : call.query.wait === "true";
      const shown = isAwaited ? await whole(call, await awaited(call, begun)) : encoded(call, asBegun(begun));
      return answered(call, shown);
    },
  });
}

async function found({ tasks, caller, id }: Pick<Call, "tasks" | "caller" | "id">): Promise<Finished> {
  const found = await tasks.find(caller, id);
  if (found !== undefined) return found;
  throw new SojournError("task_not_found", { message: `task not found: ${id}` });
}

function encoded({ caller }: Call, finished: Finished): encode.TaskDto {
  return encode.encodeTask(finished, { tenant: caller.tenant });
}

async function whole({ tasks, caller }: Call, finished: Finished): Promise<encode.TaskDto> {
  const { uid, taskId } = finished.task;
  const reports = await tasks.reports(caller, uid, taskId);
  return encode.encodeTask(finished, { reports, tenant: caller.tenant });
}

function streamed(call: Call, texts: AsyncIterable<string>): Reply {
  const asEvents = wantsEventStream(call);
  return { events: events(), as: asEvents ? "event-stream" : "ndjson" };

  async function* events(): AsyncGenerator<string> {
    for await (const text of texts) yield asEvents ? `data: ${text}\n\n` : `${text}\n`;
  }
}

/** How many sessions are looked into for one page. */
const SESSIONS_MAX = 100;

type ListCall = Call<unknown, z.output<typeof ListShape>>;

/** A cursor holds the session's, and, within its tasks, theirs. */
async function listed(call: ListCall): Promise<object> {
  const { tasks, sessions, caller } = call;
  const { limit, cursor } = decodeList(call.body);
  let at = cursor === undefined ? {} : decodeCursor(cursor);
  const items: object[] = [];
  for (let looked = 0; looked < SESSIONS_MAX && items.length < limit; looked++) {
    const page = await sessions.list(caller, {
      sort: "last_activity",
      order: "desc",
      limit: 1,
      ...given("cursor", at.session),
    });
    const [session] = page.items;
    const of =
      session &&
      (await tasks.list(caller, session.ref.id, { limit: limit - items.length, ...given("cursor", at.task) }));
    if (session !== undefined) for (const task of of?.items ?? []) items.push(encoded(call, { task, session }));
    if (of?.next !== undefined) at = { ...given("session", at.session), task: of.next };
    else if (page.next !== undefined) at = { session: page.next };
    else return encode.encodePage(items, { limit, ...given("cursor", cursor) });
  }
  return encode.encodePage(items, { limit, ...given("cursor", cursor), next: encodeCursor(at) });
}

interface Place {
  readonly session?: string;
  readonly task?: string;
}

function encodeCursor(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString("base64url");
}

const CursorShape = z.strictObject({ session: z.string().optional(), task: z.string().optional() });

function decodeCursor(cursor: string): Place {
  try {
    const { session, task } = CursorShape.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
    return { ...given("session", session), ...given("task", task) };
  } catch (cause) {
    const message = "must be the next_cursor of an answer";
    throw new SojournError("invalid", {
      message,
      faults: [{ field: "cursor", message, type: "invalid_cursor" }],
      cause,
    });
  }
}
