import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { open, readdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { BlobEntry, BlobReader, BlobStore, BlobWriter } from "../../engine/blob-store.ts";
import { asDiskError, isMissing } from "./disk-error.ts";
import { FsBlobReader } from "./fs-blob-reader.ts";
import { FsBlobWriter, PART } from "./fs-blob-writer.ts";

/** How to keep blobs in a directory. */
export interface FsBlobOptions {
  /** Made if it is missing, for its owner alone; one process at a time may write to it. */
  readonly directory: string;
  /** `none` waits for no disk: what was written last may be lost with the machine's power. Default `full`. */
  readonly durability?: "full" | "none";
}

/** Where the files of artifacts lie in a data directory. */
export function blobDirectory(data: string): string {
  return join(data, "blobs");
}

/** How many files are looked at, or removed, at a time. */
const AT_ONCE = 32;

/** What a file is called; unfinished ones have `PART` behind it. Nothing else can leave the directory's folders. */
const NAME = /^[0-9a-f]{32}(\.part)?$/;

/** Folders of files, by the first two digits of their names. */
const FOLDERS = Array.from({ length: 256 }, (_, i) => i.toString(16).padStart(2, "0"));

/**
 * Keeps blobs as files of a directory, in 256 folders, so that none gets large. Files that are not called as its own are
 * it never touches.
 *
 * @throws {SojournError} `store_unavailable` for a directory that can't be used
 */
export function openFsBlobStore({ directory, durability = "full" }: FsBlobOptions): BlobStore {
  const path = resolve(directory);
  const isDurable = durability === "full";
  try {
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    // All at once, so that no put has to make one and wait until its name is durable (measured: 5 ms for a new store).
    for (const folder of FOLDERS) mkdirSync(join(path, folder), { recursive: true, mode: 0o700 });
    if (isDurable) syncUpTo(path, first);
  } catch (error) {
    throw asDiskError(error, `Cannot open the directory of files "${path}"`);
  }
  return new FsBlobStore(path, isDurable);
}

class FsBlobStore implements BlobStore {
  readonly #path: string;
  readonly #isDurable: boolean;
  /** Files that are being written: nobody has left them. */
  readonly #inHand = new Set<string>();

  constructor(path: string, isDurable: boolean) {
    this.#path = path;
    this.#isDurable = isDurable;
  }

  async create(): Promise<BlobWriter> {
    const name = randomBytes(16).toString("hex");
    const path = this.#pathOf(name);
    this.#inHand.add(name);
    const over = (): unknown => this.#inHand.delete(name);
    try {
      const file = await open(path + PART, "wx", 0o600);
      return new FsBlobWriter({ name, path, file, isDurable: this.#isDurable, over });
    } catch (error) {
      over();
      throw asDiskError(error, "Cannot begin a file");
    }
  }

  async open(name: string): Promise<BlobReader | undefined> {
    if (!NAME.test(name) || name.endsWith(PART)) return undefined;
    try {
      return new FsBlobReader(name, await open(this.#pathOf(name), "r"));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw asDiskError(error, `Cannot open file ${name}`);
    }
  }

  async delete(names: readonly string[]): Promise<void> {
    const own = names.filter((name) => NAME.test(name));
    try {
      await inGroups(own, (name) => rm(this.#pathOf(name), { force: true }));
    } catch (error) {
      throw asDiskError(error, "Cannot remove files");
    }
  }

  async *list(): AsyncGenerator<BlobEntry> {
    try {
      for (const folder of FOLDERS) {
        const names = (await readdir(join(this.#path, folder))).filter((one) => NAME.test(one));
        const entries = await inGroups(names, (name) => this.#entry(name));
        yield* entries.filter((entry) => entry !== undefined);
      }
    } catch (error) {
      throw asDiskError(error, "Cannot list files");
    }
  }

  async #entry(name: string): Promise<BlobEntry | undefined> {
    if (this.#inHand.has(name.replace(PART, ""))) return undefined;
    try {
      const { mtimeMs } = await stat(this.#pathOf(name));
      return { name, writtenAtUs: Math.floor(mtimeMs * 1_000) };
    } catch (error) {
      // Removed since the folder was read.
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  #pathOf(name: string): string {
    return join(this.#path, name.slice(0, 2), name);
  }
}

/** Makes the names in a directory durable, and those of the directories that were made for it, `first` first. */
function syncUpTo(path: string, first: string | undefined): void {
  for (let directory = path; ; directory = dirname(directory)) {
    const fd = openSync(directory, "r");
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    if (first === undefined || directory === dirname(first)) return;
  }
}

async function inGroups<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> {
  const done: U[] = [];
  for (let i = 0; i < items.length; i += AT_ONCE)
    done.push(...(await Promise.all(items.slice(i, i + AT_ONCE).map(work))));
  return done;
}
