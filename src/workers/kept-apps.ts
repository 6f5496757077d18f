import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { SojournError } from "../engine/errors.ts";
import { type AppFiles, mainFile, readAppFiles } from "./app-files.ts";

/** A version of an app whose files are kept. */
export interface KeptApp {
  readonly version: string;
  /** Absolute. */
  readonly directory: string;
  /** Its main file, from the directory on. */
  readonly entry: string;
}

const VERSION = /^[0-9a-f]{64}$/;

/** What stands behind the name of what is not whole. */
const PART = ".part";

/**
 * Copies of apps' files, each in a folder that is called as their digest, with what is known of it in a file beside it.
 *
 * A copy is written under another name, made durable, and only then called so; so that one of that name is whole, also
 * after a crash. It is held against its digest all the same, once by each process, before it is used.
 */
export class KeptApps {
  readonly #directory: string;
  readonly #verified = new Map<string, KeptApp>();
  readonly #putting = new Map<string, Promise<KeptApp>>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * Opens the directory, which one process at a time may use; it is made where it is missing.
   *
   * @throws {SojournError} `store_unavailable`, `storage_full`
   */
  static async open(directory: string): Promise<KeptApps> {
    const path = resolve(directory);
    return await onDisk(`Cannot open the directory of apps "${path}"`, async () => {
      await mkdir(path, { recursive: true, mode: 0o700 });
      await syncDirectory(dirname(path));
      for (const name of await readdir(path)) if (name.endsWith(PART)) await removeTree(join(path, name));
      return new KeptApps(path);
    });
  }

  /** Keeps files; resolves once they are durable. */
  async put(read: AppFiles): Promise<KeptApp> {
    const { version } = read;
    const before = this.#putting.get(version);
    if (before !== undefined) return await before;
    const putting = this.#put(read).finally(() => this.#putting.delete(version));
    this.#putting.set(version, putting);
    return await putting;
  }

  async #put({ version, files }: AppFiles): Promise<KeptApp> {
    const kept = await this.find(version).catch(() => undefined);
    if (kept !== undefined) return kept;
    const directory = join(this.#directory, version);
    const part = `${directory}.${randomBytes(4).toString("hex")}${PART}`;
    return await onDisk(`Cannot keep version ${version} of an app`, async () => {
      // One that is damaged.
      await this.#discard(version);
      try {
        await writeTree(part, files);
        await rename(part, directory);
        await syncDirectory(this.#directory);
      } catch (error) {
        await removeTree(part).catch(() => undefined);
        throw error;
      }
      return this.#found(version, files);
    });
  }

  /**
   * A version that is kept, or `undefined`.
   *
   * @throws {SojournError} `app_broken` where its files are not what was kept
   */
  async find(version: string): Promise<KeptApp | undefined> {
    const verified = this.#verified.get(version);
    if (verified !== undefined) return verified;
    const directory = join(this.#directory, version);
    if (!VERSION.test(version) || (await stat(directory).catch(() => undefined)) === undefined) return undefined;
    const read = await readAppFiles(directory);
    if (read.version === version) return this.#found(version, read.files);
    throw new SojournError("app_broken", { message: `The files that were kept of version ${version} are damaged` });
  }

  /** The versions that are kept. */
  async versions(): Promise<readonly string[]> {
    return await onDisk("Cannot list the apps that are kept", async () =>
      (await readdir(this.#directory)).filter((name) => VERSION.test(name)),
    );
  }

  /** Removes a version, and what is known of it. */
  async remove(version: string): Promise<void> {
    this.#verified.delete(version);
    await onDisk(`Cannot remove version ${version} of an app`, async () => {
      await this.#discard(version);
      await rm(this.#factsPath(version), { force: true });
    });
  }

  /** What is known of a version, as `know` wrote it; `undefined` where that can't be read. */
  async facts(version: string): Promise<unknown> {
    try {
      return JSON.parse(await readFile(this.#factsPath(version), "utf8"));
    } catch {
      return undefined;
    }
  }

  /** Writes what is known of a version. It can be found out again, so that nobody waits for the disk. */
  async know(version: string, facts: object): Promise<void> {
    const path = this.#factsPath(version);
    const part = `${path}${PART}`;
    await onDisk(`Cannot keep what is known of version ${version} of an app`, async () => {
      await writeFile(part, `${JSON.stringify(facts)}\n`, { mode: 0o600 });
      await rename(part, path);
    });
  }

  #found(version: string, files: AppFiles["files"]): KeptApp {
    const entry = mainFile(files);
    if (entry === undefined) {
      throw new SojournError("app_broken", { message: "It has no main file: app.ts, app.mts, app.js or app.mjs" });
    }
    const kept = { version, directory: join(this.#directory, version), entry };
    this.#verified.set(version, kept);
    return kept;
  }

  /** Takes a copy away from its name at once, and then removes it, so that no half of one is ever called so. */
  async #discard(version: string): Promise<void> {
    const directory = join(this.#directory, version);
    const part = `${directory}.${randomBytes(4).toString("hex")}${PART}`;
    try {
      await rename(directory, part);
    } catch (error) {
      if (codeOf(error) === "ENOENT") return;
      throw error;
    }
    await removeTree(part);
  }

  #factsPath(version: string): string {
    return join(this.#directory, `${version}.json`);
  }
}

async function writeTree(root: string, files: AppFiles["files"]): Promise<void> {
  const folders = new Set([root]);
  for (const { path, bytes } of files) {
    const target = join(root, path);
    for (let folder = dirname(target); !folders.has(folder); folder = dirname(folder)) folders.add(folder);
    await mkdir(dirname(target), { recursive: true, mode: 0o700 });
    await using file = await open(target, "wx", 0o400);
    await file.writeFile(bytes);
    await file.sync();
  }
  for (const folder of folders) await syncDirectory(folder);
}

/** Makes the names in a directory durable, which no sync of a file does. */
async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, "r");
  await directory.sync();
}

async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

async function onDisk<T>(failed: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SojournError) throw cause;
    const code = codeOf(cause);
    if (code === "ENOSPC" || code === "EDQUOT") {
      throw new SojournError("storage_full", { message: `${failed}: the disk is full`, cause });
    }
    throw new SojournError("store_unavailable", { message: `${failed}: ${String(cause)}`, cause });
  }
}

function codeOf(error: unknown): string | undefined {
  // NOTE: Node puts the system's name of the error there.
  return error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
}
