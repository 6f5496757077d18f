import { ArgumentError } from "./arguments.ts";
import type { Value } from "./value.ts";

/** A moment as scripts see it: whole seconds since 1970, as `os.time()` has them. */
export function epochSeconds(moment: Date): number;
export function epochSeconds(moment: Date | undefined): number | undefined;
export function epochSeconds(moment: Date | undefined): number | undefined {
  return moment === undefined ? undefined : Math.floor(moment.getTime() / 1_000);
}

/** A span of time, both ends of which belong to it; each as ISO 8601 to the microsecond. */
export interface Span {
  readonly first?: string | undefined;
  readonly last?: string | undefined;
}

/**
 * The span that a script names, in seconds since 1970 or as ISO 8601.
 *
 * A whole second means all of it: what was made just now is not after `os.time()`.
 */
export function spanOf(after: Value, before: Value): Span {
  return {
    first: edge(after, { name: "created_after", ends: 0 }),
    last: edge(before, { name: "created_before", ends: 0.999_999 }),
  };
}

/** The moment just before one, or just after it, to the microsecond. */
export function beside(moment: string | undefined, microseconds: 1 | -1): string | undefined {
  return moment === undefined ? undefined : iso(microsecondsOf(moment) + BigInt(microseconds));
}

function edge(value: Value, { name, ends }: { readonly name: string; readonly ends: number }): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string" && !Number.isNaN(Date.parse(value))) return iso(microsecondsOf(value));
  if (typeof value !== "number" || !(Math.abs(value) < 8.64e12)) {
    throw new ArgumentError(`${name} must be seconds since 1970, as os.time() has them, or a date in ISO 8601`);
  }
  const wanted = Number.isInteger(value) ? value + ends : value;
  return iso(BigInt(Math.round(wanted * 1e6)));
}

function microsecondsOf(moment: string): bigint {
  const fraction = /\.\d{3}(\d{1,3})/.exec(moment)?.[1] ?? "";
  return BigInt(Date.parse(moment)) * 1_000n + BigInt(fraction.padEnd(3, "0"));
}

function iso(microseconds: bigint): string {
  const ms = microseconds / 1_000n - (microseconds % 1_000n < 0n ? 1n : 0n);
  const rest = String(microseconds - ms * 1_000n).padStart(3, "0");
  return new Date(Number(ms)).toISOString().replace("Z", `${rest}Z`);
}
