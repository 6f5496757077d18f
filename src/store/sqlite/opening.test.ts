import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Author } from "../../conformance/index.ts";
import { databaseFile, openWriter } from "./connection.ts";
import { openSqliteStore } from "./index.ts";
import { SCHEMA_VERSION } from "./schema.ts";

describe("openSqliteStore()", () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it("makes the directory, for its owner alone, and opens what is in it again", async () => {
    const path = join(directory, "new", "data");
    const store = openSqliteStore({ directory: path });
    const stream = await new Author(store).create();
    await store.close();
    const again = openSqliteStore({ directory: path });
    assert.deepEqual(await again.stream(stream.ref), stream);
    await again.close();
    assert.deepEqual(readdirSync(path).sort(), ["sojourn.db", "sojourn.lock", "sojourn.pid"]);
  });

  it("refuses a newer schema with store_newer, and leaves the file as it is", async () => {
    const store = openSqliteStore({ directory });
    const stream = await new Author(store).create();
    await store.close();
    setSchemaVersion(directory, SCHEMA_VERSION + 1);
    const before = readFileSync(databaseFile(directory));
    assert.throws(() => openSqliteStore({ directory }), {
      code: "store_newer",
      message: new RegExp(`version ${SCHEMA_VERSION + 1}\\b.*\\b${SCHEMA_VERSION}\\b`),
    });
    assert.deepEqual(readFileSync(databaseFile(directory)), before);
    assert.ok(!readdirSync(directory).some((name) => name.endsWith("-wal")), "no connection is left open");
    setSchemaVersion(directory, SCHEMA_VERSION);
    const again = openSqliteStore({ directory });
    assert.deepEqual(await again.stream(stream.ref), stream);
    await again.close();
  });

  it("refuses a file that is no database, names the directory, and leaves the file as it is", () => {
    const text = "These are the notes of somebody else.\n".repeat(200);
    writeFileSync(databaseFile(directory), text);
    assert.throws(
      () => openSqliteStore({ directory }),
      ({ code, message }) => {
        assert.equal(code, "store_unavailable");
        assert.ok(message.includes(directory), message);
        assert.match(message, /not a database/);
        return true;
      },
    );
    assert.equal(readFileSync(databaseFile(directory), "utf8"), text);
  });

  it("refuses a directory that is a file", () => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    assert.throws(() => openSqliteStore({ directory: file }), { code: "store_unavailable" });
  });

  it("lets go of the directory when it fails", async () => {
    writeFileSync(databaseFile(directory), "no database".repeat(500));
    assert.throws(() => openSqliteStore({ directory }), { code: "store_unavailable" });
    rmSync(databaseFile(directory));
    await openSqliteStore({ directory }).close();
  });
});

describe("openWriter()", () => {
  // What SQLite says of itself: `synchronous` 2 is FULL, which syncs the log at every commit.
  for (const [durability, synchronous] of [
    ["full", 2],
    ["none", 0],
  ] as const) {
    it(`sets what a store of durability "${durability}" needs`, () => {
      const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
      const db = openWriter(directory, { durability });
      const pragma = (name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0];
      assert.equal(pragma("journal_mode"), "wal");
      assert.equal(pragma("synchronous"), synchronous);
      assert.equal(pragma("secure_delete"), 1);
      db.close();
      rmSync(directory, { recursive: true });
    });
  }
});

function setSchemaVersion(directory: string, version: number): void {
  const db = new DatabaseSync(databaseFile(directory));
  db.exec(`PRAGMA user_version = ${version}`);
  db.close();
}
