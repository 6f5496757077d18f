import type { SQLInputValue } from "node:sqlite";
import { isFinal } from "../../engine/lifecycle.ts";
import type { SessionFilter, SessionQuery, Sort } from "../../engine/store.ts";
import type { Place } from "./cursor.ts";
import { STREAM_COLUMNS } from "./rows.ts";

/** Values by the names that statements have for them; a statement takes what it needs. */
export type Named = Record<string, SQLInputValue>;

/** Rows to read, by a table or an index, that hold all sessions a filter leaves. */
export interface Source {
  readonly from: string;
  /** What chooses the rows; every statement that reads from here has it among its terms. */
  readonly where: string;
  /** Which of the filter's tags the rows are of. */
  readonly tag?: number;
}

const SORT_COLUMNS: Record<Sort, string> = {
  created_at: "s.created_at",
  updated_at: "s.updated_at",
  last_activity: "s.last_activity",
  name: "s.name_key",
};

const OF_TENANT = "s.tenant = :tenant AND s.temporary = :temporary";

const OPEN = "s.status IN ('active', 'suspended')";

/** The sources of a filter that may be small: worth a count before a list is read along its order. */
export function sourcesOf({ userId, parentSessionId, tags = [], statuses = [] }: SessionFilter): readonly Source[] {
  const by = (index: string, where: string): Source => ({
    from: `sessions s INDEXED BY ${index}`,
    where: `${OF_TENANT} AND ${where}`,
  });
  const [status] = statuses;
  const isStored = statuses.length === 1 && status !== "expired";
  return [
    ...(userId === undefined ? [] : [by("sessions_of_user", "s.user_id = :user")]),
    ...(parentSessionId === undefined ? [] : [by("sessions_of_parent", "s.parent_session_id = :parent")]),
    ...(isStored ? [by("sessions_of_status", "s.status = :status")] : []),
    ...tags.map((_, tag) => tagSource(tag)),
  ];
}

/** Counts a source, up to `:most`. */
export function countOf({ from, where }: Source): string {
  return `SELECT count(*) AS sessions FROM (SELECT 1 FROM ${from} WHERE ${where} LIMIT :most)`;
}

/** The values of every statement about a filter. */
export function valuesOf(filter: SessionFilter): Named {
  const { search } = filter;
  const given: Record<string, SQLInputValue | undefined> = {
    tenant: filter.tenant,
    temporary: Number(filter.temporary ?? false),
    now: filter.now,
    user: filter.userId,
    parent: filter.parentSessionId,
    status: filter.statuses?.[0],
    createdAfter: filter.createdAfterUs,
    createdBefore: filter.createdBeforeUs,
    activeBefore: filter.lastActivityBeforeUs,
    search: search === undefined ? undefined : `%${search.replace(/[\\%_]/g, "\\$&")}%`,
    ...Object.fromEntries(filter.tags?.map((tag, i) => [`tag${i}`, tag]) ?? []),
  };
  // NOTE: filtered on this line.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as Named;
}

/** A page of few sessions: all that the source has, filtered and sorted. */
export function listFrom(source: Source, query: SessionQuery, after: Place | undefined): string {
  const key = SORT_COLUMNS[query.sort];
  const terms = [source.where, ...filterTerms(query, { tag: source.tag }), statusTerm(query)];
  if (after !== undefined) terms.push(`(${key}, s.n) ${directionOf(query) === "ASC" ? ">" : "<"} (:key, :n)`);
  return page(query, [`SELECT s.n AS n, ${key} AS key FROM ${source.from} WHERE ${terms.join(" AND ")}`]);
}

/** A page of many sessions: read along its order, from where the last page ended. */
export function listAlong(query: SessionQuery, after: Place | undefined): string {
  const { sort } = query;
  const order = directionOf(query);
  const further = order === "ASC" ? ">" : "<";
  // A time that is bound by the cursor needs no other bound on that side; it would only mislead SQLite's choice.
  const beyond = after === undefined ? undefined : `${SORT_COLUMNS[sort]} ${further}`;
  const arms = statusArms(query).flatMap(({ status, index }) => {
    // Rows of a tag are in the order of creation.
    const isOfTag = query.tags?.[0] !== undefined && sort === "created_at" && index === undefined;
    const source = isOfTag ? tagSource(0) : { from: by(index), where: OF_TENANT };
    const [key, n] = isOfTag ? ["g0.created_at", "g0.n"] : [SORT_COLUMNS[sort], "s.n"];
    const terms = [source.where, ...filterTerms(query, { beyond, tag: isOfTag ? 0 : undefined }), ...status];
    const places = after === undefined ? [[]] : placesAfter({ key, n, further, isOfTag });
    return places.map(
      (place) => `SELECT * FROM (
        SELECT ${n} AS n, ${key} AS key FROM ${source.from} WHERE ${[...terms, ...place].join(" AND ")}
        ORDER BY ${key} ${order}, ${n} ${order} LIMIT :limit)`,
    );
  });
  return page(query, arms);
}

