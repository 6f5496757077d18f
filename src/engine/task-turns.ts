import { actorOf } from "./acting.ts";
import type { Settled } from "./batch.ts";
import type { Command } from "./commands.ts";
import { SojournError, unlessMissing } from "./errors.ts";
import { given } from "./given.ts";
import type { Remember } from "./idempotency.ts";
import type { Json } from "./json.ts";
import { asOf } from "./lifecycle.ts";
import { LiveTask } from "./live-task.ts";
import type { MailboxPorts } from "./mailbox.ts";
import type { GivenObject } from "./object.ts";
import { givenObjects } from "./objects.ts";
import { type Entry, payloadBody } from "./operation.ts";
import type { Precondition } from "./precondition.ts";
import { type RunSlots, WAITING_MAX } from "./run-slots.ts";
import type { App, Host, Job, Ran, Runner } from "./runner.ts";
import type { Caller, Session, Sessions } from "./sessions.ts";
import type { Signal } from "./signal.ts";
import type { Remembered, StreamRef } from "./store.ts";
import type { Report, TaskCall, TaskError, TaskUse } from "./task.ts";
import type { NewTask } from "./task-call.ts";
import { finishTask, performTask, queueTask, reportTask, startTask, type TaskEnd } from "./task-commands.ts";
import { TaskJournal } from "./task-journal.ts";
import { type Finished, finishedAt, readPast, readSnapshot, type Task } from "./task-view.ts";

/** What tasks stand on. */
export interface TaskPorts extends MailboxPorts {
  readonly sessions: Sessions;
  readonly runner: Runner;
  /** Shared with whoever else runs in sessions. */
  readonly slots: RunSlots;
  /** What an app may do in a session; the signal aborts once the task is over. */
  readonly host: (caller: Caller, session: Session, signal: Signal) => Omit<Host, "session" | "report">;
  /** Told what could not be recorded. */
  readonly onFailure: (error: unknown) => void;
}

/** A task that is recorded. */
export interface Begun {
  readonly task: Task;
  readonly session: Session;
  /** Resolves once the outcome is recorded; never rejects for what the app does. */
  readonly done: Promise<Finished>;
}

/** What the first operation of a call is held against, and what is remembered with it. */
interface Kept {
  readonly remember?: (outcome: Settled) => Remembered;
  readonly precondition?: Precondition;
}

/** An operation of a task, and whether it is its first. */
interface Recording extends Kept {
  readonly isFirst: boolean;
}

const LATER: Recording = { isFirst: false };

/** A call that is to begin. */
export interface Beginning {
  readonly caller: Caller;
  readonly session: Session;
  readonly app: App;
  readonly call: TaskCall;
  readonly wanted: NewTask;
  readonly remember: Remember<{ readonly taskId: string }> | undefined;
  readonly precondition?: Precondition;
  readonly signal?: Signal;
}

/**
 * Runs the tasks of all sessions: those of one session one after the other, in the order in which they came. Each is
 * recorded before it runs, and once it has.
 *
 *     queued ──▶ running ──▶ completed | failed | canceled | lost | unknown
 *        └──────────────────▶ canceled
 *
 * A task in the server's own process, which is pure and quick, is one operation and never open.
 */
export class TaskTurns {
  readonly #ports: TaskPorts;
  /** By their sessions and ids; in the order in which they came. */
  readonly #live = new Map<string, LiveTask>();
  #isClosing = false;

  constructor(ports: TaskPorts) {
    this.#ports = ports;
  }

  /** The task, where it is open here. */
  find(ref: StreamRef<"session">, taskId: string): LiveTask | undefined {
    return this.#live.get(keyOf(ref, taskId));
  }

