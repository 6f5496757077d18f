import { randomBytes } from "node:crypto";
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { type FileHandle, open, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { openReader } from "./connection.ts";
import { eachRow } from "./each-row.ts";
import { integer } from "./rows.ts";

/** Where a data directory has the files of contents. */
export const BLOBS = "blobs";

/** The path of a content's file, in the folder of its first digits. */
export function blobPath(directory: string, name: string): string {
  return join(directory, BLOBS, name.slice(0, 2), name);
}

/** Every file that holds a content, with the bytes it should have; none for a store that is from before there were any. */
export function* filesInUse(db: DatabaseSync): Generator<{ readonly name: string; readonly bytes: number }> {
  if (!hasContents(db)) return;
  const files = db.prepare("SELECT file, stored_size FROM contents WHERE file IS NOT NULL ORDER BY file");
  for (const { file, stored_size } of eachRow(files)) yield { name: String(file), bytes: integer(stored_size) };
}

/** Whether there is a table of contents, which stores had not from the beginning. */
export function hasContents(db: DatabaseSync): boolean {
  return db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'contents'").get() !== undefined;
}

/** What the directories are called in which files are held, each by the process that has it. */
const HELD = /^sojourn\.held-(\d+)-[0-9a-f]{8}$/;

/**
 * The files of a store's contents, as they are at one moment: whoever removes one of them afterwards, it is still here, as
 * a second name of the same file. Nothing is copied, unless the names would be on different disks.
 *
 * It is made in two steps. `prepare` holds most of them, and takes as long as it takes; `hold` adds what is missing, while
 * nobody can commit, so that no file goes between the moment and its being held.
 */
export class HeldFiles implements Disposable {
  readonly #directory: string;
  readonly #held: string;
  #names: Set<string> | undefined = new Set();

  constructor(directory: string) {
    this.#directory = directory;
    this.#held = join(directory, `sojourn.held-${process.pid}-${randomBytes(4).toString("hex")}`);
  }

  /** Holds what is in use, or was a moment ago. */
  prepare(): void {
    removeAbandoned(this.#directory);
    using db = openReader(this.#directory);
    this.hold(db);
  }

  /** Holds all that the database says is in use. */
  hold(db: DatabaseSync): void {
    if (!hasContents(db)) return;
    const names = db.prepare("SELECT file FROM contents WHERE file IS NOT NULL");
    // By the index alone and as arrays, since nobody can commit meanwhile (measured: 40 ms for 100,000; 280 as objects with all
    // that is known of each).
    names.setReturnArrays(true);
    // NOTE: the type of `all` knows objects alone.
    for (const [file] of names.all() as unknown as readonly (readonly unknown[])[]) this.#hold(String(file));
  }

  /**
   * Lets go of all that is not in use by this database, and says what is.
   *
   * @returns how many files are held that are whole, what they take, and how many are not there or not whole
   */
  settle(db: DatabaseSync, each: (name: string, bytes: number) => void): number {
    let missing = 0;
    const unused = this.#names ?? new Set();
    // Names are only needed to know what is held already.
    this.#names = undefined;
    for (const { name, bytes } of filesInUse(db)) {
      unused.delete(name);
      const found = statSync(this.#path(name), { throwIfNoEntry: false })?.size;
      if (found === bytes) each(name, bytes);
      else {
        missing += 1;
        rmSync(this.#path(name), { force: true });
      }
    }
    for (const name of unused) rmSync(this.#path(name), { force: true });
    return missing;
  }

  /** Every file that is held, in any order. */
  async *[Symbol.asyncIterator](): AsyncGenerator<{ readonly name: string; readonly file: FileHandle }> {
    if (statSync(this.#held, { throwIfNoEntry: false }) === undefined) return;
    for await (const { name } of await opendir(this.#held)) {
      await using file = await open(join(this.#held, name), "r");
      yield { name, file };
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.#held, { recursive: true, force: true });
  }

  #hold(name: string): void {
    if (this.#names?.has(name)) return;
    const from = blobPath(this.#directory, name);
    mkdirSync(this.#held, { recursive: true, mode: 0o700 });
    try {
      linkSync(from, this.#path(name));
    } catch (error) {
      // NOTE: Node puts the system's name for the error there.
      const { code } = error as NodeJS.ErrnoException;
      // One that is not there may have been removed since, and is looked for again; or it is lost.
      if (code === "ENOENT") return;
      if (code === undefined || !UNLINKABLE.includes(code)) throw error;
      copyFileSync(from, this.#path(name));
    }
    this.#names?.add(name);
  }

  #path(name: string): string {
    return join(this.#held, name);
  }
}

/** How a file system says that it can't give a file a second name, or not there. */
const UNLINKABLE: readonly string[] = ["EXDEV", "EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK"];

/** Removes what processes left that are no more. */
export function removeAbandoned(directory: string): void {
  removeHeld(directory, (pid) => !isAlive(pid));
}

/** Removes what a process left that has ended. */
export function removeHeldBy(directory: string, ended: number): void {
  removeHeld(directory, (pid) => pid === ended);
}

function removeHeld(directory: string, isOver: (pid: number) => boolean): void {
  if (!existsSync(directory)) return;
  for (const name of readdirSync(directory)) {
    const pid = HELD.exec(name)?.[1];
    if (pid !== undefined && isOver(Number(pid))) rmSync(join(directory, name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  // In a container, whoever comes after may have the same one.
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
