import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { isFinal } from "../../engine/lifecycle.ts";
import type { Entry } from "../../engine/operation.ts";
import type { SessionRecord, Status } from "../../engine/session.ts";
import { STATUSES } from "../../engine/session.ts";
import type {
  Notice,
  OperationRange,
  Page,
  SessionFilter,
  SessionQuery,
  Sort,
  Stream,
  StreamRef,
  Totals,
  View,
} from "../../engine/store.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { integer, type Row, STREAM_COLUMNS, toEntry, toRef, toStream } from "./rows.ts";

/** How many statements are kept; filters combine to more shapes than are worth keeping. */
const PREPARED_MAX = 256;

type Named = Record<string, SQLInputValue>;

/** The reads that may take long, over one read-only connection. Statements are prepared once for each shape. */
export class Queries {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  list(query: SessionQuery): Page<Stream> {
    const { sort, order, limit } = query;
    const after = query.cursor === undefined ? undefined : decodeCursor(query.cursor, query);
    const values: Named = { limit: limit + 1, ...(after && { key: after.key, n: after.n }) };
    const column = SORT_COLUMNS[sort];
    const direction = order === "asc" ? "ASC" : "DESC";
    // The first tag leads: its rows are in the order of creation.
    const leads = query.tags !== undefined && query.tags.length > 0 && sort === "created_at";
    const [key, n] = leads ? ["g0.created_at", "g0.n"] : [column, "s.n"];
    const further = order === "asc" ? ">" : "<";
    const places = after === undefined ? [""] : placesAfter({ key, n, further, leads });
    const terms = filterTerms(query, values, after && `${column} ${further}`).join(" AND ");
    const arms = statusArms(query, sort).flatMap(({ status, index }) =>
      places.map(
        (place) => `SELECT * FROM (
          SELECT ${n} AS n, ${key} AS key FROM ${fromClause(query, values, index)} WHERE ${terms} ${status} ${place}
          ORDER BY ${key} ${direction}, ${n} ${direction} LIMIT :limit)`,
      ),
    );
    const rows = this.#all(
      `SELECT ${STREAM_COLUMNS}, p.key FROM (
        SELECT n, key FROM (${arms.join(" UNION ALL ")}) ORDER BY key ${direction}, n ${direction} LIMIT :limit) p
      CROSS JOIN sessions s ON s.n = p.n JOIN streams t ON t.n = p.n ORDER BY p.key ${direction}, p.n ${direction}`,
      { ...values, ...statusValues(query) },
    );
    const items = rows.slice(0, limit).map(toStream);
    const last = rows[limit - 1];
    return rows.length > limit && last !== undefined ? { items, next: encodeCursor(last, query) } : { items };
  }

  aggregate(filter: SessionFilter): Totals {
    const values: Named = { now: filter.now };
    const terms = filterTerms(filter, values);
    const statuses = statusArms(filter, undefined).map(({ status }) => `(TRUE ${status})`);
    terms.push(`(${statuses.join(" OR ")})`);
    const rows = this.#all(
      `SELECT iif(status IN ('active', 'suspended') AND expires_at < :now, 'expired', status) AS shown,
        count(*) AS sessions, CAST(sum(request_count) AS TEXT) AS requests, CAST(sum(error_count) AS TEXT) AS errors,
        CAST(sum(processing_time_us) AS TEXT) AS time
      FROM ${fromClause(filter, values)} WHERE ${terms.join(" AND ")} GROUP BY shown`,
      { ...values, ...statusValues(filter) },
    );
    const sum = (column: string): number => rows.reduce((total, row) => total + Number(row[column]), 0);
    const count = (status: Status): number => integer(rows.find((row) => row.shown === status)?.sessions ?? 0);
    return {
      // NOTE: one entry for each status.
      byStatus: Object.fromEntries(STATUSES.map((status) => [status, count(status)])) as Record<Status, number>,
      metrics: { requestCount: sum("requests"), errorCount: sum("errors"), processingTimeUs: sum("time") },
    };
  }

  operations(
    ref: StreamRef,
    { after, through = Number.MAX_SAFE_INTEGER, kind, limit }: OperationRange,
  ): readonly Entry[] {
    const rows = this.#all(
      `SELECT o.*, p.n AS payload_row, p.salt, p.body
      FROM streams t JOIN operations o ON o.stream = t.n LEFT JOIN payloads p ON p.n = o.payload
      WHERE ${OF_STREAM} AND o.seq > :after AND o.seq <= :through ${kind === undefined ? "" : "AND o.kind = :operation"}
      ORDER BY o.seq LIMIT :limit`,
      { ...ofStream(ref), after, through, limit, ...(kind === undefined ? {} : { operation: kind }) },
    );
    return rows.map(toEntry);
  }

  snapshot(ref: StreamRef, seq: number): { readonly seq: number; readonly record: SessionRecord } | undefined {
    const [row] = this.#all(
      `SELECT x.seq, x.record FROM streams t JOIN snapshots x ON x.stream = t.n
      WHERE ${OF_STREAM} AND x.seq <= :seq ORDER BY x.seq DESC LIMIT 1`,
      { ...ofStream(ref), seq },
    );
    // NOTE: snapshots are only ever written from a SessionRecord.
    return row && { seq: integer(row.seq), record: JSON.parse(String(row.record)) as SessionRecord };
  }

  view(ref: StreamRef, _view: View, seq: number): readonly string[] {
    const rows = this.#all(
      `SELECT g.tag FROM streams t JOIN tags g ON g.n = t.n
      WHERE ${OF_STREAM} AND g.seq <= :seq AND (g.gone_seq IS NULL OR g.gone_seq > :seq) ORDER BY g.seq, g.tag`,
      { ...ofStream(ref), seq },
    );
    return rows.map((row) => String(row.tag));
  }

  overdue(now: number, limit: number): readonly StreamRef[] {
    const rows = this.#all(
      `SELECT t.tenant, t.kind, t.id AS uid FROM sessions s INDEXED BY sessions_due JOIN streams t ON t.n = s.n
      WHERE s.status IN ('active', 'suspended') AND s.expires_at < :now ORDER BY s.expires_at LIMIT :limit`,
      { now, limit },
    );
    return rows.map(toRef);
  }

  notices(position: number, limit: number): readonly Extract<Notice, { notice: "operation" }>[] {
    const rows = this.#all(
      `SELECT o.position, o.seq, t.tenant, t.kind, t.id AS uid FROM operations o JOIN streams t ON t.n = o.stream
      WHERE o.position > :position ORDER BY o.position LIMIT :limit`,
      { position, limit },
    );
    return rows.map((row) => ({
      notice: "operation",
      position: integer(row.position),
      ref: toRef(row),
      seq: integer(row.seq),
    }));
  }

  #all(sql: string, values: Named): readonly Row[] {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      if (this.#prepared.size === PREPARED_MAX) this.#prepared.clear();
      statement = this.#db.prepare(sql);
      this.#prepared.set(sql, statement);
    }
    return statement.all(values);
  }
}

