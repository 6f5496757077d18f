/**
 * The process that takes one backup: it packs the frozen database into a file without a name, holds the files of contents
 * as they are at that moment, lets the database go, and then writes the backup to its standard output, however slowly that
 * is read. Nothing of it outlives it but the names of the files that it holds, which whoever ends it removes.
 *
 * A process and not a thread for two reasons. POSIX drops all locks that a process has on a file when it closes any
 * descriptor of that file, so that reading the database beside the store would end the store's own. And a process can
 * stand back for its neighbours.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { pipeline } from "node:stream/promises";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { SojournError } from "../../engine/errors.ts";
import { SEAL_BYTES, sealed } from "../../sealed/seal.ts";
import { compressed } from "../../sealed/zstd.ts";
import type { Report, Task } from "./backup.ts";
import {
  type BackupManifest,
  encodeFrame,
  encodeManifest,
  FORMAT_VERSION,
  frameBytes,
  storedBytes,
} from "./backup-format.ts";
import { DATABASE_NAME, databaseFile, openReader } from "./connection.ts";
import { asDiskError } from "./disk-error.ts";
import { FrozenDatabase } from "./frozen-database.ts";
import { HeldFiles } from "./held-files.ts";
import { holdingsOf } from "./holdings.ts";
import { SCHEMA_VERSION, schemaVersion } from "./schema.ts";

/** What is read at a time. */
const CHUNK_BYTES = 1_048_576;

/** What the packed content is called until its name is removed, which is at once; a crash may leave it, empty. */
const SPOOL = "sojourn.backup-spool";

// Whoever asked for the backup has failed, has all of it, or is gone.
process.once("disconnect", () => process.exit());

// NOTE: the only one to start this process is `backup.ts`, with this argument.
const task = JSON.parse(process.argv[2] ?? "") as Task;

try {
  await using spool = await openSpool(task.directory);
  using held = new HeldFiles(task.directory);
  // Whoever asked for the backup is gone, and can't remove them.
  process.once("exit", () => held[Symbol.dispose]());
  const manifest = await pack(spool, held, task);
  const line = encodeManifest(manifest);
  report({ report: "packed", manifest, bytes: line.length + storedBytes(manifest) + SEAL_BYTES });
  await pipeline(sealed(wholeOf(line, spool, held)), process.stdout);
} catch (error) {
  const known = asDiskError(error, `Cannot back up "${task.directory}"`);
  const told =
    known instanceof SojournError ? known : new SojournError("internal", { message: `${known}`, cause: known });
  report({ report: "failed", error: told.toWire() });
  process.disconnect?.();
}

async function openSpool(directory: string): Promise<FileHandle> {
  const path = join(directory, SPOOL);
  await rm(path, { force: true });
  const spool = await open(path, "wx+", 0o600);
  await rm(path, { force: true });
  return spool;
}

/** Compresses the database into the spool, and says what it is. */
async function pack(spool: FileHandle, held: HeldFiles, { directory, release }: Task): Promise<BackupManifest> {
  const version = knownVersion(directory);
  held.prepare();
  // Opened before it is frozen, and so closed after: that takes this process's locks.
  await using database = await open(databaseFile(directory), "r");
  using frozen = await FrozenDatabase.freeze(directory, (db) => held.hold(db));
  const created_at = new Date().toISOString();
  const holds = holdingsOf(frozen.db);
  const contents = settle(held, frozen.db);
  const { size: bytes } = await database.stat();
  const hasher = new Blake3Hasher();
  await pipeline(
    database.createReadStream({ start: 0, end: bytes - 1, autoClose: false, highWaterMark: CHUNK_BYTES }),
    async function* (chunks: AsyncIterable<Buffer>) {
      let done = 0;
      for await (const chunk of chunks) {
        hasher.update(chunk);
        done += chunk.length;
        report({ report: "progress", done, total: bytes });
        yield chunk;
      }
    },
    compressed,
    spool.createWriteStream({ autoClose: false, highWaterMark: CHUNK_BYTES }),
  );
  frozen.thaw();
  const { size: stored_bytes } = await spool.stat();
  return {
    format: "sojourn-backup",
    version: FORMAT_VERSION,
    release,
    created_at,
    schema_version: version,
    holds,
    compression: "zstd",
    files: [{ name: DATABASE_NAME, bytes, digest: hasher.digest("hex"), stored_bytes }],
    contents,
  };
}

function settle(held: HeldFiles, db: DatabaseSync): { files: number; stored_bytes: number; missing: number } {
  let files = 0;
  let stored_bytes = 0;
  const missing = held.settle(db, (name, bytes) => {
    files += 1;
    stored_bytes += frameBytes({ name, bytes });
  });
  return { files, stored_bytes, missing };
}

/** The schema's version, which an open server does not change. */
function knownVersion(directory: string): number {
  using db = openReader(directory);
  const version = schemaVersion(db);
  if (version > 0 && version <= SCHEMA_VERSION) return version;
  throw new SojournError(version === 0 ? "store_unavailable" : "store_newer", {
    message: `Cannot back up "${directory}": it has schema version ${version}, and this release of Sojourn knows ${SCHEMA_VERSION}`,
  });
}

/** The bytes of the backup, but for its last line. */
async function* wholeOf(line: Buffer, spool: FileHandle, held: HeldFiles): AsyncGenerator<Buffer> {
  yield line;
  yield* bytesOf(spool);
  for await (const { name, file } of held) {
    const { size: bytes } = await file.stat();
    yield encodeFrame({ name, bytes });
    const hasher = new Blake3Hasher();
    for await (const chunk of bytesOf(file)) {
      hasher.update(chunk);
      yield chunk;
    }
    yield Buffer.from(`${hasher.digest("hex")}\n`);
  }
}

function bytesOf(file: FileHandle): AsyncIterable<Buffer> {
  return file.createReadStream({ start: 0, autoClose: false, highWaterMark: CHUNK_BYTES });
}

function report(one: Report): void {
  // Whoever can't hear it is gone, and then so is this process.
  process.send?.(one, undefined, undefined, () => {});
}
