import { SojournError } from "../engine/errors.ts";

/** Counts the calls in hand, so that closing can wait for them. */
export class InHand {
  readonly #closing = new AbortController();
  #count = 0;
  #onIdle: (() => void) | undefined;

  /** Aborts when no call may begin any more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Throws `store_unavailable` once closed. */
  assertOpen(): void {
    if (this.#closing.signal.aborted) throw new SojournError("store_unavailable", { message: "The client is closed" });
  }

  /** Begins a call, which must `leave`. */
  enter(): void {
    this.assertOpen();
    this.#count++;
  }

  leave(): void {
    if (--this.#count === 0) this.#onIdle?.();
  }

  /** Lets no call begin, and waits for those in hand. */
  async close(): Promise<void> {
    this.#closing.abort();
    if (this.#count === 0) return;
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
  }
}
