/** The one source of time. Every decision takes its `now` from here, so that a test can advance it. */
export interface Clock {
  /** Microseconds since the epoch, a safe integer. */
  now(): number;
}

/** Microseconds in a second. */
export const SECOND = 1_000_000;
