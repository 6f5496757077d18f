import type { Value } from "./value.ts";

/** How many values a script may give a function at once: each text, number, list and object, and all that is in them. */
export const VALUES_AT_ONCE_MAX = 250_000;

/** How many bytes the texts may have together that a script gives a function at once. */
export const BYTES_AT_ONCE_MAX: number = 256 * 1_048_576;

/** How long a text may be that is read as JSON. What it means takes many times as much. */
export const JSON_BYTES_MAX: number = 16 * 1_048_576;

/** How many sessions a list may have that says no limit of its own. */
export const LIST_MAX = 100_000;

/** About what a value takes that is neither text nor bytes, and each of those beside its length. */
const VALUE_BYTES = 24;

/** Whether a value takes no more than so many bytes, roughly. */
export function isWithin(value: Value, bytesMax: number): boolean {
  let left = bytesMax;
  // NOTE: no recursion, since values may be deeper than a stack.
  const rest: Value[] = [value];
  while (rest.length > 0 && left >= 0) {
    const next = rest.pop();
    left -= VALUE_BYTES;
    if (typeof next === "string" || next instanceof Uint8Array) left -= next.length;
    else if (Array.isArray(next)) for (const item of next) rest.push(item);
    else if (typeof next === "object" && next !== null) {
      for (const [key, member] of Object.entries(next)) {
        left -= key.length;
        rest.push(member);
      }
    }
  }
  return left >= 0;
}
