import { Blake3Hasher } from "@napi-rs/blake-hash";
import { CHUNK_BYTES, type Chunk, type Content, type NewContent } from "../engine/artifact.ts";
import type { BlobReader, BlobStore, BlobWriter } from "../engine/blob-store.ts";
import { invalid, SojournError } from "../engine/errors.ts";
import type { Store } from "../engine/store.ts";
import { compressed, decompressed } from "./zstd.ts";

/** How contents are kept. */
export interface ContentSettings {
  /** Of one content, before compression. */
  readonly sizeMax: number;
  /** Contents with more bytes than this are compressed, where that makes them smaller. */
  readonly compressAbove: number;
  /** Contents that take no more than this go into the store itself; at most `CHUNK_BYTES`. */
  readonly inStoreMax: number;
}

/** Bytes at hand, or as they come. */
export type Source = Uint8Array | AsyncIterable<Uint8Array>;

/** A content that no commit has brought yet. Disposing of it removes what was written, unless a commit brought it. */
export interface Staged extends AsyncDisposable {
  readonly digest: string;
  readonly size: number;
  /** Whether the store has had it already. A commit may refer to it then, and brings it only if it has gone meanwhile. */
  readonly isKnown: boolean;
  /** What a commit brings; of bytes at hand that the store has, nothing is written before this is asked for. */
  bring(): Promise<NewContent>;
}

/** Some of the bytes of a content, from `offset` on. */
export interface Slice {
  readonly offset: number;
  readonly length: number;
}

/** Writes and reads the bytes of artifacts, in chunks, so that memory stays flat however large they are. */
export class Contents {
  readonly #store: Store;
  readonly #blobs: BlobStore;
  readonly #settings: ContentSettings;

  constructor({ store, blobs }: { readonly store: Store; readonly blobs: BlobStore }, settings: ContentSettings) {
    this.#store = store;
    this.#blobs = blobs;
    this.#settings = settings;
  }

  /**
   * Takes in bytes for a commit to come, hashes them, and writes them where they are to stay.
   *
   * @throws {SojournError} `payload_too_large`; what the source throws
   */
  async stage(tenant: string, source: Source): Promise<Staged> {
    return source instanceof Uint8Array
      ? await this.#stageBytes(tenant, source)
      : await this.#stageStream(tenant, source);
  }

  /**
   * Opens bytes of a content. Each chunk is held against its digest before any of it is given out.
   *
   * @throws {SojournError} `content_damaged`, also while they are read
   */
  async open(
    tenant: string,
    content: Content,
    slice: Slice = { offset: 0, length: content.size },
  ): Promise<OpenContent> {
    const reader =
      content.place.in === "file" ? await this.#blobs.open(content.place.name) : await this.#body(tenant, content);
    if (reader === undefined) throw damaged(content, "its bytes are not there");
    return new OpenContent(reader, content, slice);
  }

  async #stageBytes(tenant: string, bytes: Uint8Array): Promise<Staged> {
    this.#assertSize(bytes.length);
    const digest = hashed(bytes);
    const isKnown = (await this.#store.content(tenant, digest)) !== undefined;
    const pack = async (): Promise<Packed> => {
      const packed = await this.#pack(piecesOf(bytes), bytes.length);
      if (packed.digest === digest) return packed;
      const message = "was changed while it was stored; give it to nobody else until the call is over";
      throw invalid([{ field: "content", message, type: "changed" }]);
    };
    let packed: Promise<Packed> | undefined;
    const once = (): Promise<Packed> => {
      packed ??= pack();
      return packed;
    };
    if (!isKnown) await once();
    return this.#staged(tenant, { digest, isKnown, size: bytes.length }, once, () => packed);
  }

