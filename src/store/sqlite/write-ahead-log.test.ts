import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { watch } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Author } from "../../conformance/index.ts";
import type { Store } from "../../engine/store.ts";
import { databaseFile } from "./connection.ts";
import { openSqliteStore } from "./index.ts";

const MIB = 1_048_576;

describe("the write-ahead log", () => {
  let directory: string;
  let store: Store;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    store = openSqliteStore({ directory, durability: "none" });
  });

  afterEach(async () => {
    await store.close();
    rmSync(directory, { recursive: true });
  });

  it("grows while a reader holds on to the past, and shrinks once it lets go; writes succeed throughout", async () => {
    const author = new Author(store);
    await author.create();
    const reader = new DatabaseSync(databaseFile(directory), { readOnly: true });
    reader.exec("BEGIN");
    const count = reader.prepare("SELECT count(*) AS n FROM sessions");
    assert.deepEqual({ ...count.get() }, { n: 1 });
    await write(author, 7_500);
    assert.deepEqual({ ...count.get() }, { n: 1 });
    const held = walBytes(directory);
    assert.ok(held > 64 * MIB, `the log holds what the reader keeps from the database: ${held} bytes`);
    reader.exec("COMMIT");
    reader.close();
    // One commit moves the log into the database, the next begins the log anew.
    await author.create();
    await author.create();
    assert.ok(walBytes(directory) <= 16 * MIB, `${walBytes(directory)} bytes are left`);
  });

  it("stays small under writes without a pause", async () => {
    const author = new Author(store);
    await write(author, 9_000);
    assert.ok(walBytes(directory) < 80 * MIB, `${walBytes(directory)} bytes`);
    assert.ok(statSync(databaseFile(directory)).size > 30 * MIB);
  });

  it("lets go of what was erased once nothing is written", async () => {
    const author = new Author(store);
    const metadata = { marker: "to-be-forgotten" };
    const stream = await author.create({ metadata });
    const holders = (): readonly string[] =>
      readdirSync(directory).filter((name) => readFileSync(join(directory, name)).includes(metadata.marker));
    assert.ok(holders().length > 0);
    await author.erase(stream);
    if (holders().length === 0) return;
    for await (const _ of watch(directory, { signal: AbortSignal.timeout(10_000) })) {
      if (holders().length === 0) return;
    }
  });

  it("moves into the database once nothing is written", async () => {
    await write(new Author(store), 500);
    const signal = AbortSignal.timeout(10_000);
    for await (const _ of watch(databaseFile(directory), { signal })) {
      if (statSync(databaseFile(directory)).size > 4 * MIB) return;
    }
  });
});

/** Creates so many sessions of several pages, some hundred at a time. */
async function write(author: Author, count: number): Promise<void> {
  for (let done = 0; done < count; done += 250) {
    const group = Array.from({ length: 250 }, () => author.begin({ description: "d".repeat(4_096) }));
    await Promise.all(group.map(({ part }) => author.commit([part])));
  }
}

function walBytes(directory: string): number {
  return statSync(`${databaseFile(directory)}-wal`).size;
}
