import type { Worker } from "./worker.ts";

/** What a worker is counted as at least; one that has just started holds less than it soon will. */
const WORKER_BYTES_MIN = 33_554_432;

interface RoomOptions {
  /** What all workers together may hold, in bytes. */
  readonly maxBytes: number;
  /** Sends away whom it hurts least; tells whether there was anybody. */
  readonly evict: () => boolean;
}

/**
 * The memory that workers share. Who comes when there is none left waits, in order, while those go that nobody needs; one
 * worker may always run. What counts is what each holds for itself, not what they share.
 */
export class Room {
  readonly #options: RoomOptions;
  readonly #workers = new Set<Worker>();
  readonly #waiting: ((hasRoom: boolean) => void)[] = [];
  #isClosed = false;
  /** Promised to those who have not started their worker yet. */
  #promised = 0;
  #isLooking = false;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  get workers(): ReadonlySet<Worker> {
    return this.#workers;
  }

  get isWaitedFor(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether there is room for one more, for whom nobody has to wait or go. */
  get isFree(): boolean {
    return this.#waiting.length === 0 && this.#fits();
  }

  /** Counts a worker until it is dead. */
  add(worker: Worker): void {
    this.#workers.add(worker);
    worker.onDead(() => {
      this.#workers.delete(worker);
      this.look();
    });
  }

  /**
   * Resolves to true once there is room, which is promised then: `settle` has to follow. The first to ask is the first to get it.
   *
   * @param onGivenUp  is called with what makes it false instead, as closing does
   */
  ask(onGivenUp: (giveUp: () => void) => void): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve(false);
      this.#waiting.push(resolve);
      onGivenUp(() => {
        const at = this.#waiting.indexOf(resolve);
        if (at < 0) return;
        this.#waiting.splice(at, 1);
        resolve(false);
      });
      this.look();
    });
  }

  /** What was promised is used, or given back. */
  settle(): void {
    this.#promised--;
    this.look();
  }

  /** Turns away who waits, and whoever comes. */
  close(): void {
    this.#isClosed = true;
    for (const resolve of this.#waiting.splice(0)) resolve(false);
  }

  /** Gives room to those who wait, as far as there is any, and makes some. */
  look(): void {
    // Whoever goes says so, and would come here again.
    if (this.#isLooking) return;
    this.#isLooking = true;
    while (this.#waiting.length > 0 && this.#fits()) {
      this.#promised++;
      this.#waiting.shift()?.(true);
    }
    while (this.#isShort() && this.#options.evict());
    this.#isLooking = false;
  }

  #fits(): boolean {
    if (this.#workers.size + this.#promised === 0) return true;
    return this.#bytes([...this.#workers]) + WORKER_BYTES_MIN <= this.#options.maxBytes;
  }

  /** Whether there is too little, even once those have gone that are about to. */
  #isShort(): boolean {
    const staying = [...this.#workers].filter(({ state }) => state !== "draining" && state !== "dead");
    const wanted = this.#waiting.length > 0 && staying.length > 0 ? WORKER_BYTES_MIN : 0;
    return this.#bytes(staying) + wanted > this.#options.maxBytes;
  }

  #bytes(workers: readonly Worker[]): number {
    const promised = this.#promised * WORKER_BYTES_MIN;
    return workers.reduce((sum, { held }) => sum + Math.max(held.own, WORKER_BYTES_MIN), promised);
  }
}
