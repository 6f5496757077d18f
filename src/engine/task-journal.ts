import type { Report } from "./task.ts";

/** What tasks tell is written when so much time has passed since the last, or with their end: a quick one costs no more. */
const NOTE_EVERY_US = 250_000;

/** Gathers what a task tells, so that many reports are few operations. */
export class TaskJournal {
  readonly #write: (reports: readonly Report[]) => Promise<void>;
  readonly #pending: Report[] = [];
  #since: number | undefined;
  #writing: Promise<void> | undefined;
  #isOver = false;

  constructor(write: (reports: readonly Report[]) => Promise<void>) {
    this.#write = write;
  }

  add(report: Report, now: number): void {
    this.#pending.push(report);
    this.#since ??= now;
    if (this.#isOver || this.#writing !== undefined || now - this.#since < NOTE_EVERY_US) return;
    this.#since = now;
    this.#writing = this.#write(this.#pending.splice(0)).finally(() => {
      this.#writing = undefined;
    });
  }

  /** What is not written yet, once what is being written is. */
  async rest(): Promise<readonly Report[]> {
    this.#isOver = true;
    await this.#writing;
    return this.#pending;
  }
}
