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
import type { SessionInputs, SessionRecord } from "./session.ts";
import { changeOf } from "./state-at.ts";
import type { Store, Stream } from "./store.ts";
import { RULES } from "./streams.ts";
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
    "a count of artifacts that was edited": [
      "UPDATE sessions SET artifact_count = 1 WHERE n = STREAM",
      { fault: "view" },
    ],
    "a checkpoint that was made up": [
      `UPDATE sessions SET checkpoints = '{"x":1}' WHERE n = STREAM`,
      { fault: "view" },
    ],
    "an artifact that was added": [
      `INSERT INTO artifacts VALUES (STREAM, 5, NULL, 'artifact_9', 'x', 1, 'user_input', x'00', 1, '[]', 1)`,
      { fault: "view" },
    ],
    "an origin that was made up": [
      `UPDATE sessions SET origin = '{"uid":"x","seq":1,"hash":"00","root":"x"}' WHERE n = STREAM`,
      { fault: "chain", firstBadSeq: 1 },
    ],
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

describe("verify() of artifacts", () => {
  let directory: string;
  let author: Author;
  let stream: Stream;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    author = new Author(openSqliteStore({ directory, durability: "none" }));
    const [one, two] = [author.content("one"), author.content("two!")];
    const begun = await author.create({ sessionId: "a" });
    const { part, stream: stored } = author.continue(
      begun,
      author.artifact("x.txt", one, { artifactId: "artifact_1", tags: ["t"] }),
      author.artifact("x.txt", two, { artifactId: "artifact_2" }),
      author.artifact("y.txt", two, { artifactId: "artifact_3" }),
      draft("artifact.deleted", { artifactId: "artifact_3", name: "y.txt", size: 4 }),
      draft("checkpoint.created", { name: "done" }),
    );
    assert.deepEqual(await author.commit([part], { contents: [one, two] }), { outcome: "committed" });
    stream = stored;
  });

  afterEach(async () => {
    await author.store.close();
    rmSync(directory, { recursive: true });
  });

  it("finds nothing wrong with those that are stored and deleted", async () => {
    assert.deepEqual(stream.record.artifacts, { count: 2, bytes: 7 });
    assert.deepEqual(await verdictOf(author.store, stream), { ok: true });
  });

  it("leaves out what was stored after the head that it is held against", async () => {
    const later = author.content("later");
    const { part } = author.continue(stream, author.artifact("z.txt", later));
    await author.commit([part], { contents: [later] });
    const { ok } = await verify({ store: author.store, digest: sha256 }, stream);
    assert.equal(ok, true);
  });

  for (const change of [
    "UPDATE artifacts SET digest = x'00' WHERE id = 'artifact_1'",
    "UPDATE artifacts SET size = 4 WHERE id = 'artifact_1'",
    "UPDATE artifacts SET name = 'z.txt' WHERE id = 'artifact_1'",
    "UPDATE artifacts SET tags = '[]' WHERE id = 'artifact_1'",
    "UPDATE artifacts SET version = 3 WHERE id = 'artifact_1'",
    "UPDATE artifacts SET gone_seq = NULL WHERE id = 'artifact_3'",
    "UPDATE artifacts SET gone_seq = 4 WHERE id = 'artifact_1'",
    "DELETE FROM artifacts WHERE id = 'artifact_2'",
    "UPDATE sessions SET artifact_bytes = 8",
  ]) {
    it(`finds ${change}`, async () => {
      const db = new DatabaseSync(databaseFile(directory));
      db.exec(change);
      db.close();
      assert.deepEqual(await verdictOf(author.store, stream), { ok: false, fault: "view" });
    });
  }
});

