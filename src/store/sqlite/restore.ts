import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { SojournError } from "../../engine/errors.ts";
import { BackupFile, type ReadOptions } from "./backup-file.ts";
import type { BackupManifest } from "./backup-format.ts";
import { databaseFile } from "./connection.ts";
import { asDiskError } from "./disk-error.ts";
import { holdingsOf } from "./holdings.ts";
import { LOCK_FILES, lockDirectory } from "./lock.ts";
import { schemaVersion } from "./schema.ts";
import { syncDirectory } from "./sync-directory.ts";

/** How to restore a backup. */
export interface RestoreOptions extends ReadOptions {
  /** The backup. */
  readonly file: string;
  /** A data directory that is missing or empty. */
  readonly directory: string;
}

/** Where a database lies until it is known to be good. */
export const RESTORING = "sojourn.restoring";

/**
 * What a directory may hold that counts as empty: what a restore that was cut off leaves, and what a disk of its own has.
 */
const NOTHING: readonly string[] = [...LOCK_FILES, RESTORING, "lost+found"];

/**
 * Makes a data directory from a backup. The backup is checked whole before anything is touched. Then its database is
 * unpacked beside where it belongs, checked, synced, and given its name as the last act; no server can open the
 * directory meanwhile. What a crash leaves is no store, and the next attempt begins anew.
 *
 * Rejects with the signal's reason once that is aborted.
 *
 * @throws {SojournError} as `checkBackup`; `invalid` also for a directory that is not empty, and for a database that
 *   SQLite finds damaged or that holds something else than the manifest says; `store_in_use`, `storage_full`,
 *   `store_unavailable`
 */
export async function restore({ file, directory, ...options }: RestoreOptions): Promise<BackupManifest> {
  const path = resolve(directory);
  try {
    assertEmpty(path);
    await using backup = await BackupFile.open(file, options);
    const manifest = await backup.check();
    const isNew = !existsSync(path);
    mkdirSync(path, { recursive: true, mode: 0o700 });
    using _lock = lockDirectory(path);
    // Now that nobody else can come.
    assertEmpty(path);
    const staging = join(path, RESTORING);
    try {
      rmSync(staging, { recursive: true, force: true });
      mkdirSync(staging, { mode: 0o700 });
      await unpack(backup.database(manifest), databaseFile(staging));
      assertSound(databaseFile(staging), manifest);
      renameSync(databaseFile(staging), databaseFile(path));
    } catch (error) {
      rmSync(isNew ? path : staging, { recursive: true, force: true });
      throw error;
    }
    rmSync(staging, { recursive: true });
    for (const folder of [path, dirname(path)]) syncDirectory(folder);
    return manifest;
  } catch (error) {
    throw asDiskError(error, `Cannot restore into "${directory}"`);
  }
}

function assertEmpty(directory: string): void {
  if (!existsSync(directory)) return;
  const found = readdirSync(directory).find((name) => !NOTHING.includes(name));
  if (found === undefined) return;
  throw new SojournError("invalid", {
    message: `Cannot restore into "${directory}": it is not empty, it has "${found}"`,
  });
}

async function unpack(content: AsyncIterable<Buffer>, path: string): Promise<void> {
  await using database = await open(path, "wx", 0o600);
  for await (const chunk of content) await database.writeFile(chunk);
  await database.sync();
}

function assertSound(path: string, { schema_version, holds }: BackupManifest): void {
  // Immutable, so that nothing is written beside it.
  const url = pathToFileURL(path);
  url.searchParams.set("immutable", "1");
  using db = new DatabaseSync(url, { readOnly: true });
  const [first] = db.prepare("PRAGMA integrity_check(1)").all();
  if (first?.integrity_check !== "ok") throw unsound(`SQLite finds it damaged: ${first?.integrity_check}`);
  if (schemaVersion(db) !== schema_version) throw unsound(`it has schema version ${schemaVersion(db)}`);
  const found = holdingsOf(db);
  if (!isDeepStrictEqual(found, holds)) throw unsound(`it holds ${JSON.stringify(found)}`);
}

function unsound(fault: string): SojournError {
  return new SojournError("invalid", { message: `The backup's database is not what its manifest says: ${fault}` });
}
