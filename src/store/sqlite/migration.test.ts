import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { Author, requests } from "../../conformance/index.ts";
import { databaseFile } from "./connection.ts";
import { openSqliteStore } from "./index.ts";

/** Takes from a file what migration 3 adds, so that it is one of the release before. */
function toVersion2(directory: string): void {
  const db = new DatabaseSync(databaseFile(directory));
  const indexes = db
    .prepare("SELECT name, sql FROM sqlite_schema WHERE sql LIKE '%temporary, %' AND type = 'index'")
    .all();
  for (const { name, sql } of indexes) {
    db.exec(`DROP INDEX ${name}; ${String(sql).replace("temporary, ", "")}`);
  }
  for (const column of ["temporary", "input_tokens", "output_tokens", "conversation", "working_memory"]) {
    db.exec(`ALTER TABLE sessions DROP COLUMN ${column}`);
  }
  const without = (column: string, path: string): string =>
    `json_remove(${column}, '${path}.conversation', '${path}.workingMemory', '${path}.metrics.inputTokens',
      '${path}.metrics.outputTokens')`;
  db.exec(`
    DROP TABLE messages; DROP TABLE records;
    UPDATE snapshots SET record = ${without("record", "$")};
    UPDATE remembered SET answer = ${without(without("answer", "$.record"), "$.session.record")};
    PRAGMA user_version = 2`);
  assert.equal(db.prepare("SELECT count(*) AS n FROM snapshots WHERE record LIKE '%workingMemory%'").get()?.n, 0);
  db.close();
}

describe("migrate()", () => {
  it("brings what a store without conversations holds to this release: records, snapshots, remembered answers", async () => {
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
    toVersion2(directory);

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