describe("verify() of forks", () => {
  let directory: string;
  let author: Author;
  let root: Stream;
  let fork: Stream;
  let forkOfFork: Stream;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    author = new Author(openSqliteStore({ directory, durability: "none" }));
    root = await author.create({ sessionId: "a", tags: ["x"] });
    root = await author.append(root, requests(1), requests(2));
    fork = await forked(root, 2, "b");
    fork = await author.append(fork, requests(3));
    forkOfFork = await forked(fork, 4, "c");
  });

  afterEach(async () => {
    await author.store.close();
    rmSync(directory, { recursive: true });
  });

  const forked = async (from: Stream, at: number, sessionId: string): Promise<Stream> => {
    const entries = await author.store.operations(from.ref, { after: 0, through: at, limit: at });
    const { part, stream } = author.fork(from, entries, sessionId);
    assert.deepEqual(await author.commit([part]), { outcome: "committed" });
    return stream;
  };

  /** Commits a fork of `root` at its second operation that says this of its origin. */
  const claiming = async (claim: (stream: Stream) => Partial<SessionInputs["session.forked"]>): Promise<Stream> => {
    const entries = await author.store.operations(root.ref, { after: 0, through: 2, limit: 2 });
    const honest = author.fork(root, entries, "z").stream;
    const { seq, hash } = entries[1]?.operation ?? assert.fail();
    const input = { uid: honest.ref.id, sessionId: "z", origin: { uid: root.ref.id, seq, hash, root: root.ref.id } };
    let record: SessionRecord | undefined;
    for (const entry of entries) record = RULES.session.fold(record, changeOf(entry));
    assert.ok(record !== undefined);
    const from = { ref: honest.ref, head: { seq, hash }, record };
    const { part, stream } = author.continue(from, draft("session.forked", { ...input, ...claim(honest) }));
    await author.commit([{ ...part, history: { ref: root.ref, hash } }]);
    return stream;
  };

  it("finds nothing wrong with a fork, a fork of that, and what was forked", async () => {
    for (const stream of [root, fork, forkOfFork]) {
      assert.deepEqual(await verdictOf(author.store, stream), { ok: true }, stream.record.sessionId);
    }
    assert.deepEqual(await verdictOf(author.store, await claiming(() => ({}))), { ok: true });
  });

  it("knows the heads that a fork has in common with its origin", async () => {
    const [, second, third] = await author.store.operations(root.ref, { after: 0, limit: 3 });
    assert.deepEqual(await verdictOf(author.store, forkOfFork, second?.operation.hash), { ok: true });
    assert.deepEqual(await verdictOf(author.store, forkOfFork, third?.operation.hash), {
      ok: false,
      fault: "known_head",
    });
  });

  it("finds an origin that is another, an entry before or after it, or another root", async () => {
    const origin = { uid: root.ref.id, seq: 2, hash: root.head.hash, root: root.ref.id };
    const [first, second] = await author.store.operations(root.ref, { after: 0, limit: 2 });
    const hash = second?.operation.hash ?? "";
    for (const claimed of [
      { ...origin, hash },
      { ...origin, hash, seq: 1 },
      { ...origin, hash: first?.operation.hash ?? "" },
      { ...origin, hash, root: fork.ref.id },
    ]) {
      const stream = await claiming(() => ({ origin: claimed }));
      const isHonest = claimed.hash === hash && claimed.seq === 2 && claimed.root === root.ref.id;
      // Another root begins with another hash.
      const firstBadSeq = claimed.root === root.ref.id ? 3 : 1;
      const found = isHonest ? { ok: true } : { ok: false, fault: "chain", firstBadSeq };
      assert.deepEqual(await verdictOf(author.store, stream), found, JSON.stringify(claimed));
    }
  });

  it("finds a log that says it is of another stream", async () => {
    const stream = await claiming(() => ({ uid: fork.ref.id }));
    assert.deepEqual(await verdictOf(author.store, stream), { ok: false, fault: "chain", firstBadSeq: 3 });
  });

  it("finds a fork that is shown as the root, and one whose origin is shown as another's", async () => {
    const db = new DatabaseSync(databaseFile(directory));
    db.exec("UPDATE sessions SET origin = NULL WHERE session_id = 'b'");
    db.exec("UPDATE sessions SET origin = replace(origin, '\"seq\":4', '\"seq\":3') WHERE session_id = 'c'");
    db.close();
    assert.deepEqual(await verdictOf(author.store, fork), { ok: false, fault: "chain", firstBadSeq: 1 });
    assert.deepEqual(await verdictOf(author.store, forkOfFork), { ok: false, fault: "view" });
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
