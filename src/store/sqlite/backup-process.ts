/**
 * The process that takes one backup: it packs the frozen database into a file without a name, lets the database go, and
 * then writes the backup to its standard output, however slowly that is read. Nothing of it outlives it.
 *
 * A process and not a thread for two reasons. POSIX drops all locks that a process has on a file when it closes any
 * descriptor of that file, so that reading the database beside the store would end the store's own. And a process can
 * stand back for its neighbours.
 */
import { type FileHandle, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createZstdCompress } from "node:zlib";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { SojournError } from "../../engine/errors.ts";
import type { Report, Task } from "./backup.ts";
import { type BackupManifest, encodeManifest, encodeTrailer, FORMAT_VERSION, TRAILER_BYTES } from "./backup-format.ts";
import { DATABASE_NAME, databaseFile, openReader } from "./connection.ts";
import { asDiskError } from "./disk-error.ts";
import { FrozenDatabase } from "./frozen-database.ts";
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
  const manifest = await pack(spool, task);
  const line = encodeManifest(manifest);
  const [{ stored_bytes }] = manifest.files;
  report({ report: "packed", manifest, bytes: line.length + stored_bytes + TRAILER_BYTES });
  await pipeline(wholeOf(line, spool), process.stdout);
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
async function pack(spool: FileHandle, { directory, release }: Task): Promise<BackupManifest> {
  const version = knownVersion(directory);
  // Opened before it is frozen, and so closed after: that takes this process's locks.
  await using database = await open(databaseFile(directory), "r");
  using frozen = await FrozenDatabase.freeze(directory);
  const created_at = new Date().toISOString();
  const holds = holdingsOf(frozen.db);
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
    createZstdCompress(),
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
  };
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

/** The bytes of the backup, with the digest of all of them as its last line. */
async function* wholeOf(line: Buffer, spool: FileHandle): AsyncGenerator<Buffer> {
  const hasher = new Blake3Hasher();
  yield line;
  hasher.update(line);
  for await (const chunk of spool.createReadStream({ start: 0, autoClose: false, highWaterMark: CHUNK_BYTES })) {
    hasher.update(chunk);
    yield chunk;
  }
  yield encodeTrailer(hasher);
}

function report(one: Report): void {
  // Whoever can't hear it is gone, and then so is this process.
  process.send?.(one, undefined, undefined, () => {});
}
