import type { IncomingMessage } from "node:http";
import { invalid, SojournError } from "../engine/errors.ts";
import { jsonFaults } from "../engine/limits.ts";

/** The body of a request: its text, for the idempotency record, and what it means. */
export interface Body {
  readonly text: string;
  readonly value: unknown;
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

const OTHER_CHARSET = /;\s*charset\s*=(?!\s*"?utf-?8"?\s*(?:;|$))/i;

/**
 * Reads a JSON body of at most `maxBytes`.
 *
 * @param isOptional  nothing at all stands for `{}`
 * @throws {SojournError} `invalid_content_type`, `invalid_json`, `payload_too_large`; `invalid` for what JSON can say
 *   and a store can't keep
 */
export async function readBody(
  incoming: IncomingMessage,
  { maxBytes, isOptional }: { readonly maxBytes: number; readonly isOptional: boolean },
): Promise<Body> {
  if (!isOptional) assertJson(incoming);
  const bytes = await read(incoming, maxBytes);
  if (isOptional) {
    // Some clients send a type with no body.
    if (bytes.length === 0) return { text: "", value: {} };
    assertJson(incoming);
  }
  const text = decode(bytes);
  const value = parse(text);
  const faults = jsonFaults(value, "");
  if (faults.length > 0) throw invalid(faults);
  return { text, value };
}

function assertJson({ headers }: IncomingMessage): void {
  const { "content-type": type, "content-encoding": encoding = "identity" } = headers;
  if (encoding !== "identity") {
    throw new SojournError("invalid_content_type", {
      message: `Content-Encoding "${encoding}" is not understood; send the body as it is`,
    });
  }
  if (type !== undefined && JSON_TYPE.test(type) && !OTHER_CHARSET.test(type)) return;
  throw new SojournError("invalid_content_type", {
    message: "Request must be JSON: send the header Content-Type: application/json",
  });
}

async function read(incoming: IncomingMessage, maxBytes: number): Promise<Buffer> {
  const tooLarge = (): SojournError =>
    new SojournError("payload_too_large", { message: `The request's body has more than ${maxBytes} bytes` });
  if (Number(incoming.headers["content-length"] ?? 0) > maxBytes) throw tooLarge();
  const chunks: Buffer[] = [];
  let length = 0;
  await new Promise<void>((resolve, reject) => {
    incoming.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) reject(tooLarge());
      else chunks.push(chunk);
    });
    const cut = (): void => reject(new SojournError("invalid_json", { message: "The request's body was cut off" }));
    incoming.on("error", cut);
    incoming.on("close", cut);
    incoming.on("end", () => {
      incoming.off("close", cut);
      resolve();
    });
  });
  return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

function decode(bytes: Buffer): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new SojournError("invalid_json", { message: "The request's body is not UTF-8", cause });
  }
}

function parse(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "";
    throw new SojournError("invalid_json", { message: `The request's body is not JSON: ${why}`, cause });
  }
  if (value === null) throw new SojournError("invalid_json", { message: "The request's body is null; send an object" });
  return value;
}