/** The sums of the sessions that a filter leaves, by the status that they show. */
export function totalsOf(filter: SessionFilter, source: Source | undefined): string {
  const { from, where, tag } = source ?? { from: "sessions s", where: OF_TENANT };
  return `SELECT iif(${OPEN} AND s.expires_at < :now, 'expired', s.status) AS shown,
      count(*) AS sessions, CAST(sum(s.request_count) AS TEXT) AS requests,
      CAST(sum(s.error_count) AS TEXT) AS errors, CAST(sum(s.processing_time_us) AS TEXT) AS time,
      CAST(sum(s.input_tokens) AS TEXT) AS input, CAST(sum(s.output_tokens) AS TEXT) AS output,
      CAST(coalesce(sum(s.cost_nano_usd), 0) AS TEXT) AS cost
    FROM ${from} WHERE ${[where, ...filterTerms(filter, { tag }), statusTerm(filter)].join(" AND ")} GROUP BY shown`;
}

function page(query: SessionQuery, arms: readonly string[]): string {
  const order = directionOf(query);
  return `SELECT ${STREAM_COLUMNS}, p.key FROM (
      SELECT n, key FROM (${arms.join(" UNION ALL ")}) ORDER BY key ${order}, n ${order} LIMIT :limit) p
    CROSS JOIN sessions s ON s.n = p.n JOIN streams t ON t.n = p.n ORDER BY p.key ${order}, p.n ${order}`;
}

function directionOf({ order }: SessionQuery): "ASC" | "DESC" {
  return order === "asc" ? "ASC" : "DESC";
}

function by(index: string | undefined): string {
  return index === undefined ? "sessions s" : `sessions s INDEXED BY ${index}`;
}

function tagSource(tag: number): Source {
  const where = `${OF_TENANT} AND g0.tenant = :tenant AND g0.tag = :tag${tag} AND g0.gone_seq IS NULL`;
  return { from: "tags g0 CROSS JOIN sessions s ON s.n = g0.n", where, tag };
}

/**
 * The rows after a cursor, as one `SELECT` for each stretch of an index: first the rest of the rows with its key, which
 * may be thousands, then those with further keys. SQLite can't seek to both by one comparison of rows, since `n` is the
 * rowid and no column of the index; in the primary key of tags it is one.
 */
function placesAfter(at: Record<"key" | "n" | "further", string> & { readonly isOfTag: boolean }): readonly string[][] {
  const { key, n, further, isOfTag } = at;
  if (isOfTag) return [[`(${key}, ${n}) ${further} (:key, :n)`]];
  return [[`${key} = :key`, `${n} ${further} :n`], [`${key} ${further} :key`]];
}

/** The rows of a status, and the index to read them by where SQLite would choose a worse one. */
interface StatusArm {
  readonly status: readonly string[];
  readonly index?: string;
}

/**
 * The conditions of each status asked for, one `SELECT` for each, so that every one is read along an index. A session
 * whose time is over is expired, whatever its row says.
 */
function statusArms({ statuses, sort }: SessionFilter & { readonly sort?: Sort }): readonly StatusArm[] {
  if (statuses === undefined) return [{ status: [] }];
  if (statuses.length === 0) return [{ status: ["FALSE"] }];
  const wanted = new Set(statuses);
  const arms: StatusArm[] = [];
  const alive = "s.expires_at >= :now";
  // By activity there is one index of all open sessions; otherwise one of each status.
  const isByActivity = sort === "last_activity";
  const isOneArm = isByActivity && wanted.has("active") && wanted.has("suspended");
  if (isOneArm) arms.push({ status: [OPEN, alive] });
  for (const status of wanted) {
    const stored = `s.status = '${status}'`;
    if (isFinal(status)) arms.push({ status: [stored] });
    else if (!isOneArm) arms.push({ status: [...(isByActivity ? [OPEN] : []), stored, alive] });
  }
  // The sweeper leaves few of them, so that reading them all costs less than to look for them along the order.
  if (wanted.has("expired")) arms.push({ status: [OPEN, "s.expires_at < :now"], index: "sessions_due" });
  return arms;
}

function statusTerm(filter: SessionFilter): string {
  const arms = statusArms(filter).map(({ status }) => `(${["TRUE", ...status].join(" AND ")})`);
  return `(${arms.join(" OR ")})`;
}

interface Settled {
  /** The bound that a cursor sets by itself. */
  readonly beyond?: string | undefined;
  /** The tag that the source is of. */
  readonly tag?: number | undefined;
}

function filterTerms(filter: SessionFilter, { beyond, tag: settled }: Settled): readonly string[] {
  const terms: string[] = [];
  const compare = (column: string, operator: string, name: string, value: unknown): void => {
    if (value !== undefined && `${column} ${operator}` !== beyond) terms.push(`${column} ${operator} :${name}`);
  };
  compare("s.user_id", "=", "user", filter.userId);
  compare("s.parent_session_id", "=", "parent", filter.parentSessionId);
  compare("s.created_at", ">", "createdAfter", filter.createdAfterUs);
  compare("s.created_at", "<", "createdBefore", filter.createdBeforeUs);
  compare("s.last_activity", "<", "activeBefore", filter.lastActivityBeforeUs);
  for (const tag of filter.tags?.keys() ?? []) {
    if (tag === settled) continue;
    terms.push(`EXISTS (SELECT 1 FROM tags g WHERE g.tenant = :tenant AND g.tag = :tag${tag}
      AND g.created_at = s.created_at AND g.n = s.n AND g.gone_seq IS NULL)`);
  }
  if (filter.search !== undefined) {
    const match = (column: string): string => `${column} LIKE :search ESCAPE '\\'`;
    terms.push(`(${["s.session_id", "s.name", "s.description"].map(match).join(" OR ")})`);
  }
  return terms;
}
