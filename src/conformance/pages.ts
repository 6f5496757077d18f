import assert from "node:assert/strict";
import type { SessionQuery, Store, Stream } from "../engine/store.ts";
import { select, sortKey } from "./model.ts";

/** Reads a list page by page to its end; every page but the last is full. */
export async function readPages(store: Store, query: SessionQuery): Promise<readonly Stream[]> {
  const all: Stream[] = [];
  for (let cursor: string | undefined, isLast = false; !isLast; isLast = cursor === undefined) {
    const page = await store.list({ ...query, ...(cursor === undefined ? {} : { cursor }) });
    all.push(...page.items);
    cursor = page.next;
    if (cursor !== undefined) assert.equal(page.items.length, query.limit, "a page with a next one is full");
  }
  return all;
}

/** Holds a list, read page by page, against what the naive selection of `streams` gives. */
export async function assertList(store: Store, query: SessionQuery, streams: readonly Stream[]): Promise<void> {
  const expected = select(streams, query);
  const actual = await readPages(store, query);
  const keys = (list: readonly Stream[]): unknown[] => list.map((stream) => sortKey(stream, query.sort));
  const what = `in ${JSON.stringify(query)}`;
  assert.deepEqual(keys(actual), keys(expected), `the order ${what}`);
  assert.deepEqual(byId(actual), byId(expected), `the sessions ${what}`);
}

/** Streams in the order of their ids, for a comparison that leaves the order out. */
export function byId(streams: readonly Stream[]): readonly Stream[] {
  return [...streams].sort((a, b) => (a.ref.id < b.ref.id ? -1 : 1));
}
