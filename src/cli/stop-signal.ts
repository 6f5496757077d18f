/** What becomes of the signals that ask a command to end. */
export interface StopOptions {
  readonly onFirst: (signal: NodeJS.Signals) => void;
  /** What the process ends with, at once, on the second. */
  readonly exitCode: number;
}

/**
 * The same signal again within this time is the first one's echo: on Ctrl+C the terminal signals every process of its
 * group, and npm, npx and our launcher each pass on to their child what they got.
 */
const ECHO_MS = 200;

/** Tells of the first SIGINT or SIGTERM, and exits the process on the second, until it is disposed of. */
export class StopSignal implements Disposable {
  readonly #options: StopOptions;
  #first: { readonly signal: NodeJS.Signals; readonly sinceMs: number } | undefined;

  constructor(options: StopOptions) {
    this.#options = options;
    process.on("SIGINT", this.#take);
    process.on("SIGTERM", this.#take);
  }

  [Symbol.dispose](): void {
    process.off("SIGINT", this.#take);
    process.off("SIGTERM", this.#take);
  }

  readonly #take = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now();
    if (this.#first === undefined) {
      this.#first = { signal, sinceMs: nowMs };
      this.#options.onFirst(signal);
    } else if (signal !== this.#first.signal || nowMs - this.#first.sinceMs > ECHO_MS) {
      process.exit(this.#options.exitCode);
    }
  };
}
