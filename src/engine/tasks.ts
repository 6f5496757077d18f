import { Arrivals } from "./arrivals.ts";
import { unlessMissing } from "./errors.ts";
import { given } from "./given.ts";
import { type Answer, keyFor, OnceOnly } from "./idempotency.ts";
import { PAGE_CHARACTERS_MAX } from "./limits.ts";
import { assertMatches } from "./precondition.ts";
import type { App, BrokenApp } from "./runner.ts";
import type { Caller, Session, WriteOptions } from "./sessions.ts";
import type { Signal } from "./signal.ts";
import type { Page, StreamRef } from "./store.ts";
import { callIn, fitted, type NewTask, type TaskLimits } from "./task-call.ts";
import { releaseWorker } from "./task-commands.ts";
import { type LoggedTask, readEnded } from "./task-log.ts";
import { type TaskExecutors, taskExecutors } from "./task-replay.ts";
import { type Begun, type TaskPorts, TaskTurns } from "./task-turns.ts";
import {
  type Finished,
  noTask,
  readReports,
  readTask,
  type Task,
  type TaskEvent,
  type TimedReport,
} from "./task-view.ts";

export { type NewTask, type TaskLimits, WHEN_BUSY, type WhenBusy } from "./task-call.ts";
export type { LoggedTask } from "./task-log.ts";
export type { Begun, TaskPorts } from "./task-turns.ts";
export type { Finished, Task, TaskEvent, TimedReport } from "./task-view.ts";

/** What may come with a call. */
export interface RunOptions extends WriteOptions {
  /** Cancels the task. */
  readonly signal?: Signal;
}

/**
 * Calls of apps' actions in sessions. Each is recorded before it runs, and once it has; those of one session run one after
 * the other, in the order in which they came, and share its run slot with chats.
 *
 *     queued ──▶ running ──▶ completed | failed | canceled | lost | unknown
 *        └──────────────────▶ canceled
 *
 * A task in the server's own process, which is pure and quick, is one operation and never open.
 */
export class Tasks {
  readonly #ports: TaskPorts;
  readonly #limits: TaskLimits;
  readonly #once: OnceOnly;
  readonly #turns: TaskTurns;
  readonly #arrivals = new Arrivals();

  constructor(ports: TaskPorts, limits: TaskLimits) {
    this.#ports = ports;
    this.#limits = limits;
    this.#once = new OnceOnly(ports);
    this.#turns = new TaskTurns(ports);
    ports.runner.onReleased((ref, app, reason) => {
      const by = { tenant: ref.tenant, actor: "system" };
      void unlessMissing(ports.sessions.change(by, ref.id, releaseWorker(app, reason))).catch(ports.onFailure);
    });
  }

  /** The apps that there are; see `Runner.apps`. */
  async apps(options?: { readonly settled?: boolean }): Promise<readonly App[]> {
    return await this.#ports.runner.apps(options);
  }

  /** What should be an app and is none, and why. */
  async broken(): Promise<readonly BrokenApp[]> {
    return await this.#ports.runner.broken();
  }

