import type { Duplex } from "node:stream";
import { encodeFrame, FRAME_LIMITS, FrameReader } from "./frame.ts";

/** Most messages fit in here, so that no memory is taken for them. */
const SPACE_BYTES = 16_384;

interface WireListeners {
  /** What arrives is given to `push`. */
  readonly isPushed?: true;
  /** A message; whoever listens tells what is wrong with it, if anything. */
  readonly onMessage: (message: unknown, body: Uint8Array | undefined) => string | undefined;
  /** What came was no message; nothing more will be read. */
  readonly onGarbage: (what: string) => void;
  /** The other side is gone. */
  readonly onEnd: () => void;
}

/**
 * One end of the pipe between the server and a worker. It is no channel of Node's own, since the messages of that can't be
 * bounded, and it is read only as fast as this side wants: what is not read makes the other side wait.
 */
export class Wire {
  readonly #stream: Duplex;
  readonly #listeners: WireListeners;
  readonly #reader: FrameReader;
  #space: Buffer | undefined;
  #holds = 0;
  #fault: string | undefined;
  #isOver = false;

  constructor(stream: Duplex, listeners: WireListeners) {
    this.#stream = stream;
    this.#listeners = listeners;
    this.#reader = new FrameReader((text, body) => this.#read(text, body));
    if (listeners.isPushed !== true) stream.on("data", (piece: Buffer) => this.push(piece));
    // A pipe that breaks ends as one that is closed.
    stream.on("error", () => this.#end());
    stream.on("end", () => this.#end());
    stream.on("close", () => this.#end());
  }

  /** Whether the other side reads slower than this one writes. */
  get isFull(): boolean {
    return this.#stream.writableNeedDrain;
  }

  /** Sends a message, and bytes that go with it; nothing where the other side is gone. */
  send(message: object, body?: Uint8Array): void {
    this.sendText(JSON.stringify(message), body);
  }

  /** `send`, for a message that is JSON already. */
  sendText(text: string, body?: Uint8Array): void {
    if (this.#isOver) return;
    const stream = this.#stream;
    if (stream.writableLength > 0) {
      stream.write(encodeFrame(text, body));
      return;
    }
    this.#space ??= Buffer.allocUnsafeSlow(SPACE_BYTES);
    stream.write(encodeFrame(text, body, this.#space));
    // What the pipe did not take at once is still to be read from there.
    if (stream.writableLength > 0) this.#space = undefined;
  }

  /** Takes what has arrived, where whoever made the stream reads it; otherwise the stream's data is read. */
  push(piece: Buffer): void {
    if (this.#fault !== undefined) return;
    const fault = this.#reader.push(piece) ?? this.#fault;
    if (fault === undefined) return;
    this.#fault = fault;
    this.#stream.destroy();
    this.#listeners.onGarbage(fault);
  }

  /** Reads nothing more until what is returned is called; several may hold at once. */
  hold(): () => void {
    if (this.#holds++ === 0) this.#stream.pause();
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      if (--this.#holds === 0) this.#stream.resume();
    };
  }

  /** Lets go of the pipe. */
  close(): void {
    this.#stream.destroy();
  }

  #read(text: string, body: Uint8Array | undefined): void {
    if (this.#fault !== undefined) return;
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      this.#fault = "text that is no JSON";
      return;
    }
    this.#fault = this.#listeners.onMessage(message, body);
  }

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listeners.onEnd();
  }
}

/** Whether a text is too large for a message. */
export function isTooLarge(text: string): boolean {
  return text.length > FRAME_LIMITS.textBytes || Buffer.byteLength(text) > FRAME_LIMITS.textBytes;
}
