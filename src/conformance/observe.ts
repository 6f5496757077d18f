import { STATUSES } from "../engine/session.ts";
import type { StreamRef } from "../engine/store.ts";
import type { Author } from "./author.ts";
import { byId, readPages } from "./pages.ts";

/** How many operations the suite writes to a stream at most. */
const ALL = 1_000;

/** All that a store tells of a tenant, for a comparison of before and after. */
export async function observe({ store, tenant, clock }: Author, keys: readonly string[] = []): Promise<unknown> {
  const now = clock.now();
  const sessions = await readPages(store, { tenant, now, sort: "created_at", order: "asc", limit: 100 });
  return {
    sessions: byId(sessions),
    logs: await Promise.all(byId(sessions).map(({ ref }) => observeLog(store, ref))),
    names: await Promise.all(byId(sessions).map(({ record }) => store.named(tenant, record.sessionId))),
    totals: await Promise.all(STATUSES.map((status) => store.aggregate({ tenant, now, statuses: [status] }))),
    answers: await Promise.all(keys.map((key) => store.remembered({ tenant, scope: "POST /sessions", key }, now))),
  };
}

async function observeLog(store: Author["store"], ref: StreamRef<"session">): Promise<unknown> {
  return {
    stream: await store.stream(ref),
    stored: await store.stored(ref),
    entries: await store.operations(ref, { after: 0, limit: ALL }),
    messages: await store.messages(ref, { take: "oldest", limit: ALL }),
    tags: await store.view(ref, "tag", ALL),
    snapshot: await store.snapshot(ref, ALL),
  };
}
