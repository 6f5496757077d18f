import { InvalidArgumentError } from "commander";

const UNITS: Readonly<Record<string, number>> = { "": 1_000, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a duration, such as `1800`, `90s`, `30m`, `2h` or `7d`; returns milliseconds. */
export function durationMs(text: string): number {
  const [, digits, unit = ""] = /^(\d{1,12}(?:\.\d{1,3})?)(s|m|h|d)?$/.exec(text) ?? [];
  if (digits === undefined)
    throw new InvalidArgumentError("It must be seconds, or a number with s, m, h or d: 90s, 30m, 7d.");
  return Number(digits) * (UNITS[unit] ?? 0);
}

/** Reads a whole number of at least `min`. */
export function atLeast(min: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,15}$/.test(text) && Number(text) >= min) return Number(text);
    throw new InvalidArgumentError(`It must be a whole number of at least ${min}.`);
  };
}

/** Reads how many of a list are wanted: a whole number from 1 on, or `all`. */
export function limit(text: string): number {
  if (text === "all") return Number.POSITIVE_INFINITY;
  return atLeast(1)(text);
}

const DATE = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2}))?$/;

/** Reads a date, which begins at midnight in UTC, or a date-time with its offset. */
export function date(text: string): Date {
  const value = new Date(text);
  const day = DATE.exec(text)?.[1];
  // The 31st of February would be taken for a day of March.
  const isDay = day !== undefined && new Date(`${day}T00:00:00Z`).toISOString().startsWith(day);
  if (isDay && !Number.isNaN(value.getTime())) return value;
  throw new InvalidArgumentError("It must be a date or a date-time in ISO 8601: 2026-01-31, 2026-01-31T12:00:00Z.");
}

/** Gathers words that are given again and again, or with commas. */
export function words(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(",").map((word) => word.trim())];
}
