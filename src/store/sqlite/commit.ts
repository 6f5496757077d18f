import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import type { NewContent } from "../../engine/artifact.ts";
import { SojournError } from "../../engine/errors.ts";
import type { Entry } from "../../engine/operation.ts";
import type { SessionRecord } from "../../engine/session.ts";
import type {
  AccessChange,
  Append,
  Commit,
  Committed,
  CursorChange,
  Cut,
  Erase,
  Guard,
  Part,
  Remembered,
  RowChange,
  StreamRef,
} from "../../engine/store.ts";
import { ArtifactWriter } from "./artifact-writer.ts";
import { keyValues, PUT_KEY } from "./key-rows.ts";
import { columnsOf, type LeanAppend } from "./lean.ts";
import { bytes, type Column, integer, OFTEN_CHANGED, type Row, SELDOM_CHANGED } from "./rows.ts";

type ObjectRow = Extract<RowChange, { readonly view: "object" }>;

/** How many answers past their time go with each new one, so that they never pile up. */
const FORGET = 4;

/**
 * Applies commits within a transaction that its owner begins and commits. It neither decides nor computes: it holds
 * heads and guards against what is stored, and writes the rows as told.
 */
export class CommitWriter {
  readonly #db: DatabaseSync;
  readonly #sql: ReturnType<typeof statements>;
  readonly #artifacts: ArtifactWriter;
  /** By their selection of columns. */
  readonly #updates: Update[] = [];

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#sql = statements(db);
    this.#artifacts = new ArtifactWriter(db);
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

