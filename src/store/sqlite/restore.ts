import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { SojournError } from "../../engine/errors.ts";
import { BackupFile, type ReadOptions } from "./backup-file.ts";
import { type BackupManifest, contentsOf } from "./backup-format.ts";
import { databaseFile } from "./connection.ts";
import { asDiskError } from "./disk-error.ts";
import { BLOBS, blobPath, filesInUse } from "./held-files.ts";
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
 * Makes a data directory from a backup. The backup is checked whole before anything is touched. Then its database and the
 * files of contents are unpacked beside where they belong, checked against each other, and synced; the database is given its
 * name as the last act. No server can open the directory meanwhile. What a crash leaves is no store, and the next attempt
 * begins anew.
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
      for (const folder of [join(path, BLOBS), staging]) rmSync(folder, { recursive: true, force: true });
      mkdirSync(staging, { mode: 0o700 });
      await unpack(backup.database(manifest), databaseFile(staging));
      await unpackContents(backup, manifest, staging);
      assertSound(staging, manifest);
      if (existsSync(join(staging, BLOBS))) renameSync(join(staging, BLOBS), join(path, BLOBS));
      renameSync(databaseFile(staging), databaseFile(path));
    } catch (error) {
      for (const folder of isNew ? [path] : [join(path, BLOBS), staging])
        rmSync(folder, { recursive: true, force: true });
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
  const names = readdirSync(directory);
  // Files of contents are a cut-off restore's where its staging directory is there, too.
  const nothing = names.includes(RESTORING) || isEmpty(join(directory, BLOBS)) ? [...NOTHING, BLOBS] : NOTHING;
  const found = names.find((name) => !nothing.includes(name));
  if (found === undefined) return;
  throw new SojournError("invalid", {
    message: `Cannot restore into "${directory}": it is not empty, it has "${found}"`,
  });
}

function isEmpty(directory: string): boolean {
  return existsSync(directory) && readdirSync(directory).length === 0;
}

async function unpack(content: AsyncIterable<Buffer>, path: string): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  for await (const chunk of content) await file.writeFile(chunk);
  await file.sync();
}

async function unpackContents(backup: BackupFile, manifest: BackupManifest, staging: string): Promise<void> {
  const folders = new Set<string>();
  for await (const { name, content } of backup.contents(manifest)) {
    const path = blobPath(staging, name);
    for (let folder = dirname(path); folder !== staging; folder = dirname(folder)) folders.add(folder);
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    await unpack(content, path);
  }
  for (const folder of folders) syncDirectory(folder);
}

function assertSound(staging: string, manifest: BackupManifest): void {
  // Immutable, so that nothing is written beside it.
  const url = pathToFileURL(databaseFile(staging));
  url.searchParams.set("immutable", "1");
  using db = new DatabaseSync(url, { readOnly: true });
  const [first] = db.prepare("PRAGMA integrity_check(1)").all();
  if (first?.integrity_check !== "ok") throw unsound(`SQLite finds it damaged: ${first?.integrity_check}`);
  if (schemaVersion(db) !== manifest.schema_version) throw unsound(`it has schema version ${schemaVersion(db)}`);
  const found = holdingsOf(db);
  if (!isDeepStrictEqual(found, manifest.holds)) throw unsound(`it holds ${JSON.stringify(found)}`);
  assertContents(staging, filesInUse(db), manifest);
}

/** Refuses files other than those that the database has, and says of each. */
function assertContents(staging: string, inUse: ReturnType<typeof filesInUse>, manifest: BackupManifest): void {
  const found = { files: 0, missing: 0 };
  for (const { name, bytes } of inUse) {
    const size = statSync(blobPath(staging, name), { throwIfNoEntry: false })?.size;
    if (size !== undefined && size !== bytes) throw unsound(`"${name}" should take ${bytes} bytes, and takes ${size}`);
    found[size === undefined ? "missing" : "files"] += 1;
  }
  const { files, missing } = contentsOf(manifest);
  if (found.files === files && found.missing === missing) return;
  throw unsound(`${found.files} files of contents are those that it has, and ${found.missing} are missing`);
}

function unsound(fault: string): SojournError {
  return new SojournError("invalid", { message: `The backup's database is not what its manifest says: ${fault}` });
}