const SORT_COLUMNS: Record<Sort, string> = {
  created_at: "s.created_at",
  updated_at: "s.updated_at",
  last_activity: "s.last_activity",
  name: "s.name_key",
};

const OF_STREAM = "t.tenant = :tenant AND t.kind = :kind AND t.id = :uid";

function ofStream({ tenant, kind, id }: StreamRef): Named {
  return { tenant, kind, uid: id };
}

/**
 * The rows after a cursor, as one `SELECT` for each stretch of an index: first the rest of the rows with its key, which
 * may be thousands, then those with further keys. SQLite can't seek to both by one comparison of rows, since `n` is the
 * rowid and no column of the index; in the primary key of tags it is one.
 */
function placesAfter(at: Record<"key" | "n" | "further", string> & { readonly leads: boolean }): readonly string[] {
  const { key, n, further, leads } = at;
  if (leads) return [`AND (${key}, ${n}) ${further} (:key, :n)`];
  return [`AND ${key} = :key AND ${n} ${further} :n`, `AND ${key} ${further} :key`];
}

/** The rows of a status, and the index to read them by where SQLite would choose a worse one. */
interface StatusArm {
  readonly status: string;
  readonly index?: string;
}

const OPEN = "AND s.status IN ('active', 'suspended')";

/**
 * The conditions of each status asked for, one `SELECT` for each, so that every one is read along an index. A session
 * whose time is over is expired, whatever its row says.
 */
