const LINE_FEED = 0x0a;

/** Reads lines and stretches of bytes from a stream of bytes, in order. Keeps no more than a line. */
export class LineReader {
  readonly #source: AsyncIterator<Buffer>;
  readonly #refused: (what: string) => Error;
  #buffer: Buffer = Buffer.alloc(0);

  /** @param refused  the error to throw for what is wrong, such as `is cut off` */
  constructor(source: AsyncIterable<Buffer>, refused: (what: string) => Error) {
    this.#source = source[Symbol.asyncIterator]();
    this.#refused = refused;
  }

  /**
   * The next line, without its end.
   *
   * @param bytesMax  what it may take, with its end
   * @throws what `refused` makes where it takes more, does not end, or is no UTF-8
   */
  async line(bytesMax: number): Promise<string> {
    const parts: Buffer[] = [];
    let size = 0;
    for (;;) {
      const end = this.#buffer.indexOf(LINE_FEED);
      const part = this.#take(end === -1 ? this.#buffer.length : end + 1);
      size += part.length;
      if (size > bytesMax) throw this.#refused(`has a line that takes more than ${bytesMax} bytes`);
      parts.push(part);
      if (end !== -1) break;
      if (!(await this.#fill())) throw this.#refused("is cut off");
    }
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(parts, size - 1));
    } catch {
      throw this.#refused("has a line that is no UTF-8");
    }
  }

  /** So many bytes, as they come. @throws what `refused` makes where there are fewer */
  async *bytes(length: number): AsyncGenerator<Buffer> {
    for (let left = length; left > 0; ) {
      if (this.#buffer.length === 0 && !(await this.#fill())) throw this.#refused("is cut off");
      const part = this.#take(Math.min(left, this.#buffer.length));
      left -= part.length;
      yield part;
    }
  }

  /** All bytes that are left. */
  async *rest(): AsyncGenerator<Buffer> {
    do {
      const part = this.#take(this.#buffer.length);
      if (part.length > 0) yield part;
    } while (await this.#fill());
  }

  /** Whether nothing is left. */
  async isAtEnd(): Promise<boolean> {
    return this.#buffer.length === 0 && !(await this.#fill());
  }

  /** Lets go of the source. */
  async close(): Promise<void> {
    await this.#source.return?.();
  }

  #take(length: number): Buffer {
    const part = this.#buffer.subarray(0, length);
    this.#buffer = this.#buffer.subarray(length);
    return part;
  }

  /** Gets more, if there is more. */
  async #fill(): Promise<boolean> {
    for (;;) {
      const { done, value } = await this.#source.next();
      if (done) return false;
      this.#buffer = value;
      if (value.length > 0) return true;
    }
  }
}
