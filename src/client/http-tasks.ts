import { SojournError } from "../engine/errors.ts";
import type { Connection, Envelope } from "./connection.ts";
import {
  decodeApp,
  decodeBrokenApp,
  decodeReport,
  decodeTask,
  type WireApp,
  type WireBrokenApp,
  type WireReport,
  type WireTask,
} from "./decode-tasks.ts";
import { encodeBody } from "./encode.ts";
import { eventsOf, type ServerEvent } from "./event-stream.ts";
import { isObject, parsed } from "./failure.ts";
import { SILENCE_MS } from "./feed.ts";
import { type HttpCalls, sessionPath, textOf, WITH_SESSION } from "./http-calls.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import { backoff, isPassing, pause } from "./retry.ts";
import { type App, type BrokenApp, isOver, type Task, type TaskEvent, type TaskQuery } from "./task.ts";
import type { NewRun, Page, Seen, Sighting, TaskTransport, Told } from "./transport.ts";

/** The way to a server's apps, and to what its sessions do by them. */
export class HttpTasks implements TaskTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  get #connection(): Connection {
    return this.#calls.connection;
  }

  async apps(options: CallOptions): Promise<readonly App[]> {
    const { apps } = await this.#calls.read("/apps", {}, options);
    return (this.#calls.itemsOf(apps) as readonly WireApp[]).map(decodeApp);
  }

  async brokenApps(options: CallOptions): Promise<readonly BrokenApp[]> {
    const { broken } = await this.#calls.read("/apps", {}, options);
    return (this.#calls.itemsOf(broken) as readonly WireBrokenApp[]).map(decodeBrokenApp);
  }

  async app(name: string, options: CallOptions): Promise<App> {
    if (!isPart(name)) throw new SojournError("app_not_found", { message: `There is no app "${name}"` });
    return decodeApp((await this.#calls.read(`/apps/${encodeURIComponent(name)}`, {}, options)) as unknown as WireApp);
  }

  async run(
    uid: string,
    wanted: NewRun,
    options: Omit<WriteOptions, "signal">,
    onEvent: (event: TaskEvent) => void,
  ): Promise<Told<Task>> {
    const path = `${sessionPath(uid)}/run?${WITH_SESSION}`;
    const request = { method: "POST", path, body: encodeBody(wanted) } as const;
    const hearing = new Hearing(this.#calls, onEvent);
    try {
      for await (const event of this.#connection.converse(request, options, SILENCE_MS)) {
        const end = hearing.take(event);
        if (end !== undefined) return end;
      }
    } catch (error) {
      if (hearing.taskId === undefined || !isPassing(error)) throw error;
    }
    const { taskId } = hearing;
    if (taskId === undefined) throw this.#connection.brokenOff(new Error("it ended too early"));
    return await this.#goOn(uid, taskId, {}, hearing);
  }

  async begin(uid: string, wanted: NewRun, options: WriteOptions): Promise<Seen<Task>> {
    const path = `${sessionPath(uid)}/run?${WITH_SESSION}`;
    const body = { ...encodeBody(wanted), wait: false };
    const data = await this.#calls.write({ method: "POST", path, body }, options);
    return this.#calls.withSession(data, decodeTask(data as unknown as WireTask));
  }

  async list(uid: string, query: TaskQuery, cursor: string | undefined, options: CallOptions): Promise<Page<Task>> {
    const answer = await this.#calls.read(`${sessionPath(uid)}/tasks`, { ...query, cursor }, options);
    const items = this.#calls.itemsOf(answer["tasks"]) as readonly WireTask[];
    return { items: items.map(decodeTask), next: textOf(answer["next_cursor"]) };
  }

  async get(uid: string, taskId: string, options: CallOptions): Promise<Task> {
    return decodeTask((await this.#calls.read(taskPath(uid, taskId), {}, options)) as unknown as WireTask);
  }

  async cancel(uid: string, taskId: string, options: CallOptions): Promise<Task> {
    const request = { method: "POST", path: `${taskPath(uid, taskId)}/cancel` } as const;
    return decodeTask(this.#calls.dataOf(await this.#connection.read(request, options)) as unknown as WireTask);
  }

  async follow(
    uid: string,
    taskId: string,
    options: CallOptions,
    onEvent: (event: TaskEvent) => void,
  ): Promise<Told<Task>> {
    // Whether there is such a task is told at once.
    await this.get(uid, taskId, options);
    return await this.#goOn(uid, taskId, options, new Hearing(this.#calls, onEvent));
  }

  /** Hears the rest of a task, over as many connections as it takes; it is given up where none stands for too long. */
  async #goOn(uid: string, taskId: string, { signal }: CallOptions, hearing: Hearing): Promise<Told<Task>> {
    const { closing, timeoutMs } = this.#connection;
    const request = { method: "GET", path: taskPath(uid, taskId) } as const;
    const stop = AbortSignal.any([closing, ...(signal === undefined ? [] : [signal])]);
    let lostAtMs: number | undefined;
    for (let failures = 0; ; ) {
      const from = { signal: stop, lastEventId: hearing.lastEventId };
      const stream = await this.#connection.stream(request, from).catch((error: unknown) => {
        if (signal?.aborted) throw signal.reason;
        lostAtMs ??= performance.now();
        if (!isPassing(error) || performance.now() - lostAtMs > timeoutMs) throw error;
      });
      if (stream !== undefined) lostAtMs = undefined;
      try {
        for await (const event of stream === undefined ? [] : eventsOf(stream, SILENCE_MS)) {
          failures = 0;
          const end = hearing.take(event);
          if (end !== undefined) return { ...end, seen: await this.#seen(uid) };
        }
      } catch (error) {
        if (error instanceof SojournError && !isPassing(error)) throw error;
      } finally {
        stream?.deadline.end();
      }
      await pause(backoff(++failures), stop).catch(() => {
        if (signal?.aborted) throw signal.reason;
      });
    }
  }

  /** The session, as far as it can be seen. */
  async #seen(uid: string): Promise<Sighting | undefined> {
    try {
      return this.#calls.seen(await this.#calls.read(sessionPath(uid), {}, {}));
    } catch {
      // The task is what was waited for.
      return undefined;
    }
  }
}

/** What was heard of a task so far. */
class Hearing {
  readonly #calls: HttpCalls;
  readonly #onEvent: (event: TaskEvent) => void;
  #task: Task | undefined;
  /** Of the last report. */
  lastEventId: number | undefined;

  constructor(calls: HttpCalls, onEvent: (event: TaskEvent) => void) {
    this.#calls = calls;
    this.#onEvent = onEvent;
  }

  get taskId(): string | undefined {
    return this.#task?.taskId;
  }

  /** Tells of an event what is new; returns the task with its outcome. */
  take({ id, event, data }: ServerEvent): Told<Task> | undefined {
    const { connection } = this.#calls;
    if (event === "error") throw connection.refused(data);
    const told = parsed(data);
    if (!isObject(told)) throw connection.stranger();
    if (event === "task") return this.#become(told);
    const report = decodeReport(event, told as unknown as WireReport);
    if (id !== undefined) this.lastEventId = Number(id);
    if (report !== undefined) this.#onEvent(report);
    return undefined;
  }

  #become(wire: Envelope): Told<Task> | undefined {
    const task = decodeTask(wire as unknown as WireTask);
    // Whoever comes back is told again how it stands.
    if (task.status === this.#task?.status) return undefined;
    this.#task = task;
    this.#onEvent({ type: "task", task });
    return isOver(task) ? this.#calls.told(wire, task) : undefined;
  }
}

function taskPath(uid: string, taskId: string): string {
  if (!isPart(taskId)) throw new SojournError("task_not_found", { message: `Task ${taskId} not found` });
  return `${sessionPath(uid)}/tasks/${encodeURIComponent(taskId)}`;
}

/** Whether a text can be a part of a path, and is taken for nothing else. */
function isPart(text: string): boolean {
  return text !== "" && text !== "." && text !== ".." && text.isWellFormed();
}
