import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, it } from "node:test";
import { Author, draft, requests, sequentialIds, sha256 } from "../conformance/index.ts";
import { databaseFile } from "../store/sqlite/connection.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { SNAPSHOT_EVERY } from "./append.ts";
import type { OutsideExecutors } from "./execute-again.ts";
import { given } from "./given.ts";
import { History } from "./history.ts";
import type { Difference, ReplayReport, ReplayRequest } from "./replay-report.ts";
import { Sessions } from "./sessions.ts";
import type { Stream } from "./store.ts";

/** Of calls that reach outside there are none. */
const NOTHING: OutsideExecutors = {
  "messages.added": () => "skipped",
  "turn.completed": () => "skipped",
  "conversation.compacted": () => "skipped",
  "task.queued": () => "skipped",
  "task.started": () => "skipped",
  "task.finished": () => "skipped",
  "task.performed": () => "skipped",
};

const LENGTH = 2 * SNAPSHOT_EVERY + 4;

describe("replay() that verifies", () => {
  let directory: string;
  let author: Author;
  let stream: Stream;
  let neighbour: Stream;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    author = new Author(openSqliteStore({ directory, durability: "none" }));
    neighbour = await author.append(await author.create({ sessionId: "b" }), requests(1));
    stream = await author.create({ sessionId: "a", name: "A name", metadata: { n: 1 } });
    stream = await author.append(stream, draft("session.updated", { metadata: { said: "a word" } }));
    const several = (count: number) => Array.from({ length: count }, (_, i) => requests(i));
    stream = await author.append(stream, ...several(SNAPSHOT_EVERY - 2));
    stream = await author.append(stream, ...several(SNAPSHOT_EVERY));
    for (const one of several(4)) stream = await author.append(stream, one);
  });

  afterEach(async () => {
    await author.store.close();
    rmSync(directory, { recursive: true });
  });

  const replay = async (request: Partial<ReplayRequest> = {}, of = stream): Promise<ReplayReport> => {
    const { store, clock, tenant } = author;
    const ports = { store, clock, ids: sequentialIds(), digest: sha256 };
    const history = new History(ports, new Sessions(ports), { outside: NOTHING });
    return await history.replay({ tenant, actor: "tester" }, of.ref.id, { mode: "verify", ...request });
  };

  /** Edits the database behind the store's back, and replays what the store then shows. */
  const replayAfter = async (sql: string): Promise<ReplayReport> => {
    const db = new DatabaseSync(databaseFile(directory));
    db.exec(sql.replaceAll("STREAM", `(SELECT n FROM streams WHERE id = '${stream.ref.id}')`));
    db.close();
    assert.equal((await replay({}, neighbour)).equal, 2);
    return await replay();
  };

  it("finds every stretch of a log that was left alone equal", async () => {
    const edges = [1, 2, 3, SNAPSHOT_EVERY, SNAPSHOT_EVERY + 1, SNAPSHOT_EVERY + 2, LENGTH - 1, LENGTH];
    for (const from of edges) {
      for (const to of edges.filter((one) => one >= from)) {
        const report = await replay({ from, to });
        const equal = to - from + 1;
        assert.deepEqual(report, {
          mode: "verify",
          from,
          to,
          replayed: equal,
          equal,
          different: 0,
          failed: 0,
          skipped: 0,
          differences: [],
          durationUs: 0,
        });
      }
    }
  });

  const body = (seq: number): string => `(SELECT payload FROM operations WHERE stream = STREAM AND seq = ${seq})`;
  const REQUESTS = sumTo(SNAPSHOT_EVERY - 3) + sumTo(SNAPSHOT_EVERY - 1) + sumTo(3);
  const UNHASHED = "Its payload is not what was hashed";

  /** What is found, without hashes. */
  const edits: Readonly<Record<string, readonly [sql: string, found: readonly object[]]>> = {
    "a payload whose text was changed": [
      `UPDATE payloads SET body = replace(body, 'a word', 'two words') WHERE n = ${body(2)}`,
      [{ seq: 2, kind: "session.updated", outcome: "failed", what: "payload", message: UNHASHED }],
    ],
    "a payload that is no JSON any more": [
      `UPDATE payloads SET body = replace(body, '"', '') WHERE n = ${body(2)}`,
      [{ seq: 2, kind: "session.updated", outcome: "failed", what: "payload", message: UNHASHED }],
    ],
    "a payload that is lost": [
      `DELETE FROM payloads WHERE n = ${body(2)}`,
      [{ seq: 2, kind: "session.updated", outcome: "failed", what: "payload", message: "Its payload is lost" }],
    ],
    "a header that was changed": [
      "UPDATE operations SET actor = 'somebody-else' WHERE stream = STREAM AND seq = 3",
      [{ seq: 3, kind: "metrics.recorded", outcome: "different", what: "hash" }],
    ],
    "a hash that was changed": [
      "UPDATE operations SET hash = zeroblob(32) WHERE stream = STREAM AND seq = 3",
      [
        { seq: 3, kind: "metrics.recorded", outcome: "different", what: "hash" },
        { seq: 4, kind: "metrics.recorded", outcome: "different", what: "hash" },
      ],
    ],
    "a kind that no session has": [
      "UPDATE operations SET kind = 'session.eaten' WHERE stream = STREAM AND seq = 3",
      [
        { seq: 3, kind: "session.eaten", outcome: "different", what: "hash" },
        {
          seq: 3,
          kind: "session.eaten",
          outcome: "failed",
          what: "fold",
          message: 'A session has no operations "session.eaten"',
        },
      ],
    ],
    "an operation that is missing": [
      "DELETE FROM operations WHERE stream = STREAM AND seq = 3",
      [
        { seq: 4, kind: "metrics.recorded", outcome: "different", what: "seq", expected: 3, actual: 4 },
        { seq: 4, kind: "metrics.recorded", outcome: "different", what: "hash" },
      ],
    ],
    "last operations that are missing": [
      `DELETE FROM operations WHERE stream = STREAM AND seq > ${LENGTH - 2}`,
      [
        {
          seq: LENGTH - 2,
          kind: "metrics.recorded",
          outcome: "failed",
          what: "log",
          message: `No operation follows ${LENGTH - 2}, although there were more`,
        },
      ],
    ],
    "a head that is not the log's": [
      "UPDATE streams SET head_hash = zeroblob(32) WHERE n = STREAM",
      [{ seq: LENGTH, kind: "metrics.recorded", outcome: "different", what: "head" }],
    ],
    "a snapshot that was edited": [
      `UPDATE snapshots SET record = json_set(record, '$.name', 'Mallory', '$.metadata.n', 2)
        WHERE stream = STREAM AND seq = ${SNAPSHOT_EVERY}`,
      [
        {
          seq: SNAPSHOT_EVERY,
          kind: "metrics.recorded",
          outcome: "different",
          what: "state.metadata.n",
          expected: 2,
          actual: 1,
        },
        {
          seq: SNAPSHOT_EVERY,
          kind: "metrics.recorded",
          outcome: "different",
          what: "state.name",
          expected: "Mallory",
          actual: "A name",
        },
      ],
    ],
    "a snapshot that can't be read": [
      `UPDATE snapshots SET record = substr(record, 2) WHERE stream = STREAM AND seq = ${SNAPSHOT_EVERY}`,
      [
        {
          seq: SNAPSHOT_EVERY,
          kind: "metrics.recorded",
          outcome: "failed",
          what: "state",
          message: "The snapshot can't be read",
        },
      ],
    ],
    "a record that was edited": [
      "UPDATE sessions SET name = NULL, request_count = request_count + 1 WHERE n = STREAM",
      [
        {
          seq: LENGTH,
          kind: "metrics.recorded",
          outcome: "different",
          what: "state.metrics.requestCount",
          expected: REQUESTS + 1,
          actual: REQUESTS,
        },
        {
          seq: LENGTH,
          kind: "metrics.recorded",
          outcome: "different",
          what: "state.name",
          actual: "A name",
        },
      ],
    ],
  };

  for (const [what, [sql, found]] of Object.entries(edits)) {
    it(`finds ${what}`, async () => {
      const { differences, different, failed, equal, replayed } = await replayAfter(sql);
      assert.deepEqual(differences.map(withoutHashes), found);
      for (const { expected, actual, message } of differences) assert.ok(message !== undefined || expected !== actual);
      assert.equal(different + failed, new Set(differences.map(({ seq }) => seq)).size);
      assert.equal(equal + different + failed, replayed);
    });
  }

  it("holds the header alone of a payload that was erased, and goes on from the next snapshot", async () => {
    const erased = `UPDATE payloads SET salt = NULL, body = NULL WHERE n = ${body(2)}`;
    const { equal, differences } = await replayAfter(erased);
    assert.deepEqual({ equal, differences }, { equal: LENGTH, differences: [] });
    const { differences: found } = await replayAfter(`UPDATE sessions SET name = 'Mallory' WHERE n = STREAM;
      UPDATE operations SET actor = 'somebody-else' WHERE stream = STREAM AND seq = 2`);
    assert.deepEqual(
      found.map(({ seq, what }) => ({ seq, what })),
      [
        { seq: 2, what: "hash" },
        { seq: LENGTH, what: "state.name" },
      ],
    );
  });

  for (const mode of ["recorded", "execute"] as const) {
    it(`makes nothing of what was damaged: ${mode}`, async () => {
      await replayAfter(`UPDATE payloads SET body = replace(body, 'a word', 'two words') WHERE n = ${body(2)};
        UPDATE operations SET kind = 'session.eaten' WHERE stream = STREAM AND seq = 3`);
      const { differences, fork } = await replay({ mode, to: 3 });
      assert.deepEqual(
        differences.filter(({ what }) => what !== "name").map(({ seq, what }) => ({ seq, what })),
        [
          { seq: 2, what: "payload" },
          { seq: 3, what: "fold" },
        ],
      );
      const made =
        fork === undefined
          ? []
          : await author.store.operations({ ...stream.ref, id: fork.uid }, { after: 0, limit: 9 });
      assert.deepEqual(
        made.map(({ operation }) => operation.kind),
        mode === "execute" ? ["session.created", "session.completed"] : [],
      );
    });
  }

  it("finds nothing of what lies outside the stretch", async () => {
    await replayAfter(`UPDATE payloads SET body = replace(body, 'a word', 'two words') WHERE n = ${body(2)};
      UPDATE operations SET actor = 'somebody-else' WHERE stream = STREAM AND seq = ${LENGTH}`);
    const { equal, replayed } = await replay({ from: 3, to: LENGTH - 1 });
    assert.deepEqual({ equal, replayed }, { equal: LENGTH - 3, replayed: LENGTH - 3 });
  });

  it("can't tell anything of a log that is missing altogether", async () => {
    await assert.rejects(replayAfter("DELETE FROM operations WHERE stream = STREAM"), {
      code: "internal",
      message: `Operation 1 of session ${stream.ref.id} is not in the log`,
    });
  });
});

function sumTo(n: number): number {
  return (n * (n + 1)) / 2;
}

function withoutHashes({ expected, actual, ...rest }: Difference): object {
  if (typeof expected === "string" && expected.length === 64) return rest;
  return { ...rest, ...given("expected", expected), ...given("actual", actual) };
}
