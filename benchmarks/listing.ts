/**
 * The time of a page far down a list, beside that of the first page of the same list, in a store of a million sessions.
 *
 * A time is that of `store.list` with 50 sessions: the query in the reader's thread, the records decoded there and
 * handed over. Each page is read again and again, and so comes from memory on both sides.
 */
import type { SessionQuery, Store } from "../src/engine/store.ts";
import { openSqliteStore } from "../src/store/sqlite/index.ts";
import { atMost, type Claim, show } from "./claim.ts";
import { COMMON_TAG, LARGE_USER, manySessions, SESSIONS, TENANT } from "./many-sessions.ts";
import { interleave, median, progress } from "./rounds.ts";

/** Sessions of a page that is measured. */
const LIMIT = 50;

/** Sessions of a page on the way down. */
const STRIDE = 1_000;

/** The sessions before page 10,000. */
const DEEP = 9_999 * LIMIT;

/** The sessions before the last page of the 30 %. */
const LAST_TAGGED = SESSIONS * 0.3 - LIMIT;

/** Calls of a round; it counts with their median. */
const CALLS = 50;

const AIM = 2;

interface Question extends Pick<SessionQuery, "sort" | "userId" | "statuses" | "tags"> {
  readonly title: string;
  /** How many sessions lie before the page. */
  readonly offset?: number;
}

const QUESTIONS: readonly Question[] = [
  { title: "all by created_at", sort: "created_at" },
  { title: "all by last_activity", sort: "last_activity" },
  { title: "all by updated_at", sort: "updated_at" },
  { title: "all by name", sort: "name" },
  { title: "a user's 520,000 by created_at", sort: "created_at", userId: LARGE_USER },
  { title: "a user's 520,000 by last_activity", sort: "last_activity", userId: LARGE_USER },
  { title: "620,000 completed by created_at", sort: "created_at", statuses: ["completed"] },
  { title: "300,000 with a tag by created_at", sort: "created_at", tags: [COMMON_TAG], offset: LAST_TAGGED },
];

/** Measures each list, and how long totals over all sessions take. */
export async function measureListing(): Promise<readonly Claim[]> {
  const store = openSqliteStore({ directory: manySessions() });
  try {
    const claims: Claim[] = [];
    for (const question of QUESTIONS) claims.push(await measure(store, question));
    return [...claims, await measureTotals(store)];
  } finally {
    await store.close();
  }
}

async function measure(store: Store, { title, offset = DEEP, ...filter }: Question): Promise<Claim> {
  const first: SessionQuery = { tenant: TENANT, now: Date.now() * 1_000, order: "desc", limit: LIMIT, ...filter };
  const page = `page ${(offset / LIMIT + 1).toLocaleString("en")}`;
  progress(`Walking down to ${page} of ${title}`);
  const deep = { ...first, cursor: await cursorAt(store, { query: first, offset }) };
  const rounds = await interleave(`µs of ${page} of ${title}, beside page 1`, {
    ours: () => pageUs(store, deep),
    raw: () => pageUs(store, first),
  });
  return atMost(AIM, { title: `List ${title}, ${page} beside page 1`, unit: "µs", rounds });
}

/** The cursor with so many sessions before it. */
async function cursorAt(
  store: Store,
  { query, offset }: { readonly query: SessionQuery; readonly offset: number },
): Promise<string> {
  let cursor: string | undefined;
  for (let walked = 0; walked < offset; ) {
    const limit = Math.min(STRIDE, offset - walked);
    const { items, next } = await store.list({ ...query, limit, ...(cursor && { cursor }) });
    if (next === undefined) throw new Error(`The list ends after ${walked + items.length} sessions`);
    walked += items.length;
    cursor = next;
  }
  if (cursor === undefined) throw new Error("The first page has no cursor");
  return cursor;
}

async function pageUs(store: Store, query: SessionQuery): Promise<number> {
  const timesUs: number[] = [];
  for (let call = 0; call < CALLS; call++) {
    const started = performance.now();
    const { items } = await store.list(query);
    timesUs.push((performance.now() - started) * 1_000);
    if (items.length !== LIMIT) throw new Error(`A page has ${items.length} sessions`);
  }
  return median(timesUs);
}

const AGGREGATIONS = 5;

async function measureTotals(store: Store): Promise<Claim> {
  progress("Totals over all");
  const timesMs: number[] = [];
  for (let call = 0; call < AGGREGATIONS; call++) {
    const started = performance.now();
    const { byStatus } = await store.aggregate({ tenant: TENANT, now: Date.now() * 1_000 });
    timesMs.push(performance.now() - started);
    const counted = Object.values(byStatus).reduce((sum, count) => sum + count, 0);
    if (counted !== SESSIONS) throw new Error(`The totals count ${counted} sessions`);
  }
  return { title: "Totals over 1,000,000 sessions", unit: "ms", ours: median(timesMs) };
}

if (import.meta.main) await show(measureListing);
