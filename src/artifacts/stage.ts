import { setImmediate } from "node:timers/promises";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { CHUNK_BYTES } from "../engine/artifact.ts";
import { invalid } from "../engine/errors.ts";
import { asBuffer, digestOf } from "./chunk.ts";
import type { ChunkWriter, Kept } from "./chunk-writer.ts";

/** Bytes whose digest is known, on their way to where they are kept. */
export interface Stage extends AsyncDisposable {
  readonly digest: string;
  readonly size: number;
  /** Makes them durable. */
  finish(): Promise<Kept>;
}

/** How chunks are kept. */
export interface Ways {
  readonly compressAbove: number;
  /** Begins to keep the chunks of one content. */
  readonly open: () => ChunkWriter;
}

/** How many chunks are hashed before other calls have their turn: about 2 ms. */
const CHUNKS_AT_ONCE = 8;

/** Bytes at hand; nothing but their digest is made of them before they are wanted. */
export class BytesStage implements Stage {
  readonly size: number;
  readonly #digests: Digests;
  readonly #ways: Ways;
  #bytes: Uint8Array;
  #writer: ChunkWriter | undefined;

  private constructor(bytes: Uint8Array, digests: Digests, ways: Ways) {
    this.size = bytes.length;
    this.#bytes = bytes;
    this.#digests = digests;
    this.#ways = ways;
  }

  static async of(bytes: Uint8Array, ways: Ways): Promise<BytesStage> {
    return new BytesStage(bytes, await digestsOf(bytes), ways);
  }

  get digest(): string {
    return this.#digests.whole;
  }

  /**
   * Lets go of the bytes, as well.
   *
   * @throws {SojournError} `invalid` where they have changed since
   */
  async finish(): Promise<Kept> {
    const all = this.#bytes;
    this.#bytes = new Uint8Array();
    this.#writer = this.#ways.open();
    const isCompressed = this.size > this.#ways.compressAbove;
    for (const [i, digest] of this.#digests.chunks.entries()) {
      const bytes = all.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
      if (digestOf(bytes) !== digest) throw changed();
      await this.#writer.add({ bytes, digest, isCompressed });
    }
    return await this.#writer.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer?.[Symbol.asyncDispose]();
  }
}

/** Bytes that are kept while they come. */
export class StreamStage implements Stage {
  readonly #writer: ChunkWriter;
  readonly #compressAbove: number;
  readonly #whole = new Blake3Hasher();
  #size = 0;
  #digest: string | undefined;

  constructor({ open, compressAbove }: Ways) {
    this.#writer = open();
    this.#compressAbove = compressAbove;
  }

  /** Adds the next chunk; the memory of the one before is free then. */
  async add(bytes: Uint8Array): Promise<void> {
    this.#whole.update(asBuffer(bytes));
    this.#size += bytes.length;
    await this.#writer.add({ bytes, digest: digestOf(bytes), isCompressed: this.#size > this.#compressAbove });
  }

  get digest(): string {
    this.#digest ??= this.#whole.digest("hex");
    return this.#digest;
  }

  get size(): number {
    return this.#size;
  }

  async finish(): Promise<Kept> {
    return await this.#writer.finish();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer[Symbol.asyncDispose]();
  }
}

interface Digests {
  readonly whole: string;
  readonly chunks: readonly string[];
}

async function digestsOf(bytes: Uint8Array): Promise<Digests> {
  // One chunk is the whole.
  if (bytes.length <= CHUNK_BYTES) {
    const whole = digestOf(bytes);
    return { whole, chunks: bytes.length === 0 ? [] : [whole] };
  }
  const whole = new Blake3Hasher();
  const chunks: string[] = [];
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    if (chunks.length % CHUNKS_AT_ONCE === CHUNKS_AT_ONCE - 1) await setImmediate();
    const chunk = bytes.subarray(at, at + CHUNK_BYTES);
    whole.update(asBuffer(chunk));
    chunks.push(digestOf(chunk));
  }
  return { whole: whole.digest("hex"), chunks };
}

function changed(): Error {
  const message = "was changed while it was stored; give it to nobody else until the call is over";
  return invalid([{ field: "content", message, type: "changed" }]);
}
