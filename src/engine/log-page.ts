import { given } from "./given.ts";
import { PAGE_CHARACTERS_MAX } from "./limits.ts";
import { charactersOf, type Entry } from "./operation.ts";
import type { OperationRange, Page, Store, StreamRef } from "./store.ts";

/** A page of a log, oldest first; of large entries it has fewer than `limit`, and then a `next`, which is a `seq`. */
export async function logPage(
  { store }: { readonly store: Store },
  ref: StreamRef,
  range: Pick<OperationRange, "after" | "limit" | "kind">,
): Promise<Page<Entry>> {
  const items = await store.operations(ref, { ...range, limit: range.limit + 1, charactersMax: PAGE_CHARACTERS_MAX });
  if (items.length <= range.limit && charactersOf(items) <= PAGE_CHARACTERS_MAX) return { items };
  const page = items.slice(0, range.limit);
  return { items: page, ...given("next", page.at(-1), ({ operation }) => String(operation.seq)) };
}
