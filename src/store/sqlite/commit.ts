import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { SojournError } from "../../engine/errors.ts";
import type { SessionRecord } from "../../engine/session.ts";
import type {
  AccessChange,
  Append,
  Commit,
  Committed,
  Erase,
  Guard,
  Remembered,
  StreamRef,
} from "../../engine/store.ts";
import { keyValues, PUT_KEY } from "./key-rows.ts";
import { columnsOf, type LeanAppend } from "./lean.ts";
import { bytes, type Column, integer, OFTEN_CHANGED, type Row, SELDOM_CHANGED } from "./rows.ts";

/** How many answers past their time go with each new one, so that they never pile up. */
const FORGET = 4;

/**
 * Applies commits within a transaction that its owner begins and commits. It neither decides nor computes: it holds
 * heads and guards against what is stored, and writes the rows as told.
 */
export class CommitWriter {
  readonly #db: DatabaseSync;
  readonly #sql: ReturnType<typeof statements>;
  /** By their selection of columns. */
  readonly #updates: Update[] = [];

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#sql = statements(db);
  }

  /**
   * Applies one commit; anything but `committed` leaves the transaction as it was. After an error the transaction is
   * good for nothing but to be rolled back.
   */
  apply(commit: Commit): Committed {
    return isRefusedFirst(commit) ? this.#write(commit) : this.applyAlone(commit);
  }

  /** Applies one commit under a savepoint of its own, so that an error, too, leaves the transaction as it was. */
  applyAlone(commit: Commit): Committed {
    this.#sql.savepoint.run();
    try {
      const committed = this.#write(commit);
      if (committed.outcome !== "committed") this.#sql.rollback.run();
      this.#sql.release.run();
      return committed;
    } catch (error) {
      // Where SQLite has already rolled the whole transaction back, there is no savepoint left.
      if (this.#db.isTransaction) {
        this.#sql.rollback.run();
        this.#sql.release.run();
      }
      throw error;
    }
  }

  #write({ now, parts, guards = [], remember = [], forget, access, keysUsed = [] }: Commit): Committed {
    const refused = this.#refusal(guards, now);
    if (refused !== undefined) return refused;
    if (access !== undefined && !this.#changeAccess(access)) return { outcome: "conflict" };
    for (const { id, at } of keysUsed) this.#sql.useKey.run(at, id);
    for (const part of parts) {
      const n = part.change === "append" ? this.#append(part) : this.#erase(part);
      if (n === undefined) return { outcome: "conflict" };
    }
    if (!guards.every((guard) => guard.guard !== "name" || this.#point(guard))) return { outcome: "conflict" };
    if (forget !== undefined) this.#sql.forgetUnbound.run(forget.tenant);
    for (const answer of remember) {
      const about = answer.about === undefined ? null : this.#number(answer.about);
      if (about === undefined) return { outcome: "conflict" };
      if (!this.#remember(answer, about, now)) return { outcome: "repeated" };
    }
    return { outcome: "committed" };
  }

  #refusal(guards: readonly Guard[], now: number): Committed | undefined {
    for (const guard of guards) {
      const refused = this.#check(guard, now);
      if (refused !== undefined) return refused;
    }
    return undefined;
  }

  #check(guard: Guard, now: number): Committed | undefined {
    if (guard.guard === "name") {
      const held = this.#sql.holder.get(guard.tenant, guard.sessionId)?.id;
      return held === guard.expected ? undefined : { outcome: "conflict" };
    }
    const active = integer(this.#sql.active.get({ tenant: guard.tenant, now })?.active);
    return active < guard.limit ? undefined : { outcome: "limit_reached" };
  }

  #point({ tenant, sessionId, next }: Extract<Guard, { guard: "name" }>): boolean {
    const n = this.#number({ tenant, kind: "session", id: next });
    if (n !== undefined) this.#sql.point.run(tenant, sessionId, n);
    return n !== undefined;
  }

  #changeAccess({ expectedVersion, mode, put }: AccessChange): boolean {
    if (this.#sql.access.run(mode, expectedVersion).changes === 0) return false;
    for (const key of put) this.#sql.putKey.run(keyValues(key));
    return true;
  }

  #append(append: Append): number | undefined {
    const { ref, expectedHead, entries, record, snapshot } = append;
    const last = entries.at(-1)?.operation;
    if (last === undefined) throw new SojournError("internal", { message: "A commit appends at least one operation" });
    const head = isLean(append) ? this.#sql.headAlone : this.#sql.head;
    const stored = head.get(ref.tenant, ref.kind, ref.id);
    if (integer(stored?.head_seq ?? 0) !== expectedHead) return undefined;
    const hash = bytes(last.hash);
    const n =
      stored === undefined
        ? Number(this.#sql.begin.run(ref.tenant, ref.kind, ref.id, last.seq, hash).lastInsertRowid)
        : integer(stored.n);
    for (const { operation: o, payload } of entries) {
      if (typeof payload !== "object") throw new SojournError("internal", { message: "A new operation has a payload" });
      const { lastInsertRowid } = this.#sql.payload.run(bytes(payload.salt), payload.body);
      this.#sql.operation.run(
        n,
        o.seq,
        o.id,
        o.kind,
        o.name,
        o.actor,
        o.at,
        o.durationUs ?? null,
        o.outcome,
        JSON.stringify(o.used),
        JSON.stringify(o.made),
        lastInsertRowid,
        bytes(o.payloadDigest),
        bytes(o.hash),
      );
    }
    if (stored !== undefined) this.#sql.advance.run(last.seq, hash, n);
    if (isOfSession(append)) this.#putSession(n, append, stored);
    else this.#sql.putRecord.run(n, JSON.stringify(record));
    if (snapshot) this.#sql.snapshot.run(n, last.seq, JSON.stringify(record));
    return n;
  }

  #putSession(n: number, append: Append<"session">, stored: Row | undefined): void {
    const { ref, record, rows } = append;
    const { sessionId, createdAtUs, temporary = false } = record;
    if (stored === undefined) {
      this.#sql.born.run(n, ref.tenant, sessionId, createdAtUs, Number(temporary), ...values(ALL, record));
    } else if (isLean(append)) {
      const { columns, statement } = this.#update(append.selection);
      statement.run(...values(columns, record), n);
    } else {
      const seldom = SELDOM_CHANGED.some(([column, value]) => stored[column] !== value(record));
      if (seldom) this.#sql.updateAll.run(...values(ALL, record), n);
      else this.#sql.updateOften.run(...values(OFTEN_CHANGED, record), n);
    }
    for (const row of rows) {
      if (row.view === "message") this.#sql.message.run(n, row.number, row.seq, row.place);
      else if (row.change === "begin") this.#sql.tag.run(ref.tenant, row.key, createdAtUs, n, row.seq);
      else this.#sql.untag.run(row.seq, n, row.key);
    }
  }

  #update(selection: number): Update {
    const known = this.#updates[selection];
    if (known !== undefined) return known;
    const columns = columnsOf(selection);
    const update = { columns, statement: this.#db.prepare(updateOf(columns)) };
    this.#updates[selection] = update;
    return update;
  }

  #erase({ ref, expectedHead }: Erase): number | undefined {
    const stored = this.#sql.head.get(ref.tenant, ref.kind, ref.id);
    if (stored === undefined || stored.head_seq !== expectedHead) return undefined;
    const n = integer(stored.n);
    for (const statement of this.#sql.erase) statement.run(n);
    return n;
  }

  #remember(remembered: Remembered, about: number | null, now: number): boolean {
    const { tenant, scope, key, fingerprint, answer, at, expiresAt } = remembered;
    this.#sql.forget.run(now, FORGET);
    const { changes } = this.#sql.remember.run(
      tenant,
      scope,
      key,
      bytes(fingerprint),
      JSON.stringify(answer),
      at,
      expiresAt,
      about,
      now,
    );
    return changes === 1;
  }

  #number({ tenant, kind, id }: StreamRef): number | undefined {
    const stored = this.#sql.head.get(tenant, kind, id);
    return stored && integer(stored.n);
  }
}

