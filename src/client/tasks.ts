import type { Json } from "../engine/json.ts";
import type { CallOptions } from "./inputs.ts";
import { Run } from "./run.ts";
import type { RunOptions, Task, TaskQuery } from "./task.ts";
import type { NewRun, Sighting, Transport } from "./transport.ts";

/** What a session did, and does, by apps. */
export class Tasks {
  readonly #transport: Transport;
  readonly #uid: string;
  readonly #onSeen: (seen: Sighting) => void;

  /** Tasks come from `session.tasks`. */
  constructor(transport: Transport, uid: string, onSeen: (seen: Sighting) => void) {
    this.#transport = transport;
    this.#uid = uid;
    this.#onSeen = onSeen;
  }

  /** The session's tasks, newest first, fetched page by page as they are read. */
  async *list({ signal, ...query }: TaskQuery & CallOptions = {}): AsyncGenerator<Task, void, undefined> {
    for (let cursor: string | undefined; ; ) {
      const page = await this.#transport.tasks.list(this.#uid, query, cursor, { signal });
      yield* page.items;
      if (page.next === undefined) return;
      cursor = page.next;
    }
  }

  /** @throws {SojournError} `task_not_found` */
  async get(taskId: string, options: CallOptions = {}): Promise<Task> {
    return await this.#transport.tasks.get(this.#uid, taskId, options);
  }

  /**
   * Begins a task, and resolves once it is recorded, as running or as waiting. It goes on whether or not somebody waits:
   * `follow` does. The signal is of this call alone.
   *
   * @throws {SojournError} those of `session.run` that come before a task is recorded
   */
  async begin(app: string, action?: string, input?: Json, options: RunOptions = {}): Promise<Task> {
    const { wanted, ...write } = callOf([app, action, input], options);
    const { value, seen } = await this.#transport.tasks.begin(this.#uid, wanted, write);
    this.#onSeen(seen);
    return value;
  }

  /**
   * Asks a task to stop. One that waits is canceled at once; one that runs has a moment to end; one that has finished
   * stays as it is.
   *
   * @throws {SojournError} `task_not_found`
   */
  async cancel(taskId: string, options: CallOptions = {}): Promise<Task> {
    return await this.#transport.tasks.cancel(this.#uid, taskId, options);
  }

  /**
   * A task that was begun elsewhere, or before, as `session.run` has it: with what it told so far. The signal ends the
   * waiting, and not the task.
   */
  follow<Output = Json>(taskId: string, { signal }: CallOptions = {}): Run<Output> {
    return new Run<Output>({
      listen: async (onEvent) => {
        const { value, seen } = await this.#transport.tasks.follow(this.#uid, taskId, { signal }, onEvent);
        if (seen !== undefined) this.#onSeen(seen);
        return value;
      },
      cancel: (id) => this.cancel(id),
      signal,
      cancels: false,
    });
  }

  /** See `session.run`. */
  run<Output = Json>(app: string, action?: string, input?: Json, options: RunOptions = {}): Run<Output> {
    const { wanted, signal, ...write } = callOf([app, action, input], options);
    return new Run<Output>({
      listen: async (onEvent) => {
        signal?.throwIfAborted();
        const { value, seen } = await this.#transport.tasks.run(this.#uid, wanted, write, onEvent);
        if (seen !== undefined) this.#onSeen(seen);
        return value;
      },
      cancel: (id) => this.cancel(id),
      signal,
      cancels: true,
    });
  }
}

function callOf(
  [app, action, input]: readonly [app: string, action: string | undefined, input: Json | undefined],
  { signal, idempotencyKey, ifMatch, ...rest }: RunOptions,
): { readonly wanted: NewRun } & Pick<RunOptions, "signal" | "idempotencyKey" | "ifMatch"> {
  return { wanted: { app, action, input, ...rest }, signal, idempotencyKey, ifMatch };
}
