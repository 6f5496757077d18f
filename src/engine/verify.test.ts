import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Author, draft, requests, sha256 } from "../conformance/index.ts";
import { databaseFile } from "../store/sqlite/connection.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { operationHash } from "./chain.ts";
import type { Store, Stream } from "./store.ts";
import { type Verdict, verify } from "./verify.ts";

describe("verify()", () => {
  let directory: string;
  let author: Author;
  let stream: Stream;
  let neighbour: Stream;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    author = new Author(openSqliteStore({ directory, durability: "none" }));
    neighbour = await author.append(await author.create({ tags: ["x"] }), requests(1), requests(2), requests(3));
    stream = await author.create({ sessionId: "a", name: "A name", tags: ["x", "y"], metadata: { n: 1 } });
    stream = await author.append(stream, draft("session.updated", { tags: ["y", "z"], name: "Another" }));
    stream = await author.append(stream, requests(1), draft("session.suspended", { reason: "why" }), requests(2));
  });

  afterEach(async () => {
    await author.store.close();
    rmSync(directory, { recursive: true });
  });

  /** Edits the database behind the store's back, and verifies what the store then shows. */
  const verifyAfter = async (sql: string, knownHead?: string): Promise<Omit<Verdict, "operations" | "headHash">> => {
    const db = new DatabaseSync(databaseFile(directory));
    db.exec(sql.replaceAll("STREAM", `(SELECT n FROM streams WHERE id = '${stream.ref.id}')`));
    db.close();
    return await verdictOf(author.store, stream, knownHead);
  };

  it("finds nothing wrong with a log that was left alone", async () => {
    const verdict = await verify({ store: author.store, digest: sha256 }, stream);
    assert.deepEqual(verdict, { ok: true, operations: 5, headHash: stream.head.hash });
    assert.deepEqual(await verdictOf(author.store, neighbour), { ok: true });
  });

  const edits: Readonly<Record<string, readonly [sql: string, found: object]>> = {
    "a payload whose text was changed": [
      `UPDATE payloads SET body = replace(body, 'Another', 'Mallory')
        WHERE n = (SELECT payload FROM operations WHERE stream = STREAM AND seq = 2)`,
      { fault: "payload", firstBadSeq: 2 },
    ],
    "a payload of which one bit was flipped": [
      `UPDATE payloads SET body = replace(body, '"why"', '"whx"')
        WHERE n = (SELECT payload FROM operations WHERE stream = STREAM AND seq = 4)`,
      { fault: "payload", firstBadSeq: 4 },
    ],
    "a payload that is lost": [
      "DELETE FROM payloads WHERE n = (SELECT payload FROM operations WHERE stream = STREAM AND seq = 2)",
      { fault: "payload", firstBadSeq: 2 },
    ],
    "another salt": [
      `UPDATE payloads SET salt = zeroblob(16) WHERE n = (SELECT payload FROM operations WHERE stream = STREAM AND seq = 1)`,
      { fault: "payload", firstBadSeq: 1 },
    ],
    "a header that was changed": [
      "UPDATE operations SET actor = 'somebody-else' WHERE stream = STREAM AND seq = 3",
      { fault: "chain", firstBadSeq: 3 },
    ],
    "a time that was changed": [
      "UPDATE operations SET at = at + 1 WHERE stream = STREAM AND seq = 1",
      { fault: "chain", firstBadSeq: 1 },
    ],
    "a hash that was changed": [
      "UPDATE operations SET hash = zeroblob(32) WHERE stream = STREAM AND seq = 2",
      { fault: "chain", firstBadSeq: 2 },
    ],
    "two operations that were swapped": [
      `UPDATE operations SET seq = 99 WHERE stream = STREAM AND seq = 3;
        UPDATE operations SET seq = 3 WHERE stream = STREAM AND seq = 5;
        UPDATE operations SET seq = 5 WHERE stream = STREAM AND seq = 99`,
      { fault: "chain", firstBadSeq: 3 },
    ],
    "an operation that is missing in the middle": [
      "DELETE FROM operations WHERE stream = STREAM AND seq = 3",
      { fault: "chain", firstBadSeq: 3 },
    ],
    "a last operation that is missing": [
      "DELETE FROM operations WHERE stream = STREAM AND seq = 5",
      { fault: "chain", firstBadSeq: 5 },
    ],
    "a log that is missing altogether": [
      "DELETE FROM operations WHERE stream = STREAM",
      { fault: "chain", firstBadSeq: 1 },
    ],
    "a stored head that is not the log's": [
      "UPDATE streams SET head_hash = zeroblob(32) WHERE n = STREAM",
      { fault: "head", firstBadSeq: 5 },
    ],
    "a name that was edited": ["UPDATE sessions SET name = 'Mallory' WHERE n = STREAM", { fault: "view" }],
    "a count that was edited": ["UPDATE sessions SET request_count = 9 WHERE n = STREAM", { fault: "view" }],
    "a status that was edited": ["UPDATE sessions SET status = 'active' WHERE n = STREAM", { fault: "view" }],
    "a tag that was added": [
      "INSERT INTO tags SELECT tenant, 'w', created_at, n, 2, NULL FROM sessions WHERE n = STREAM",
      { fault: "view" },
    ],
    "a tag that was removed": ["DELETE FROM tags WHERE n = STREAM AND tag = 'z'", { fault: "view" }],
  };

  for (const [what, [sql, found]] of Object.entries(edits)) {
    it(`finds ${what}`, async () => {
      assert.deepEqual(await verifyAfter(sql), { ok: false, ...found });
      assert.deepEqual(await verdictOf(author.store, neighbour), { ok: true });
    });
  }

  it("passes a log of which payloads were erased, and still finds a changed header in it", async () => {
    const erased = `UPDATE payloads SET salt = NULL, body = NULL
      WHERE n = (SELECT payload FROM operations WHERE stream = STREAM AND seq = 2)`;
    assert.deepEqual(await verifyAfter(erased), { ok: true });
    const changed = "UPDATE operations SET name = 'other' WHERE stream = STREAM AND seq = 2";
    assert.deepEqual(await verifyAfter(changed), { ok: false, fault: "chain", firstBadSeq: 2 });
  });

  it("knows every head that the session ever had, and no other", async () => {
    const entries = await author.store.operations(stream.ref, { after: 0, limit: 10 });
    for (const { operation } of entries) {
      assert.deepEqual(await verdictOf(author.store, stream, operation.hash), { ok: true });
    }
    for (const foreign of [neighbour.head.hash, "0".repeat(64), ""]) {
      assert.deepEqual(await verdictOf(author.store, stream, foreign), { ok: false, fault: "known_head" });
    }
  });

  it("finds a log that was rewritten, hashes and all, only by a head that was kept", async () => {
    const kept = stream.head.hash;
    const entries = await author.store.operations(stream.ref, { after: 4, limit: 1 });
    const [last] = entries;
    const [previous] = await author.store.operations(stream.ref, { after: 3, limit: 1 });
    assert.ok(last !== undefined && previous !== undefined);
    const rewritten = operationHash(previous.operation.hash, { ...last.operation, actor: "mallory" }, sha256);
    const sql = `UPDATE operations SET actor = 'mallory', hash = x'${rewritten}' WHERE stream = STREAM AND seq = 5;
      UPDATE streams SET head_hash = x'${rewritten}' WHERE n = STREAM`;
    assert.deepEqual(await verifyAfter(sql), { ok: true });
    assert.deepEqual(await verdictOf(author.store, stream, kept), { ok: false, fault: "known_head" });
  });
});

/** Without what every verdict says. */
async function verdictOf(store: Store, { ref }: Stream, knownHead?: string) {
  const stream = await store.stored(ref);
  assert.ok(stream !== undefined);
  const { operations, headHash, ...verdict } = await verify({ store, digest: sha256 }, stream, knownHead);
  assert.deepEqual({ operations, headHash }, { operations: stream.head.seq, headHash: stream.head.hash });
  return verdict;
}