  #write(commit: Commit): Committed {
    const {
      now,
      parts,
      guards = [],
      contents = [],
      removed = [],
      settled = [],
      cursors = [],
      remember = [],
      forget,
      access,
      keysUsed = [],
    } = commit;
    const refused = this.#refusal(guards, now);
    if (refused !== undefined) return refused;
    if (access !== undefined && !this.#changeAccess(access)) return { outcome: "conflict" };
    for (const { id, at } of keysUsed) this.#sql.useKey.run(at, id);
    for (const [i, part] of parts.entries()) {
      const refused = this.#change(part, i === 0 ? contents : []);
      if (refused !== undefined) return refused;
    }
    for (const file of removed) this.#artifacts.remove(file);
    for (const { tenant, kind, id } of settled) this.#sql.settle.run(tenant, kind, id);
    if (!cursors.every((change) => this.#move(change, now))) return { outcome: "conflict" };
    if (!guards.every((guard) => guard.guard !== "name" || this.#point(guard))) return { outcome: "conflict" };
    if (forget !== undefined) this.#sql.forgetUnbound.run(forget.tenant);
    return this.#keep(remember, now) ?? { outcome: "committed" };
  }

  #change(part: Part, brought: readonly NewContent[]): Committed | undefined {
    if (part.change === "append") return this.#append(part, brought);
    return part.change === "erase" ? this.#erase(part) : this.#cut(part);
  }

  #keep(answers: readonly Remembered[], now: number): Committed | undefined {
    for (const answer of answers) {
      const about = answer.about === undefined ? null : this.#number(answer.about);
      if (about === undefined) return { outcome: "conflict" };
      if (!this.#remember(answer, about, now)) return { outcome: "repeated" };
    }
    return undefined;
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
    if (guard.guard === "readers_below") {
      const { ref, reader, limit } = guard;
      const key = [ref.tenant, ref.kind, ref.id] as const;
      const isFull = integer(this.#sql.readers.get(...key)?.readers) >= limit;
      return isFull && this.#sql.reader.get(...key, reader) === undefined ? { outcome: "limit_reached" } : undefined;
    }
    const active = integer(this.#sql.active.get({ tenant: guard.tenant, now })?.active);
    return active < guard.limit ? undefined : { outcome: "limit_reached" };
  }

  #move(change: CursorChange, now: number): boolean {
    const { tenant, kind, id } = change.ref;
    if (change.change === "drop") {
      this.#sql.dropReaders.run({ tenant, kind, id, reader: change.reader ?? null });
      return true;
    }
    const { reader, position, headMin } = change;
    if (headMin > integer(this.#sql.headAlone.get(tenant, kind, id)?.head_seq ?? 0)) return false;
    this.#sql[change.change].run(tenant, kind, id, reader, position, now);
    return true;
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

  #append(append: Append, brought: readonly NewContent[]): Committed | undefined {
    const { ref, expectedHead, entries, record, history, snapshot, unsettled } = append;
    const last = entries.at(-1)?.operation;
    if (last === undefined) throw new SojournError("internal", { message: "A commit appends at least one operation" });
    const head = isLean(append) ? this.#sql.headAlone : this.#sql.head;
    const stored = head.get(ref.tenant, ref.kind, ref.id);
    const origin = history && this.#origin(history, expectedHead);
    const isNext = history === undefined ? integer(stored?.head_seq ?? 0) === expectedHead : stored === undefined;
    if (!isNext || (history !== undefined && origin === undefined)) return { outcome: "conflict" };
    const refused = this.#admit(append, stored, brought);
    if (refused !== undefined) return refused;
    const hash = bytes(last.hash);
    const n =
      stored === undefined
        ? Number(this.#sql.newStream.run(ref.tenant, ref.kind, ref.id, last.seq, hash).lastInsertRowid)
        : integer(stored.n);
    if (origin !== undefined) this.#copyHistory(origin, n, append);
    for (const entry of entries) this.#log(n, entry);
    if (stored !== undefined) this.#sql.moveHead.run(last.seq, hash, n);
    if (isOfSession(append)) this.#putSession(n, append, stored);
    else this.#sql.putRecord.run(n, JSON.stringify(record));
    if (snapshot) this.#sql.snapshot.run(n, last.seq, JSON.stringify(record));
    if (unsettled) this.#sql.unsettle.run(n);
    return undefined;
  }

  /** Refuses rows that can't be written, or takes in what they refer to. */
  #admit(append: Append, stored: Row | undefined, brought: readonly NewContent[]): Committed | undefined {
    if (append.rows.length === 0) return undefined;
    const refused = this.#artifacts.refusal(append, stored && integer(stored.n), brought);
    if (refused !== undefined) return { outcome: refused };
    if (!this.#areNew(append.rows, stored && integer(stored.n))) return { outcome: "conflict" };
    for (const content of brought) this.#artifacts.bring(content);
    return undefined;
  }

  /** Whether the objects that begin with these rows are none that are there. */
  #areNew(rows: readonly RowChange[], n: number | undefined): boolean {
    const begun = rows.filter((row) => row.view === "object").map(({ objectId }) => objectId);
    if (new Set(begun).size < begun.length) return false;
    return n === undefined || begun.every((id) => this.#sql.isObject.get(n, id) === undefined);
  }

  #log(n: number, { operation: o, payload }: Entry): void {
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

  /** The number of the stream that is forked, if it has that operation. */
  #origin({ ref, hash }: NonNullable<Append["history"]>, seq: number): number | undefined {
    const found = this.#sql.origin.get(ref.tenant, ref.kind, ref.id, seq, bytes(hash));
    return found && integer(found.n);
  }

  /** Gives a fork the history that it has in common; payloads are shared, and so are erased with the last of those. */
  #copyHistory(from: number, to: number, { ref, record, expectedHead: through }: Append): void {
    const { createdAtUs } = isSession(record) ? record : { createdAtUs: 0 };
    const values = { from, to, through, tenant: ref.tenant, created: createdAtUs };
    for (const statement of this.#sql.copy) statement.run(values);
    this.#artifacts.copy(from, to, through);
  }

  #putSession(n: number, append: Append<"session">, stored: Row | undefined): void {
    const { ref, record, rows } = append;
    const { sessionId, createdAtUs, temporary = false } = record;
    if (stored === undefined) {
      const origin = record.origin === undefined ? null : JSON.stringify(record.origin);
      this.#sql.born.run(n, ref.tenant, sessionId, createdAtUs, Number(temporary), origin, ...values(ALL, record));
    } else if (isLean(append)) {
      const { columns, statement } = this.#update(append.selection);
      statement.run(...values(columns, record), n);
    } else {
      const seldom = SELDOM_CHANGED.some(([column, value]) => stored[column] !== value(record));
      if (seldom) this.#sql.updateAll.run(...values(ALL, record), n);
      else this.#sql.updateOften.run(...values(OFTEN_CHANGED, record), n);
    }
    for (const row of rows) this.#putRow(n, row, { tenant: ref.tenant, createdAtUs });
    this.#artifacts.write(n, ref, rows);
  }

  /** Writes a row of a collection; those of artifacts have a writer of their own. */
  #putRow(n: number, row: RowChange, { tenant, createdAtUs }: { tenant: string; createdAtUs: number }): void {
    switch (row.view) {
      case "message":
        this.#sql.message.run(n, row.number, row.seq, row.place);
        return;
      case "object":
        this.#putObject(n, row);
        return;
      case "task":
        if (row.change === "begin") this.#sql.task.run(n, row.seq, row.id);
        else this.#sql.endTask.run(row.seq, n, row.id);
        return;
      case "tag":
        if (row.change === "begin") this.#sql.tag.run(tenant, row.key, createdAtUs, n, row.seq);
        else this.#sql.untag.run(row.seq, n, row.key);
        return;
      default:
    }
  }

  #putObject(n: number, row: ObjectRow): void {
    const { seq, place, objectId, type, degradation, app, action, taskId, createdAtUs } = row;
    const reason = degradation === undefined ? null : JSON.stringify(degradation);
    this.#sql.object.run(n, seq, place, objectId, type, reason, app, action, taskId, createdAtUs);
  }

  #update(selection: number): Update {
    const known = this.#updates[selection];
    if (known !== undefined) return known;
    const columns = columnsOf(selection);
    const update = { columns, statement: this.#db.prepare(updateOf(columns)) };
    this.#updates[selection] = update;
    return update;
  }

  #erase({ ref, expectedHead }: Erase): Committed | undefined {
    const stored = this.#sql.head.get(ref.tenant, ref.kind, ref.id);
    if (stored === undefined || stored.head_seq !== expectedHead) return { outcome: "conflict" };
    const n = integer(stored.n);
    this.#artifacts.erase(n, ref.tenant);
    for (const statement of this.#sql.erase) statement.run(n);
    this.#sql.dropReaders.run({ tenant: ref.tenant, kind: ref.kind, id: ref.id, reader: null });
    return undefined;
  }

  #cut({ ref, through: { seq, hash } }: Cut): Committed | undefined {
    const last = this.#sql.origin.get(ref.tenant, ref.kind, ref.id, seq, bytes(hash));
    if (last === undefined) return { outcome: "conflict" };
    for (const statement of this.#sql.cut) statement.run(integer(last.n), seq);
    return undefined;
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
function isRefusedFirst({ parts, guards = [], cursors = [], remember = [], access }: Commit): boolean {
  return (
    parts.length === 1 &&
    cursors.length === 0 &&
    remember.length === 0 &&
    access === undefined &&
    guards.every(({ guard }) => guard !== "name")
  );
}

function isOfSession(append: Append): append is Append<"session"> {
  return append.ref.kind === "session";
}

function isSession(record: Append["record"]): record is SessionRecord {
  return "sessionId" in record;
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
    newStream: prepare("INSERT INTO streams (tenant, kind, id, head_seq, head_hash) VALUES (?, ?, ?, ?, ?)"),
    moveHead: prepare("UPDATE streams SET head_seq = ?, head_hash = ? WHERE n = ?"),
    payload: prepare("INSERT INTO payloads (salt, body) VALUES (?, ?)"),
    operation: prepare(`
      INSERT INTO operations (stream, seq, id, kind, name, actor, at, duration_us, outcome, used, made, payload,
        payload_digest, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    born: prepare(`INSERT INTO sessions (n, tenant, session_id, created_at, temporary, origin, ${names(ALL)})
      VALUES (?, ?, ?, ?, ?, ?, ${ALL.map(() => "?").join(", ")})`),
    updateAll: prepare(updateOf(ALL)),
    updateOften: prepare(updateOf(OFTEN_CHANGED)),
    putRecord: prepare(
      "INSERT INTO records (n, record) VALUES (?, ?) ON CONFLICT DO UPDATE SET record = excluded.record",
    ),
    message: prepare("INSERT INTO messages (stream, number, seq, place) VALUES (?, ?, ?, ?)"),
    tag: prepare("INSERT INTO tags (tenant, tag, created_at, n, seq) VALUES (?, ?, ?, ?, ?)"),
    untag: prepare("UPDATE tags SET gone_seq = ? WHERE n = ? AND tag = ? AND gone_seq IS NULL"),
    task: prepare("INSERT INTO tasks (stream, seq, id) VALUES (?, ?, ?)"),
    endTask: prepare("UPDATE tasks SET gone_seq = ? WHERE stream = ? AND id = ? AND gone_seq IS NULL"),
    isObject: prepare("SELECT 1 FROM objects WHERE stream = ? AND id = ?"),
    object: prepare(`INSERT INTO objects (stream, seq, place, id, type, degradation, app, action, task, created_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`),
    snapshot: prepare("INSERT INTO snapshots (stream, seq, record) VALUES (?, ?, ?)"),
    unsettle: prepare("INSERT INTO unsettled (n) VALUES (?) ON CONFLICT DO NOTHING"),
    settle: prepare("DELETE FROM unsettled WHERE n = (SELECT n FROM streams WHERE tenant = ? AND kind = ? AND id = ?)"),
    point: prepare(
      "INSERT INTO names (tenant, session_id, n) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = excluded.n",
    ),
    readers: prepare("SELECT count(*) AS readers FROM cursors WHERE tenant = ? AND kind = ? AND id = ?"),
    reader: prepare("SELECT 1 FROM cursors WHERE tenant = ? AND kind = ? AND id = ? AND reader = ?"),
    begin: prepare(`INSERT INTO cursors (tenant, kind, id, reader, position, at) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO NOTHING`),
    advance: prepare(`INSERT INTO cursors (tenant, kind, id, reader, position, at) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET position = excluded.position, at = excluded.at WHERE position < excluded.position`),
    set: prepare(`INSERT INTO cursors (tenant, kind, id, reader, position, at) VALUES (?, ?, ?, ?, ?, ?)
      ON CONFLICT DO UPDATE SET position = excluded.position, at = excluded.at`),
    dropReaders: prepare(`DELETE FROM cursors
      WHERE tenant = :tenant AND kind = :kind AND id = :id AND (:reader IS NULL OR reader = :reader)`),
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
    origin: prepare(`SELECT t.n FROM streams t JOIN operations o ON o.stream = t.n
      WHERE t.tenant = ? AND t.kind = ? AND t.id = ? AND o.seq = ? AND o.hash = ?`),
    copy: [
      `INSERT INTO operations (stream, seq, id, kind, name, actor, at, duration_us, outcome, used, made, payload,
          payload_digest, hash)
        SELECT :to, seq, id, kind, name, actor, at, duration_us, outcome, used, made, payload, payload_digest, hash
          FROM operations WHERE stream = :from AND seq <= :through ORDER BY seq`,
      `INSERT INTO snapshots (stream, seq, record)
        SELECT :to, seq, record FROM snapshots WHERE stream = :from AND seq <= :through`,
      `INSERT INTO messages (stream, number, seq, place)
        SELECT :to, number, seq, place FROM messages WHERE stream = :from AND seq <= :through`,
      `INSERT INTO tags (tenant, tag, created_at, n, seq, gone_seq)
        SELECT :tenant, tag, :created, :to, seq, CASE WHEN gone_seq <= :through THEN gone_seq END
          FROM tags WHERE n = :from AND seq <= :through`,
      `INSERT INTO tasks (stream, seq, gone_seq, id)
        SELECT :to, seq, CASE WHEN gone_seq <= :through THEN gone_seq END, id
          FROM tasks WHERE stream = :from AND seq <= :through`,
      `INSERT INTO objects (stream, seq, place, id, type, degradation, app, action, task, created_at)
        SELECT :to, seq, place, id, type, degradation, app, action, task, created_at
          FROM objects WHERE stream = :from AND seq <= :through`,
      "INSERT INTO forks (n, root) VALUES (:from, :from) ON CONFLICT DO NOTHING",
      "INSERT INTO forks (n, root) SELECT :to, root FROM forks WHERE n = :from",
    ].map((sql) => {
      const statement = prepare(sql);
      statement.setAllowUnknownNamedParameters(true);
      return statement;
    }),
    cut: [
      "DELETE FROM payloads WHERE n IN (SELECT payload FROM operations WHERE stream = ? AND seq < ?)",
      "DELETE FROM operations WHERE stream = ? AND seq < ?",
      "DELETE FROM snapshots WHERE stream = ? AND seq < ?",
      "UPDATE payloads SET salt = NULL, body = NULL WHERE n = (SELECT payload FROM operations WHERE stream = ? AND seq = ?)",
    ].map(prepare),
    erase: [
      `DELETE FROM payloads WHERE n IN (SELECT payload FROM operations WHERE stream = ?1) AND n NOT IN (
        SELECT o.payload FROM forks own JOIN forks other ON other.root = own.root AND other.n <> own.n
          JOIN operations o ON o.stream = other.n WHERE own.n = ?1)`,
      "DELETE FROM forks WHERE n = ?",
      "DELETE FROM operations WHERE stream = ?",
      "DELETE FROM snapshots WHERE stream = ?",
      "DELETE FROM unsettled WHERE n = ?",
      "DELETE FROM tags WHERE n = ?",
      "DELETE FROM messages WHERE stream = ?",
      "DELETE FROM tasks WHERE stream = ?",
      "DELETE FROM objects WHERE stream = ?",
      "DELETE FROM records WHERE n = ?",
      "DELETE FROM names WHERE n = ?1 AND (tenant, session_id) IN (SELECT tenant, session_id FROM sessions WHERE n = ?1)",
      "DELETE FROM remembered WHERE about = ?",
      "DELETE FROM sessions WHERE n = ?",
      "DELETE FROM streams WHERE n = ?",
    ].map(prepare),
  };
}
