/** Why something is over whose time is up. */
export class Late extends Error {
  constructor(ms: number) {
    super(`no answer within ${ms} ms`);
  }
}

/** When something is over at the latest: its time is up, or its caller aborts it. Must be let go of by `end`. */
export class Deadline {
  readonly #abort = new AbortController();
  readonly #caller: AbortSignal | undefined;
  #at = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Throws the caller's reason where that has aborted already. */
  constructor(ms: number, caller: AbortSignal | undefined) {
    caller?.throwIfAborted();
    this.#caller = caller;
    caller?.addEventListener("abort", this.#stop);
    this.restart(ms);
  }

  /** Aborts with the caller's reason, or with `Late`. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get leftMs(): number {
    return this.#at - performance.now();
  }

  /** Gives it so much time from now on. */
  restart(ms: number): void {
    clearTimeout(this.#timer);
    this.#at = performance.now() + ms;
    this.#timer = setTimeout(() => this.#abort.abort(new Late(ms)), ms);
  }

  /** Gives it all the time there is, until it is started again. */
  pause(): void {
    clearTimeout(this.#timer);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#caller?.removeEventListener("abort", this.#stop);
  }

  readonly #stop = (): void => this.#abort.abort(this.#caller?.reason);
}
