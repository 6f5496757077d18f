import type { Value } from "./value.ts";

/**
 * What a text means as JSON.
 *
 * @throws {Error} that says what is wrong with it
 */
export function parsedJson(text: Value): Value {
  if (typeof text !== "string") throw new Error("JSON must be a text");
  try {
    return JSON.parse(text) as Value;
  } catch (error) {
    throw new Error(`This is no JSON: ${error instanceof Error ? error.message : error}`, { cause: error });
  }
}

/**
 * A value as JSON.
 *
 * @throws {Error} for what JSON does not have
 */
export function stringifiedJson(value: Value, pretty = false): string {
  if (value === undefined) return "null";
  return JSON.stringify(value, checked, pretty ? 2 : undefined);
}

function checked(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) throw new Error("JSON has no bytes, and this string is not UTF-8");
  if (typeof value === "number" && !Number.isFinite(value)) throw new Error(`JSON has no number ${value}`);
  return value;
}
