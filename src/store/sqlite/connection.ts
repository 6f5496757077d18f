import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SojournError } from "../../engine/errors.ts";

/** How a store keeps its promise: `full` survives power loss; `none` is for development and tests. */
export type Durability = "full" | "none";

/**
 * Frames of 4 KiB after which a commit moves the write-ahead log into the database by itself: 64 MiB. Before that the
 * writer does so when it is idle, off the path of any commit.
 */
const WAL_FRAMES_MAX = 16_384;

/** The size to which the write-ahead log is cut back once all of it is in the database. */
const WAL_BYTES_KEPT = 16 * 1_048_576;

/** How long a connection waits for another that has the lock. */
export const BUSY_MS = 5_000;

/** How the database of a data directory is called. */
export const DATABASE_NAME = "sojourn.db";

/** The database file of a data directory. */
export function databaseFile(directory: string): string {
  return join(directory, DATABASE_NAME);
}

/** Opens the one connection that writes. */
export function openWriter(
  directory: string,
  { durability, maxBytes }: { readonly durability: Durability; readonly maxBytes?: number | undefined },
): DatabaseSync {
  const db = new DatabaseSync(databaseFile(directory), { timeout: BUSY_MS });
  db.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = ${durability === "full" ? "FULL" : "OFF"};
    PRAGMA wal_autocheckpoint = ${WAL_FRAMES_MAX};
    PRAGMA journal_size_limit = ${WAL_BYTES_KEPT};
    PRAGMA cache_size = -65536;
    PRAGMA secure_delete = ON;
    PRAGMA temp_store = MEMORY;
  `);
  if (maxBytes !== undefined) {
    const pageSize = Number(db.prepare("PRAGMA page_size").get()?.page_size);
    db.exec(`PRAGMA max_page_count = ${Math.floor(maxBytes / pageSize)}`);
  }
  return db;
}

/** Opens a connection that cannot write. */
export function openReader(directory: string): DatabaseSync {
  const db = new DatabaseSync(databaseFile(directory), { readOnly: true, timeout: BUSY_MS });
  db.exec("PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY");
  return db;
}

/** SQLite's primary result codes that are no fault of the caller. Source: https://sqlite.org/rescode.html */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** SQLite's primary result code of an error, or `undefined` for an error that is not SQLite's. */
function resultCode(error: unknown): number | undefined {
  // NOTE: node:sqlite puts the extended result code there.
  const { errcode } = error as { errcode?: unknown };
  return typeof errcode === "number" ? errcode & 0xff : undefined;
}

/** What a caller of the store is told of SQLite's errors; other errors pass as they are. */
export function asStoreError(error: unknown): unknown {
  const code = resultCode(error);
  if (code === undefined || error instanceof SojournError) return error;
  const text = error instanceof Error ? error.message : String(error);
  switch (code) {
    case FULL:
      return new SojournError("storage_full", {
        message: "The store is full: free some space, or raise its limit; reads still work",
        cause: error,
      });
    case BUSY:
    case LOCKED:
    case READONLY:
    case IOERR:
    case CANTOPEN:
      return new SojournError("store_unavailable", { message: `The store does not answer: ${text}`, cause: error });
    case CORRUPT:
    case NOTADB:
      return new SojournError("store_unavailable", { message: `The store is damaged: ${text}`, cause: error });
    default:
      return error;
  }
}

/** Whether the store's file is held by another process. */
export function isBusy(error: unknown): boolean {
  return resultCode(error) === BUSY;
}
