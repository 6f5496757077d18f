import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { randomFrom } from "../src/conformance/random.ts";
import { NO_ARTIFACTS } from "../src/engine/artifact.ts";
import { EMPTY_CONVERSATION } from "../src/engine/conversation.ts";
import { NO_METRICS, type SessionRecord, type Status } from "../src/engine/session.ts";
import { NO_WORK } from "../src/engine/task.ts";
import { databaseFile } from "../src/store/sqlite/connection.ts";
import { OFTEN_CHANGED, SELDOM_CHANGED } from "../src/store/sqlite/rows.ts";
import { migrate, SCHEMA_VERSION } from "../src/store/sqlite/schema.ts";
import { progress } from "./rounds.ts";
import { DATA } from "./scratch.ts";

export const SESSIONS = 1_000_000;

/** Whose the sessions are: the tenant that the server uses. */
export const TENANT = "local";

/** The user of 52 % of the sessions. The others' are spread over up to 200,000 users, from 1 to some 27,000 each. */
export const LARGE_USER = "user_0";

/** On exactly 30 % of the sessions. */
export const COMMON_TAG = "common";

/** On exactly 0.1 % of the sessions. */
export const RARE_TAG = "rare";

/** To be raised when other sessions are to be loaded, so that no older ones are taken for them. */
const SHAPE = 1;

/**
 * A data directory with a million sessions, loaded in about half a minute and then kept for the next run.
 *
 * They have no operations, which no list reads, and none is ever overdue, so that a server has nothing to write.
 */
export function manySessions(): string {
  const path = join(DATA, `benchmark-${SESSIONS}-sessions-${SHAPE}-schema-${SCHEMA_VERSION}-${schemaDigest()}`);
  if (existsSync(path)) return path;
  const partial = `${path}.partial`;
  rmSync(partial, { recursive: true, force: true });
  mkdirSync(partial, { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(databaseFile(partial));
  try {
    load(db);
  } finally {
    db.close();
  }
  renameSync(partial, path);
  return path;
}

/** Tells a schema from another of the same version, which there is until a release lands it. */
function schemaDigest(): string {
  using db = new DatabaseSync(":memory:");
  migrate(db);
  const sql = db.prepare("SELECT sql FROM sqlite_schema ORDER BY name").all();
  return createHash("sha256").update(JSON.stringify(sql)).digest("hex").slice(0, 8);
}

/** The id of the session with this number, 0 to 999,999; neighbours are far apart in the order of ids. */
export function sessionIdOf(i: number): string {
  return `session_${(Math.imul(i, 0x9e3779b1) >>> 0).toString(16).padStart(16, "0")}`;
}

const BATCH = 100_000;

function load(db: DatabaseSync): void {
  const started = performance.now();
  const tell = (what: string): void => progress(`  ${Math.round((performance.now() - started) / 1_000)} s: ${what}`);
  progress(`Loading ${SESSIONS} sessions, once`);
  db.exec("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144");
  migrate(db);
  // An index is made faster from all rows, sorted, than row by row.
  const indexes = db.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").all();
  for (const { name } of indexes) db.exec(`DROP INDEX ${name}`);
  insertSessions(db, tell);
  db.exec(`
    INSERT INTO names SELECT tenant, session_id, n FROM sessions ORDER BY tenant, session_id;
    INSERT INTO tags SELECT s.tenant, j.value, s.created_at, s.n, 1, NULL FROM sessions s, json_each(s.tags) j
      ORDER BY s.tenant, j.value, s.created_at, s.n;
  `);
  tell("names and tags");
  for (const { name, sql } of indexes) {
    db.exec(String(sql));
    tell(`index ${name}`);
  }
}

function insertSessions(db: DatabaseSync, tell: (what: string) => void): void {
  const columns = [...SELDOM_CHANGED, ...OFTEN_CHANGED];
  const stream = db.prepare("INSERT INTO streams VALUES (?, ?, 'session', ?, 1, ?)");
  const session = db.prepare(`
    INSERT INTO sessions (n, tenant, session_id, created_at, ${columns.map(([name]) => name).join(", ")})
    VALUES (?, ?, ?, ?, ${columns.map(() => "?").join(", ")})`);
  const random = randomFrom(1);
  const hash = Buffer.alloc(32, 0xa5);
  db.exec("BEGIN");
  for (let i = 0; i < SESSIONS; i++) {
    const record = sessionOf(i, random);
    const n = i + 1;
    stream.run(n, TENANT, uidOf(i, record.createdAtUs), hash);
    session.run(n, TENANT, record.sessionId, record.createdAtUs, ...columns.map(([, value]) => value(record)));
    if (n % BATCH === 0) tell(`${n} sessions`);
  }
  db.exec("COMMIT");
}

const MINUTE_US = 60_000_000;
const DAY_US = 1_440 * MINUTE_US;
const FIRST_US = Date.UTC(2_024, 0, 1) * 1_000;

/** About one a minute, over two years; most are used for minutes, some for weeks. */
function sessionOf(i: number, random: () => number): SessionRecord {
  const createdAtUs = FIRST_US + i * MINUTE_US + Math.floor(random() * MINUTE_US);
  const lastActivityUs = createdAtUs + Math.floor(random() ** 4 * 30 * DAY_US);
  const facts = {
    sessionId: sessionIdOf(i),
    userId: random() < 0.52 ? LARGE_USER : `user_${Math.floor(200_000 ** random())}`,
    ...(random() < 0.6 ? { name: `Research ${Math.floor(random() * 200_000)}` } : {}),
    tags: [...(i % 10 < 3 ? [COMMON_TAG] : []), ...(i % 1_000 === 0 ? [RARE_TAG] : [])],
    metadata: { plan: random() < 0.8 ? "free" : "team", seats: 1 + Math.floor(random() * 9) },
    createdAtUs,
    updatedAtUs: lastActivityUs,
    lastActivityUs,
    metrics: {
      ...NO_METRICS,
      requestCount: Math.floor(random() * 100),
      processingTimeUs: Math.floor(random() * 1e7),
    },
    conversation: EMPTY_CONVERSATION,
    workingMemory: {},
    artifacts: NO_ARTIFACTS,
    checkpoints: {},
    work: NO_WORK,
  };
  const status = statusOf(random());
  if (status === "active" || status === "suspended") return { ...facts, status };
  const endedAtUs = status === "expired" ? lastActivityUs + DAY_US : lastActivityUs;
  return { ...facts, status, endedAtUs, updatedAtUs: endedAtUs, idleTimeoutUs: DAY_US };
}

/** The share of the sessions up to which each status reaches. */
const STATUS_SHARES: readonly (readonly [upTo: number, status: Status])[] = [
  [0.62, "completed"],
  [0.77, "expired"],
  [0.85, "failed"],
  [0.97, "active"],
  [1, "suspended"],
];

function statusOf(chance: number): Status {
  return STATUS_SHARES.find(([upTo]) => chance < upTo)?.[1] ?? "suspended";
}

/** Like a UUID of version 7: in the order of creation. */
function uidOf(i: number, createdAtUs: number): string {
  const ms = Math.floor(createdAtUs / 1_000)
    .toString(16)
    .padStart(12, "0");
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-${i.toString(16).padStart(12, "0")}`;
}
