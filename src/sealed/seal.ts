import { Blake3Hasher } from "@napi-rs/blake-hash";

/** What the last line takes: the BLAKE3 of every byte before it as hexadecimal digits, and the line's end. */
export const SEAL_BYTES = 65;

/** The last line for what was hashed. */
function encodeSeal(hasher: Blake3Hasher): Buffer {
  return Buffer.from(`${hasher.digest("hex")}\n`);
}

/** The bytes, and behind them the last line, which finds any damage to them. */
export async function* sealed(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const hasher = new Blake3Hasher();
  for await (const bytes of source) {
    hasher.update(bytes);
    yield bytes;
  }
  yield encodeSeal(hasher);
}

/** The bytes of a sealed file, as they come, without its last line. Read once. */
export class Unsealed implements AsyncIterable<Buffer> {
  readonly #source: AsyncIterable<Uint8Array>;
  readonly #hasher = new Blake3Hasher();
  #tail: Buffer = Buffer.alloc(0);
  #size = 0;

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source;
  }

  /** Whether the last line is the digest of every byte before it; known once all were read. */
  get isWhole(): boolean {
    return this.#tail.equals(encodeSeal(this.#hasher));
  }

  /** How many bytes there were, the last line included. */
  get size(): number {
    return this.#size;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer> {
    for await (const bytes of this.#source) {
      this.#size += bytes.length;
      // What may be the last line is held back.
      const known = Buffer.concat([this.#tail, bytes]);
      const end = Math.max(0, known.length - SEAL_BYTES);
      this.#tail = known.subarray(end);
      if (end === 0) continue;
      const given = known.subarray(0, end);
      this.#hasher.update(given);
      yield given;
    }
  }
}
