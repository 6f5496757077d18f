import { WakeUp } from "../engine/wake-up.ts";

/** Events that are pushed by whoever makes them, and read by one who may be slower. */
export class EventQueue implements AsyncIterable<string> {
  readonly #waiting: string[] = [];
  readonly #wakeUp = new WakeUp();
  #isOver = false;

  push(event: string): void {
    this.#waiting.push(event);
    this.#wakeUp.wake();
  }

  /** No more will come. */
  end(): void {
    this.#isOver = true;
    this.#wakeUp.wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void, undefined> {
    for (;;) {
      yield* this.#waiting.splice(0);
      if (this.#waiting.length > 0) continue;
      if (this.#isOver) return;
      await this.#wakeUp.next();
    }
  }
}
