import { SingleBar } from "cli-progress";
import stringWidth from "string-width";

/** Rows under headings, in columns that are as wide as they must be. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = (headings.length === 0 ? rows : [headings, ...rows]).map((row) => row.map(shown));
  const widths: number[] = [];
  for (const row of all) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, stringWidth(cell));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => cell + " ".repeat((widths[i] ?? 0) - stringWidth(cell))).join("  ");
  return all.map((row) => line(row).trimEnd()).join("\n");
}

/** A number of things: `1 session`, `2 sessions`. */
export function count(number: number, thing: string): string {
  return `${number} ${thing}${number === 1 ? "" : "s"}`;
}

/** A moment to the second, in UTC. */
export function moment(date: Date | undefined): string {
  return date === undefined ? "" : date.toISOString().replace(/\.\d+Z$/, "Z");
}

// What a session holds was written by others: it must not move the cursor, or ring.
/** A text without what a terminal would obey. */
export function shown(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

/** A text of some lines without what a terminal would obey, but for the ends of its lines, tabs, and what joins emoji. */
export function shownLines(text: string): string {
  return text.replaceAll("\r", "").replaceAll(/(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "\u{fffd}");
}

/** Prints a value for programs: one line of JSON. */
export function printJson(value: unknown): void {
  console.log(JSON.stringify(value));
}

/** After how long something counts as slow enough to show how far it is. */
const SLOW_MS = 1_000;

/** Shows on a terminal how far something is that takes longer than a second; elsewhere it shows nothing. */
export class Progress implements Disposable {
  readonly #bar: SingleBar;
  readonly #startedMs = performance.now();

  /** @param unit  what is counted, such as `sessions` */
  constructor(unit: string) {
    this.#bar = new SingleBar({
      format: `{bar} {percentage} %  {value} of {total} ${unit}  {duration_formatted}`,
      stream: process.stderr,
      clearOnComplete: true,
      hideCursor: true,
    });
  }

  /** The same as a function of its own. */
  get onProgress(): (progress: { readonly done: number; readonly total: number }) => void {
    return ({ done, total }) => this.update(done, total);
  }

  update(done: number, total: number): void {
    if (!process.stderr.isTTY || performance.now() - this.#startedMs < SLOW_MS) return;
    if (!this.#bar.isActive) this.#bar.start(total, done);
    this.#bar.setTotal(total);
    this.#bar.update(done);
  }

  [Symbol.dispose](): void {
    if (this.#bar.isActive) this.#bar.stop();
  }
}
