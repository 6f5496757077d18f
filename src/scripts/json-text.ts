import { JSON_BYTES_MAX } from "./sizes.ts";
import type { Value } from "./value.ts";

/**
 * What a text means as JSON.
 *
 * @throws {Error} that says what is wrong with it, for more than `JSON_BYTES_MAX`, and for integers beyond ±(2^53 − 1)
 */
export function parsedJson(text: Value): Value {
  if (typeof text !== "string") throw new Error("JSON must be a text");
  if (text.length > JSON_BYTES_MAX) throw new Error(`JSON may have at most ${JSON_BYTES_MAX} characters`);
  try {
    // To look at every value takes long, and most texts have no such number.
    return (MANY_DIGITS.test(text) ? JSON.parse(text, exact) : JSON.parse(text)) as Value;
  } catch (error) {
    if (error instanceof InexactNumber) throw error;
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

const MANY_DIGITS = /\d{16}/;

/** An integer that would come out as another. */
class InexactNumber extends Error {
  override readonly name = "InexactNumber";
}

function exact(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source ?? "";
  if (typeof value === "number" && /^-?\d+$/.test(source) && !Number.isSafeInteger(value)) {
    throw new InexactNumber(`JSON has ${source} in it: integers beyond ±(2^53 − 1) are given as texts`);
  }
  return value;
}

function checked(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) throw new Error("JSON has no bytes, and this string is not UTF-8");
  if (typeof value === "number" && !Number.isFinite(value)) throw new Error(`JSON has no number ${value}`);
  return value;
}
