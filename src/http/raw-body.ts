import type { IncomingMessage, ServerResponse } from "node:http";
import { SojournError } from "../engine/errors.ts";
import { askForBody, assertNotEncoded, type BodyRule, tooLarge, tooSlow } from "./body.ts";

/** Of a body that is read as it comes, so much counts among what is in hand: what waits, and what is worked on. */
const IN_HAND = 2 * 1_048_576;

/** So much has to come within the time that the rule gives, again and again. */
const PROGRESS_BYTES = 65_536;

/**
 * The bytes of a body, read no faster than they are asked for. A body that is too large by its `Content-Length`, or that
 * there is no room for, is refused at once; a client that waits to be told is told to send it when it is first read.
 *
 * Only the time counts that is spent waiting for the client, so that a body may take as long as it is large.
 *
 * @throws {SojournError} `invalid_content_type`, `payload_too_large`, what `hold` throws; while it is read also
 *   `request_timeout`, for one that stalls, crawls or is cut off
 */
export function rawBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { maxBytes, timeoutMs, hold }: Omit<BodyRule, "isOptional" | "isNullable">,
): AsyncIterable<Uint8Array> {
  assertNotEncoded(incoming);
  const declared = incoming.headers["content-length"];
  const length = declared === undefined ? maxBytes : Number(declared);
  if (length > maxBytes) throw tooLarge(maxBytes);
  hold(Math.min(length, IN_HAND));
  return bytes();

  async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
    askForBody(incoming, outgoing);
    let length = 0;
    try {
      for await (const chunk of pieces(incoming, timeoutMs)) {
        length += chunk.length;
        if (length > maxBytes) throw tooLarge(maxBytes);
        yield chunk;
      }
    } catch (thrown) {
      if (!(thrown instanceof Stalled)) throw thrown instanceof SojournError ? thrown : cutOff(thrown);
      outgoing.setHeader("connection", "close");
      throw tooSlow(timeoutMs);
    }
    if (!incoming.complete) throw cutOff();
  }
}

/** A stream's pieces, as long as they come in time. */
async function* pieces(incoming: IncomingMessage, timeoutMs: number): AsyncGenerator<Buffer, void, undefined> {
  // A stream that is given up is not destroyed: the answer still has to go out on its connection.
  const iterator: AsyncIterator<Buffer> = incoming.iterator({ destroyOnReturn: false });
  let patience = new Patience(timeoutMs);
  try {
    for (;;) {
      const { done, value } = await patience.during(iterator.next());
      if (done) return;
      if (patience.isRewarded(value.length)) patience = new Patience(timeoutMs);
      yield value;
    }
  } finally {
    // One that stalls would have us wait here, too.
    void iterator.return?.();
  }
}

class Stalled extends Error {}

/** How long a client may still take to bring some more. */
class Patience {
  #leftMs: number;
  #bytes = 0;

  constructor(leftMs: number) {
    this.#leftMs = leftMs;
  }

  /** Waits for what comes next, for as long as there is patience. */
  async during<T>(next: Promise<T>): Promise<T> {
    const started = performance.now();
    const stall = Promise.withResolvers<never>();
    const timer = setTimeout(() => stall.reject(new Stalled()), this.#leftMs);
    try {
      return await Promise.race([next, stall.promise]);
    } finally {
      clearTimeout(timer);
      this.#leftMs -= performance.now() - started;
    }
  }

  isRewarded(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#bytes >= PROGRESS_BYTES;
  }
}

function cutOff(cause?: unknown): SojournError {
  return new SojournError("request_timeout", { message: "The request's body was cut off", cause });
}
