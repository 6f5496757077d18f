import type { Value } from "../value.ts";

/** A value as JSON, with its bytes beside it. */
export interface Packed {
  readonly text: string;
  readonly bytes: readonly Uint8Array[];
}

/** Puts a value under `value`. Bytes stand in the JSON as NUL, `b` and their number; texts that begin with NUL have another. */
export function packed(value: Value): Packed {
  const bytes: Uint8Array[] = [];
  const text = JSON.stringify({ value }, (_name, part: unknown) => {
    if (part instanceof Uint8Array) return `\0b${bytes.push(part) - 1}`;
    return typeof part === "string" && part.startsWith("\0") ? `\0${part}` : part;
  });
  return { text, bytes };
}

/** How JSON writes it. */
const NUL = "\\u0000";

/** The value that JSON has, with its bytes in place. */
export function unpacked(text: string, bytes: readonly Uint8Array[]): Value {
  // Most have no NUL in them, and need not be gone through.
  if (!text.includes(NUL)) return JSON.parse(text) as Value;
  return JSON.parse(text, (_name, part: unknown) => {
    if (typeof part !== "string" || !part.startsWith("\0")) return part;
    return part[1] === "b" ? bytes[Number(part.slice(2))] : part.slice(1);
  }) as Value;
}
