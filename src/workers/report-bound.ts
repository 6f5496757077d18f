import type { Report } from "../engine/task.ts";
import { REPORT_LIMITS } from "./orders.ts";
import type { Wire } from "./wire.ts";

/** One that goes on after so many reports beyond the bound is read slowly. */
const EXCESS_MAX = 100;

/** How long it is not read then; what comes in one piece is at most 64 KiB. */
const PAUSE_MS = 50;

/**
 * Bounds what a task tells. A worker's own runtime keeps to the bound, and says so; this is for one that writes to its pipe
 * by itself, or whose children write to its streams.
 */
export class ReportBound {
  #count = 0;
  #length = 0;
  #isPaused = false;

  get isFull(): boolean {
    return this.#count > REPORT_LIMITS.count || this.#length > REPORT_LIMITS.bytes * 2;
  }

  /** Whether a report is to be told. */
  admit(report: Report, wire: Wire): boolean {
    this.#count++;
    this.#length += lengthOf(report);
    if (!this.isFull) return true;
    if (this.#count > REPORT_LIMITS.count + EXCESS_MAX && !this.#isPaused) this.#pause(wire);
    return false;
  }

  #pause(wire: Wire): void {
    this.#isPaused = true;
    const go = wire.hold();
    setTimeout(() => {
      this.#isPaused = false;
      go();
    }, PAUSE_MS).unref();
  }
}

function lengthOf(report: Report): number {
  return report.type === "output" ? JSON.stringify(report.output).length : (report.message?.length ?? 0);
}
