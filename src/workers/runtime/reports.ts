import { format } from "node:util";
import type { LogLevel, Report } from "../../engine/task.ts";
import { REPORT_LIMITS } from "../orders.ts";

/** How long one line of a log may be. */
const LINE_LENGTH_MAX = 16_384;

/** What one task tells, up to a bound. */
export class Reports {
  readonly #send: (report: Report) => void;
  #count = 0;
  #length = 0;
  #isFull = false;

  constructor(send: (report: Report) => void) {
    this.#send = send;
  }

  /** @param length  roughly how much it is, in bytes */
  tell(report: Report, length: number): void {
    if (this.#isFull) return;
    this.#count++;
    this.#length += length;
    // One less than the other side counts, since the last one says that there is more.
    this.#isFull = this.#count >= REPORT_LIMITS.count || this.#length > REPORT_LIMITS.bytes;
    this.#send(this.#isFull ? FULL : report);
  }

  /** The task is over; what comes late is dropped. */
  close(): void {
    this.#isFull = true;
  }

  log(level: LogLevel, text: string): void {
    const message = keepable(text.length > LINE_LENGTH_MAX ? `${text.slice(0, LINE_LENGTH_MAX)}…` : text);
    this.tell({ type: "log", level, message }, message.length);
  }
}

const FULL: Report = { type: "log", level: "warn", message: "The task tells too much; the rest is dropped" };

/** Makes what the app prints, by `console` or to its streams, lines of the log of the task in hand. */
export function logPrinted(log: (level: LogLevel, text: string) => void): void {
  const levels = { debug: "debug", log: "info", info: "info", warn: "warn", error: "error" } as const;
  for (const [name, level] of Object.entries(levels)) {
    Object.defineProperty(console, name, {
      value: (...said: readonly unknown[]): void => log(level, format(...said)),
      writable: true,
      configurable: true,
    });
  }
  logStream(process.stdout, (line) => log("info", line));
  logStream(process.stderr, (line) => log("error", line));
}

function logStream(stream: NodeJS.WriteStream, log: (line: string) => void): void {
  stream.write = (chunk: unknown, ...rest: readonly unknown[]): boolean => {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk as Uint8Array).toString();
    for (const line of text.split("\n")) if (line !== "") log(line);
    const written = rest.find((argument) => typeof argument === "function");
    if (written !== undefined) process.nextTick(written as () => void);
    return true;
  };
}

/** A text as every store can keep it. */
export function keepable(text: string): string {
  return text.toWellFormed().replaceAll("\0", "\uFFFD");
}