  /** Records a call and begins it, in its turn; see `Tasks.begin`. */
  async begin({
    caller,
    session,
    app,
    call,
    wanted,
    remember,
    precondition,
    signal,
  }: Beginning): Promise<{ readonly value: Begun; readonly at: number }> {
    const { slots, clock } = this.#ports;
    const slot = slotOf(session.ref);
    if (this.#isClosing) throw stopping();
    const live = this.#enlist({ caller, session, call, at: clock.now() });
    let begun: Settled | undefined;
    const kept: Kept = {
      ...given("precondition", precondition),
      ...(remember && { remember: ({ at, stream }: Settled) => remember({ taskId: call.taskId }, at, stream.ref) }),
    };
    try {
      const isBusy = slots.isBusy(slot);
      if (isBusy && wanted.whenBusy === "reject") throw busy(session);
      if (wanted.whenBusy === "interrupt") this.#interrupt(live);
      slots.assertRoom(slot);
      if (signal?.aborted) throw canceledBefore();
      if (app.place === "server") {
        const finished = await this.#perform(live, app, kept);
        return {
          value: { ...finished, done: Promise.resolve(finished) },
          at: finished.task.finishedAtUs ?? clock.now(),
        };
      }
      begun = await this.#enter(live, app, { isBusy, kept });
    } catch (error) {
      this.#drop(live, error);
      throw error;
    }
    const stop = (): void => live.cancel();
    signal?.addEventListener("abort", stop);
    const release = (): void => signal?.removeEventListener("abort", stop);
    live.done.then(release, release);
    return { value: { task: live.task, session: this.#shown(begun.stream), done: live.done }, at: begun.at };
  }

  #enlist({
    caller,
    session,
    call,
    at,
  }: {
    readonly caller: Caller;
    readonly session: Session;
    readonly call: TaskCall;
    readonly at: number;
  }): LiveTask {
    const { taskId, app, version, action, input } = call;
    const { ref, record, head } = session;
    const called = { taskId, uid: ref.id, sessionId: record.sessionId, app, version, action, input };
    const task: Task = { ...called, status: "queued", seq: head.seq, createdAtUs: at };
    const live = new LiveTask({ ref, caller, call, task });
    this.#live.set(keyOf(ref, taskId), live);
    return live;
  }

  /** The last call of an app in a session that is open here. */
  last(ref: StreamRef<"session">, app: string): TaskCall | undefined {
    const calls = [...this.#live.values()].filter((live) => slotOf(live.ref) === slotOf(ref) && live.call.app === app);
    return calls.at(-1)?.call;
  }

  /** Takes its place among the calls of the session; resolves once the task is recorded, and goes on by itself. */
  #enter(
    live: LiveTask,
    app: App,
    { isBusy, kept }: { readonly isBusy: boolean; readonly kept: Kept },
  ): Promise<Settled> {
    const queued = isBusy ? this.#record(live, queueTask(live.call), { ...kept, isFirst: true }) : undefined;
    const started = Promise.withResolvers<Settled>();
    void this.#takeTurn(live, app, {
      before: async () => {
        await queued;
      },
      start: async () => {
        const settled = await this.#start(live, isBusy ? LATER : { ...kept, isFirst: true });
        started.resolve(settled);
        return settled.seq;
      },
    }).catch(async (error: unknown) => {
      started.reject(error);
      // What is not recorded as waiting has left no trace.
      if (queued !== undefined) await this.#giveUp(live, queued, error);
    });
    if (queued === undefined) return started.promise;
    started.promise.catch(() => undefined);
    // It need not wait for its turn to be told so.
    queued.catch(() => live.stop.abort());
    return queued;
  }

  async #takeTurn(
    live: LiveTask,
    app: App | Promise<App>,
    { before, start }: { readonly before?: () => Promise<void>; readonly start: () => Promise<number> },
  ): Promise<void> {
    const turn = async (): Promise<void> => {
      await before?.();
      const found = await app;
      if (this.#isClosing) throw stopping();
      if (live.stop.aborted) throw canceledBefore();
      await this.#run(live, found, await start());
    };
    await this.#ports.slots.run(slotOf(live.ref), turn, { signal: live.stop, aborted: canceledBefore });
  }

  /** Closes a task that waited and never ran. Where the server stops, it waits for the next one. */
  async #giveUp(live: LiveTask, queued: Promise<unknown> | undefined, error: unknown): Promise<void> {
    try {
      await queued;
      if (this.#isClosing) throw stopping();
      await this.#finish(live, { ...ended("canceled", error), neverBegan: true });
    } catch (failure) {
      this.#drop(live, failure);
    }
  }

  async #record(live: LiveTask, command: Command, { isFirst, ...kept }: Recording): Promise<Settled> {
    const { value, seq, at } = await this.#ports.sessions.change(live.caller, live.ref.id, command, kept);
    // From when on it is there is what its log says.
    live.become({ ...live.task, seq, ...(isFirst && { createdAtUs: at }) });
    return { stream: value, seq, at };
  }

  async #start(live: LiveTask, recording: Recording): Promise<Settled> {
    const settled = await this.#record(live, startTask(live.call), recording);
    live.become({ ...live.task, status: "running", startedAtUs: settled.at });
    return settled;
  }

  /** Runs a task that is recorded as running, and records how it came out. Never rejects. */
  async #run(live: LiveTask, app: App, startSeq: number): Promise<void> {
    const { clock } = this.#ports;
    const startedUs = clock.now();
    const journal = new TaskJournal((reports) => this.#note(live, reports));
    const { used, ran } = await this.#ran(live, app, { journal, startSeq });
    const { status, worker, staysWarm, memoryPeakBytes, snapshot, output, error, made } = ran;
    const end: TaskEnd = {
      status,
      ...given("used", used),
      ...given("objects", made),
      ...given("output", output),
      ...given("error", error),
      ...given("worker", worker),
      staysWarm,
      processingTimeUs: clock.now() - startedUs,
      ...given("memoryPeakBytes", memoryPeakBytes),
      ...given("snapshot", snapshot),
    };
    await this.#finish(live, end, { reports: await journal.rest(), ...given("ends", ran.ends) });
  }

  /** Runs a task, with the ids of the objects that it was given. Never rejects. */
  async #ran(
    live: LiveTask,
    app: App,
    from: { readonly journal: TaskJournal; readonly startSeq: number },
  ): Promise<{ readonly used?: readonly string[]; readonly ran: Ran }> {
    let job: Job;
    try {
      job = await this.#job(live, app, from);
    } catch (error) {
      return { ran: failedToRun(error) };
    }
    const used = job.objects.length === 0 ? {} : { used: job.objects.map(({ objectId }) => objectId) };
    try {
      return { ...used, ran: await this.#ports.runner.run(job) };
    } catch (error) {
      return { ...used, ran: failedToRun(error) };
    }
  }

  async #job(
    live: LiveTask,
    app: App,
    { journal, startSeq }: { readonly journal: TaskJournal; readonly startSeq: number },
  ): Promise<Job> {
    const { sessions, store, host } = this.#ports;
    const { ref, call } = live;
    const session = await sessions.get(live.caller, ref.id);
    const { record } = session;
    const by: Caller = { tenant: ref.tenant, actor: actorOf({ actor: "", actingAs: ref.id }), actingAs: ref.id };
    const use = record.work.apps[app.name];
    // What this very task began, has no past; that may be more than was asked for, where the setup became another.
    const isFirst = use === undefined || use.freshSeq >= startSeq;
    const hasPast = !isFirst && use.hasRun === true;
    const objectsOf = (action: string, input: Json): Promise<readonly GivenObject[]> =>
      givenObjects({ store, ref, app: app.name }, app.inputObjects(action, input));
    const past = use && {
      snapshot: async () =>
        use.snapshotSeq === undefined ? undefined : await readSnapshot(store, session, use.snapshotSeq),
      tasks: () =>
        readPast(store, session, {
          ...{ app: app.name, from: use.freshSeq },
          objectsOf: ({ action, input }) => objectsOf(action, input),
        }),
    };
    return {
      ref,
      taskId: call.taskId,
      app,
      action: call.action,
      input: call.input,
      objects: await objectsOf(call.action, call.input),
      ...given("setup", call.setup),
      fresh: call.fresh ?? isFirst,
      timeoutMs: call.timeoutMs,
      ...(hasPast ? given("past", past) : {}),
      host: {
        ...host(by, session, live.stop),
        session: { sessionId: record.sessionId, userId: record.userId, ...given("name", record.name) },
        report: (report) => {
          live.tell({ at: this.#ports.clock.now(), report });
          journal.add(report, this.#ports.clock.now());
        },
      },
      signal: live.stop,
    };
  }

  async #note(live: LiveTask, reports: readonly Report[]): Promise<void> {
    const { sessions, onFailure } = this.#ports;
    const noted = sessions.change(live.caller, live.ref.id, reportTask(live.call.taskId, reports));
    await unlessMissing(noted).catch(onFailure);
  }

  /** Records how a task came out. Of a session that was deleted meanwhile, nothing is kept, and its caller is told. */
  async #finish(live: LiveTask, end: TaskEnd, more: Parameters<typeof finishTask>[2] = {}): Promise<void> {
    const { sessions, onFailure } = this.#ports;
    const { taskId } = live.call;
    try {
      let after = 0;
      const finish: Command = (session, now) => {
        const drafts = finishTask(taskId, end, more)(session, now);
        if (drafts !== "erase") after = drafts.length - 1 - drafts.findIndex(({ kind }) => kind === "task.finished");
        return drafts;
      };
      const { value, seq, at } = await sessions.change(live.caller, live.ref.id, finish);
      const { status, output, error, worker } = end;
      const { isCanceling: _, ...begun } = live.task;
      const task: Task = {
        ...begun,
        status,
        ...given("output", output),
        ...given("error", error),
        ...given("made", end.objects),
        ...given("worker", worker),
        // Its session may have ended with it.
        seq: seq - after,
        ...finishedAt(at, end),
      };
      this.#live.delete(keyOf(live.ref, taskId));
      live.end({ task, session: this.#shown(value) });
    } catch (error) {
      if (!(error instanceof SojournError && error.code === "session_not_found")) onFailure(error);
      this.#drop(live, error);
    }
  }

  /** Runs a task in the server, in its turn, and records it at once. */
  async #perform(live: LiveTask, app: App, kept: Kept): Promise<Finished> {
    const { slots, clock, sessions } = this.#ports;
    return await slots.run(
      slotOf(live.ref),
      async () => {
        const startedUs = clock.now();
        const reports: Report[] = [];
        const journal = new TaskJournal(async (more) => void reports.push(...more));
        const startSeq = live.task.seq + 1;
        const { used, ran } = await this.#ran(live, app, { journal, startSeq });
        const { status, output, error, made } = ran;
        if (status === "lost" || status === "canceled") throw asRefusal(error);
        const processingTimeUs = clock.now() - startedUs;
        const failure = { ...given("code", error?.code), ...given("faults", error?.faults) };
        const command = performTask(
          { ...live.call, status, ...failure, processingTimeUs, ...given("objects", made) },
          { ...given("used", used), ...given("output", output), ...given("error", error?.message) },
        );
        const { value, seq, at } = await sessions.change(live.caller, live.ref.id, command, kept);
        const task: Task = {
          ...live.task,
          status,
          ...given("output", output),
          ...given("error", error),
          ...given("made", made),
          seq,
          startedAtUs: startedUs,
          finishedAtUs: at,
          processingTimeUs,
        };
        this.#live.delete(keyOf(live.ref, live.call.taskId));
        const finished = { task, session: this.#shown(value) };
        live.end(finished);
        return finished;
      },
      { signal: live.stop, aborted: canceledBefore },
    );
  }

  /** Cancels what runs and waits in the session before this one. */
  #interrupt({ ref, call }: LiveTask): void {
    for (const other of this.#live.values()) {
      if (other.call.taskId !== call.taskId && slotOf(other.ref) === slotOf(ref)) other.cancel();
    }
  }

  /** Takes up, or closes, a task that another process left open; tells whether it was one. */
  async recover(ref: StreamRef<"session">, taskId: string): Promise<boolean> {
    if (this.find(ref, taskId) !== undefined) return false;
    const { store, runner, sessions } = this.#ports;
    const caller = { tenant: ref.tenant, actor: "system" };
    // Read after it was found not to be here: what has come to its end here is closed in it.
    const session = await unlessMissing(sessions.get(caller, ref.id));
    const open = session?.record.work.tasks.find((task) => task.taskId === taskId);
    if (session === undefined || open === undefined) return false;
    const [entry] = await store.operations(ref, { after: open.seq - 1, through: open.seq, limit: 1 });
    const body = entry && payloadBody(entry);
    if (this.find(ref, taskId) !== undefined) return false;
    // NOTE: the place of a task is the operation with its call.
    const call = body?.input as TaskCall | undefined;
    const at = entry?.operation.at ?? 0;
    if (call === undefined) {
      await this.#close(caller, session, taskId, "Its call is lost; what became of it is not known");
      return true;
    }
    const live = this.#enlist({ caller, session, call, at });
    live.become({ ...live.task, seq: open.seq, ...given("startedAtUs", open.startedAtUs) });
    const isRunning = open.status === "running";
    if (isRunning && !call.isIdempotent) {
      const error = { code: "unknown", message: "The server stopped while it ran; how far it came is not known" };
      await this.#finish(live, { status: "unknown", error, staysWarm: false, processingTimeUs: 0 });
      return true;
    }
    // Not waited for: an app that takes its time to be found holds up no other task.
    const app = runner.app(call.app, call.version);
    app.catch(() => undefined);
    const start = async (): Promise<number> => {
      if (!isRunning) return (await this.#start(live, LATER)).seq;
      live.become({ ...live.task, status: "running" });
      return await this.#startOf(live, open.seq);
    };
    void this.#takeTurn(live, app, { start }).catch((error: unknown) => this.#giveUp(live, undefined, error));
    return true;
  }

  /** The operation with which a task began to run; it is among the first that did so since its call. */
  async #startOf({ ref, call }: LiveTask, seq: number): Promise<number> {
    const range = { after: seq - 1, kind: "task.started", limit: WAITING_MAX + 1 } as const;
    const begun = await this.#ports.store.operations(ref, range);
    const isOwn = (entry: Entry): boolean => (payloadBody(entry)?.input as TaskUse | undefined)?.taskId === call.taskId;
    return begun.find(isOwn)?.operation.seq ?? seq;
  }

  async #close(caller: Caller, session: Session, taskId: string, message: string): Promise<void> {
    const end = {
      status: "unknown",
      error: { code: "unknown", message },
      staysWarm: false,
      processingTimeUs: 0,
    } as const;
    await this.#ports.sessions.change(caller, session.ref.id, finishTask(taskId, end));
  }

  /** Takes no more calls, ends the workers, and waits until what became of their tasks is recorded. What waits, stays. */
  async close(): Promise<void> {
    this.#isClosing = true;
    const live = [...this.#live.values()];
    await this.#ports.runner.close();
    await Promise.allSettled(live.map(({ done }) => done));
  }

  #drop(live: LiveTask, error: unknown): void {
    this.#live.delete(keyOf(live.ref, live.call.taskId));
    live.fail(error);
  }

  #shown(stream: Session): Session {
    return { ...stream, record: asOf(stream.record, this.#ports.clock.now()) };
  }
}

/** A replay does a task again under the id that it had, in another session. */
function keyOf(ref: StreamRef<"session">, taskId: string): string {
  return `${slotOf(ref)}\n${taskId}`;
}

function slotOf({ tenant, id }: StreamRef<"session">): string {
  return `${tenant}\n${id}`;
}

function ended(status: "canceled", error: unknown): TaskEnd {
  const message = error instanceof Error ? error.message : String(error);
  return { status, error: { code: "canceled", message }, staysWarm: false, processingTimeUs: 0 };
}

/** The outcome of a job that the runner could not take at all. */
function failedToRun(error: unknown): Ran {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof SojournError ? error.code : "internal";
  const faults = error instanceof SojournError && error.faults.length > 0 ? error.faults : undefined;
  return { status: "failed", error: { code, message, ...given("faults", faults) }, staysWarm: false };
}

function asRefusal({ code, message }: TaskError = { code: "lost", message: "The task came to no end" }): SojournError {
  return new SojournError("worker_lost", { message, faults: [{ field: "task", message, type: code }] });
}

function busy({ record }: Session): SojournError {
  return new SojournError("session_busy", {
    message: `Session "${record.sessionId}" is busy; leave out when_busy to wait for your turn`,
    retryAfterMs: 1_000,
  });
}

function stopping(): SojournError {
  return new SojournError("overloaded", { message: "The server is shutting down; try again in a moment" });
}

function canceledBefore(): SojournError {
  return new SojournError("request_timeout", { message: "It was canceled before it ran" });
}