/**
 * Whether a commit is refused before it writes anything, if at all, as are the updates of one session. A savepoint would
 * be for nothing, and keeps copies of all pages that change (measured: a quarter of the time to apply a commit).
 */
function isRefusedFirst({ parts, guards = [], remember = [], access }: Commit): boolean {
  return (
    parts.length === 1 && remember.length === 0 && access === undefined && guards.every(({ guard }) => guard !== "name")
  );
}

function isOfSession(append: Append): append is Append<"session"> {
  return append.ref.kind === "session";
}

function isLean(append: Append): append is LeanAppend {
  return "selection" in append;
}

/** A statement that updates these columns of a session. */
interface Update {
  readonly columns: readonly Column[];
  readonly statement: StatementSync;
}

function updateOf(columns: readonly Column[]): string {
  return `UPDATE sessions SET ${columns.map(([name]) => `${name} = ?`).join(", ")} WHERE n = ?`;
}

const ALL: readonly Column[] = [...SELDOM_CHANGED, ...OFTEN_CHANGED];

function values(columns: readonly Column[], record: SessionRecord): SQLInputValue[] {
  return columns.map(([, value]) => value(record));
}

function statements(db: DatabaseSync) {
  const names = (columns: readonly Column[]): string => columns.map(([name]) => name).join(", ");
  const prepare = (sql: string): StatementSync => db.prepare(sql);
  return {
    savepoint: prepare("SAVEPOINT one"),
    release: prepare("RELEASE one"),
    rollback: prepare("ROLLBACK TO one"),
    head: prepare(`
      SELECT t.n, t.head_seq, ${SELDOM_CHANGED.map(([name]) => `s.${name}`).join(", ")}
      FROM streams t LEFT JOIN sessions s ON s.n = t.n WHERE t.tenant = ? AND t.kind = ? AND t.id = ?`),
    headAlone: prepare("SELECT n, head_seq FROM streams WHERE tenant = ? AND kind = ? AND id = ?"),
    begin: prepare("INSERT INTO streams (tenant, kind, id, head_seq, head_hash) VALUES (?, ?, ?, ?, ?)"),
    advance: prepare("UPDATE streams SET head_seq = ?, head_hash = ? WHERE n = ?"),
    payload: prepare("INSERT INTO payloads (salt, body) VALUES (?, ?)"),
    operation: prepare(`
      INSERT INTO operations (stream, seq, id, kind, name, actor, at, duration_us, outcome, used, made, payload,
        payload_digest, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    born: prepare(`INSERT INTO sessions (n, tenant, session_id, created_at, temporary, ${names(ALL)})
      VALUES (?, ?, ?, ?, ?, ${ALL.map(() => "?").join(", ")})`),
    updateAll: prepare(updateOf(ALL)),
    updateOften: prepare(updateOf(OFTEN_CHANGED)),
    putRecord: prepare(
      "INSERT INTO records (n, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
    ),
    message: prepare("INSERT INTO messages (stream, number, seq, place) VALUES (?, ?, ?, ?)"),
    tag: prepare("INSERT INTO tags (tenant, tag, created_at, n, seq) VALUES (?, ?, ?, ?, ?)"),
    untag: prepare("UPDATE tags SET gone_seq = ? WHERE n = ? AND tag = ? AND gone_seq IS NULL"),
    snapshot: prepare("INSERT INTO snapshots (stream, seq, record) VALUES (?, ?, ?)"),
    point: prepare(
      "INSERT INTO names (tenant, session_id, n) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = excluded.n",
    ),
    holder: prepare("SELECT t.id FROM names JOIN streams t USING (n) WHERE names.tenant = ? AND session_id = ?"),
    access: prepare("UPDATE access SET version = version + 1, mode = ? WHERE version = ?"),
    putKey: prepare(PUT_KEY),
    useKey: prepare("UPDATE keys SET last_used_at = max(coalesce(last_used_at, 0), ?) WHERE id = ?"),
    active: prepare(`
      SELECT coalesce((SELECT sessions FROM session_counts WHERE tenant = :tenant AND status = 'active'), 0) -
        (SELECT count(*) FROM sessions INDEXED BY sessions_due
          WHERE status IN ('active', 'suspended') AND expires_at < :now AND status = 'active' AND tenant = :tenant)
        AS active`),
    forget: prepare("DELETE FROM remembered WHERE n IN (SELECT n FROM remembered WHERE expires_at < ? LIMIT ?)"),
    forgetUnbound: prepare("DELETE FROM remembered WHERE tenant = ? AND about IS NULL"),
    remember: prepare(`
      INSERT INTO remembered (tenant, scope, key, fingerprint, answer, at, expires_at, about)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, scope, key) DO UPDATE SET fingerprint = excluded.fingerprint,
        answer = excluded.answer, at = excluded.at, expires_at = excluded.expires_at, about = excluded.about
        WHERE remembered.expires_at < ?`),
    erase: [
      "DELETE FROM payloads WHERE n IN (SELECT payload FROM operations WHERE stream = ?)",
      "DELETE FROM operations WHERE stream = ?",
      "DELETE FROM snapshots WHERE stream = ?",
      "DELETE FROM tags WHERE n = ?",
      "DELETE FROM messages WHERE stream = ?",
      "DELETE FROM records WHERE n = ?",
      "DELETE FROM names WHERE n = ?1 AND (tenant, session_id) IN (SELECT tenant, session_id FROM sessions WHERE n = ?1)",
      "DELETE FROM remembered WHERE about = ?",
      "DELETE FROM sessions WHERE n = ?",
      "DELETE FROM streams WHERE n = ?",
    ].map(prepare),
  };
}
