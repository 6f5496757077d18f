import { InvalidArgumentError } from "commander";
import type { JsonObject } from "../client/index.ts";

const UNITS: Readonly<Record<string, number>> = { "": 1_000, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Reads a duration, such as `1800`, `90s`, `30m`, `2h` or `7d`; returns milliseconds. */
export function durationMs(text: string): number {
  const [, digits, unit = ""] = /^(\d{1,12}(?:\.\d{1,3})?)(s|m|h|d)?$/.exec(text) ?? [];
  if (digits === undefined)
    throw new InvalidArgumentError("It must be seconds, or a number with s, m, h or d: 90s, 30m, 7d.");
  return Number(digits) * (UNITS[unit] ?? 0);
}

/** Like `durationMs`; or `never`. */
export function durationOrNever(text: string): number | "never" {
  return text === "never" ? text : durationMs(text);
}

/** Reads a place in the feed of events, or `now`. */
export function cursor(text: string): string {
  if (/^(?:now|\d{1,15})$/.test(text)) return text;
  throw new InvalidArgumentError("It must be the cursor of an event, or now.");
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

const BYTES: Readonly<Record<string, number>> = { "": 1, b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Reads a number of bytes, such as `1048576`, `64KiB`, `20M` or `1.5GiB`; a thousand of them is 1,024. */
export function bytes(text: string): number {
  const [, digits, unit = ""] = /^(\d{1,15}(?:\.\d{1,3})?)(b|[kmgt](?:i?b)?)?$/i.exec(text) ?? [];
  const scaled = Number(digits) * (BYTES[unit.slice(0, 1).toLowerCase()] ?? 0);
  if (digits !== undefined && Number.isSafeInteger(Math.round(scaled))) return Math.round(scaled);
  throw new InvalidArgumentError("It must be bytes, or a number with KiB, MiB or GiB: 4096, 64KiB, 1.5GiB.");
}

/** How `moment` is told of. */
export const AT = "As it was at an operation, by its number, or at a checkpoint, by its name";

/** Reads a moment of a session: the `seq` of an operation, or the name of a checkpoint, which is no number. */
export function moment(text: string): number | string {
  if (!/^\d+$/.test(text)) return text;
  return atLeast(1)(text);
}

/** Reads which bytes: `0-99`, `100-` from there to the end, `-100` the last hundred. */
export function range(text: string): { readonly start: number; readonly end?: number } {
  const [, first = "", last = ""] = /^(\d{1,15})?-(\d{1,15})?$/.exec(text) ?? [];
  if (first === "" && Number(last) > 0) return { start: -Number(last) };
  if (first !== "" && last === "") return { start: Number(first) };
  if (first !== "" && Number(last) >= Number(first)) return { start: Number(first), end: Number(last) + 1 };
  throw new InvalidArgumentError(
    "It must be the first and the last byte, from 0: 0-99, 100-, or -100 for the last 100.",
  );
}

/** What an option says that takes limits. They are in the words of the REST API, which go along as they are. */
export const LIMITS =
  'When it is warned, paused or failed: {"calls": 100, "error_rate": {"over": 0.5, "action": "fail"}}';

/** Reads a JSON object. */
export function jsonObject(text: string): JsonObject {
  return objectOf(text, '{"source": "web"}');
}

/** Limits, in the words of the REST API. */
export function limitsObject(text: string): JsonObject {
  return objectOf(text, '{"calls": 100}');
}

function objectOf(text: string, example: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    // NOTE: whatever JSON.parse makes of an object is one of JSON.
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Told below.
  }
  throw new InvalidArgumentError(`It must be a JSON object: '${example}'.`);
}
