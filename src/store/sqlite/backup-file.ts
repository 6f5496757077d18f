import { type FileHandle, open } from "node:fs/promises";
import { Readable } from "node:stream";
import { createZstdDecompress } from "node:zlib";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { SojournError } from "../../engine/errors.ts";
import {
  type BackupManifest,
  decodeManifest,
  encodeTrailer,
  MANIFEST_BYTES_MAX,
  notABackup,
  type OnProgress,
  storedBytes,
  TRAILER_BYTES,
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
  for await (const _ of backup.database(manifest)) {
    // What is unpacked is held against its digest on the way.
  }
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
      if (line[0] !== "{".charCodeAt(0) || size < line.length + TRAILER_BYTES) throw notABackup();
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
    const hasher = new Blake3Hasher();
    for await (const chunk of this.#read(0, this.#end)) hasher.update(chunk);
    const { buffer: trailer } = await this.#handle.read(Buffer.alloc(TRAILER_BYTES), { position: this.#end });
    const isWhole = trailer.equals(encodeTrailer(hasher));
    const manifest = decodeManifest(this.#line.toString());
    const size = this.#line.length + storedBytes(manifest) + TRAILER_BYTES;
    if (this.#size < size) throw this.#invalid(`is cut off: it has ${this.#size} of ${size} bytes`);
    if (this.#size > size) throw this.#invalid(`has ${this.#size - size} bytes after its end`);
    if (!isWhole) throw this.#invalid("was changed: its last line is not the digest of the bytes before it");
    return manifest;
  }

  /**
   * The database as it was, which is known only after the last byte.
   *
   * @throws {SojournError} `invalid` if it is not what the manifest says
   */
  async *database({ files: [file] }: BackupManifest): AsyncGenerator<Buffer> {
    const { name, bytes, digest } = file;
    const hasher = new Blake3Hasher();
    let done = 0;
    try {
      const stored = Readable.from(this.#read(this.#line.length, this.#end));
      for await (const chunk of stored.compose(createZstdDecompress())) {
        hasher.update(chunk);
        done += chunk.length;
        // No more is unpacked than was promised, whoever wrote the promise.
        if (done > bytes) break;
        yield chunk;
      }
    } catch (error) {
      throw isZstdError(error) ? this.#invalid(`does not unpack: ${error.message}`) : error;
    }
    if (done !== bytes || hasher.digest("hex") !== digest) {
      throw this.#invalid(`holds another "${name}" than its manifest says`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }

  /** Where the last line begins. */
  get #end(): number {
    return this.#size - TRAILER_BYTES;
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
      onProgress?.({ done: this.#done, total: 2 * this.#end - this.#line.length });
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

/** Whether zstd found what it can't unpack, or too little of it. */
function isZstdError(error: unknown): error is NodeJS.ErrnoException {
  // NOTE: node:zlib puts zstd's and zlib's names for the error there.
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && /^(ZSTD_|Z_)/.test(code);
}
