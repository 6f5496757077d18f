import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { SojournError } from "../../engine/errors.ts";
import { isBusy } from "./connection.ts";

const LOCK = "sojourn.lock";
const PID = "sojourn.pid";

/** What a lock leaves in its directory, whether it is held or not. */
export const LOCK_FILES: readonly string[] = [LOCK, `${LOCK}-journal`, PID];

/**
 * Takes a data directory for this process, until the returned lock is closed or the process ends in whatever way.
 *
 * The lock is the operating system's, held through a SQLite file that is never written: unlike a file with a process
 * id it can't be left behind by a crash.
 *
 * @throws {SojournError} `store_in_use`
 */
export function lockDirectory(directory: string): Disposable {
  const db = new DatabaseSync(join(directory, LOCK), { timeout: 0 });
  const pidFile = join(directory, PID);
  try {
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    writeFileSync(pidFile, `${process.pid}\n`);
  } catch (error) {
    db.close();
    if (!isBusy(error)) throw error;
    throw new SojournError("store_in_use", {
      message: `The data directory "${directory}" is in use by another process${holder(pidFile)}`,
      cause: error,
    });
  }
  return { [Symbol.dispose]: () => db.close() };
}

function holder(pidFile: string): string {
  try {
    return ` (pid ${Number.parseInt(readFileSync(pidFile, "utf8"), 10)})`;
  } catch {
    return "";
  }
}
