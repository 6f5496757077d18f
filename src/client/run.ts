import type { Json } from "../engine/json.ts";
import { type CompletedTask, type Task, type TaskEvent, TaskFailure } from "./task.ts";

/** How a run is made. */
export interface RunSource {
  /** Hears of a task until its end, which it resolves with. */
  readonly listen: (onEvent: (event: TaskEvent) => void) => Promise<Task>;
  /** Asks a task to stop. */
  readonly cancel: (taskId: string) => Promise<unknown>;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the signal ends the task as well. */
  readonly cancels: boolean;
}

/**
 * A task that is being done: await it for the task with its output, or iterate over it for what happens meanwhile, or both.
 *
 * It is on its way from the call on, whoever looks. Each iteration begins at the beginning, however late; to leave one
 * ends nothing. A task that does not complete is thrown, as `TaskFailure`, to everybody who awaits or iterates, and to
 * nobody else.
 */
export class Run<Output = Json> implements Promise<CompletedTask<Output>>, AsyncIterable<TaskEvent, void, undefined> {
  readonly [Symbol.toStringTag] = "Run";
  readonly #source: RunSource;
  readonly #task: Promise<CompletedTask<Output>>;
  readonly #begun = Promise.withResolvers<string>();
  readonly #events: TaskEvent[] = [];
  readonly #waiting: (() => void)[] = [];
  #isOver = false;

  /** Runs come from `session.run` and `session.tasks.follow`. */
  constructor(source: RunSource) {
    this.#source = source;
    const listening = source.listen((event) => this.#hear(event));
    listening.catch((error: unknown) => this.#begun.reject(error));
    this.#task = untilAborted(listening, source.signal, () => this.#leave()).then(completed<Output>);
    const end = (): void => {
      this.#isOver = true;
      this.#wake();
    };
    // With these the failure is taken notice of: nobody must have it as an unhandled rejection as well.
    this.#task.then(end, end);
    this.#begun.promise.catch(() => {});
  }

  // biome-ignore lint/suspicious/noThenProperty: it is a promise
  then<T = CompletedTask<Output>, E = never>(
    onTask?: ((task: CompletedTask<Output>) => T | PromiseLike<T>) | null,
    onFailure?: ((error: unknown) => E | PromiseLike<E>) | null,
  ): Promise<T | E> {
    return this.#task.then(onTask, onFailure);
  }

  catch<E = never>(onFailure?: ((error: unknown) => E | PromiseLike<E>) | null): Promise<CompletedTask<Output> | E> {
    return this.#task.catch(onFailure);
  }

  finally(onEnd?: (() => void) | null): Promise<CompletedTask<Output>> {
    return this.#task.finally(onEnd);
  }

  /** The id of the task, once it is recorded; rejects where that failed. */
  get taskId(): Promise<string> {
    return this.#begun.promise;
  }

  /** What happens, as it does: how the task stands, what its app tells, and last how it ended. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TaskEvent, void, undefined> {
    for (let next = 0; ; ) {
      const event = this.#events[next];
      if (event !== undefined) {
        next++;
        yield event;
      } else if (this.#isOver) break;
      else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    await this.#task;
  }

  /** Asks the task to stop, once it is recorded. The run tells when it has: then it is `task_canceled`, unless it ended before. */
  async cancel(): Promise<void> {
    await this.#source.cancel(await this.#begun.promise);
  }

  #hear(event: TaskEvent): void {
    if (event.type === "task") this.#begun.resolve(event.task.taskId);
    this.#events.push(event);
    this.#wake();
  }

  /** Nobody waits any more. */
  #leave(): void {
    // What fails then is the task's, which its session tells of.
    if (this.#source.cancels) this.cancel().catch(() => {});
  }

  #wake(): void {
    for (const go of this.#waiting.splice(0)) go();
  }
}

function completed<Output>(task: Task): CompletedTask<Output> {
  if (task.status !== "completed") throw new TaskFailure(task);
  // NOTE: what an app puts out has the type that its caller says it has.
  return { ...task, output: task.output ?? null } as CompletedTask<Output>;
}

/** Settles as the task does, or rejects with the signal's reason. */
function untilAborted<T>(task: Promise<T>, signal: AbortSignal | undefined, onAbort: () => void): Promise<T> {
  if (signal === undefined) return task;
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      reject(signal.reason);
      onAbort();
    };
    signal.addEventListener("abort", stop);
    task.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
