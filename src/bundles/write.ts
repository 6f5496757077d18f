import type { Entry } from "../engine/operation.ts";
import { sealed } from "../sealed/seal.ts";
import { compressed } from "../sealed/zstd.ts";
import { type ContentLine, END_LINE, encodeContent, encodeEntry } from "./lines.ts";
import { type BundleManifest, encodeManifest } from "./manifest.ts";

/** What a bundle is made of. */
export interface BundleParts {
  readonly manifest: BundleManifest;
  readonly entries: AsyncIterable<Entry> | Iterable<Entry>;
  /** In the order in which the artifacts that are there first refer to them. */
  readonly contents: AsyncIterable<BundledContent> | Iterable<BundledContent>;
  readonly signal?: AbortSignal;
}

/** A content with its bytes, which are none where they were freed. */
export interface BundledContent extends ContentLine {
  readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
}

/** The bytes of a bundle: the same parts make the same bytes. */
export function writeBundle({ manifest, entries, contents, signal }: BundleParts): AsyncGenerator<Buffer> {
  const body = async function* (): AsyncGenerator<Uint8Array> {
    for await (const entry of entries) yield encodeEntry(entry);
    for await (const { bytes, ...content } of contents) {
      yield encodeContent(content);
      yield* bytes;
    }
    yield Buffer.from(END_LINE);
  };
  return sealed(
    (async function* (): AsyncGenerator<Buffer> {
      yield encodeManifest(manifest);
      for await (const piece of compressed(evenly(body()))) {
        signal?.throwIfAborted();
        yield piece;
      }
    })(),
  );
}

/** What is compressed at a time. What comes out depends on it, and so must not depend on how the bytes came. */
const PIECE_BYTES = 65_536;

/** The same bytes in pieces of one size, but for the last. */
async function* evenly(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let piece = Buffer.allocUnsafe(PIECE_BYTES);
  let filled = 0;
  for await (const bytes of source) {
    for (let done = 0; done < bytes.length; ) {
      const part = bytes.subarray(done, done + PIECE_BYTES - filled);
      piece.set(part, filled);
      filled += part.length;
      done += part.length;
      if (filled < PIECE_BYTES) continue;
      yield piece;
      // Another one: nobody knows how long the last is read.
      piece = Buffer.allocUnsafe(PIECE_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield piece.subarray(0, filled);
}
