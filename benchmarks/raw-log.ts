import type { DatabaseSync, StatementSync } from "node:sqlite";
import { openWriter } from "../src/store/sqlite/connection.ts";
import { migrate } from "../src/store/sqlite/schema.ts";

/** How the loop writes. */
export interface RawLogShape {
  readonly sessionCount: number;
  /** Operations of one transaction; spread over the sessions. */
  readonly groupSize: number;
}

/**
 * The least that a store of our schema has to do, as a loop: for each operation a payload and a log entry; for each
 * session of a group its head and its record; then COMMIT.
 */
export class RawLog implements Disposable {
  readonly #db: DatabaseSync;
  readonly #sql: Record<"begin" | "commit" | "payload" | "operation" | "head" | "record", StatementSync>;
  readonly #shape: RawLogShape;
  #seq = 1;
  #operations = 0;

  constructor(directory: string, shape: RawLogShape) {
    this.#shape = shape;
    this.#db = openWriter(directory, { durability: "full" });
    migrate(this.#db);
    createSessions(this.#db, shape.sessionCount);
    const prepare = (sql: string): StatementSync => this.#db.prepare(sql);
    this.#sql = {
      begin: prepare("BEGIN IMMEDIATE"),
      commit: prepare("COMMIT"),
      payload: prepare("INSERT INTO payloads (salt, body) VALUES (?, ?)"),
      operation:
        prepare(`INSERT INTO operations (stream, seq, id, kind, name, actor, at, duration_us, outcome, used, made,
        payload, payload_digest, hash) VALUES (?, ?, ?, 'metrics.recorded', 'record', 'benchmark', ?, NULL, 'completed',
        '[]', '[]', ?, ?, ?)`),
      head: prepare("UPDATE streams SET head_seq = ?, head_hash = ? WHERE n = ?"),
      record: prepare(`UPDATE sessions SET description = NULL, tags = '[]', metadata = '{}', reason = NULL,
        updated_at = ?, last_activity = ?, ended_at = NULL, idle_timeout_us = 86400000000, max_lifetime_us = NULL,
        expires_at = ?, request_count = ?, error_count = 0, processing_time_us = ? WHERE n = ?`),
    };
  }

  /** @returns operations a second */
  writeForAWhile(forMs: number): number {
    const started = performance.now();
    const before = this.#operations;
    while (performance.now() - started < forMs) this.#group();
    return ((this.#operations - before) / (performance.now() - started)) * 1_000;
  }

  /** Moves the write-ahead log into the database, as the store does when it is idle. */
  checkpoint(): void {
    this.#db.exec("PRAGMA wal_checkpoint(PASSIVE)");
  }

  [Symbol.dispose](): void {
    this.#db.close();
  }

  #group(): void {
    const { sessionCount, groupSize } = this.#shape;
    const at = Date.now() * 1_000;
    this.#sql.begin.run();
    for (let n = 1; n <= sessionCount; n++) this.#session(n, { at, operations: groupSize / sessionCount });
    this.#sql.commit.run();
    this.#seq += groupSize / sessionCount;
    this.#operations += groupSize;
  }

  #session(n: number, { at, operations }: { readonly at: number; readonly operations: number }): void {
    for (let i = 1; i <= operations; i++) {
      const { lastInsertRowid } = this.#sql.payload.run(SALT, BODY);
      const seq = this.#seq + i;
      this.#sql.operation.run(n, seq, "op_0123456789abcdef", at, lastInsertRowid, HASH, HASH);
    }
    const seq = this.#seq + operations;
    this.#sql.head.run(seq, HASH, n);
    this.#sql.record.run(at, at, at + IDLE_US, seq, seq, n);
  }
}

const SALT = Buffer.alloc(16, 0xa5);
const HASH = Buffer.alloc(32, 0xa5);
const BODY = '{"input":{"requests":1,"errors":0,"processingTimeUs":1500}}';
const IDLE_US = 86_400_000_000;

function createSessions(db: DatabaseSync, count: number): void {
  const stream = db.prepare(
    "INSERT INTO streams (tenant, kind, id, head_seq, head_hash) VALUES ('local', 'session', ?, 1, ?)",
  );
  const session = db.prepare(`INSERT INTO sessions (n, tenant, session_id, user_id, status, tags, metadata, created_at,
    updated_at, last_activity, idle_timeout_us, expires_at, request_count, error_count, processing_time_us)
    VALUES (?, 'local', ?, 'default_user', 'active', '[]', '{}', ?, ?, ?, ?, ?, 0, 0, 0)`);
  const now = Date.now() * 1_000;
  db.exec("BEGIN");
  for (let n = 1; n <= count; n++) {
    stream.run(crypto.randomUUID(), HASH);
    session.run(n, `session_${n}`, now, now, now, IDLE_US, now + IDLE_US);
  }
  db.exec("COMMIT");
}
