import { SojournError } from "./errors.ts";
import type { Signal } from "./signal.ts";

/** How many calls may wait for one session's slot. */
export const WAITING_MAX = 64;

/** How long whoever is turned away should wait, in milliseconds. */
const RETRY_MS = 1_000;

interface Waiting {
  readonly begin: () => void;
}

/**
 * The right to run a task or a turn in a session: one at a time, in the order in which they came. All other calls on the
 * session go on meanwhile.
 */
export class RunSlots {
  readonly #lines = new Map<string, Waiting[]>();
  readonly #waitingMax: number;

  /** @param waitingMax  how many calls may wait for one slot */
  constructor(waitingMax: number = WAITING_MAX) {
    this.#waitingMax = waitingMax;
  }

  /** Whether a call for this slot would have to wait. */
  isBusy(key: string): boolean {
    return this.#lines.has(key);
  }

  /** @throws {SojournError} `session_busy` where as many wait as may */
  assertRoom(key: string): void {
    const waiting = this.#lines.get(key)?.length ?? 0;
    if (waiting < this.#waitingMax) return;
    throw new SojournError("session_busy", {
      message: `The session is busy: ${waiting} calls wait for it already; try again when some are done`,
      retryAfterMs: RETRY_MS,
    });
  }

  /**
   * Runs `work` once the slot is its own, and gives the slot on when it is done.
   *
   * @throws {SojournError} `session_busy` where as many wait as may; what `work` throws
   * @throws the signal's reason, by `aborted`, where it aborts while the call waits
   */
  async run<T>(
    key: string,
    work: () => Promise<T>,
    { signal, aborted }: { readonly signal?: Signal; readonly aborted?: () => unknown } = {},
  ): Promise<T> {
    await this.#enter(key, signal, aborted);
    try {
      return await work();
    } finally {
      this.#leave(key);
    }
  }

  async #enter(key: string, signal: Signal | undefined, aborted: () => unknown = () => undefined): Promise<void> {
    if (signal?.aborted) throw aborted();
    const line = this.#lines.get(key);
    if (line === undefined) {
      this.#lines.set(key, []);
      return;
    }
    this.assertRoom(key);
    await new Promise<void>((resolve, reject) => {
      const stop = (): void => {
        line.splice(line.indexOf(waiting), 1);
        reject(aborted());
      };
      const waiting = {
        begin: () => {
          signal?.removeEventListener("abort", stop);
          resolve();
        },
      };
      line.push(waiting);
      signal?.addEventListener("abort", stop);
    });
  }

  #leave(key: string): void {
    const next = this.#lines.get(key)?.shift();
    if (next === undefined) this.#lines.delete(key);
    else next.begin();
  }
}
