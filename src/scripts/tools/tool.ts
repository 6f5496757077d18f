import type { Fields } from "../arguments.ts";
import type { ScriptHost } from "../script-host.ts";
import type { Value } from "../value.ts";

/** Something that scripts can have done by its name. */
export interface Tool {
  readonly name: string;
  readonly description: string;
  /** Whether the operator allowed it; left out: it needs no leave. */
  readonly isAllowed?: (host: ScriptHost) => boolean;
  /** Why nobody may, in words that say what to do. */
  readonly refusal?: string;
  /** Does it. What it throws is told to the script as a failure. */
  readonly run: (input: Fields, host: ScriptHost) => Promise<Value>;
}

/** The bytes of a text, or of bytes. */
export function bytesOf(value: Value, name: string): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") return Buffer.from(value, "utf8");
  throw new Error(`${name} must be a string, or bytes`);
}
