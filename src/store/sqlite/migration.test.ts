import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { Author, requests } from "../../conformance/index.ts";
import { databaseFile } from "./connection.ts";
import { openSqliteStore } from "./index.ts";

/** Takes from a file what migration 4 adds, so that it is one of the release before. */
function toVersion3(db: DatabaseSync): void {
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
function toVersion2(db: DatabaseSync): void {
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

/** Takes members from the records that are kept as JSON. */
function forget(db: DatabaseSync, members: readonly string[]): void {
  const without = (column: string, path: string): string =>
    `json_remove(${column}, ${members.map((member) => `'${path}.${member}'`).join(", ")})`;
  db.exec(`UPDATE snapshots SET record = ${without("record", "$")};
    UPDATE remembered SET answer = ${without(without("answer", "$.record"), "$.session.record")}`);
  const rest = db.prepare("SELECT count(*) AS n FROM snapshots WHERE json_type(record, '$.' || ?) IS NOT NULL");
  for (const member of members) assert.equal(rest.get(member)?.n, 0);
}

describe("migrate()", () => {
  const releases = [
    ["without artifacts", [toVersion3]],
    ["without conversations", [toVersion3, toVersion2]],
  ] as const;
  for (const [what, steps] of releases)
    it(`brings what a store ${what} holds to this release: records, snapshots, remembered answers`, async () => {
      const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
      const before = openSqliteStore({ directory });
      const author = new Author(before);
      const created = await author.create({ tags: ["x"], name: "kept" });
      const { part, stream } = author.continue(created, requests(3));
      const answers = [
        author.answer("created", { answer: { session: JSON.parse(JSON.stringify(created)), isNew: true } }),
        author.answer("changed", { answer: JSON.parse(JSON.stringify(stream)) }),
        author.answer("other", { answer: { sessionIds: ["a"] } }),
      ];
      await author.commit([{ ...part, snapshot: true }], { remember: answers });
      await before.close();
      const db = new DatabaseSync(databaseFile(directory));
      for (const step of steps) step(db);
      db.close();

      const store = openSqliteStore({ directory });
      const now = author.clock.now();
      assert.deepEqual(await store.stored(stream.ref), stream);
      assert.deepEqual(await store.snapshot(stream.ref, 2), { seq: 2, record: stream.record });
      for (const answer of answers) assert.deepEqual((await store.remembered(answer, now))?.answer, answer.answer);
      const query = { tenant: author.tenant, now, sort: "name", order: "asc", limit: 10 } as const;
      assert.deepEqual((await store.list(query)).items, [stream]);
      assert.deepEqual(await store.messages(stream.ref, { take: "oldest", limit: 1 }), []);
      await store.close();
      rmSync(directory, { recursive: true });
    });
});
