import type { Chunk, NewContent } from "../engine/artifact.ts";
import type { BlobStore, BlobWriter } from "../engine/blob-store.ts";
import { packed } from "./chunk.ts";

/** Where the chunks of a content went. */
export type Kept = Pick<NewContent, "chunks" | "storedSize" | "place" | "body">;

/** A chunk to be kept. */
interface NewChunk {
  readonly bytes: Uint8Array;
  readonly digest: string;
  readonly isCompressed: boolean;
}

/** Keeps the chunks of one content: in memory while they take little, for the store itself, and then as a file. */
export class ChunkWriter implements AsyncDisposable {
  readonly #blobs: BlobStore;
  readonly #inMemoryMax: number;
  readonly #chunks: Chunk[] = [];
  #storedSize = 0;
  readonly #held: Uint8Array[] = [];
  #file: BlobWriter | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(blobs: BlobStore, inMemoryMax: number) {
    this.#blobs = blobs;
    this.#inMemoryMax = inMemoryMax;
  }

  /**
   * Adds the next chunk. Resolves once the one before is kept; the memory of this one is free when `add`, or `finish`,
   * resolves next. So that one is compressed while another is written, and a third one arrives.
   */
  async add({ bytes, digest, isCompressed }: NewChunk): Promise<void> {
    const packing = isCompressed ? packed(bytes) : Promise.resolve(bytes);
    const before = this.#last;
    this.#last = Promise.all([packing, before]).then(async ([stored]) => {
      this.#chunks.push({ digest, storedSize: stored.length });
      this.#storedSize += stored.length;
      await this.#keep(stored);
    });
    // Whoever adds, finishes or disposes next is told.
    this.#last.catch(() => undefined);
    await before;
  }

  /** Makes what is a file durable. */
  async finish(): Promise<Kept> {
    await this.#last;
    const kept = { chunks: this.#chunks, storedSize: this.#storedSize };
    if (this.#file === undefined) return { ...kept, place: { in: "store" }, body: Buffer.concat(this.#held) };
    return { ...kept, place: { in: "file", name: await this.#file.finish() } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#last.catch(() => undefined);
    await this.#file?.[Symbol.asyncDispose]();
  }

  async #keep(stored: Uint8Array): Promise<void> {
    if (this.#file === undefined && this.#storedSize <= this.#inMemoryMax) {
      // A copy: it may be the very memory of the chunk.
      this.#held.push(Uint8Array.from(stored));
      return;
    }
    this.#file ??= await this.#blobs.create();
    for (const one of this.#held.splice(0)) await this.#file.write(one);
    await this.#file.write(stored);
  }
}
