/**
 * How messages travel between the server and a worker: eight bytes of lengths, JSON in UTF-8, and bytes that go with it.
 * Both lengths are 32 bits, little-endian.
 */

/** How large the parts of a frame may be. */
export const FRAME_LIMITS = { textBytes: 8_388_608, bodyBytes: 67_108_864 } as const;

const HEAD_BYTES = 8;

/** One message, ready to be written at once; in `space`, where it fits there. */
export function encodeFrame(text: string, body?: Uint8Array, space?: Buffer): Uint8Array {
  const bodyBytes = body?.byteLength ?? 0;
  // UTF-8 takes at most three bytes for a unit; long texts are measured, so that no more than they need is taken.
  const textRoom = text.length < 65_536 ? text.length * 3 : Buffer.byteLength(text);
  const room = HEAD_BYTES + textRoom + bodyBytes;
  const frame = space !== undefined && room <= space.byteLength ? space : Buffer.allocUnsafe(room);
  const textBytes = frame.write(text, HEAD_BYTES);
  frame.writeUInt32LE(textBytes, 0);
  frame.writeUInt32LE(bodyBytes, 4);
  if (body !== undefined) frame.set(body, HEAD_BYTES + textBytes);
  return frame.subarray(0, HEAD_BYTES + textBytes + bodyBytes);
}

/** Finds the frames in what arrives, in pieces of any size. */
export class FrameReader {
  readonly #onFrame: (text: string, body: Uint8Array | undefined) => void;
  #pieces: Buffer[] = [];
  #held = 0;
  /** How many bytes must be there before it is worth looking again. */
  #wanted = HEAD_BYTES;

  constructor(onFrame: (text: string, body: Uint8Array | undefined) => void) {
    this.#onFrame = onFrame;
  }

  /**
   * Takes what has arrived; the piece may be used again after that.
   *
   * @returns what is wrong with it, where it is no frame; nothing after it makes sense then
   */
  push(piece: Buffer): string | undefined {
    this.#held += piece.byteLength;
    if (this.#pieces.length > 0 || this.#held < this.#wanted) {
      this.#pieces.push(Buffer.from(piece));
      if (this.#held < this.#wanted) return undefined;
    }
    return this.#read(this.#pieces.length === 0 ? piece : Buffer.concat(this.#pieces));
  }

  #read(all: Buffer): string | undefined {
    let at = 0;
    this.#wanted = HEAD_BYTES;
    while (all.byteLength - at >= HEAD_BYTES) {
      const textBytes = all.readUInt32LE(at);
      const bodyBytes = all.readUInt32LE(at + 4);
      if (textBytes > FRAME_LIMITS.textBytes) return `a message of ${textBytes} bytes`;
      if (bodyBytes > FRAME_LIMITS.bodyBytes) return `a body of ${bodyBytes} bytes`;
      const end = at + HEAD_BYTES + textBytes + bodyBytes;
      if (end > all.byteLength) {
        this.#wanted = end - at;
        break;
      }
      const start = at + HEAD_BYTES;
      at = end;
      // A copy, since the piece it stands in may be one of a pool.
      const body = bodyBytes === 0 ? undefined : new Uint8Array(all.subarray(start + textBytes, end));
      this.#onFrame(all.toString("utf8", start, start + textBytes), body);
    }
    this.#pieces = at === all.byteLength ? [] : [Buffer.from(all.subarray(at))];
    this.#held = all.byteLength - at;
    return undefined;
  }
}