  /** Refuses what `begin` would refuse in a session that has not used the app yet. */
  async check(wanted: NewTask): Promise<void> {
    await fitted(wanted, undefined, { runner: this.#ports.runner, limits: this.#limits });
  }

  /** The newest version of an app. */
  async app(name: string): Promise<App> {
    return await this.#ports.runner.app(name);
  }

  /**
   * Begins a task; resolves once it is recorded, as running or as waiting. A repeated call, by its idempotency key, gets
   * the same task.
   *
   * @throws {SojournError} `session_not_found`, `invalid_transition` for a session that is not active, `app_not_found`,
   *   `app_broken`, `version_mismatch`, `invalid` for an action, input or setup that does not fit, `session_busy`
   */
  async begin(caller: Caller, id: string, wanted: NewTask, options: RunOptions = {}): Promise<Answer<Begun>> {
    return await this.#begin(caller, id, { wanted, options, taskId: this.#ports.ids.task() });
  }

  async #begin(
    caller: Caller,
    id: string,
    { wanted, options, taskId }: { readonly wanted: NewTask; readonly options: RunOptions; readonly taskId: string },
  ): Promise<Answer<Begun>> {
    const session = await this.#ports.sessions.get(caller, id);
    const key = keyFor(options.idempotency, session.ref.id);
    const { turn, leave } = this.#arrivals.arrive(`${caller.tenant}\n${session.ref.id}`);
    let begun: Begun | undefined;
    const once = this.#once.run<{ readonly taskId: string }>(caller.tenant, key, async (remember) => {
      await turn;
      const { runner } = this.#ports;
      assertMatches(options.precondition, session.head.seq);
      const ports = { runner, limits: this.#limits, taskId };
      const { app, call } = await callIn(session.record, wanted, {
        ...ports,
        ...given("before", this.#turns.last(session.ref, wanted.app)),
      });
      const beginning = this.#turns.begin({
        caller,
        session,
        app,
        call,
        wanted,
        remember,
        ...given("precondition", options.precondition),
        ...given("signal", options.signal),
      });
      // It has its place among the others from here on.
      leave();
      const settled = await beginning;
      begun = settled.value;
      return { value: { taskId: call.taskId }, at: settled.at };
    });
    const answer = await once.finally(leave);
    begun ??= await this.#begun(caller, session, answer.value.taskId);
    return { ...answer, value: begun };
  }

  /** `begin`, and then its end. A failed task is no error. */
  async run(caller: Caller, id: string, wanted: NewTask, options: RunOptions = {}): Promise<Answer<Finished>> {
    const { value, ...answer } = await this.begin(caller, id, wanted, options);
    return { ...answer, value: await value.done };
  }

  /** @throws {SojournError} `task_not_found` */
  async get(caller: Caller, id: string, taskId: string): Promise<Task> {
    const session = await this.#ports.sessions.get(caller, id);
    return await this.#read(session, taskId);
  }

  /** A task of any session of the tenant, and its session. */
  async find(caller: Caller, taskId: string): Promise<Finished | undefined> {
    const place = await this.#ports.store.task(caller.tenant, taskId);
    if (place === undefined) return undefined;
    return await unlessMissing(
      (async () => {
        const session = await this.#ports.sessions.get(caller, place.ref.id);
        return { task: await this.#read(session, taskId), session };
      })(),
    );
  }

  /** The session's tasks, newest first; `open`: only those that have not finished. */
  async list(
    caller: Caller,
    id: string,
    { open, ...page }: { readonly limit: number; readonly cursor?: string; readonly open?: boolean },
  ): Promise<Page<Task>> {
    const { store, sessions } = this.#ports;
    return await sessions.readWhole(caller, id, async (session) => {
      const { items, next } = await store.tasks(session.ref, { ...page, ...(open === true && { isOpen: open }) });
      const tasks: Task[] = [];
      let characters = 0;
      for (const [i, place] of items.entries()) {
        const task = this.#turns.find(session.ref, place.id)?.task ?? (await readTask(store, session, place));
        tasks.push(task);
        characters += JSON.stringify([task.input, task.output ?? null]).length;
        const isFull = characters > PAGE_CHARACTERS_MAX && i < items.length - 1;
        if (isFull) return { items: tasks, next: String(place.seq) };
      }
      return { items: tasks, ...given("next", next) };
    });
  }

  /** A page of the tasks that have come to their end, oldest first; of large ones it has fewer than `limit`, and then a `next`. */
  async ended(
    caller: Caller,
    id: string,
    range: { readonly after: number; readonly limit: number },
  ): Promise<Page<LoggedTask>> {
    const { store, sessions } = this.#ports;
    return await sessions.readWhole(caller, id, (session) => readEnded(store, session, range));
  }

  /** What a task has told so far, oldest first. */
  async reports(caller: Caller, id: string, taskId: string): Promise<readonly TimedReport[]> {
    const session = await this.#ports.sessions.get(caller, id);
    const live = this.#turns.find(session.ref, taskId);
    if (live !== undefined) return [...live.told];
    const place = await this.#ports.store.task(caller.tenant, taskId, session.ref.id);
    if (place === undefined) throw noTask(taskId);
    return await readReports(this.#ports.store, session, place);
  }

  /**
   * Asks a task to stop. One that waits is canceled at once; of one that runs, `done` and `follow` tell when it is over;
   * one that has finished stays as it is.
   */
  async cancel(caller: Caller, id: string, taskId: string): Promise<Task> {
    const session = await this.#ports.sessions.get(caller, id);
    const live = this.#turns.find(session.ref, taskId);
    if (live === undefined) return await this.#read(session, taskId);
    const wasQueued = live.task.status === "queued";
    live.cancel();
    return wasQueued ? (await live.done).task : live.task;
  }

  /**
   * First the task as it is, then, while it is open, what it tells and how it changes, up to its end. What it told before is
   * in `reports`. Ends early where the signal aborts, or where the server stops.
   */
  async *follow(caller: Caller, id: string, taskId: string, signal: Signal): AsyncGenerator<TaskEvent> {
    const session = await this.#ports.sessions.get(caller, id);
    const live = this.#turns.find(session.ref, taskId);
    if (live === undefined) yield { event: "task", task: await this.#read(session, taskId) };
    else yield* live.follow(signal);
  }

  /**
   * Sees to the tasks that a process left that is no more: those that waited wait again, and so do those that may be run
   * twice; of the others nobody knows how far they came, and they are closed as that.
   *
   * @returns how many
   */
  async recover(): Promise<number> {
    const { store, sessions } = this.#ports;
    let recovered = 0;
    let after: StreamRef<"session"> | undefined;
    for (;;) {
      const refs = await store.unfinished({ limit: RECOVERED_AT_ONCE, ...given("after", after) });
      for (const ref of refs) {
        const session = await unlessMissing(sessions.get({ tenant: ref.tenant, actor: "system" }, ref.id));
        for (const { taskId } of session?.record.work.tasks ?? []) {
          if (await this.#turns.recover(ref, taskId)) recovered += 1;
        }
      }
      after = refs.at(-1);
      if (after === undefined) return recovered;
    }
  }

  /** How tasks are replayed: the apps run again. */
  get executors(): TaskExecutors {
    return taskExecutors(async (caller, uid, { taskId, ...wanted }) => {
      const { value } = await this.#begin(caller, uid, { wanted, options: {}, taskId });
      return await value.done;
    });
  }

  /** Takes no more calls, ends the workers, and waits until what became of their tasks is recorded. What waits, stays. */
  async close(): Promise<void> {
    await this.#turns.close();
  }

  async #begun(caller: Caller, session: Session, taskId: string): Promise<Begun> {
    const live = this.#turns.find(session.ref, taskId);
    if (live !== undefined) return { task: live.task, session, done: live.done };
    const task = await this.#read(await this.#ports.sessions.get(caller, session.ref.id), taskId);
    return { task, session, done: Promise.resolve({ task, session }) };
  }

  async #read(session: Session, taskId: string): Promise<Task> {
    const live = this.#turns.find(session.ref, taskId);
    if (live !== undefined) return live.task;
    const { store } = this.#ports;
    const place = await store.task(session.ref.tenant, taskId, session.ref.id);
    if (place === undefined) throw noTask(taskId);
    return await readTask(store, session, place);
  }
}

/** How many sessions are looked at at a time. */
const RECOVERED_AT_ONCE = 100;
