import { SingleBar } from "cli-progress";
import type { TaskEvent } from "../client/index.ts";
import { shown, shownLines } from "./print.ts";
import { SLOW_MS } from "./progress.ts";

/**
 * Shows on standard error what a task tells: lines, and, on a terminal, a bar below them once it has taken longer than a
 * second. Elsewhere each message about progress is a line.
 */
export class TaskProgress implements Disposable {
  readonly #startedMs = performance.now();
  #bar: SingleBar | undefined;
  #message = "";

  /** How far it is. */
  update({ fraction, message }: Extract<TaskEvent, { type: "progress" }>): void {
    const percent = fraction === undefined ? undefined : Math.round(Math.min(1, Math.max(0, fraction)) * 100);
    if (message !== undefined) this.#message = shown(message);
    if (!process.stderr.isTTY) {
      const told = [message && shown(message), percent === undefined ? undefined : `${percent} %`];
      if (message) console.error(told.filter((part) => part !== undefined).join(", "));
      return;
    }
    if (performance.now() - this.#startedMs < SLOW_MS) return;
    if (this.#bar === undefined) {
      this.#bar = barOf(percent !== undefined);
      this.#bar.start(100, percent ?? 0, { message: this.#message });
    } else if (percent === undefined) this.#bar.update({ message: this.#message });
    else this.#bar.update(percent, { message: this.#message });
  }

  /** Prints a line, or more, above the bar. */
  say(text: string): void {
    // The bar draws itself again below.
    if (this.#bar !== undefined) process.stderr.write("\r\u001b[K");
    process.stderr.write(`${shownLines(text)}\n`);
  }

  [Symbol.dispose](): void {
    this.#bar?.stop();
  }
}

function barOf(isFractionKnown: boolean): SingleBar {
  return new SingleBar({
    format: `${isFractionKnown ? "{bar} {percentage} %  " : ""}{message}  {duration_formatted}`,
    stream: process.stderr,
    clearOnComplete: true,
    hideCursor: true,
    forceRedraw: true,
  });
}
