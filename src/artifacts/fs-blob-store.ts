import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, opendir, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BlobEntry, BlobReader, BlobStore, BlobWriter } from "../engine/blob-store.ts";
import { SojournError } from "../engine/errors.ts";

/** How to keep files below a directory. */
export interface FsBlobOptions {
  /** Made if it is missing, for its owner alone. */
  readonly directory: string;
  /** Whether a finished file survives power loss: `full`, or `none`, for development. */
  readonly durability: "full" | "none";
}

/** Where the files of artifacts lie in a data directory. */
export function blobDirectory(data: string): string {
  return join(data, "blobs");
}

/** The names of files: random, so that none ever means another file. */
const NAME = /^[0-9a-f]{32}$/;

/** What the name of a file ends with that is not finished. */
const UNFINISHED = ".part";

/** Keeps files in a directory. */
export function openFsBlobStore(options: FsBlobOptions): BlobStore {
  return new FsBlobStore(options);
}

class FsBlobStore implements BlobStore {
  readonly #directory: string;
  readonly #isDurable: boolean;
  #directoryMade: Promise<void> | undefined;
  /** The sync of the directory that is under way, and the one after it, for names that came too late for that. */
  #syncing: Promise<void> | undefined;
  #nextSync: Promise<void> | undefined;

  constructor({ directory, durability }: FsBlobOptions) {
    this.#directory = directory;
    this.#isDurable = durability === "full";
  }

  async create(): Promise<BlobWriter> {
    const name = randomBytes(16).toString("hex");
    return await onDisk("write", async () => {
      await this.#makeDirectory();
      const path = this.#pathOf(name) + UNFINISHED;
      const file = await open(path, "wx", 0o600);
      return new FsBlobWriter(file, path, async () => {
        if (this.#isDurable) await file.datasync();
        await file.close();
        await rename(path, this.#pathOf(name));
        if (this.#isDurable) await this.#syncNames();
        return name;
      });
    });
  }

  async open(name: string): Promise<BlobReader | undefined> {
    if (!NAME.test(name)) return undefined;
    return await onDisk("read", async () => {
      const file = await unlessMissing(open(this.#pathOf(name), constants.O_RDONLY | constants.O_NOFOLLOW));
      return file && new FsBlobReader(file);
    });
  }

  async delete(names: readonly string[]): Promise<void> {
    await onDisk("remove", async () => {
      for (const name of names) {
        const [base = "", suffix = ""] = name.split(/(?=\.)/);
        if (NAME.test(base) && (suffix === "" || suffix === UNFINISHED)) await rm(this.#pathOf(name), { force: true });
      }
    });
  }

  async *list(): AsyncGenerator<BlobEntry> {
    const entries = await onDisk("list", () => unlessMissing(opendir(this.#directory)));
    for await (const { name } of entries ?? []) {
      const found = await onDisk("list", () => unlessMissing(stat(this.#pathOf(name))));
      if (found !== undefined) yield { name, writtenAtUs: Math.floor(found.mtimeMs * 1_000) };
    }
  }

  #makeDirectory(): Promise<void> {
    this.#directoryMade ??= this.#make().catch((error: unknown) => {
      // Tried again by the next file.
      this.#directoryMade = undefined;
      throw error;
    });
    return this.#directoryMade;
  }

  async #make(): Promise<void> {
    const made = await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    if (made !== undefined && this.#isDurable) await syncDirectory(dirname(this.#directory));
  }

  /** Makes the names of files durable that were given until now; files that are finished together share a sync. */
  #syncNames(): Promise<void> {
    if (this.#syncing === undefined) return this.#startSync();
    this.#nextSync ??= this.#syncing.then(
      () => this.#startSync(),
      () => this.#startSync(),
    );
    return this.#nextSync;
  }

  #startSync(): Promise<void> {
    this.#nextSync = undefined;
    this.#syncing = syncDirectory(this.#directory).finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  #pathOf(name: string): string {
    return join(this.#directory, name);
  }
}

class FsBlobWriter implements BlobWriter {
  readonly #file: FileHandle;
  readonly #path: string;
  readonly #finish: () => Promise<string>;
  #isFinished = false;

  constructor(file: FileHandle, path: string, finish: () => Promise<string>) {
    this.#file = file;
    this.#path = path;
    this.#finish = finish;
  }

  async write(bytes: Uint8Array): Promise<void> {
    await onDisk("write", async () => {
      for (let at = 0; at < bytes.length; ) at += (await this.#file.write(bytes, at)).bytesWritten;
    });
  }

  async finish(): Promise<string> {
    return await onDisk("write", async () => {
      const name = await this.#finish();
      this.#isFinished = true;
      return name;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isFinished) return;
    this.#isFinished = true;
    // Closed already where that is what failed.
    await this.#file.close().catch(() => undefined);
    await rm(this.#path, { force: true });
  }
}

class FsBlobReader implements BlobReader {
  readonly #file: FileHandle;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    return await onDisk("read", async () => {
      const bytes = Buffer.allocUnsafe(length);
      let read = 0;
      while (read < length) {
        const { bytesRead } = await this.#file.read(bytes, read, length - read, offset + read);
        if (bytesRead === 0) break;
        read += bytesRead;
      }
      return bytes.subarray(0, read);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Makes the names in a directory durable, which no sync of a file does. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return undefined;
    throw error;
  }
}

async function onDisk<T>(verb: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = codeOf(error);
    if (error instanceof SojournError || code === undefined) throw error;
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new SojournError("storage_full", {
        message: "The disk of the artifacts is full: free some space; reads still work",
        cause: error,
      });
    }
    const text = error instanceof Error ? error.message : String(error);
    throw new SojournError("store_unavailable", {
      message: `Cannot ${verb} a file of an artifact: ${text}`,
      cause: error,
    });
  }
}

function codeOf(error: unknown): string | undefined {
  // NOTE: Node puts the system's name for the error there.
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
