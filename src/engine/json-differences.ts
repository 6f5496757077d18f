import { type Json, type JsonObject, sameJson } from "./json.ts";

/** A place where two JSON values are not the same. What one of them has not is absent. */
export interface JsonDifference {
  /** Such as `input.tags.0`. */
  readonly path: string;
  readonly expected?: Json;
  readonly actual?: Json;
}

/**
 * Where two JSON values differ, as deep within them as may be, in the order of `expected`; none where they are the same.
 *
 * @param path  of the two; empty: what is found is called by its members alone
 */
export function* jsonDifferences(
  expected: Json | undefined,
  actual: Json | undefined,
  path: string,
): Generator<JsonDifference> {
  if (sameJson(expected, actual)) return;
  const [a, b] = [membersOf(expected), membersOf(actual)];
  if (a === undefined || b === undefined || Array.isArray(expected) !== Array.isArray(actual)) {
    yield { path, ...(expected === undefined ? {} : { expected }), ...(actual === undefined ? {} : { actual }) };
    return;
  }
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    yield* jsonDifferences(own(a, key), own(b, key), path === "" ? key : `${path}.${key}`);
  }
}

function membersOf(value: Json | undefined): JsonObject | undefined {
  // NOTE: an array is looked at as an object whose members are called 0, 1, 2 …
  return typeof value === "object" && value !== null ? (value as JsonObject) : undefined;
}

function own(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}
