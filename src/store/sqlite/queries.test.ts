import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { Author, draft } from "../../conformance/index.ts";
import { type SessionQuery, SORTS } from "../../engine/store.ts";
import { databaseFile } from "./connection.ts";
import { openSqliteStore } from "./index.ts";
import { Queries } from "./queries.ts";

const SESSIONS = 8_000;

/** Rows of a page that is measured. */
const LIMIT = 50;

/** Rows from one measured page to the next. */
const STRIDE = 1_000;

/** How many of the sessions each filter leaves. */
const MATCHING = SESSIONS / 4;

type Question = Pick<SessionQuery, "sort"> & Partial<SessionQuery>;

/** The lists whose pages we promise to cost the same however deep they lie. */
const PROMISED: readonly Question[] = [
  { sort: "created_at" },
  { sort: "created_at", userId: "u" },
  { sort: "created_at", statuses: ["completed"] },
  { sort: "created_at", statuses: ["active"] },
  { sort: "created_at", statuses: ["active", "suspended"] },
  { sort: "created_at", statuses: ["expired", "completed"] },
  { sort: "created_at", parentSessionId: "p" },
  { sort: "created_at", tags: ["x"] },
  { sort: "created_at", createdAfterUs: 1 },
  { sort: "created_at", createdBeforeUs: Number.MAX_SAFE_INTEGER },
  { sort: "updated_at" },
  { sort: "last_activity" },
  { sort: "last_activity", userId: "u" },
  { sort: "last_activity", userId: "u", statuses: ["active"] },
  { sort: "last_activity", statuses: ["active", "suspended"], lastActivityBeforeUs: Number.MAX_SAFE_INTEGER },
  { sort: "name" },
];

/** Filters that leave one session, or none, however the list is ordered. */
const SPARSE: readonly Question[] = SORTS.flatMap((sort) => [
  { sort, userId: "v1" },
  { sort, userId: "v1", statuses: ["active"] },
  { sort, userId: "v1", tags: ["x"] },
  { sort, userId: "nobody" },
  { sort, tags: ["x", "none"] },
  { sort, tags: ["x"], parentSessionId: "nobody" },
  { sort, statuses: ["failed"], userId: "u" },
]);

describe("list() of many sessions", () => {
  for (const ties of ["few", "many"] as const) {
    describe(`with ${ties} ties`, () => {
      const directory = mkdtempSync(join(tmpdir(), "sojourn-"));
      let db: CountingDatabase;
      let tenant: string;
      let firstPage: number;

      before(async () => {
        tenant = await fill(directory, ties);
        db = new CountingDatabase(databaseFile(directory), { readOnly: true });
        new Queries(db).list({ tenant, now: 1, sort: "created_at", order: "asc", limit: LIMIT });
        firstPage = db.takeSteps();
        assert.ok(firstPage > LIMIT);
      });

      after(() => {
        db.close();
        rmSync(directory, { recursive: true });
      });

      for (const question of SPARSE) {
        it(`visits little where few sessions match: ${JSON.stringify(question)}`, () => {
          const { items } = new Queries(db).list({ tenant, now: 1, order: "asc", ...question, limit: LIMIT });
          assert.ok(items.length <= 1);
          assert.ok(db.takeSteps() < firstPage);
        });
      }

      for (const question of PROMISED) {
        for (const order of ["asc", "desc"] as const) {
          it(`visits at every depth about as much as the first page of all does: ${JSON.stringify(question)} ${order}`, () => {
            const queries = new Queries(db);
            const steps: number[] = [];
            let rows = 0;
            for (let cursor: string | undefined, isLast = false; !isLast; isLast = cursor === undefined) {
              const query = { tenant, now: 1, order, ...question, ...(cursor && { cursor }) };
              queries.list({ ...query, limit: LIMIT });
              steps.push(db.takeSteps());
              assert.deepEqual(db.faults(), []);
              const page = queries.list({ ...query, limit: STRIDE });
              db.takeSteps();
              rows += page.items.length;
              cursor = page.next;
            }
            assert.ok(rows >= MATCHING, `${rows} rows`);
            const worst = Math.max(...steps);
            assert.ok(worst < 2 * firstPage, `page ${steps.indexOf(worst)} takes ${worst} steps`);
          });
        }
      }
    });
  }
});

/** Runs statements as any connection does, and counts what SQLite does for them. */
class CountingDatabase extends DatabaseSync {
  #statement: (StatementSync & Counters) | undefined;
  #sql = "";

  override prepare(sql: string): StatementSync {
    // NOTE: the types of Node do not have `stat` and `resetStats` yet.
    this.#statement = super.prepare(sql) as StatementSync & Counters;
    this.#sql = sql;
    return this.#statement;
  }

  /** The steps of SQLite's virtual machine since the last call. */
  takeSteps(): number {
    const steps = this.#statement?.stat("vmStep") ?? 0;
    this.#statement?.resetStats();
    return steps;
  }

  /** Where the plan of the last statement reads a whole table, or sorts rows that no limit has cut. */
  faults(): readonly string[] {
    const plan = super.prepare(`EXPLAIN QUERY PLAN ${this.#sql}`).all();
    const lines = plan.map(({ detail }) => String(detail));
    return lines.filter((line, i) => {
      const source = lines[i - 1] ?? "";
      // Overdue sessions are few, and sorted.
      const isUncut = /^(SEARCH|SCAN) [sg]/.test(source) && !source.includes("sessions_due");
      return /^SCAN [stg]/.test(line) || (line.includes("TEMP B-TREE") && isUncut);
    });
  }
}

interface Counters {
  stat(counter: "vmStep"): number;
  resetStats(): void;
}

/** Four kinds of sessions, one for each filter; none is overdue, as the sweeper leaves it. */
async function fill(directory: string, ties: "few" | "many"): Promise<string> {
  const store = openSqliteStore({ directory, durability: "none" });
  const author = new Author(store);
  const commits = Array.from({ length: SESSIONS }, async (_, i) => {
    if (ties === "few" && i % 3 === 0) author.clock.advance(1_000);
    const { part, stream } = author.begin({
      userId: i % 4 === 0 ? "u" : `v${i}`,
      tags: i % 4 === 1 ? ["x"] : [],
      ...(ties === "few" ? { name: `n${(i * 7_919) % SESSIONS}` } : {}),
      ...(i % 4 === 2 ? { parentSessionId: "p" } : {}),
    });
    const ended = i % 4 === 3 ? author.continue(stream, draft("session.completed", {})).part : undefined;
    await author.commit([ended ? { ...ended, expectedHead: 0, entries: [...part.entries, ...ended.entries] } : part]);
  });
  await Promise.all(commits);
  await store.close();
  return author.tenant;
}
