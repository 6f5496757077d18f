import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { Author, draft } from "../../conformance/index.ts";
import { openReader } from "./connection.ts";
import { openSqliteStore } from "./index.ts";

const WORD = "Xylophagous";

/** The files of a directory in which the word stands. */
function filesWith(directory: string): readonly string[] {
  return readdirSync(directory).filter((name) => readFileSync(join(directory, name)).includes(WORD));
}

describe("scrub()", () => {
  it("leaves what was erased in no file, while the store is open", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    const store = openSqliteStore({ directory });
    const author = new Author(store);
    const words = Array.from(
      { length: 300 },
      (_, i) => ({ role: "user", content: `${WORD} ${i}`.repeat(i), tokens: i }) as const,
    );
    const first = await author.create({ metadata: { word: WORD }, name: WORD, tags: [WORD] });
    const stream = await author.append(
      first,
      ...words.map((message) => draft("messages.added", { messages: [message] })),
    );
    const other = await author.create({ name: "stays" });
    assert.deepEqual(filesWith(directory).length > 0, true, "the words are found while they are there");
    await author.erase(stream);
    await store.scrub();
    assert.deepEqual(filesWith(directory), []);
    assert.deepEqual(await store.stored(other.ref), other);
    await store.close();
    assert.deepEqual(filesWith(directory), []);
    rmSync(directory, { recursive: true });
  });

  it("says so where a reader holds it up, and does it when called again", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    const store = openSqliteStore({ directory });
    const author = new Author(store);
    const stream = await author.create({ name: WORD });
    const reader = openReader(directory);
    reader.exec("BEGIN; SELECT count(*) FROM sessions");
    await author.erase(stream);
    await assert.rejects(store.scrub(), { code: "store_unavailable", message: /call again/ });
    reader.exec("COMMIT");
    reader.close();
    await store.scrub();
    assert.deepEqual(filesWith(directory), []);
    await store.close();
    rmSync(directory, { recursive: true });
  });
});
