import type { Clock } from "../engine/clock.ts";

/** 2026-01-01T00:00:00Z, in microseconds since the epoch. */
const START_US = 1_767_225_600_000_000;

/** A clock that stands still until its test advances it. */
export class ManualClock implements Clock {
  #nowUs: number;

  /** @param startUs  microseconds since the epoch; default: the first moment of 2026 */
  constructor(startUs: number = START_US) {
    this.#nowUs = startUs;
  }

  now(): number {
    return this.#nowUs;
  }

  /** Moves on by so many microseconds; back where they are negative, as the clock of a machine may be set. */
  advance(us: number): void {
    this.#nowUs += us;
  }
}
