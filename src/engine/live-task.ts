import type { Caller } from "./sessions.ts";
import { type Signal, Stop } from "./signal.ts";
import type { StreamRef } from "./store.ts";
import type { TaskCall } from "./task.ts";
import type { Finished, Task, TaskEvent, TimedReport } from "./task-view.ts";
import { WakeUp } from "./wake-up.ts";

/** A task that has not finished, in the process that runs it. */
export class LiveTask {
  readonly ref: StreamRef<"session">;
  readonly caller: Caller;
  readonly call: TaskCall;
  /** Set off once somebody wants it to stop. */
  readonly stop = new Stop();
  /** Resolves once its outcome is recorded. */
  readonly done: Promise<Finished>;
  readonly #outcome = Promise.withResolvers<Finished>();
  #task: Task;
  readonly #told: TimedReport[] = [];
  readonly #followers = new Set<Follower>();

  constructor({ ref, caller, call, task }: Pick<LiveTask, "ref" | "caller" | "call"> & { readonly task: Task }) {
    this.ref = ref;
    this.caller = caller;
    this.call = call;
    this.#task = task;
    this.done = this.#outcome.promise;
    // Nobody may wait for it.
    this.done.catch(() => undefined);
  }

  /** As it stands. */
  get task(): Task {
    return this.#task;
  }

  /** Somebody wants it to stop: one that waits won't run, one that runs says so until it is over. */
  cancel(): void {
    if (this.stop.aborted) return;
    if (this.#task.status === "running") this.become({ ...this.#task, isCanceling: true });
    this.stop.abort();
  }

  /** What it has told so far. */
  get told(): readonly TimedReport[] {
    return this.#told;
  }

  /** It stands otherwise. */
  become(task: Task): void {
    this.#task = task;
    this.#tell({ event: "task", task });
  }

  /** It told something. */
  tell(told: TimedReport): void {
    this.#told.push(told);
    this.#tell({ event: "report", number: this.#told.length, ...told });
  }

  /** It is over. */
  end(finished: Finished): void {
    this.become(finished.task);
    this.#outcome.resolve(finished);
    this.#close();
  }

  /** Nobody can say here how it came out. Also where that was said before. */
  fail(error: unknown): void {
    this.#outcome.reject(error);
    this.#close();
  }

  /** The task as it is, and then what happens to it, up to its end. */
  async *follow(signal: Signal): AsyncGenerator<TaskEvent> {
    const follower = new Follower();
    this.#followers.add(follower);
    const leave = (): void => follower.end();
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    try {
      yield { event: "task", task: this.#task };
      yield* follower.events();
    } finally {
      signal.removeEventListener("abort", leave);
      this.#followers.delete(follower);
    }
  }

  #tell(event: TaskEvent): void {
    for (const follower of this.#followers) follower.tell(event);
  }

  #close(): void {
    for (const follower of this.#followers) follower.end();
  }
}

/** Somebody who is told of a task. */
class Follower {
  #events: TaskEvent[] = [];
  #isOver = false;
  readonly #more = new WakeUp();

  tell(event: TaskEvent): void {
    this.#events.push(event);
    this.#more.wake();
  }

  end(): void {
    this.#isOver = true;
    this.#more.wake();
  }

  async *events(): AsyncGenerator<TaskEvent> {
    for (;;) {
      const events = this.#events;
      this.#events = [];
      yield* events;
      if (this.#events.length > 0) continue;
      if (this.#isOver) return;
      await this.#more.next();
    }
  }
}
