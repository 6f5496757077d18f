import { CHUNK_BYTES, type Content } from "../engine/artifact.ts";
import type { BlobReader } from "../engine/blob-store.ts";
import { SojournError } from "../engine/errors.ts";
import { chunkOf, unpacked } from "./chunk.ts";

/** Some of the bytes of a content, from `offset` on. */
export interface Slice {
  readonly offset: number;
  readonly length: number;
}

/**
 * Bytes of a content, to be read once, in order. Only the chunks that they touch are read, one at a time and the next one
 * ahead. Whoever does not read them to the end disposes of them.
 */
export class OpenContent implements AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly #reader: BlobReader | undefined;
  readonly #bytes: AsyncGenerator<Uint8Array, void, void>;
  #isTaken = false;

  /** @param reader  of the stored bytes; absent where the content has none */
  constructor(reader: BlobReader | undefined, content: Content, slice: Slice) {
    this.#reader = reader;
    this.#bytes = verified(content, reader, slice);
  }

  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    if (this.#isTaken) {
      throw new SojournError("internal", { message: "The bytes of a content are read once; open it again" });
    }
    this.#isTaken = true;
    return this.#bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#bytes.return();
    // Where nobody began to read.
    await this.#reader?.[Symbol.asyncDispose]();
  }
}

async function* verified(
  content: Content,
  reader: BlobReader | undefined,
  { offset, length }: Slice,
): AsyncGenerator<Uint8Array, void, void> {
  if (reader === undefined) return;
  await using _open = reader;
  if (length === 0) return;
  const end = offset + length;
  const past = Math.ceil(end / CHUNK_BYTES);
  let number = Math.floor(offset / CHUNK_BYTES);
  let at = 0;
  for (let before = 0; before < number; before++) at += chunkOf(content, before).storedSize;
  const readNext = (): Promise<Uint8Array> => {
    const from = at;
    const { storedSize } = chunkOf(content, number);
    at += storedSize;
    const reading = reader.read(from, storedSize);
    // Told when it is its turn, unless nobody waits for it any more.
    reading.catch(() => undefined);
    return reading;
  };
  // The disk reads on while a chunk is expanded, checked and used.
  let ahead = number < past ? readNext() : undefined;
  while (ahead !== undefined) {
    const stored = await ahead;
    const current = number++;
    ahead = number < past ? readNext() : undefined;
    const bytes = await unpacked(content, current, stored);
    const start = current * CHUNK_BYTES;
    yield bytes.subarray(Math.max(0, offset - start), end - start);
  }
}
