import { SingleBar } from "cli-progress";
import { size } from "./print.ts";

/** After how long something counts as slow enough to show how far it is. */
export const SLOW_MS = 1_000;

/** Told how far something is, in bytes; `total` where it is known. */
export type OnProgress = (progress: { readonly done: number; readonly total: number | undefined }) => void;

/** Does work on bytes, with a `Progress` that is gone when it resolves. */
export async function withProgress<T>(work: (onProgress: OnProgress) => Promise<T>): Promise<T> {
  using progress = new Progress("bytes");
  return await work(({ done, total }) => progress.update(done, total));
}

/** Shows on a terminal how far something is that takes longer than a second; elsewhere it shows nothing. */
export class Progress implements Disposable {
  readonly #unit: string;
  readonly #startedMs = performance.now();
  #bar: SingleBar | undefined;

  /** @param unit  what is counted: `bytes`, which are shown as sizes, or a word such as `sessions` */
  constructor(unit: string) {
    this.#unit = unit;
  }

  /** @param total  left out where nobody knows it */
  update(done: number, total?: number): void {
    if (!process.stderr.isTTY || performance.now() - this.#startedMs < SLOW_MS) return;
    if (this.#bar === undefined) {
      this.#bar = barOf(this.#unit, total !== undefined);
      this.#bar.start(total ?? done, done);
    }
    this.#bar.setTotal(total ?? done);
    this.#bar.update(done);
  }

  [Symbol.dispose](): void {
    this.#bar?.stop();
  }
}

function barOf(unit: string, isTotalKnown: boolean): SingleBar {
  const [of, counted] = unit === "bytes" ? [size, ""] : [String, ` ${unit}`];
  return new SingleBar({
    format: `${isTotalKnown ? "{bar} {percentage} %  {value} of {total}" : "{value}"}${counted}  {duration_formatted}`,
    formatValue: (value, _, type) => (type === "value" || type === "total" ? of(value) : `${value}`),
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
  });
}
