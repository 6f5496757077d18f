import { Blake3Hasher } from "@napi-rs/blake-hash";
import type { Digest } from "../engine/digest.ts";
import type { Entry } from "../engine/operation.ts";
import type { RowChange } from "../engine/store.ts";
import { LineReader } from "../sealed/line-reader.ts";
import { Unsealed } from "../sealed/seal.ts";
import { decompressed } from "../sealed/zstd.ts";
import { damaged, damageOf } from "./damaged.ts";
import { ForeignLog, type WantedContent } from "./foreign-log.ts";
import { decodeContent, decodeEntry, END_LINE, LINE_BYTES_MAX } from "./lines.ts";
import { type BundleManifest, decodeManifest, MANIFEST_BYTES_MAX, notABundle } from "./manifest.ts";

/** What is to be done with what is in a bundle. None of it is known to be whole before the reading has ended well. */
export interface BundleVisitor {
  manifest?(manifest: BundleManifest): void | Promise<void>;
  /** @param bytes  what its line takes */
  entry?(entry: Entry, rows: readonly RowChange[], bytes: number): void;
  /** After the last entry. */
  log?(log: ForeignLog): void;
  /** What it leaves unread is read over. The bytes throw at their end if they are others. */
  content?(content: WantedContent, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  /** A content without bytes, since they were freed before the session was forked. */
  freed?(content: WantedContent): void;
}

/** What a bundle is held against. */
export interface ReadOptions {
  readonly digest: Digest;
  /** A `head_hash` of the session, of any time, that was kept elsewhere. */
  readonly head?: string;
  readonly signal?: AbortSignal;
}

/**
 * Reads a bundle to its end, and holds everything in it against everything else. Keeps of it what a line takes, and what is
 * said of artifacts.
 *
 * @throws {SojournError} `invalid` for one that is damaged (see `damageOf`); `store_newer`; what the source and the visitor
 *   throw
 */
export async function readBundle(
  source: AsyncIterable<Uint8Array>,
  visitor: BundleVisitor,
  { digest, head, signal }: ReadOptions,
): Promise<BundleManifest> {
  const file = new Unsealed(abortable(source, signal));
  const outer = new LineReader(file, fileDamaged);
  let inner: LineReader | undefined;
  try {
    const manifest = decodeManifest(await firstLine(outer));
    await visitor.manifest?.(manifest);
    const unpacked = decompressed(outer.rest(), (why) =>
      fileDamaged(`does not unpack: it was changed, or is cut off (${why})`),
    );
    inner = new LineReader(unpacked, fileDamaged);
    const log = await readLog(inner, visitor, { manifest, digest, head });
    visitor.log?.(log);
    await readContents(inner, visitor, log, manifest);
    if ((await inner.line(END_LINE.length)) !== END_LINE.trimEnd() || !(await inner.isAtEnd())) {
      throw damaged("file", "does not end where it should");
    }
    if (!file.isWhole) throw damaged("file", "was changed: its last line is not the digest of the bytes before it");
    return manifest;
  } finally {
    await inner?.close();
    await outer.close();
  }
}

function fileDamaged(what: string): Error {
  return damaged("file", what);
}

async function* abortable(source: AsyncIterable<Uint8Array>, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    signal?.throwIfAborted();
    yield bytes;
  }
}

async function firstLine(reader: LineReader): Promise<string> {
  try {
    return await reader.line(MANIFEST_BYTES_MAX);
  } catch (error) {
    // Whatever ails it: a file of another kind need not have lines.
    throw damageOf(error) === undefined ? error : notABundle();
  }
}

async function readLog(
  reader: LineReader,
  visitor: BundleVisitor,
  {
    manifest,
    digest,
    head,
  }: { readonly manifest: BundleManifest; readonly digest: Digest; readonly head?: string | undefined },
): Promise<ForeignLog> {
  const log = new ForeignLog(manifest.root, digest);
  let isKnown = head === undefined;
  while (log.head.seq < manifest.operations) {
    const line = await reader.line(LINE_BYTES_MAX);
    const entry = decodeEntry(line, log.head.seq + 1);
    const rows = log.push(entry);
    isKnown ||= log.head.hash === head;
    visitor.entry?.(entry, rows, Buffer.byteLength(line) + 1);
  }
  const { record } = log;
  const told = [manifest.head_hash, manifest.uid, manifest.session_id, manifest.artifacts] as const;
  const found = [log.head.hash, log.uid, record.sessionId, record.artifacts.count] as const;
  const members = ["head_hash", "uid", "session_id", "artifacts"] as const;
  for (const [i, member] of members.entries()) {
    if (told[i] === found[i]) continue;
    throw damaged("manifest", `holds another log than its manifest says: ${member} is ${found[i]}`, log.head.seq);
  }
  if (!isKnown) throw damaged("known_head", `has no operation with the hash ${head} in its log`);
  return log;
}

async function readContents(
  reader: LineReader,
  visitor: BundleVisitor,
  log: ForeignLog,
  manifest: BundleManifest,
): Promise<void> {
  const found = { contents: 0, bytes: 0 };
  for (const wanted of log.contents) {
    const line = decodeContent(await reader.line(MANIFEST_BYTES_MAX));
    if (line.digest !== wanted.digest || line.size !== wanted.size) {
      throw damaged("content", `lacks the content ${wanted.digest}, which an artifact refers to`);
    }
    if (line.freed) {
      if (!wanted.isInherited)
        throw damaged("content", `lacks the bytes of ${wanted.digest}, which an artifact refers to`);
      visitor.freed?.(wanted);
      continue;
    }
    found.contents += 1;
    found.bytes += wanted.size;
    const bytes = checked(reader.bytes(wanted.size), wanted.digest);
    // Without a `return`, so that leaving it does not end it.
    await visitor.content?.(wanted, { [Symbol.asyncIterator]: () => ({ next: () => bytes.next() }) });
    for await (const _ of bytes) {
      // What nobody wanted is held against its digest as well.
    }
  }
  for (const member of ["contents", "bytes"] as const) {
    if (manifest[member] === found[member]) continue;
    throw damaged("manifest", `holds another log than its manifest says: ${member} is ${found[member]}`);
  }
}

async function* checked(source: AsyncIterable<Buffer>, digest: string): AsyncGenerator<Buffer> {
  const hasher = new Blake3Hasher();
  for await (const bytes of source) {
    hasher.update(bytes);
    yield bytes;
  }
  if (hasher.digest("hex") !== digest)
    throw damaged("content", `has other bytes of the content ${digest} than were stored`);
}
