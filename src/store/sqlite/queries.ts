import type { DatabaseSync, SQLOutputValue, StatementSync } from "node:sqlite";
import type { Artifact, Grant, Permission } from "../../engine/artifact.ts";
import { messagesOf } from "../../engine/conversation.ts";
import { invalid } from "../../engine/errors.ts";
import { given } from "../../engine/given.ts";
import { compileGlob } from "../../engine/glob.ts";
import type { KeyRecord } from "../../engine/key.ts";
import { PAGE_CHARACTERS_MAX } from "../../engine/limits.ts";
import type { SealedMessage, StoredMessage } from "../../engine/message.ts";
import type { Entry } from "../../engine/operation.ts";
import { STATUSES, type Status } from "../../engine/session.ts";
import type {
  ArtifactQuery,
  EndedQuery,
  EndedSession,
  KeyQuery,
  MessageRange,
  Notice,
  OperationRange,
  Page,
  ReaderCursor,
  SessionFilter,
  SessionQuery,
  Stream,
  StreamRef,
  TaskPlace,
  TaskQuery,
  Totals,
  View,
} from "../../engine/store.ts";
import type { Records, StreamKind } from "../../engine/streams.ts";
import { NO_WORK } from "../../engine/task.ts";
import { artifactList, artifactValues, MATCHES } from "./artifact-list.ts";
import { decodeCursor, encodeCursor } from "./cursor.ts";
import { eachRow } from "./each-row.ts";
import { toKey } from "./key-rows.ts";
import {
  integer,
  RECORD_COLUMNS,
  type Row,
  TASK_COLUMNS,
  text,
  toArtifact,
  toBrought,
  toEntry,
  toOther,
  toReaderCursor,
  toRef,
  toSessionRef,
  toStream,
  toTaskPlace,
} from "./rows.ts";
import {
  countOf,
  listAlong,
  listFrom,
  type Named,
  type Source,
  sourcesOf,
  totalsOf,
  valuesOf,
} from "./session-list.ts";

/** How many statements are kept; filters combine to more shapes than are worth keeping. */
const PREPARED_MAX = 256;

/**
 * Up to so many sessions are filtered and sorted, which costs about as much as reading a page of many along its order.
 * Past that, a page along the order meets one that matches soon enough.
 */
const FEW = 1_000;

