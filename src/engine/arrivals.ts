/** A place in a line. */
export interface Arrival {
  /** Resolves once all who came before have left. */
  readonly turn: Promise<void>;
  /** Lets the next go on; once is enough. */
  readonly leave: () => void;
}

/** Keeps those who arrive for the same key in the order in which they came, however long each takes to get ready. */
export class Arrivals {
  readonly #last = new Map<string, Promise<void>>();

  arrive(key: string): Arrival {
    const before = this.#last.get(key) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#last.set(key, promise);
    const leave = (): void => {
      // Whoever leaves before their turn lets nobody pass those before them.
      void before.then(resolve);
      if (this.#last.get(key) === promise) void promise.then(() => this.#forget(key, promise));
    };
    return { turn: before, leave };
  }

  #forget(key: string, promise: Promise<void>): void {
    if (this.#last.get(key) === promise) this.#last.delete(key);
  }
}