  async #stageStream(tenant: string, source: AsyncIterable<Uint8Array>): Promise<Staged> {
    const packed = await this.#pack(inChunks(this.#bounded(source)), undefined);
    const { digest, size } = packed;
    const isKnown = (await this.#store.content(tenant, digest)) !== undefined;
    const pack = (): Promise<Packed> => Promise.resolve(packed);
    return this.#staged(tenant, { digest, isKnown, size }, pack, pack);
  }

  #staged(
    tenant: string,
    of: Pick<Staged, "digest" | "isKnown" | "size">,
    pack: () => Promise<Packed>,
    packed: () => Promise<Packed> | undefined,
  ): Staged {
    return {
      ...of,
      bring: async () => ({ tenant, ...(await pack()) }),
      [Symbol.asyncDispose]: async () => {
        const written = await packed()?.catch(() => undefined);
        if (written?.place.in !== "file") return;
        const { name } = written.place;
        const used = await this.#store.inUse([name]);
        if (used.length === 0) await this.#blobs.delete([name]);
      },
    };
  }

  /** Compresses chunks and writes them, the next one while the one before is written. */
  async #pack(
    pieces: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    knownSize: number | undefined,
  ): Promise<Packed> {
    const { compressAbove, inStoreMax } = this.#settings;
    const whole = knownSize === undefined || knownSize > CHUNK_BYTES ? new Blake3Hasher() : undefined;
    const chunks: Chunk[] = [];
    let [size, storedSize] = [0, 0];
    await using output = new Output(this.#blobs, inStoreMax);
    for await (const bytes of pieces) {
      size += bytes.length;
      whole?.update(asBuffer(bytes));
      const digest = hashed(bytes);
      const smaller = (knownSize ?? size) > compressAbove ? await compressed(bytes) : bytes;
      const stored = smaller.length < bytes.length ? smaller : bytes;
      chunks.push({ digest, storedSize: stored.length });
      storedSize += stored.length;
      await output.write(stored);
    }
    // One chunk is the whole.
    const digest = whole?.digest("hex") ?? chunks[0]?.digest ?? hashed(new Uint8Array());
    return { digest, size, storedSize, chunks, ...(await output.finish()) };
  }

  async *#bounded(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let size = 0;
    for await (const bytes of source) {
      size += bytes.length;
      this.#assertSize(size);
      yield bytes;
    }
  }

  async #body(tenant: string, { digest }: Content): Promise<BlobReader | undefined> {
    const body = await this.#store.body(tenant, digest);
    if (body === undefined) return undefined;
    return {
      read: async (offset, length) => body.subarray(offset, offset + length),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  #assertSize(size: number): void {
    const { sizeMax } = this.#settings;
    if (size <= sizeMax) return;
    throw new SojournError("payload_too_large", { message: `An artifact may have at most ${sizeMax} bytes` });
  }
}