function statusArms({ statuses }: SessionFilter, sort: Sort | undefined): readonly StatusArm[] {
  if (statuses === undefined) return [{ status: "" }];
  if (statuses.length === 0) return [{ status: "AND FALSE" }];
  const wanted = new Set(statuses);
  const arms: StatusArm[] = [];
  const alive = "AND s.expires_at >= :now";
  // By activity there is one index of all open sessions; otherwise one of each status.
  const isOneArm = sort === "last_activity" && wanted.has("active") && wanted.has("suspended");
  if (isOneArm) arms.push({ status: `${OPEN} ${alive}` });
  for (const status of wanted) {
    const stored = `AND s.status = '${status}'`;
    if (isFinal(status)) arms.push({ status: stored });
    else if (!isOneArm) arms.push({ status: `${sort === "last_activity" ? OPEN : ""} ${stored} ${alive}` });
  }
  // The sweeper leaves few of them, so that reading them all costs less than to look for them along the order.
  if (wanted.has("expired")) arms.push({ status: `${OPEN} AND s.expires_at < :now`, index: "sessions_due" });
  return arms;
}

function statusValues({ statuses, now }: SessionFilter): Named {
  return statuses?.some((status) => status === "expired" || !isFinal(status)) ? { now } : {};
}

function fromClause({ tags = [] }: SessionFilter, values: Named, index?: string): string {
  const [first] = tags;
  if (first === undefined) return index === undefined ? "sessions s" : `sessions s INDEXED BY ${index}`;
  for (const [i, tag] of tags.entries()) values[`tag${i}`] = tag;
  return "tags g0 CROSS JOIN sessions s ON s.n = g0.n";
}

/** @param beyond  the bound that a cursor sets by itself; another of the kind would only mislead SQLite's choice */
function filterTerms(filter: SessionFilter, values: Named, beyond?: string): string[] {
  values.tenant = filter.tenant;
  const terms = ["s.tenant = :tenant"];
  const compare = (column: string, operator: string, name: string, value: SQLInputValue | undefined): void => {
    if (value === undefined || `${column} ${operator}` === beyond) return;
    terms.push(`${column} ${operator} :${name}`);
    values[name] = value;
  };
  compare("s.user_id", "=", "user", filter.userId);
  compare("s.parent_session_id", "=", "parent", filter.parentSessionId);
  compare("s.created_at", ">", "createdAfter", filter.createdAfterUs);
  compare("s.created_at", "<", "createdBefore", filter.createdBeforeUs);
  compare("s.last_activity", "<", "activeBefore", filter.lastActivityBeforeUs);
  for (const i of filter.tags?.keys() ?? []) {
    if (i === 0) terms.push("g0.tenant = :tenant AND g0.tag = :tag0 AND g0.gone_seq IS NULL");
    else {
      terms.push(`EXISTS (SELECT 1 FROM tags g WHERE g.tenant = :tenant AND g.tag = :tag${i}
        AND g.created_at = s.created_at AND g.n = s.n AND g.gone_seq IS NULL)`);
    }
  }
  if (filter.search !== undefined) {
    const match = (column: string): string => `${column} LIKE :search ESCAPE '\\'`;
    terms.push(`(${["s.session_id", "s.name", "s.description"].map(match).join(" OR ")})`);
    values.search = `%${filter.search.replace(/[\\%_]/g, "\\$&")}%`;
  }
  return terms;
}
