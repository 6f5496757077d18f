import type { IncomingMessage, ServerResponse } from "node:http";
import { invalid, SojournError } from "../engine/errors.ts";
import { jsonFaults } from "../engine/limits.ts";

/** The body of a request: its text, for the idempotency record, and what it means. */
export interface Body {
  readonly text: string;
  readonly value: unknown;
}

/** Whether a request says that its body is JSON. */
export function isJson({ headers }: IncomingMessage): boolean {
  return JSON_TYPE.test(headers["content-type"] ?? "");
}

const JSON_TYPE = /^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i;

const OTHER_CHARSET = /;\s*charset\s*=(?!\s*"?utf-?8"?\s*(?:;|$))/i;

/** Which body is read. */
export interface BodyRule {
  readonly maxBytes: number;
  /** How long all of it may take. */
  readonly timeoutMs: number;
  /** Whether nothing at all stands for `{}`. */
  readonly isOptional: boolean;
  /** Whether it may be `null`. */
  readonly isNullable: boolean;
  /** Called with the bytes to come, before they are read; throws if there is no room for them. */
  readonly hold: (bytes: number) => void;
}

/**
 * Reads a JSON body. One that is too large by its `Content-Length`, or that there is no room for, is refused before any
 * of it is read; one that does not come in time ends the connection with the answer.
 *
 * @throws {SojournError} `invalid_content_type`, `invalid_json`, `payload_too_large`, `request_timeout`; `invalid` for
 *   what JSON can say and a store can't keep; what `hold` throws
 */
export async function readBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { isOptional, isNullable, ...rule }: BodyRule,
): Promise<Body> {
  if (!isOptional) assertJson(incoming);
  const bytes = await read(incoming, outgoing, rule);
  if (isOptional) {
    // Some clients send a type with no body.
    if (bytes.length === 0) return { text: "", value: {} };
    assertJson(incoming);
  }
  const text = decode(bytes);
  const value = parse(text);
  if (value === null && !isNullable) {
    throw new SojournError("invalid_json", { message: "The request's body is null; send an object" });
  }
  const faults = jsonFaults(value, "");
  if (faults.length > 0) throw invalid(faults);
  return { text, value };
}

/** @throws {SojournError} `invalid_content_type` for a body that would have to be decoded first */
export function assertNotEncoded({ headers: { "content-encoding": encoding = "identity" } }: IncomingMessage): void {
  if (encoding === "identity") return;
  throw new SojournError("invalid_content_type", {
    message: `Content-Encoding "${encoding}" is not understood; send the body as it is`,
  });
}

/** Tells a client that waits to be told that its body is wanted. */
export function askForBody({ headers: { expect }, httpVersion }: IncomingMessage, outgoing: ServerResponse): void {
  const isAwaited = expect !== undefined && httpVersion === "1.1" && /^100-continue$/i.test(expect);
  if (isAwaited) outgoing.writeContinue();
}

export function tooLarge(maxBytes: number): SojournError {
  return new SojournError("payload_too_large", { message: `The request's body has more than ${maxBytes} bytes` });
}

export function tooSlow(timeoutMs: number): SojournError {
  return new SojournError("request_timeout", { message: `The request's body took longer than ${timeoutMs} ms` });
}

function assertJson(incoming: IncomingMessage): void {
  assertNotEncoded(incoming);
  const { "content-type": type } = incoming.headers;
  if (type !== undefined && JSON_TYPE.test(type) && !OTHER_CHARSET.test(type)) return;
  throw new SojournError("invalid_content_type", {
    message: "Request must be JSON: send the header Content-Type: application/json",
  });
}

async function read(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { maxBytes, timeoutMs, hold }: Omit<BodyRule, "isOptional" | "isNullable">,
): Promise<Buffer> {
  const declared = Number(incoming.headers["content-length"] ?? 0);
  if (declared > maxBytes) throw tooLarge(maxBytes);
  hold(declared);
  askForBody(incoming, outgoing);
  const chunks: Buffer[] = [];
  let length = 0;
  await new Promise<void>((resolve, reject) => {
    const take = (chunk: Buffer): void => {
      length += chunk.length;
      try {
        if (length > maxBytes) throw tooLarge(maxBytes);
        // A chunked body does not say its length before.
        if (length > declared) hold(chunk.length);
        chunks.push(chunk);
      } catch (refusal) {
        fail(refusal);
      }
    };
    const cut = (): void => fail(new SojournError("invalid_json", { message: "The request's body was cut off" }));
    const done = (): void => {
      stop();
      resolve();
    };
    const timer = setTimeout(() => {
      outgoing.setHeader("connection", "close");
      fail(tooSlow(timeoutMs));
    }, timeoutMs);
    const stop = (): void => {
      clearTimeout(timer);
      incoming.off("data", take).off("error", cut).off("close", cut).off("end", done);
    };
    const fail = (reason: unknown): void => {
      stop();
      incoming.pause();
      reject(reason);
    };
    incoming.on("data", take).on("error", cut).on("close", cut).on("end", done);
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
  try {
    return JSON.parse(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : "";
    throw new SojournError("invalid_json", { message: `The request's body is not JSON: ${why}`, cause });
  }
}
