import { z } from "zod";
import { given } from "../../../engine/given.ts";
import type { Session } from "../../../engine/sessions.ts";
import type { TaskEvent } from "../../../engine/tasks.ts";
import { badHeader } from "../../edge.ts";
import { unlessGone } from "../../leaving.ts";
import { type Call, type EventReply, type Reply, type Route, route } from "../../route.ts";
import { acceptsEvents, answered, replayed, writeRefusals } from "./answer.ts";
import { ReturnQueryShape } from "./decode.ts";
import * as encode from "./encode.ts";
import { encodeError } from "./errors.ts";
import { assertUnconditional } from "./history-routes.ts";
import { taskEvents } from "./task-events.ts";
import * as tasks from "./tasks.ts";

/** Apps, and what sessions do by them. */
export const taskRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/apps",
    operationId: "listApps",
    summary: "The apps that there are, each in its newest version, and what should be one and is broken",
    scope: "apps:read",
    isWrite: false,
    answers: { 200: encode.enveloped(tasks.AppsShape) },
    refusals: [],
    handle: async ({ tasks: it, now }) => {
      const [apps, broken] = await Promise.all([it.apps(), it.broken()]);
      return { body: encode.envelope(tasks.encodeApps(apps, broken), now()) };
    },
  }),
  route({
    method: "GET",
    path: "/apps/{name}",
    operationId: "getApp",
    summary: "An app: what its actions take, and what it asks for; a slash in its name is written as %2F",
    scope: "apps:read",
    isWrite: false,
    answers: { 200: encode.enveloped(tasks.AppShape) },
    refusals: ["app_not_found", "app_broken"],
    handle: async ({ tasks: it, id, now }) => ({ body: encode.envelope(tasks.encodeApp(await it.app(id)), now()) }),
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/run",
    operationId: "runApp",
    summary:
      "Call an action of an app, which goes on whether or not somebody waits; with Accept: text/event-stream its progress comes as well",
    scope: "apps:execute",
    query: ReturnQueryShape,
    body: tasks.RunShape,
    isWrite: true,
    stream: "answer",
    answers: {
      200: encode.enveloped(tasks.TaskShape).describe("The task has finished; its status says how"),
      202: encode.enveloped(tasks.TaskShape).describe("It is recorded, and wait is false"),
    },
    refusals: [
      ...writeRefusals,
      "session_busy",
      "object_not_found",
      "app_not_found",
      "app_broken",
      "version_mismatch",
      "worker_lost",
      "sandbox_missing",
    ],
    handle: async (call) => {
      const { body, header } = call;
      if (body.wait === false) return await begun(call);
      if (body.stream ?? acceptsEvents(header("accept"))) return await streamed(call);
      return await finished(call);
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/tasks",
    operationId: "listTasks",
    summary: "The tasks of a session, newest first",
    scope: "sessions:read",
    query: tasks.TasksQueryShape,
    isWrite: false,
    answers: {
      200: encode.enveloped(z.object({ tasks: z.array(tasks.TaskShape), next_cursor: z.string().optional() })),
    },
    refusals: ["session_not_found"],
    handle: async ({ tasks: it, caller, id, query, now }) => {
      const { items, next } = await it.list(caller, id, tasks.decodeTasks(query));
      const data = { tasks: items.map(tasks.encodeTask), ...given("next_cursor", next) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/tasks/{task_id}",
    operationId: "getTask",
    summary:
      "A task as it stands; with Accept: text/event-stream what it told and tells, up to its end, which Last-Event-ID resumes",
    scope: "sessions:read",
    isWrite: false,
    stream: "feed",
    answers: { 200: encode.enveloped(tasks.TaskShape) },
    refusals: ["session_not_found", "task_not_found"],
    handle: async (call) => {
      const { tasks: it, caller, id, header, now } = call;
      const task = await it.get(caller, id, taskIdOf(call));
      if (acceptsEvents(header("accept"))) return followed(call);
      return { body: encode.envelope(tasks.encodeTask(task), now()) };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/tasks/{task_id}/cancel",
    operationId: "cancelTask",
    summary: "Ask a task to stop; one that has finished stays as it is",
    scope: "apps:execute",
    isWrite: false,
    answers: { 200: encode.enveloped(tasks.TaskShape) },
    refusals: ["session_not_found", "task_not_found"],
    handle: async (call) => {
      const { tasks: it, caller, id, header, now } = call;
      // Again asks for nothing more.
      assertUnconditional(header, "cancel tasks");
      return { body: encode.envelope(tasks.encodeTask(await it.cancel(caller, id, taskIdOf(call))), now()) };
    },
  }),
];

type RunCall = Call<z.output<typeof ReturnQueryShape>, z.output<typeof tasks.RunShape>>;

async function begun({ tasks: it, caller, id, query, body, write }: RunCall): Promise<Reply> {
  const answer = await it.begin(caller, id, tasks.decodeRun(body), write);
  const { task, session } = answer.value;
  const data = tasks.encodeRun(task, query.return === "session" ? session : undefined);
  return { ...answered(answer, data, session), status: 202 };
}

async function finished({ tasks: it, caller, id, query, body, write, gone }: RunCall): Promise<Reply> {
  const answer = await unlessGone(it.run(caller, id, tasks.decodeRun(body), write), gone());
  const { task, session } = answer.value;
  tasks.assertRan(task);
  const data = tasks.encodeRun(task, query.return === "session" ? session : undefined);
  return answered(answer, data, session);
}

/**
 * The answer as events: the task as it is recorded, then what it tells and how it stands, and last the task with its
 * outcome; or `error` with the body of a refusal, where the server can't tell it. What is refused before the task is
 * recorded is refused as without a stream.
 */
async function streamed(call: RunCall): Promise<EventReply> {
  const { tasks: it, caller, id, query, body, write, gone } = call;
  const answer = await it.begin(caller, id, tasks.decodeRun(body), write);
  const { task, done } = answer.value;
  const session = async () => (query.return === "session" ? (await done).session : undefined);
  const events = told(taskEvents(it, caller, { task, signal: gone() }), call, session);
  return { events, isAnswer: true, headers: replayed(answer) };
}

function followed(call: Call): EventReply {
  const { tasks: it, caller, id, header, gone } = call;
  const last = header("last-event-id") ?? "0";
  if (!/^\d{1,15}$/.test(last)) throw badHeader("last-event-id", "must be the id of an event of this task: a number");
  return {
    events: told(taskEvents(it, caller, { id, taskId: taskIdOf(call), after: Number(last), signal: gone() }), call),
  };
}

/** Events as they are sent, as long as whoever hears them may. */
async function* told(
  events: AsyncIterable<TaskEvent>,
  { holds, fail, requestId, now }: Call,
  session?: () => Promise<Session | undefined>,
): AsyncGenerator<string, void, undefined> {
  try {
    for await (const happened of events) {
      if (!(await holds())) return;
      if (happened.event === "report") {
        const [event, data] = tasks.encodeReport(happened);
        yield `id: ${happened.number}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
      } else {
        const { task } = happened;
        const data = tasks.encodeRun(task, tasks.isOver(task.status) ? await session?.() : undefined);
        yield `event: task\ndata: ${JSON.stringify(data)}\n\n`;
      }
    }
  } catch (thrown) {
    yield `event: error\ndata: ${JSON.stringify(encodeError(fail(thrown), requestId, now()).body)}\n\n`;
  }
}

function taskIdOf({ params }: Call): string {
  return params["task_id"] ?? "";
}
