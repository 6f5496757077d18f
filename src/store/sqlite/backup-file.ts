import { type FileHandle, open } from "node:fs/promises";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { SojournError } from "../../engine/errors.ts";
import { LineReader } from "../../sealed/line-reader.ts";
import { SEAL_BYTES, Unsealed } from "../../sealed/seal.ts";
import { decompressed } from "../../sealed/zstd.ts";
import {
  type BackupManifest,
  contentsOf,
  DIGEST_LINE_BYTES,
  decodeFrame,
  decodeManifest,
  FRAME_BYTES_MAX,
  type Frame,
  MANIFEST_BYTES_MAX,
  notABackup,
  type OnProgress,
  storedBytes,
} from "./backup-format.ts";
import { asDiskError } from "./disk-error.ts";

/** How to read a backup. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
  /** How much of the file is read, which it is twice: to check it, and then to unpack it. */
  readonly onProgress?: OnProgress;
}

/**
 * Checks that a file is a whole backup, as it was written, and that what is in it unpacks to what its manifest says.
 *
 * Rejects with the signal's reason once that is aborted.
 *
 * @throws {SojournError} `invalid`: it is no backup, is cut off, or is not what was written; `store_newer`: a newer
 *   release made it; `store_unavailable`: it can't be read
 */
export async function checkBackup(path: string, options: ReadOptions = {}): Promise<BackupManifest> {
  await using backup = await BackupFile.open(path, options);
  const manifest = await backup.check();
  // What is unpacked is held against its digest on the way.
  for await (const _ of backup.database(manifest));
  for await (const { content } of backup.contents(manifest)) for await (const _ of content);
  return manifest;
}

/** What is read at a time. */
const CHUNK_BYTES = 1_048_576;

/** An open backup, to be checked and then unpacked. It stays the same file, whatever becomes of its name. */
export class BackupFile implements AsyncDisposable {
  readonly #handle: FileHandle;
  readonly #path: string;
  readonly #size: number;
  /** The first line, with its end. */
  readonly #line: Buffer;
  readonly #options: ReadOptions;
  #done = 0;

  /** @throws {SojournError} `invalid` for a file of another kind; `store_unavailable` */
  static async open(path: string, options: ReadOptions): Promise<BackupFile> {
    let handle: FileHandle | undefined;
    try {
      handle = await open(path, "r");
      const { size } = await handle.stat();
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(MANIFEST_BYTES_MAX), { position: 0 });
      const line = buffer.subarray(0, buffer.subarray(0, bytesRead).indexOf("\n") + 1);
      if (line[0] !== "{".charCodeAt(0) || size < line.length + SEAL_BYTES) throw notABackup();
      return new BackupFile(handle, { path, size, line, options });
    } catch (error) {
      await handle?.close();
      throw asDiskError(error, `Cannot read the backup "${path}"`);
    }
  }

  private constructor(handle: FileHandle, { path, size, line, options }: Opened) {
    this.#handle = handle;
    this.#path = path;
    this.#size = size;
    this.#line = line;
    this.#options = options;
  }

  /**
   * Holds every byte against the last line, and only then believes the first.
   *
   * @throws {SojournError} as `checkBackup`
   */
  async check(): Promise<BackupManifest> {
    const file = new Unsealed(this.#read(0, this.#size));
    for await (const _ of file);
    const manifest = decodeManifest(this.#line.toString());
    const size = this.#line.length + storedBytes(manifest) + SEAL_BYTES;
    if (this.#size < size) throw this.#invalid(`is cut off: it has ${this.#size} of ${size} bytes`);
    if (this.#size > size) throw this.#invalid(`has ${this.#size - size} bytes after its end`);
    if (!file.isWhole) throw this.#invalid("was changed: its last line is not the digest of the bytes before it");
    return manifest;
  }

  /**
   * The database as it was, which is known only after the last byte.
   *
   * @throws {SojournError} `invalid` if it is not what the manifest says
   */
  async *database({ files: [file] }: BackupManifest): AsyncGenerator<Buffer> {
    const { name, bytes, digest, stored_bytes } = file;
    const hasher = new Blake3Hasher();
    let done = 0;
    const stored = this.#read(this.#line.length, this.#line.length + stored_bytes);
    for await (const chunk of decompressed(stored, (why) => this.#invalid(`does not unpack: ${why}`))) {
      hasher.update(chunk);
      done += chunk.length;
      // No more is unpacked than was promised, whoever wrote the promise.
      if (done > bytes) break;
      yield chunk;
    }
    if (done !== bytes || hasher.digest("hex") !== digest) {
      throw this.#invalid(`holds another "${name}" than its manifest says`);
    }
  }

  /**
   * The files of contents, each to be read to its end before the next: only then it is known to be as it was.
   *
   * @throws {SojournError} `invalid` if they are not what is said of them
   */
  async *contents(
    manifest: BackupManifest,
  ): AsyncGenerator<{ readonly name: string; readonly content: AsyncIterable<Buffer> }> {
    const [{ stored_bytes }] = manifest.files;
    const stored = this.#read(this.#line.length + stored_bytes, this.#end);
    const reader = new LineReader(stored, (what) => this.#invalid(what));
    for (let left = contentsOf(manifest).files; left > 0; left--) {
      const frame = decodeFrame(await reader.line(FRAME_BYTES_MAX));
      if (frame === undefined) throw this.#invalid("has something else where the file of a content should be");
      yield { name: frame.name, content: this.#content(reader, frame) };
    }
    if (!(await reader.isAtEnd())) throw this.#invalid("has more files of contents than its manifest says");
  }

  async *#content(reader: LineReader, { name, bytes }: Frame): AsyncGenerator<Buffer> {
    const hasher = new Blake3Hasher();
    for await (const chunk of reader.bytes(bytes)) {
      hasher.update(chunk);
      yield chunk;
    }
    if ((await reader.line(DIGEST_LINE_BYTES)) !== hasher.digest("hex")) {
      throw this.#invalid(`holds another "${name}" than it says`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  /** Where the last line begins. */
  get #end(): number {
    return this.#size - SEAL_BYTES;
  }

  async *#read(from: number, to: number): AsyncGenerator<Buffer> {
    const { signal, onProgress } = this.#options;
    for (let position = from; position < to; ) {
      signal?.throwIfAborted();
      const length = Math.min(CHUNK_BYTES, to - position);
      const { buffer, bytesRead } = await this.#handle.read(Buffer.allocUnsafe(length), { position });
      if (bytesRead === 0) throw this.#invalid("was cut off while it was read");
      position += bytesRead;
      this.#done += bytesRead;
      onProgress?.({ done: this.#done, total: this.#size + this.#end - this.#line.length });
      yield buffer.subarray(0, bytesRead);
    }
  }

  #invalid(fault: string): SojournError {
    return new SojournError("invalid", { message: `The backup "${this.#path}" ${fault}` });
  }
}

interface Opened {
  readonly path: string;
  readonly size: number;
  readonly line: Buffer;
  readonly options: ReadOptions;
}
