import { DatabaseSync, type StatementSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { SojournError } from "../../engine/errors.ts";
import { BUSY_MS, databaseFile, isBusy } from "./connection.ts";

/** How long others may keep the file from being frozen. */
const GIVE_UP_MS = 30_000;

const AGAIN_MS = 20;

/**
 * A database whose file nobody changes: it is, byte for byte, one committed state, while commits go on into the
 * write-ahead log.
 *
 * Three facts of SQLite make it so. A log that is wholly in the file leaves the file complete by itself; a checkpoint,
 * which alone writes to the file, goes no further than the oldest reader; and a reader that begins then holds the file at
 * what it is. The state is caught under the write lock, which is held for the few frames that came since a checkpoint
 * without it. Until `thaw` the log grows with everything that is written.
 *
 * Source: https://sqlite.org/walformat.html, "Locks"
 */
export class FrozenDatabase implements Disposable {
  /** A connection that sees what the file holds. */
  readonly db: DatabaseSync;
  readonly #checkpoint: StatementSync;

  /**
   * @param whileCaught  called once, at the moment of which the file is, while nobody can commit
   * @throws {SojournError} `store_unavailable` if a reader of an older state, or a writer, does not let go for half a minute
   */
  static async freeze(directory: string, whileCaught: (db: DatabaseSync) => void = () => {}): Promise<FrozenDatabase> {
    const frozen = new FrozenDatabase(directory);
    try {
      using gate = new DatabaseSync(databaseFile(directory), { timeout: BUSY_MS });
      const until = performance.now() + GIVE_UP_MS;
      while (!frozen.#catch(gate, whileCaught)) {
        if (performance.now() > until) {
          throw new SojournError("store_unavailable", {
            message: `Cannot back up "${directory}": a reader of an older state, or a writer, does not let go`,
          });
        }
        await sleep(AGAIN_MS);
      }
      return frozen;
    } catch (error) {
      frozen[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(directory: string) {
    this.db = new DatabaseSync(databaseFile(directory), { timeout: BUSY_MS });
    // As the store has it; said here for a database that no store has opened yet.
    this.db.exec("PRAGMA journal_mode = WAL");
    this.#checkpoint = this.db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /**
   * Lets the file change again. The log is moved into it at once and from here, since it may be long by now and the
   * next commit would do that at its own cost.
   */
  thaw(): void {
    this.db.exec("COMMIT");
    try {
      this.#checkpoint.get();
    } catch {
      // Nothing is lost: the log keeps what could not be moved, and the store's next commit says what is wrong.
    }
  }

  /** Ends it in whatever state it is. */
  [Symbol.dispose](): void {
    this.db.close();
  }

  #catch(gate: DatabaseSync, whileCaught: (db: DatabaseSync) => void): boolean {
    // The second has only what was written during the first, which syncs a long log and the file.
    for (let i = 0; i < 2; i++) this.#checkpoint.get();
    try {
      gate.exec("BEGIN IMMEDIATE");
    } catch (error) {
      // Writers that leave no gap between them; the next attempt may find one.
      if (isBusy(error)) return false;
      throw error;
    }
    try {
      const moved = this.#checkpoint.get();
      // Both are -1 where there is no write-ahead log, and nothing would keep a writer from the file.
      if (moved === undefined || moved.log === -1 || moved.log !== moved.checkpointed) return false;
      this.db.exec("BEGIN");
      this.db.prepare("SELECT 1 FROM sqlite_schema").get();
      whileCaught(this.db);
      return true;
    } finally {
      gate.exec("ROLLBACK");
    }
  }
}
