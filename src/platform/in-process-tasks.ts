import { decodeApp, decodeBrokenApp, decodeReport, decodeTask } from "../client/decode-tasks.ts";
import type { CallOptions, WriteOptions } from "../client/inputs.ts";
import type { App, BrokenApp, Task, TaskEvent, TaskQuery } from "../client/task.ts";
import type { NewRun, Page, Seen, TaskTransport, Told } from "../client/transport.ts";
import type * as runner from "../engine/runner.ts";
import type { Caller } from "../engine/sessions.ts";
import type * as engine from "../engine/tasks.ts";
import { taskEvents } from "../http/dialects/native/task-events.ts";
import * as shapes from "../http/dialects/native/tasks.ts";
import { type InProcessCalls, seenWith } from "./in-process-calls.ts";
import { bodyOf, queryOf, writing } from "./input.ts";

/** The way to this process's apps, and to what its sessions do by them. */
export class InProcessTasks implements TaskTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  get #tasks(): engine.Tasks {
    return this.#calls.engine.tasks;
  }

  async apps(options: CallOptions): Promise<readonly App[]> {
    return await this.#calls.call(
      options,
      async () => await this.#tasks.apps(),
      (apps) => apps.map(appOf),
    );
  }

  async brokenApps(options: CallOptions): Promise<readonly BrokenApp[]> {
    return await this.#calls.call(
      options,
      async () => await this.#tasks.broken(),
      (broken) => broken.map(decodeBrokenApp),
    );
  }

  async app(name: string, options: CallOptions): Promise<App> {
    return await this.#calls.call(options, () => this.#tasks.app(name), appOf);
  }

  async run(
    uid: string,
    wanted: NewRun,
    options: Omit<WriteOptions, "signal">,
    onEvent: (event: TaskEvent) => void,
  ): Promise<Told<Task>> {
    const body = bodyOf(shapes.RunShape, wanted);
    const write = writing(`run ${uid}`, body, options);
    const run = async (caller: Caller): Promise<engine.Finished> => {
      const { value } = await this.#tasks.begin(caller, uid, shapes.decodeRun(body), write);
      for await (const event of taskEvents(this.#tasks, caller, { task: value.task, signal: NEVER }))
        tell(event, onEvent);
      return await value.done;
    };
    return await this.#calls.call({}, run, ({ task, session }) => seenWith(session, taskOf(task)));
  }

  async begin(uid: string, wanted: NewRun, options: WriteOptions): Promise<Seen<Task>> {
    const body = bodyOf(shapes.RunShape, wanted);
    const write = writing(`run ${uid}`, body, options);
    const begin = (caller: Caller) => this.#tasks.begin(caller, uid, shapes.decodeRun(body), write);
    return await this.#calls.call(options, begin, ({ value }) => seenWith(value.session, taskOf(value.task)));
  }

  async list(uid: string, query: TaskQuery, cursor: string | undefined, options: CallOptions): Promise<Page<Task>> {
    const wanted = shapes.decodeTasks(queryOf(shapes.TasksQueryShape, { ...query, cursor }));
    const list = (caller: Caller) => this.#tasks.list(caller, uid, wanted);
    return await this.#calls.call(options, list, ({ items, next }) => ({ items: items.map(lookedUp), next }));
  }

  async get(uid: string, taskId: string, options: CallOptions): Promise<Task> {
    return await this.#calls.call(options, (caller) => this.#tasks.get(caller, uid, taskId), lookedUp);
  }

  async cancel(uid: string, taskId: string, options: CallOptions): Promise<Task> {
    return await this.#calls.call(options, (caller) => this.#tasks.cancel(caller, uid, taskId), lookedUp);
  }

  async follow(
    uid: string,
    taskId: string,
    options: CallOptions,
    onEvent: (event: TaskEvent) => void,
  ): Promise<Told<Task>> {
    const { signal = NEVER } = options;
    const follow = async (caller: Caller): Promise<engine.Finished> => {
      for await (const event of taskEvents(this.#tasks, caller, { id: uid, taskId, signal })) tell(event, onEvent);
      const { sessions } = this.#calls.engine;
      return { task: await this.#tasks.get(caller, uid, taskId), session: await sessions.get(caller, uid) };
    };
    return await this.#calls.call(options, follow, ({ task, session }) => seenWith(session, taskOf(task)));
  }
}

const NEVER = new AbortController().signal;

// Copies: the engine goes on with its own.
function appOf(app: runner.App): App {
  return decodeApp(structuredClone(shapes.encodeApp(app)) as Parameters<typeof decodeApp>[0]);
}

function taskOf(task: engine.Task): Task {
  return decodeTask(structuredClone(shapes.encodeRun(task)) as Parameters<typeof decodeTask>[0]);
}

function lookedUp(task: engine.Task): Task {
  return decodeTask(structuredClone(shapes.encodeTask(task)) as Parameters<typeof decodeTask>[0]);
}

function tell(happened: engine.TaskEvent, onEvent: (event: TaskEvent) => void): void {
  if (happened.event === "task") {
    onEvent({ type: "task", task: taskOf(happened.task) });
    return;
  }
  const [type, wire] = structuredClone(shapes.encodeReport(happened));
  const report = decodeReport(type, wire as Parameters<typeof decodeReport>[1]);
  if (report !== undefined) onEvent(report);
}