/** The reads that may take long, over one read-only connection. Statements are prepared once for each shape. */
export class Queries {
  readonly #db: DatabaseSync;
  readonly #prepared = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.#db = db;
    let glob: { readonly pattern: string; readonly matches: (name: string) => boolean } | undefined;
    db.function(MATCHES, { deterministic: true }, (pattern, name) => {
      // All rows of a query are held against one pattern.
      if (glob?.pattern !== pattern) glob = { pattern: String(pattern), matches: compileGlob(String(pattern)) };
      return Number(glob.matches(String(name)));
    });
  }

  list(query: SessionQuery): Page<Stream> {
    const { limit, cursor } = query;
    const after = cursor === undefined ? undefined : decodeCursor(cursor, query);
    const few = this.#fewest(query);
    const sql = few === undefined ? listAlong(query, after) : listFrom(few, query, after);
    const rows = this.#upTo(PAGE_CHARACTERS_MAX, sql, { ...valuesOf(query), ...after, limit: limit + 1 });
    const isFull = rows.length > limit || charactersOf(rows) > PAGE_CHARACTERS_MAX;
    const page = rows.slice(0, limit);
    const last = page.at(-1);
    const items = page.map(toStream);
    return isFull && last !== undefined ? { items, next: encodeCursor(last, query) } : { items };
  }

  aggregate(filter: SessionFilter): Totals {
    const rows = this.#all(totalsOf(filter, this.#fewest(filter)), valuesOf(filter));
    const sum = (column: string): number => rows.reduce((total, row) => total + Number(row[column]), 0);
    const count = (status: Status): number => integer(rows.find((row) => row.shown === status)?.sessions ?? 0);
    return {
      // NOTE: one entry for each status.
      byStatus: Object.fromEntries(STATUSES.map((status) => [status, count(status)])) as Record<Status, number>,
      metrics: {
        requestCount: sum("requests"),
        errorCount: sum("errors"),
        processingTimeUs: sum("time"),
        inputTokens: sum("input"),
        outputTokens: sum("output"),
        costNanoUsd: sum("cost"),
      },
    };
  }

  operations(
    ref: StreamRef,
    { after, through = Number.MAX_SAFE_INTEGER, kind, limit, charactersMax = Number.POSITIVE_INFINITY }: OperationRange,
  ): readonly Entry[] {
    const rows = this.#upTo(
      charactersMax,
      `SELECT o.*, p.n AS payload_row, p.salt, p.body
      FROM streams t JOIN operations o ON o.stream = t.n LEFT JOIN payloads p ON p.n = o.payload
      WHERE ${OF_STREAM} AND o.seq > :after AND o.seq <= :through ${kind === undefined ? "" : "AND o.kind = :operation"}
      ORDER BY o.seq LIMIT :limit`,
      { ...ofStream(ref), after, through, limit, ...(kind === undefined ? {} : { operation: kind }) },
    );
    return rows.map(toEntry);
  }

  messages(ref: StreamRef<"session">, range: MessageRange): readonly StoredMessage[] {
    const { after = 0, before = Number.MAX_SAFE_INTEGER, take, limit } = range;
    const { tokensMax = Number.POSITIVE_INFINITY, charactersMax = Number.POSITIVE_INFINITY } = range;
    const statement = this.#statement(
      `SELECT m.number, m.place, m.seq, m.stream FROM streams t JOIN messages m ON m.stream = t.n
      WHERE ${OF_STREAM} AND m.number > :after AND m.number < :before
      ORDER BY m.number ${take === "oldest" ? "ASC" : "DESC"} LIMIT :limit`,
    );
    const rows = eachRow(statement, { ...ofStream(ref), after, before, limit });
    const messages: StoredMessage[] = [];
    let [tokens, characters] = [0, 0];
    let of: { readonly seq: number; readonly at: number; readonly messages: readonly SealedMessage[] } | undefined;
    for (const row of rows) {
      const seq = integer(row.seq);
      // Messages of one operation come one after the other, and its payload may be large: it is read once.
      if (of?.seq !== seq) {
        const [brought] = this.#all(BROUGHT, { stream: integer(row.stream), seq });
        if (brought === undefined) continue;
        of = { seq, at: integer(brought.at), messages: messagesOf(toBrought(brought)) };
      }
      const message = of.messages[integer(row.place)];
      if (message === undefined) continue;
      tokens += message.tokens;
      if (tokens > tokensMax) break;
      messages.push({ ...message, number: integer(row.number), seq, at: of.at });
      characters += message.content.length;
      if (characters > charactersMax) break;
    }
    return take === "oldest" ? messages : messages.reverse();
  }

  artifacts(ref: StreamRef<"session">, query: ArtifactQuery): Page<Artifact> {
    const { limit } = query;
    const rows = this.#upTo(PAGE_CHARACTERS_MAX, artifactList(query), artifactValues(ref, query));
    const isFull = rows.length > limit || charactersOf(rows) > PAGE_CHARACTERS_MAX;
    const items = rows.slice(0, limit).map(toArtifact);
    return { items, ...given("next", isFull ? items.at(-1) : undefined, ({ seq }) => String(seq)) };
  }

  grants(ref: StreamRef<"session">, artifact: string): readonly Grant[] {
    const rows = this.#all(
      `SELECT g.* FROM streams t JOIN grants g ON g.stream = t.n
      WHERE ${OF_STREAM} AND g.artifact = :artifact AND g.gone_seq IS NULL ORDER BY g.seq`,
      { ...ofStream(ref), artifact },
    );
    // NOTE: only ever written from a Grant.
    return rows.map((row) => ({
      artifactId: artifact,
      grantee: String(row.grantee),
      permission: String(row.permission) as Permission,
      seq: integer(row.seq),
    }));
  }

  abandoned(limit: number): readonly string[] {
    return this.#all("SELECT name FROM abandoned_files LIMIT :limit", { limit }).map(({ name }) => String(name));
  }

  inUse(files: readonly string[]): readonly string[] {
    const rows = this.#all(
      "SELECT file FROM contents WHERE file IN (SELECT value FROM json_each(:files)) AND file IS NOT NULL",
      { files: JSON.stringify(files) },
    );
    return rows.map(({ file }) => String(file));
  }

  snapshot<K extends StreamKind>(
    ref: StreamRef<K>,
    seq: number,
  ): { readonly seq: number; readonly record: Records[K] } | undefined {
    const [row] = this.#all(
      `SELECT x.seq, x.record FROM streams t JOIN snapshots x ON x.stream = t.n
      WHERE ${OF_STREAM} AND x.seq <= :seq ORDER BY x.seq DESC LIMIT 1`,
      { ...ofStream(ref), seq },
    );
    // NOTE: snapshots are only ever written from records of the stream's kind.
    return row && { seq: integer(row.seq), record: JSON.parse(String(row.record)) as Records[K] };
  }

  view(ref: StreamRef, _view: View, seq: number): readonly string[] {
    const rows = this.#all(
      `SELECT g.tag FROM streams t JOIN tags g ON g.n = t.n
      WHERE ${OF_STREAM} AND g.seq <= :seq AND (g.gone_seq IS NULL OR g.gone_seq > :seq) ORDER BY g.seq, g.tag`,
      { ...ofStream(ref), seq },
    );
    return rows.map((row) => String(row.tag));
  }

  streams<K extends Exclude<StreamKind, "session">>(
    tenant: string,
    kind: K,
    { after = "", limit }: { readonly after?: string; readonly limit: number },
  ): readonly Stream<K>[] {
    const rows = this.#all(
      `SELECT ${RECORD_COLUMNS} FROM streams t JOIN records r ON r.n = t.n
      WHERE t.tenant = :tenant AND t.kind = :kind AND t.id > :after ORDER BY t.id LIMIT :limit`,
      { tenant, kind, after, limit },
    );
    return rows.map((row) => toOther<K>(row));
  }

  cursors(
    { tenant, kind, id }: StreamRef,
    { after = "", limit }: { readonly after?: string; readonly limit: number },
  ): readonly ReaderCursor[] {
    const rows = this.#all(
      `SELECT reader, position, at FROM cursors
      WHERE tenant = :tenant AND kind = :kind AND id = :uid AND reader > :after ORDER BY reader LIMIT :limit`,
      { tenant, kind, uid: id, after, limit },
    );
    return rows.map(toReaderCursor);
  }

  keys({ tenantName, limit, cursor = "0" }: KeyQuery): Page<KeyRecord> {
    if (!/^\d{1,15}$/.test(cursor)) {
      const message = "is not the next_cursor of a page of keys";
      throw invalid([{ field: "cursor", message, type: "invalid_cursor" }]);
    }
    const rows = this.#all(
      `SELECT * FROM keys WHERE n > :after ${tenantName === undefined ? "" : "AND tenant_name = :tenantName"}
      ORDER BY n LIMIT :limit`,
      { after: Number(cursor), limit: limit + 1, ...given("tenantName", tenantName) },
    );
    const items = rows.slice(0, limit).map(toKey);
    return rows.length > limit ? { items, next: String(rows[limit - 1]?.n) } : { items };
  }

  ended({ tenant, statuses, endedBeforeUs, order, after, limit }: EndedQuery): readonly EndedSession[] {
    const isOldestFirst = order === "oldest first";
    const [further, direction] = isOldestFirst ? [">", "ASC"] : ["<", "DESC"];
    const beyond = `AND s.ended_at ${further}= :end AND (s.ended_at, s.created_at, t.id) ${further} (:end, :created, :uid)`;
    const rows = this.#all(
      `SELECT t.tenant, t.kind, t.id AS uid, s.session_id, s.ended_at, s.created_at, s.artifact_bytes
      FROM sessions s INDEXED BY sessions_by_end CROSS JOIN streams t ON t.n = s.n
      WHERE s.tenant = :tenant AND s.ended_at IS NOT NULL AND s.status IN (SELECT value FROM json_each(:statuses))
        ${endedBeforeUs === undefined ? "" : "AND s.ended_at < :before"} ${after === undefined ? "" : beyond}
      ORDER BY s.ended_at ${direction}, s.created_at ${direction}, t.id ${direction} LIMIT :limit`,
      {
        tenant,
        statuses: JSON.stringify(statuses),
        limit,
        ...given("before", endedBeforeUs),
        ...(after && { end: after.endedAtUs, created: after.createdAtUs, uid: after.ref.id }),
      },
    );
    return rows.map((row) => ({
      ref: toSessionRef(row),
      sessionId: text(row.session_id),
      endedAtUs: integer(row.ended_at),
      createdAtUs: integer(row.created_at),
      artifactBytes: integer(row.artifact_bytes),
    }));
  }

  unsettled(limit: number): readonly StreamRef<"session">[] {
    const rows = this.#all(
      `SELECT t.tenant, t.kind, t.id AS uid FROM unsettled u JOIN streams t ON t.n = u.n ORDER BY u.n LIMIT :limit`,
      { limit },
    );
    return rows.map(toSessionRef);
  }

  tasks(ref: StreamRef<"session">, { isOpen, limit, cursor }: TaskQuery): Page<TaskPlace> {
    if (cursor !== undefined && !/^\d{1,15}$/.test(cursor)) {
      const message = "is not the next_cursor of a page of tasks";
      throw invalid([{ field: "cursor", message, type: "invalid_cursor" }]);
    }
    const rows = this.#all(
      `SELECT ${TASK_COLUMNS} FROM streams t JOIN tasks k ON k.stream = t.n
      WHERE ${OF_STREAM} AND k.seq < :before ${isOpen ? "AND k.gone_seq IS NULL" : ""}
      ORDER BY k.seq DESC LIMIT :limit`,
      { ...ofStream(ref), before: Number(cursor ?? Number.MAX_SAFE_INTEGER), limit: limit + 1 },
    );
    const items = rows.slice(0, limit).map(toTaskPlace);
    return { items, ...given("next", rows.length > limit ? items.at(-1) : undefined, ({ seq }) => String(seq)) };
  }

  unfinished({
    after,
    limit,
  }: {
    readonly after?: StreamRef<"session">;
    readonly limit: number;
  }): readonly StreamRef<"session">[] {
    const rows = this.#all(
      `SELECT DISTINCT t.n, t.tenant, t.kind, t.id AS uid FROM tasks k INDEXED BY tasks_open JOIN streams t ON t.n = k.stream
      WHERE k.gone_seq IS NULL AND k.stream > coalesce(
        (SELECT n FROM streams WHERE tenant = :tenant AND kind = :kind AND id = :uid), 0)
      ORDER BY k.stream LIMIT :limit`,
      { tenant: null, kind: null, uid: null, ...(after && ofStream(after)), limit },
    );
    return rows.map(toSessionRef);
  }

  versionsInUse(versions: readonly string[]): readonly string[] {
    const isUsed = (version: string): boolean =>
      this.#all(
        `SELECT 1 FROM sessions s INDEXED BY sessions_at_work JOIN json_each(s.work, '$.apps') a
        WHERE s.work <> ${`'${JSON.stringify(NO_WORK)}'`} AND a.value ->> 'version' = :version LIMIT 1`,
        { version },
      ).length > 0;
    return versions.filter(isUsed);
  }

  /** Each is found by a look-up of its own: a tenant may have a million sessions. */
  tenants({ after = "", limit }: { readonly after?: string; readonly limit: number }): readonly string[] {
    const rows = this.#all(
      `WITH RECURSIVE found (tenant, place) AS (
        SELECT (SELECT min(tenant) FROM streams WHERE tenant > :after), 1
        UNION ALL SELECT (SELECT min(tenant) FROM streams WHERE tenant > found.tenant), place + 1 FROM found
          WHERE found.tenant IS NOT NULL AND place < :limit)
      SELECT tenant FROM found WHERE tenant IS NOT NULL`,
      { after, limit },
    );
    return rows.map(({ tenant }) => text(tenant));
  }

  overdue(now: number, limit: number): readonly StreamRef<"session">[] {
    const rows = this.#all(
      `SELECT t.tenant, t.kind, t.id AS uid FROM (
        SELECT n, expires_at AS due FROM sessions INDEXED BY sessions_due
          WHERE status IN ('active', 'suspended') AND expires_at < :now
        UNION ALL SELECT n, limit_at AS due FROM sessions INDEXED BY sessions_limited
          WHERE limit_at <= :now AND NOT (status IN ('active', 'suspended') AND expires_at < :now)
        ORDER BY due LIMIT :limit) d
      JOIN streams t ON t.n = d.n ORDER BY d.due`,
      { now, limit },
    );
    return rows.map(toSessionRef);
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

  /** The source with the fewest sessions, if one has few: SQLite keeps no statistics that could tell. */
  #fewest(filter: SessionFilter): Source | undefined {
    const counted = sourcesOf(filter).map((source) => {
      const [row] = this.#all(countOf(source), { ...valuesOf(filter), most: FEW + 1 });
      return { source, sessions: integer(row?.sessions) };
    });
    const [least] = counted.sort((a, b) => a.sessions - b.sessions);
    return least !== undefined && least.sessions <= FEW ? least.source : undefined;
  }

  /** The rows, up to the first by which their large texts have more characters than that. */
  #upTo(charactersMax: number, sql: string, values: Named): readonly Row[] {
    const rows: Row[] = [];
    let characters = 0;
    for (const row of eachRow(this.#statement(sql), values)) {
      rows.push(row);
      characters += charactersOf([row]);
      if (characters > charactersMax) break;
    }
    return rows;
  }

  #all(sql: string, values: Named): readonly Row[] {
    return this.#statement(sql).all(values);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#prepared.get(sql);
    if (statement === undefined) {
      if (this.#prepared.size === PREPARED_MAX) this.#prepared.clear();
      statement = this.#db.prepare(sql);
      statement.setAllowUnknownNamedParameters(true);
      this.#prepared.set(sql, statement);
    }
    return statement;
  }
}

const LARGE_TEXTS = ["metadata", "description", "conversation", "working_memory", "work", "body"];

/** How large rows are: by the texts of a session and of a payload that may be long. */
function charactersOf(rows: readonly Row[]): number {
  const length = (value: SQLOutputValue | undefined): number => (typeof value === "string" ? value.length : 0);
  return rows.reduce((sum, row) => LARGE_TEXTS.reduce((all, column) => all + length(row[column]), sum), 0);
}

/** What of an operation its messages need. */
const BROUGHT = `SELECT o.kind, o.at, p.n AS payload_row, p.salt, p.body FROM operations o
  LEFT JOIN payloads p ON p.n = o.payload WHERE o.stream = :stream AND o.seq = :seq`;

const OF_STREAM = "t.tenant = :tenant AND t.kind = :kind AND t.id = :uid";

function ofStream({ tenant, kind, id }: StreamRef): Named {
  return { tenant, kind, uid: id };
}
