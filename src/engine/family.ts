import type { Clock } from "./clock.ts";
import { ANCESTORS_MAX } from "./creation.ts";
import { given } from "./given.ts";
import { asOf } from "./lifecycle.ts";
import type { Status } from "./session.ts";
import type { SessionFilter, Store, Stream } from "./store.ts";

/** A session with those that descend from it. */
export interface Family {
  readonly uid: string;
  readonly sessionId: string;
  readonly userId: string;
  readonly status: Status;
  readonly name?: string;
  readonly createdAtUs: number;
  /** Oldest first. */
  readonly children: readonly Family[];
  /** Whether there may be more children, which are left out: the family is too large, or too deep. */
  readonly isCut?: true;
}

/** How many sessions a family has at most. */
const FAMILY_MAX = 10_000;

/** How many children are read at a time. */
const CHILDREN = 500;

/**
 * The session with all that descend from it, oldest first; those that are near rather than those that are far, where they
 * are too many. Nobody is in it twice.
 */
export async function family(
  { store, clock }: { readonly store: Store; readonly clock: Clock },
  session: Stream,
): Promise<Family> {
  const now = clock.now();
  const root = memberOf(session, now);
  const met = new Set([session.ref.id]);
  let generation: readonly Member[] = [root];
  for (let depth = 0; generation.length > 0; depth++) {
    const next: Member[] = [];
    for (const parent of generation) {
      if (depth === ANCESTORS_MAX || met.size >= FAMILY_MAX) {
        parent.isCut = true;
        continue;
      }
      for await (const child of childrenOf(store, { ...parent, tenant: session.ref.tenant }, { now })) {
        // Names can be used again, so that a session may be among its own descendants.
        if (met.has(child.ref.id)) continue;
        if (met.size >= FAMILY_MAX) {
          parent.isCut = true;
          break;
        }
        met.add(child.ref.id);
        const member = memberOf(child, now);
        parent.children.push(member);
        next.push(member);
      }
    }
    generation = next;
  }
  return root;
}

/** Whose children are asked for. */
export interface Parent {
  readonly tenant: string;
  readonly uid: string;
  readonly sessionId: string;
}

/** The children of a session, oldest first. They name their parent, and so belong to whichever session is so called now. */
export async function* childrenOf(
  store: Store,
  { tenant, uid, sessionId }: Parent,
  filter: Pick<SessionFilter, "now" | "statuses" | "temporary">,
): AsyncGenerator<Stream> {
  if ((await store.named(tenant, sessionId))?.ref.id !== uid) return;
  const query = { ...filter, tenant, parentSessionId: sessionId, sort: "created_at", order: "asc" } as const;
  for (let cursor: string | undefined; ; ) {
    const page = await store.list({ ...query, limit: CHILDREN, ...given("cursor", cursor) });
    yield* page.items;
    if (page.next === undefined) return;
    cursor = page.next;
  }
}

interface Member extends Family {
  readonly children: Member[];
  isCut?: true;
}

function memberOf({ ref, record }: Stream, now: number): Member {
  const { sessionId, userId, status, name, createdAtUs } = asOf(record, now);
  return { uid: ref.id, sessionId, userId, status, ...given("name", name), createdAtUs, children: [] };
}
