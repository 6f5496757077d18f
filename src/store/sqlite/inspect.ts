import { existsSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { SojournError } from "../../engine/errors.ts";
import type { AccessMode } from "../../engine/key.ts";
import { databaseFile, openReader } from "./connection.ts";
import { blobPath, filesInUse, hasContents } from "./held-files.ts";
import { toAccess } from "./key-rows.ts";
import { lockDirectory } from "./lock.ts";
import { integer } from "./rows.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** What can be said of a data directory without changing what it holds. */
export type Inspection =
  | { readonly state: "empty" }
  /** Another process has it, as a running server does. */
  | { readonly state: "in_use"; readonly message: string }
  | { readonly state: "newer"; readonly schema: number; readonly known: number }
  | {
      readonly state: "closed";
      readonly schema: number;
      readonly sessions: number;
      readonly mode: AccessMode;
      /** How many keys with the scope `admin` are neither revoked nor past their end, at `now`. */
      readonly admins: number;
      readonly bytes: number;
      readonly walBytes: number;
      /** Bytes of artifacts, each once for a tenant, whatever refers to them. */
      readonly contents: number;
      /** The files of contents that are not there, or not as long as they were: how many, and the first of them. */
      readonly lost: { readonly files: number; readonly names: readonly string[] };
      /** What SQLite finds wrong with the file; empty where it is whole. */
      readonly faults: readonly string[];
    };

type Closed = Extract<Inspection, { state: "closed" }>;

/** How many faults are told, and how many files that are lost. */
const FAULTS_MAX = 10;
const LOST_MAX = 3;

/**
 * Looks at a data directory that exists. Takes its lock meanwhile, so that no server starts on it.
 *
 * @param thorough  check indexes against tables as well, which reads the whole file more than once
 */
export function inspectStore(
  directory: string,
  { now, thorough }: { readonly now: number; readonly thorough: boolean },
): Inspection {
  const file = databaseFile(directory);
  if (!existsSync(file)) return { state: "empty" };
  let lock: Disposable;
  try {
    lock = lockDirectory(directory);
  } catch (error) {
    if (error instanceof SojournError && error.code === "store_in_use")
      return { state: "in_use", message: error.message };
    throw error;
  }
  try {
    return inspectFile(directory, file, { now, thorough });
  } finally {
    lock[Symbol.dispose]();
  }
}

function inspectFile(
  directory: string,
  file: string,
  { now, thorough }: { readonly now: number; readonly thorough: boolean },
): Inspection {
  try {
    using db = openReader(directory);
    const schema = integer(db.prepare("PRAGMA user_version").get()?.user_version);
    if (schema > SCHEMA_VERSION) return { state: "newer", schema, known: SCHEMA_VERSION };
    const [bytes = 0, walBytes = 0] = [file, `${file}-wal`].map(sizeOf);
    const held = { ...holdings(db, schema, now), ...contents(db, directory) };
    return { state: "closed", schema, bytes, walBytes, ...held, faults: faultsOf(db, thorough) };
  } catch (error) {
    const faults = [error instanceof Error ? error.message : String(error)];
    return { state: "closed", schema: 0, bytes: sizeOf(file), walBytes: 0, ...NOTHING, ...NO_CONTENTS, faults };
  }
}

const NOTHING = { sessions: 0, mode: "local", admins: 0 } as const;

/** The version of the schema from which on there are keys. */
const WITH_KEYS = 2;

const NO_CONTENTS = { contents: 0, lost: { files: 0, names: [] } } as const;

/** Asks of each file no more than its length. */
function contents(db: DatabaseSync, directory: string): Pick<Closed, "contents" | "lost"> {
  if (!hasContents(db)) return NO_CONTENTS;
  let files = 0;
  const names: string[] = [];
  for (const { name, bytes } of filesInUse(db)) {
    if (statSync(blobPath(directory, name), { throwIfNoEntry: false })?.size === bytes) continue;
    files += 1;
    if (names.length < LOST_MAX) names.push(name);
  }
  return { contents: integer(db.prepare("SELECT count(*) AS n FROM contents").get()?.n), lost: { files, names } };
}

function holdings(
  db: DatabaseSync,
  schema: number,
  now: number,
): { sessions: number; mode: AccessMode; admins: number } {
  if (schema === 0) return NOTHING;
  const sessions = integer(db.prepare("SELECT count(*) AS n FROM sessions").get()?.n);
  if (schema < WITH_KEYS) return { ...NOTHING, sessions };
  const access = db.prepare("SELECT version, mode FROM access").get();
  const admins = db.prepare(`
    SELECT count(*) AS n FROM keys WHERE revoked_at IS NULL AND coalesce(expires_at, ?1) >= ?1
      AND EXISTS (SELECT 1 FROM json_each(scopes) WHERE value = 'admin')`);
  return {
    sessions,
    mode: access === undefined ? "local" : toAccess(access).mode,
    admins: integer(admins.get(now)?.n),
  };
}

function faultsOf(db: DatabaseSync, thorough: boolean): readonly string[] {
  const pragma = thorough ? "integrity_check" : "quick_check";
  const rows = db.prepare(`PRAGMA ${pragma}(${FAULTS_MAX})`).all();
  return rows.flatMap((row) => Object.values(row).map(String)).filter((text) => text !== "ok");
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