/** Bytes of a content that are being read, once, in order. */
export class OpenContent implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #reader: BlobReader;
  readonly #content: Content;
  readonly #slice: Slice;

  constructor(reader: BlobReader, content: Content, slice: Slice) {
    this.#reader = reader;
    this.#content = content;
    this.#slice = slice;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    const { offset, length } = this.#slice;
    if (length === 0) return;
    const first = Math.floor(offset / CHUNK_BYTES);
    const last = Math.floor((offset + length - 1) / CHUNK_BYTES);
    let next: Promise<Uint8Array> | undefined;
    for (let i = first; i <= last; i++) {
      const bytes = await (next ?? this.#chunk(i));
      // Read while whoever asked is at work on this one.
      next = i < last ? ahead(this.#chunk(i + 1)) : undefined;
      const start = i * CHUNK_BYTES;
      yield bytes.subarray(Math.max(0, offset - start), Math.min(bytes.length, offset + length - start));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader[Symbol.asyncDispose]();
  }

  async #chunk(i: number): Promise<Uint8Array> {
    const { chunks, size } = this.#content;
    const chunk = chunks[i];
    if (chunk === undefined) throw damaged(this.#content, `it has no chunk ${i}`);
    let at = 0;
    for (let before = 0; before < i; before++) at += chunks[before]?.storedSize ?? 0;
    const stored = await this.#reader.read(at, chunk.storedSize);
    const length = Math.min(CHUNK_BYTES, size - i * CHUNK_BYTES);
    const bytes = stored.length < length ? await this.#decompressed(stored, length) : stored;
    if (bytes.length === length && hashed(bytes) === chunk.digest) return bytes;
    throw damaged(this.#content, "its bytes are not what was stored");
  }

  async #decompressed(stored: Uint8Array, length: number): Promise<Uint8Array> {
    try {
      return await decompressed(stored, length);
    } catch (cause) {
      throw damaged(this.#content, "its bytes are not what was stored", cause);
    }
  }
}

type Packed = Omit<NewContent, "tenant">;

/** Where stored chunks go: they are held while they are few, and put into a file from then on. */
class Output implements AsyncDisposable {
  readonly #blobs: BlobStore;
  readonly #inStoreMax: number;
  readonly #held: Uint8Array[] = [];
  #heldSize = 0;
  #file: BlobWriter | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(blobs: BlobStore, inStoreMax: number) {
    this.#blobs = blobs;
    this.#inStoreMax = inStoreMax;
  }

  /** Resolves when the bytes before these are written. */
  async write(bytes: Uint8Array): Promise<void> {
    await this.#writing;
    if (this.#file === undefined) {
      this.#held.push(bytes);
      this.#heldSize += bytes.length;
      if (this.#heldSize <= this.#inStoreMax) return;
      this.#file = await this.#blobs.create();
      this.#writing = ahead(this.#writeAll(this.#file, this.#held.splice(0)));
    } else {
      this.#writing = ahead(this.#file.write(bytes));
    }
  }

  async finish(): Promise<Pick<Packed, "place" | "body">> {
    await this.#writing;
    if (this.#file !== undefined) return { place: { in: "file", name: await this.#file.finish() } };
    const [only = new Uint8Array(), ...more] = this.#held;
    return { place: { in: "store" }, body: more.length === 0 ? only : Buffer.concat(this.#held) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file?.[Symbol.asyncDispose]();
  }

  async #writeAll(file: BlobWriter, held: readonly Uint8Array[]): Promise<void> {
    for (const bytes of held) await file.write(bytes);
  }
}

/** Bytes at hand as chunks. */
function* piecesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

/** Bytes as they come, as chunks. */
async function* inChunks(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array[] = [];
  let size = 0;
  for await (let bytes of source) {
    while (size + bytes.length >= CHUNK_BYTES) {
      const rest = CHUNK_BYTES - size;
      yield joined([...held, bytes.subarray(0, rest)]);
      bytes = bytes.subarray(rest);
      held = [];
      size = 0;
    }
    if (bytes.length === 0) continue;
    // Whoever gave them may use them again.
    held.push(bytes.slice());
    size += bytes.length;
  }
  if (size > 0) yield joined(held);
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const [only] = pieces;
  return pieces.length === 1 && only !== undefined ? only : Buffer.concat(pieces);
}

// One hasher for all chunks: making one costs more than hashing 16 KiB.
const hasher = new Blake3Hasher();

/** BLAKE3 as 64 lower-case hex digits; large ones by the chunk, which is quicker than at once. */
function hashed(bytes: Uint8Array): string {
  hasher.reset();
  for (let at = 0; at === 0 || at < bytes.length; at += CHUNK_BYTES) {
    hasher.update(asBuffer(bytes.subarray(at, at + CHUNK_BYTES)));
  }
  return hasher.digest("hex");
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

/** Lets what is under way fail without anybody who looks yet. */
function ahead<T>(call: Promise<T>): Promise<T> {
  call.catch(() => undefined);
  return call;
}

function damaged({ digest }: Content, what: string, cause?: unknown): SojournError {
  return new SojournError("content_damaged", { message: `The content ${digest} is damaged: ${what}`, cause });
}
