import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { toVersion1, toVersion2, toVersion3, toVersion4, toVersion5, toVersion6 } from "../../../tests/older-schema.ts";
import { Author, requests } from "../../conformance/index.ts";
import { databaseFile } from "./connection.ts";
import { openSqliteStore } from "./index.ts";

describe("migrate()", () => {
  const releases = [
    ["without cursors", [toVersion6]],
    ["without objects", [toVersion6, toVersion5]],
    ["without apps", [toVersion6, toVersion5, toVersion4]],
    ["without artifacts", [toVersion6, toVersion5, toVersion4, toVersion3]],
    ["without conversations", [toVersion6, toVersion5, toVersion4, toVersion3, toVersion2]],
    ["without keys", [toVersion6, toVersion5, toVersion4, toVersion3, toVersion2, toVersion1]],
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
      const access = await before.access();
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
      assert.deepEqual(await store.tasks(stream.ref, { limit: 1 }), { items: [] });
      assert.deepEqual(await store.unfinished({ limit: 1 }), []);
      assert.deepEqual(await store.objects(stream.ref, { limit: 1 }), { items: [] });
      assert.deepEqual(await store.cursors(stream.ref, { limit: 1 }), []);
      assert.deepEqual(await store.access(), access);
      await store.close();
      rmSync(directory, { recursive: true });
    });
});
