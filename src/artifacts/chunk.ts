import { Blake3Hasher } from "@napi-rs/blake-hash";
import { CHUNK_BYTES, type Chunk, type Content } from "../engine/artifact.ts";
import { SojournError } from "../engine/errors.ts";
import { compressed, decompressed } from "./zstd.ts";

// One hasher for all: making one costs more than hashing 16 KiB.
const hasher = new Blake3Hasher();

/** BLAKE3 of bytes, as 64 hex digits. */
export function digestOf(bytes: Uint8Array): string {
  hasher.reset();
  return hasher.update(asBuffer(bytes)).digest("hex");
}

/** The same bytes, as a buffer. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** What is kept of a chunk: the bytes themselves, or compressed where that takes less. */
export async function packed(bytes: Uint8Array): Promise<Uint8Array> {
  if (bytes.length > SAMPLED_ABOVE && !(await shrinks(sampleOf(bytes)))) return bytes;
  const smaller = await compressed(bytes);
  return smaller.length < bytes.length ? smaller : bytes;
}

/** Chunks with more bytes are compressed only where a sample of them gets smaller: to find out from all costs more. */
const SAMPLED_ABOVE = 32_768;

/** How many pieces of a chunk are its sample, and how many bytes each has. */
const SAMPLES = 4;
const SAMPLE_BYTES = 2_048;

/** Pieces of a chunk, evenly from all of it. */
function sampleOf(bytes: Uint8Array): Uint8Array {
  const every = Math.floor((bytes.length - SAMPLE_BYTES) / (SAMPLES - 1));
  return Buffer.concat(Array.from({ length: SAMPLES }, (_, i) => bytes.subarray(i * every, i * every + SAMPLE_BYTES)));
}

async function shrinks(bytes: Uint8Array): Promise<boolean> {
  return (await compressed(bytes)).length < bytes.length;
}

/**
 * The bytes of a chunk, held against their digest.
 *
 * @param stored  what is kept of it
 * @throws {SojournError} `content_damaged`
 */
export async function unpacked(content: Content, number: number, stored: Uint8Array): Promise<Uint8Array> {
  const chunk = chunkOf(content, number);
  const size = sizeOfChunk(content, number);
  if (stored.length !== chunk.storedSize) {
    throw damaged(content, `chunk ${number} has ${stored.length} bytes in place of ${chunk.storedSize}`);
  }
  const bytes = chunk.storedSize < size ? await expanded(content, number, stored) : stored;
  if (bytes.length !== size || digestOf(bytes) !== chunk.digest) {
    throw damaged(content, `chunk ${number} is not what was stored`);
  }
  return bytes;
}

/** How many bytes a chunk has. */
function sizeOfChunk({ size }: Pick<Content, "size">, number: number): number {
  return Math.min(CHUNK_BYTES, size - number * CHUNK_BYTES);
}

/** A chunk by its number, from 0. */
export function chunkOf(content: Content, number: number): Chunk {
  return content.chunks[number] ?? fail(content, `there is no chunk ${number}`);
}

/** The error for bytes that are not what was stored. */
export function damaged({ digest }: Pick<Content, "digest">, what: string, cause?: unknown): SojournError {
  return new SojournError("content_damaged", { message: `Content ${digest} is damaged: ${what}`, cause });
}

async function expanded(content: Content, number: number, stored: Uint8Array): Promise<Uint8Array> {
  try {
    return await decompressed(stored, sizeOfChunk(content, number));
  } catch (cause) {
    throw damaged(content, `chunk ${number} can't be expanded`, cause);
  }
}

function fail(content: Content, what: string): never {
  throw damaged(content, what);
}
