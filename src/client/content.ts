import { invalid } from "../engine/errors.ts";

/**
 * Bytes to send: at hand, which can be sent again, or as they come, which can't. A text is sent as UTF-8; a Node stream and
 * the body of a `Response` will do as well.
 */
export type Content =
  | string
  | ArrayBuffer
  | ArrayBufferView
  | Blob
  | ReadableStream<Uint8Array>
  | AsyncIterable<Uint8Array>;

/** Bytes that a `Blob` takes as well; compilers before TypeScript 5.9 tell no other bytes apart. */
export type Bytes = ReturnType<TextEncoder["encode"]>;

/** How much of something was sent or read, in bytes; `total` where it is known. */
export interface Progress {
  readonly done: number;
  readonly total: number | undefined;
}

/** Told of each piece, and of the end. What it throws fails the call. */
export type OnProgress = (progress: Progress) => void;

/** Content as a transport takes it. */
export interface Source {
  /** All of it, where it is at hand. */
  readonly whole: Uint8Array | Blob | undefined;
  /** In bytes, where it is at hand. */
  readonly size: number | undefined;
  /** What it is, where it says so. */
  readonly type: string | undefined;
  /** The bytes from the first on. What is not at hand is opened once; it is given up by `return`. */
  open(): AsyncGenerator<Uint8Array, void, undefined>;
}

/** How much goes at a time. */
const PIECE_BYTES = 262_144;

/** @throws {SojournError} `invalid` for what is no content */
export function sourceOf(content: Content): Source {
  if (typeof content === "string") {
    if (!content.isWellFormed()) throw noContent("must be well-formed Unicode");
    return bytesSource(new TextEncoder().encode(content));
  }
  if (content instanceof ArrayBuffer) return bytesSource(new Uint8Array(content));
  if (ArrayBuffer.isView(content)) {
    const { buffer, byteOffset, byteLength } = content;
    return bytesSource(new Uint8Array(buffer, byteOffset, byteLength));
  }
  if (content instanceof Blob) {
    const { size, type } = content;
    return { whole: content, size, type: type === "" ? undefined : type, open: () => slicesOf(content) };
  }
  // Whoever writes JavaScript may give anything.
  if (typeof content !== "object" || content === null) throw noContent(NO_BYTES);
  if ("getReader" in content) return { ...ONCE, open: () => gathered(readerOf(content)) };
  if (Symbol.asyncIterator in content) return { ...ONCE, open: () => gathered(content) };
  throw noContent(NO_BYTES);
}

const ONCE = { whole: undefined, size: undefined, type: undefined };

const NO_BYTES = "must be text, bytes, a Blob, or a stream of bytes";

function bytesSource(bytes: Uint8Array): Source {
  return { whole: bytes, size: bytes.length, type: undefined, open };

  async function* open(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) yield bytes.subarray(at, at + PIECE_BYTES);
  }
}

// Not by its stream, which may come as one piece.
async function* slicesOf(blob: Blob): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < blob.size; at += PIECE_BYTES) {
    yield new Uint8Array(await blob.slice(at, at + PIECE_BYTES).arrayBuffer());
  }
}

// Not by its iterator, which not every browser has.
async function* readerOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

// What comes in many small pieces, such as lines, would take long to send one by one. Copies of those also let whoever makes
// them use their memory again.
async function* gathered(pieces: AsyncIterable<unknown>): AsyncGenerator<Uint8Array, void, undefined> {
  let held = new Uint8Array(PIECE_BYTES);
  let count = 0;
  for await (const piece of pieces) {
    if (!(piece instanceof Uint8Array)) throw noContent("must be a stream of bytes: each piece a Uint8Array");
    if (count + piece.length > PIECE_BYTES && count > 0) {
      yield held.subarray(0, count);
      held = new Uint8Array(PIECE_BYTES);
      count = 0;
    }
    if (piece.length > PIECE_BYTES) yield piece;
    else {
      held.set(piece, count);
      count += piece.length;
    }
  }
  if (count > 0) yield held.subarray(0, count);
}

function noContent(message: string): Error {
  return invalid([{ field: "content", message, type: "invalid_type" }]);
}
