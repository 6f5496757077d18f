/** Seconds of the wire in milliseconds: a whole number of microseconds, give or take what a floating-point number can't say. */
export function exactMs(seconds: number): number {
  return Math.round(seconds * 1_000_000) / 1_000;
}
