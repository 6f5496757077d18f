import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { z } from "zod";
import type { AppShape, TaskShape } from "../src/http/dialects/native/tasks.ts";
import { Api, type Session } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";
import { APPS, WORKSHOP } from "./workshop.ts";

type Task = z.output<typeof TaskShape>;
type App = z.output<typeof AppShape>;

const EVENTS = { accept: "text/event-stream" };

/** An event of a stream, with its id. */
interface Told {
  readonly id?: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

function toldIn(text: string): readonly Told[] {
  return text
    .split("\n\n")
    .filter((block) => block !== "" && !block.startsWith(":"))
    .map((block) => {
      const fields = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/s).slice(0, 2)));
      return { ...fields, data: JSON.parse(fields["data"]) };
    });
}

/** What of an event is the same each time. */
function shapeOf({ id, event, data }: Told): unknown {
  const { timestamp, ...rest } = data;
  return event === "task" ? data["status"] : [id, event, rest];
}

describe("apps and tasks over REST", () => {
  let server: TestServer;
  let api: Api;
  let version: string;
  before(async () => {
    server = await startServer({ apps: APPS });
    api = new Api(server.url);
    version = (await api.get<App>(`/apps/${WORKSHOP}`)).data.version;
  });
  after(() => server[Symbol.asyncDispose]());

  const run = (id: string, body: object, headers = {}, query = "") =>
    api.post<Task>(`/sessions/${id}/run${query}`, { app: WORKSHOP, ...body }, headers);
  const stream = async (path: string, { body, headers = {} }: { body?: object; headers?: object } = {}) =>
    await fetch(`${server.url}/api/v1${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: { ...EVENTS, ...(body && { "content-type": "application/json" }), ...headers },
      ...(body && { body: JSON.stringify({ app: WORKSHOP, ...body }) }),
    });
  const go = (id: string) => api.call("PATCH", `/sessions/${id}/working-memory`, { body: { go: true } });
  /** Begins a task that waits until `go`, and is heard of. */
  const waiting = async (id: string): Promise<Task> => {
    const { data } = await run(id, { action: "wait", wait: false });
    await until("it runs", async () => (await stateOf(id, data.task_id)).status === "running");
    return data;
  };
  const stateOf = async (id: string, taskId: string): Promise<Task> =>
    (await api.get<Task>(`/sessions/${id}/tasks/${taskId}`)).data;

  it("shows an app whose name has a slash", async () => {
    const { data } = await api.get<App>("/apps/infsh%2Fsession-test");
    assert.equal(data.name, "infsh/session-test");
    const { apps } = (await api.get<{ apps: App[] }>("/apps")).data;
    assert.deepEqual(
      apps.filter(({ name }) => name === data.name),
      [data],
    );
  });

  it("answers a call with the task, and tells of it in the session", async () => {
    const { session_id } = await api.create();
    const answer = await run(session_id, { input: {} });
    const { task_id, created_at, started_at, finished_at, processing_time, ...task } = answer.data;
    assert.deepEqual(task, {
      status: "completed",
      session_id,
      app: WORKSHOP,
      version,
      action: "count",
      output: { count: 1 },
      operation_seq: 3,
      worker: "new",
    });
    assert.ok(started_at !== undefined && created_at <= started_at && started_at <= (finished_at ?? ""));
    assert.ok(processing_time !== undefined && processing_time > 0 && processing_time < 30);
    assert.equal(answer.headers.get("etag"), '"3"');
    const { work, usage } = await api.session(session_id);
    const { busy_time, memory_peak_bytes, ...rest } = work.usage;
    assert.deepEqual(
      { ...work, usage: rest },
      { apps: { [WORKSHOP]: { version, is_warm: true } }, tasks: [], usage: { calls: 1, idle_time: 0 } },
    );
    assert.ok(busy_time === processing_time && memory_peak_bytes > 0);
    assert.equal(usage.operation_count, 3);
    const seen = await stateOf(session_id, task_id);
    assert.deepEqual(seen, { ...answer.data, input: {} });
    assert.deepEqual((await api.get<{ tasks: Task[] }>(`/sessions/${session_id}/tasks`)).data.tasks, [seen]);
  });

  it("has the session with it where that is asked for", async () => {
    const { session_id } = await api.create();
    const { session, ...task } = (await run(session_id, {}, {}, "?return=session")).data;
    assert.equal(task.status, "completed");
    assert.deepEqual(session, await api.session(session_id));
    const begun = (await run(session_id, { wait: false }, {}, "?return=session")).data;
    assert.equal((begun.session as Session).uid, session?.uid);
  });

  it("answers that an app failed as any outcome, and a lost worker as a failure of ours", async () => {
    const { session_id } = await api.create();
    const failed = await run(session_id, { action: "fail", input: { message: "No paper" } });
    assert.equal(failed.status, 200);
    assert.deepEqual([failed.data.status, failed.data.error], ["failed", { code: "app_failed", message: "No paper" }]);
    const refused = await run(session_id, { action: "even", input: { number: 3 } });
    assert.deepEqual([refused.status, refused.error.code], [400, "VALIDATION_ERROR"]);
    assert.deepEqual(refused.error.details, [{ field: "input.number", message: "must be even", type: "custom" }]);
    const lost = await run(session_id, { action: "die" });
    assert.deepEqual([lost.status, lost.error.code], [502, "WORKER_LOST"]);
    assert.match(lost.error.message, /\(task task_\w+\)$/);
    const late = await run(session_id, { action: "hang", timeout_seconds: 0.2 });
    assert.deepEqual([late.status, late.error.code], [502, "WORKER_LOST"]);
    const { tasks } = (await api.get<{ tasks: Task[] }>(`/sessions/${session_id}/tasks?limit=3`)).data;
    assert.deepEqual(
      tasks.map(({ status, error }) => [status, error?.code]),
      [
        ["lost", "timed_out"],
        ["lost", "worker_lost"],
        ["failed", "invalid"],
      ],
    );
  });

  it("streams what a task tells, each report under its number, and last the task", async () => {
    const { session_id } = await api.create();
    const body = { action: "tell", input: { parts: ["a", "b"] } };
    const response = await stream(`/sessions/${session_id}/run?return=session`, { body });
    assert.deepEqual(
      [response.status, response.headers.get("content-type")],
      [200, "text/event-stream; charset=utf-8"],
    );
    const told = toldIn(await response.text());
    const reports = [
      ["1", "progress", { fraction: 0.5, message: "part 1" }],
      ["2", "output", { output: { part: "a" } }],
      ["3", "progress", { fraction: 1, message: "part 2" }],
      ["4", "output", { output: { part: "b" } }],
      ["5", "log", { level: "warn", message: "All told" }],
    ];
    assert.deepEqual(told.map(shapeOf), ["running", ...reports, "completed"]);
    const { session, ...task } = (told.at(-1) ?? assert.fail()).data as Task;
    assert.deepEqual(session, await api.session(session_id));
    const { input, ...seen } = await stateOf(session_id, task.task_id);
    assert.deepEqual(task, seen);
    const path = `/sessions/${session_id}/tasks/${task.task_id}`;
    assert.deepEqual(toldIn(await (await stream(path)).text()).map(shapeOf), [...reports, "completed"]);
    const rest = await stream(path, { headers: { "last-event-id": "3" } });
    assert.deepEqual(toldIn(await rest.text()).map(shapeOf), [...reports.slice(3), "completed"]);
    const never = await stream(path, { headers: { "last-event-id": "x" } });
    assert.equal(never.status, 400);
    await never.arrayBuffer();
  });

  it("streams the outcome of a worker that is lost as any other, and refuses as without a stream", async () => {
    const { session_id } = await api.create();
    const lost = toldIn(await (await stream(`/sessions/${session_id}/run`, { body: { action: "die" } })).text());
    assert.deepEqual(lost.map(shapeOf), ["running", "lost"]);
    const refused = await stream(`/sessions/${session_id}/run`, { body: { action: "dance" } });
    assert.equal(refused.status, 400);
    await refused.arrayBuffer();
  });

  it("goes on where nobody waits any more, and can be taken up again", async () => {
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}`;
    for (const accept of ["application/json", "text/event-stream"]) {
      const gone = new AbortController();
      const call = fetch(`${server.url}/api/v1${path}/run`, {
        method: "POST",
        headers: { accept, "content-type": "application/json" },
        body: JSON.stringify({ app: WORKSHOP, action: "wait" }),
        signal: gone.signal,
      }).then((response) => response.text());
      const open = async () => (await api.get<{ tasks: Task[] }>(`${path}/tasks?status=open`)).data.tasks;
      await until("it runs", async () => (await open())[0]?.status === "running");
      const [task] = await open();
      gone.abort();
      await assert.rejects(call);
      const follower = await stream(`${path}/tasks/${task?.task_id}`);
      await go(session_id);
      assert.deepEqual(
        toldIn(await follower.text())
          .map(shapeOf)
          .at(-1),
        "completed",
      );
      await api.call("PUT", `${path}/working-memory`, { body: {} });
    }
  });

  it("is answered once under one key, however often it is called", async () => {
    const { session_id } = await api.create();
    const headers = { "idempotency-key": "one-and-the-same" };
    const first = await run(session_id, {}, headers);
    const again = await run(session_id, {}, headers);
    assert.deepEqual(again.data, first.data);
    assert.deepEqual(
      [first, again].map((answer) => answer.headers.get("idempotent-replayed")),
      [null, "true"],
    );
    assert.equal((await run(session_id, { action: "echo", input: { value: 1 } }, headers)).status, 422);
  });

  it("cancels, and says how a task stands while others run", async () => {
    const { session_id } = await api.create();
    const first = await waiting(session_id);
    const second = await run(session_id, { wait: false });
    assert.deepEqual([second.status, second.data.status], [202, "queued"]);
    const cancel = (id: string, headers = {}) =>
      api.post<Task>(`/sessions/${session_id}/tasks/${id}/cancel`, undefined, headers);
    assert.equal((await cancel(first.task_id, { "idempotency-key": "a" })).status, 400);
    assert.equal((await cancel(first.task_id)).status, 200);
    await until("it is over", async () => (await stateOf(session_id, first.task_id)).status === "canceled");
    await until("the next runs", async () => (await stateOf(session_id, second.data.task_id)).status === "completed");
    assert.equal((await cancel(second.data.task_id)).data.status, "completed");
  });

  it("keeps tasks to their sessions", async () => {
    const [mine, theirs] = [await api.create(), await api.create()];
    const { task_id } = (await run(mine.session_id, {})).data;
    for (const path of [`/sessions/${theirs.session_id}/tasks/${task_id}`, `/sessions/${mine.session_id}/tasks/x`]) {
      assert.equal((await api.get(path)).error.code, "TASK_NOT_FOUND");
      assert.equal((await api.post(`${path}/cancel`)).error.code, "TASK_NOT_FOUND");
      const events = await stream(path);
      assert.equal(events.status, 404);
      await events.arrayBuffer();
    }
  });

  it("refuses by name what it does not know", async () => {
    const { session_id } = await api.create();
    const wrong: readonly (readonly [string, object])[] = [
      ["app", { app: "" }],
      ["function", { function: "count" }],
      ["when_busy", { when_busy: "never" }],
      ["version", { version: "latest" }],
      ["timeout_seconds", { timeout_seconds: 0 }],
      ["setup", { setup: [] }],
      ["wait", { wait: "no" }],
    ];
    for (const [field, body] of wrong) {
      const { error } = await run(session_id, body);
      assert.deepEqual([error.code, error.details?.[0]?.field], ["VALIDATION_ERROR", field]);
    }
  });
});
