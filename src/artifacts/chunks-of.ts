import { CHUNK_BYTES } from "../engine/artifact.ts";
import { SojournError } from "../engine/errors.ts";

/** What a source gets at first: most contents are small. */
const FIRST_BYTES = 65_536;

/**
 * Cuts what comes into chunks. Each is there until the one after the next is asked for: two take turns in memory.
 *
 * @throws {SojournError} `payload_too_large`
 */
export async function* chunksOf(source: AsyncIterable<Uint8Array>, sizeMax: number): AsyncGenerator<Uint8Array> {
  let [filling, other] = [Buffer.allocUnsafeSlow(FIRST_BYTES), Buffer.alloc(0)];
  let [filled, size] = [0, 0];
  for await (const piece of source) {
    size += piece.length;
    assertFits(size, sizeMax);
    for (let taken = 0; taken < piece.length; ) {
      if (filled === CHUNK_BYTES) {
        yield filling;
        [filling, other] = [other, filling];
        if (filling.length < CHUNK_BYTES) filling = Buffer.allocUnsafeSlow(CHUNK_BYTES);
        filled = 0;
      }
      const part = piece.subarray(taken, taken + CHUNK_BYTES - filled);
      filling = roomFor(filling, filled + part.length);
      filling.set(part, filled);
      filled += part.length;
      taken += part.length;
    }
  }
  if (filled > 0) yield filling.subarray(0, filled);
}

/** Refuses, with `payload_too_large`, what has more bytes than it may. */
export function assertFits(size: number, sizeMax: number): void {
  if (size <= sizeMax) return;
  throw new SojournError("payload_too_large", { message: `An artifact may have at most ${sizeMax} bytes` });
}

/** The buffer, or a larger one that begins with its bytes. */
function roomFor(buffer: Buffer<ArrayBuffer>, length: number): Buffer<ArrayBuffer> {
  if (buffer.length >= length) return buffer;
  const larger = Buffer.allocUnsafeSlow(Math.min(CHUNK_BYTES, Math.max(length, 4 * buffer.length)));
  larger.set(buffer);
  return larger;
}
