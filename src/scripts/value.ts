import { isUtf8 } from "node:buffer";

/**
 * What goes between a script and its host: JSON, and bytes. A string of Lua is text where it is UTF-8, and bytes where it is
 * not; `undefined` is nil.
 */
export type Value = undefined | null | boolean | number | string | Uint8Array | readonly Value[] | ValueObject;

export interface ValueObject {
  readonly [key: string]: Value;
}

/** The text of bytes, where they are UTF-8: as they were, with a byte order mark if they had one. */
export function asText(bytes: Uint8Array): string | Uint8Array {
  return isUtf8(bytes) ? UTF8.decode(bytes) : bytes;
}

const UTF8 = new TextDecoder("utf-8", { ignoreBOM: true });
