import assert from "node:assert/strict";
import type { DatabaseSync } from "node:sqlite";

/** Takes from a file what migration 7 adds, so that it is one of the release before. */
export function toVersion6(db: DatabaseSync): void {
  db.exec("DROP TABLE cursors; DROP INDEX sessions_limited");
  for (const column of ["cost_nano_usd", "agent_run", "limits", "apps", "limit_at"]) {
    db.exec(`ALTER TABLE sessions DROP COLUMN ${column}`);
  }
  db.exec("PRAGMA user_version = 6");
}

/** Takes from such a file what migration 6 adds. */
export function toVersion5(db: DatabaseSync): void {
  db.exec("DROP TABLE objects; PRAGMA user_version = 5");
}

/** Takes from such a file what migration 5 adds. */
export function toVersion4(db: DatabaseSync): void {
  db.exec("DROP INDEX sessions_at_work; ALTER TABLE sessions DROP COLUMN work; DROP TABLE tasks");
  forget(db, ["work"]);
  db.exec("PRAGMA user_version = 4");
}

/** Takes from such a file what migration 4 adds. */
export function toVersion3(db: DatabaseSync): void {
  for (const column of ["artifact_count", "artifact_bytes", "checkpoints", "origin"]) {
    db.exec(`ALTER TABLE sessions DROP COLUMN ${column}`);
  }
  const tables = ["contents", "abandoned_files", "artifacts", "grants", "forks", "unsettled"];
  for (const table of tables) db.exec(`DROP TABLE ${table}`);
  db.exec("DROP INDEX sessions_by_end");
  forget(db, ["artifacts", "checkpoints"]);
  db.exec("PRAGMA user_version = 3");
}

/** Takes from such a file what migration 3 adds. */
export function toVersion2(db: DatabaseSync): void {
  const indexes = db
    .prepare("SELECT name, sql FROM sqlite_schema WHERE sql LIKE '%temporary, %' AND type = 'index'")
    .all();
  for (const { name, sql } of indexes) {
    db.exec(`DROP INDEX ${name}; ${String(sql).replace("temporary, ", "")}`);
  }
  for (const column of ["temporary", "input_tokens", "output_tokens", "conversation", "working_memory"]) {
    db.exec(`ALTER TABLE sessions DROP COLUMN ${column}`);
  }
  forget(db, ["conversation", "workingMemory", "metrics.inputTokens", "metrics.outputTokens"]);
  db.exec("DROP TABLE messages; DROP TABLE records; PRAGMA user_version = 2");
}

/** Takes from such a file what migration 2 adds. */
export function toVersion1(db: DatabaseSync): void {
  db.exec("DROP TABLE access; DROP TABLE keys; PRAGMA user_version = 1");
}

/** Takes members from the records that are kept as JSON. */
function forget(db: DatabaseSync, members: readonly string[]): void {
  const without = (column: string, path: string): string =>
    `json_remove(${column}, ${members.map((member) => `'${path}.${member}'`).join(", ")})`;
  db.exec(`UPDATE snapshots SET record = ${without("record", "$")};
    UPDATE remembered SET answer = ${without(without("answer", "$.record"), "$.session.record")}`);
  const rest = db.prepare("SELECT count(*) AS n FROM snapshots WHERE json_type(record, '$.' || ?) IS NOT NULL");
  for (const member of members) assert.equal(rest.get(member)?.n, 0);
}
