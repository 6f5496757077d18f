import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, it } from "node:test";
import { Author, requests } from "../../conformance/index.ts";
import { databaseFile } from "./connection.ts";
import { FrozenDatabase } from "./frozen-database.ts";
import { openSqliteStore } from "./index.ts";

describe("FrozenDatabase", () => {
  it("keeps the file as it is against commits and checkpoints, until it thaws", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    // Closed last, since closing it takes the locks of this process.
    const fd = openSync(databaseFile(directory), "w+");
    const digest = (): string => {
      const content = Buffer.alloc(statSync(databaseFile(directory)).size);
      readSync(fd, content, 0, content.length, 0);
      return createHash("sha256").update(content).digest("hex");
    };
    const author = new Author(openSqliteStore({ directory }));
    let stream = await author.create();
    const frozen = await FrozenDatabase.freeze(directory);
    const before = digest();
    using beside = new DatabaseSync(databaseFile(directory));
    beside.exec("PRAGMA busy_timeout = 0");
    for (const mode of ["PASSIVE", "FULL", "RESTART", "TRUNCATE"]) {
      for (let i = 0; i < 50; i++) stream = await author.append(stream, requests(1));
      beside.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
      assert.equal(digest(), before, mode);
    }
    assert.equal(frozen.db.prepare("SELECT count(*) AS n FROM operations").get()?.n, 1);
    frozen.thaw();
    assert.notEqual(digest(), before);
    assert.equal(frozen.db.prepare("SELECT count(*) AS n FROM operations").get()?.n, 201);
    frozen[Symbol.dispose]();
    await author.store.close();
    closeSync(fd);
    rmSync(directory, { recursive: true });
  });

  it("waits for a reader of an older state", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    const author = new Author(openSqliteStore({ directory }));
    const stream = await author.create();
    const reader = new DatabaseSync(databaseFile(directory), { readOnly: true });
    reader.exec("BEGIN");
    reader.prepare("SELECT count(*) FROM sessions").get();
    await author.append(stream, requests(1));
    const freezing = FrozenDatabase.freeze(directory);
    // Writes go on meanwhile.
    assert.ok(!((await Promise.race([freezing, author.create()])) instanceof FrozenDatabase));
    reader.exec("COMMIT");
    using frozen = await freezing;
    assert.equal(frozen.db.prepare("SELECT count(*) AS n FROM operations").get()?.n, 3);
    reader.close();
    await author.store.close();
    rmSync(directory, { recursive: true });
  });
});
