import { assertActsAsNone } from "./acting.ts";
import { SYSTEM_ACTOR } from "./batch.ts";
import { type Fault, invalid, unlessMissing } from "./errors.ts";
import { given } from "./given.ts";
import { type Answer, OnceOnly } from "./idempotency.ts";
import { isFinal } from "./lifecycle.ts";
import type { MailboxPorts } from "./mailbox.ts";
import { assertMatches } from "./precondition.ts";
import { type FinalStatus, STATUSES } from "./session.ts";
import type { Caller, Sessions, WriteOptions } from "./sessions.ts";
import type { Signal } from "./signal.ts";
import type { EndedQuery, EndedSession } from "./store.ts";

/**
 * Which ended sessions are kept, of those with these statuses. All that is given holds: a session goes that ended longer
 * ago than `olderThanUs`; then the oldest go, by their end, until the others are no more than `sessionsMax` and their
 * artifacts take no more than `artifactBytesMax`. The newest `keepLatest` stay in any case.
 */
export interface RetentionPolicy {
  readonly olderThanUs?: number;
  /** Default: all that are final. */
  readonly statuses?: readonly FinalStatus[];
  readonly keepLatest?: number;
  readonly sessionsMax?: number;
  /** Before compression. */
  readonly artifactBytesMax?: number;
}

/** What was removed, or would be. */
export interface Pruned {
  readonly deleted: number;
  /** The first of them, those that ended first first; at most 10,000. */
  readonly sessionIds: readonly string[];
  /** What their artifacts took, before compression. Contents that others have as well are still there. */
  readonly artifactBytes: number;
}

/** A policy that is carried out once. */
export interface PruneRequest extends RetentionPolicy {
  /** Only tell which they are. */
  readonly dryRun?: boolean;
}

/** How many ended sessions are read at a time, and how many are deleted at once. */
const PAGE = 1_000;
const AT_ONCE = 50;

/** How many ids a report has. */
const IDS_MAX = 10_000;

/** How many tenants are read at a time. */
const TENANTS = 100;

/** Removes sessions that ended, as a policy says. */
export class Retention {
  readonly #ports: MailboxPorts;
  readonly #sessions: Sessions;
  readonly #once: OnceOnly;

  constructor(ports: MailboxPorts, sessions: Sessions) {
    this.#ports = ports;
    this.#sessions = sessions;
    this.#once = new OnceOnly(ports);
  }

  /**
   * Removes ended sessions of the caller's tenant, temporary ones and all others, with all they hold. A session whose
   * time is over counts once its log says so, which the next sweep sees to.
   *
   * @throws {SojournError} `invalid` for a policy that names nothing to go by
   */
  async prune(
    caller: Caller,
    { dryRun = false, ...policy }: PruneRequest,
    { idempotency, precondition }: WriteOptions = {},
  ): Promise<Answer<Pruned>> {
    assertActsAsNone(caller, "remove sessions");
    assertPolicy(policy);
    assertMatches(precondition, undefined);
    return await this.#once.run<Pruned>(caller.tenant, idempotency, async (remember) => {
      const pruned = await this.#prune(caller, policy, { dryRun });
      return await this.#once.answer(pruned, remember);
    });
  }

  /**
   * Does it for every tenant, on behalf of nobody; returns how many went.
   *
   * @param signal  stops it after the sessions in hand
   */
  async enforce(policy: RetentionPolicy, signal?: Signal): Promise<number> {
    assertPolicy(policy);
    let deleted = 0;
    for (let after: string | undefined; ; ) {
      const tenants = await this.#ports.store.tenants({ limit: TENANTS, ...given("after", after) });
      for (const tenant of tenants) {
        if (signal?.aborted) return deleted;
        const caller = { tenant, actor: SYSTEM_ACTOR };
        deleted += (await this.#prune(caller, policy, { dryRun: false, ...given("signal", signal) })).deleted;
      }
      if (tenants.length < TENANTS) return deleted;
      after = tenants.at(-1);
    }
  }

  async #prune(
    caller: Caller,
    policy: RetentionPolicy,
    { dryRun, signal }: { readonly dryRun: boolean; readonly signal?: Signal },
  ): Promise<Pruned> {
    let deleted = 0;
    let artifactBytes = 0;
    const sessionIds: string[] = [];
    for await (const sessions of this.#going(caller, policy)) {
      if (signal?.aborted) break;
      for (const session of dryRun ? sessions : await this.#delete(caller, sessions)) {
        deleted += 1;
        artifactBytes += session.artifactBytes;
        if (sessionIds.length < IDS_MAX) sessionIds.push(session.sessionId);
      }
    }
    return { deleted, sessionIds, artifactBytes };
  }

  /** Those that go, some at a time. The oldest go first, so that nothing is amiss wherever it stops. */
  async *#going({ tenant }: Caller, policy: RetentionPolicy): AsyncGenerator<readonly EndedSession[]> {
    const query = queryOf(tenant, policy, this.#ports.clock.now());
    const newest = query.endedBeforeUs === undefined ? await this.#newestToGo(query, policy) : "all";
    if (newest === undefined) return;
    for await (const page of this.#pages({ ...query, order: "oldest first" })) {
      const going = newest === "all" ? page : page.filter((session) => !isAfter(session, newest));
      for (let i = 0; i < going.length; i += AT_ONCE) yield going.slice(i, i + AT_ONCE);
      if (going.length < page.length) return;
    }
  }

  /** The newest session that goes; all that ended before it go as well. */
  async #newestToGo(
    query: Omit<EndedQuery, "order">,
    { olderThanUs = Number.POSITIVE_INFINITY, ...policy }: RetentionPolicy,
  ): Promise<EndedSession | undefined> {
    const { keepLatest = 0, sessionsMax = Number.POSITIVE_INFINITY } = policy;
    const { artifactBytesMax = Number.POSITIVE_INFINITY } = policy;
    const endedBeforeUs = this.#ports.clock.now() - olderThanUs;
    let [sessions, bytes] = [0, 0];
    for await (const page of this.#pages({ ...query, order: "newest first" })) {
      for (const session of page) {
        sessions += 1;
        bytes += session.artifactBytes;
        const goes = session.endedAtUs < endedBeforeUs || sessions > sessionsMax || bytes > artifactBytesMax;
        if (goes && sessions > keepLatest) return session;
      }
    }
    return undefined;
  }

  async *#pages(query: EndedQuery): AsyncGenerator<readonly EndedSession[]> {
    for (let after: EndedSession | undefined; ; ) {
      const page = await this.#ports.store.ended({ ...query, ...given("after", after) });
      yield page;
      if (page.length < query.limit) return;
      after = page.at(-1);
    }
  }

  /** Those of the sessions that were still there. */
  async #delete(caller: Caller, sessions: readonly EndedSession[]): Promise<readonly EndedSession[]> {
    const deleted = await Promise.all(sessions.map(({ ref }) => unlessMissing(this.#sessions.delete(caller, ref.id))));
    return sessions.filter((_, i) => deleted[i] !== undefined);
  }
}

/** Where only the age counts, only those that are old enough need to be looked at. */
function queryOf(tenant: string, policy: RetentionPolicy, now: number): Omit<EndedQuery, "order"> {
  const { olderThanUs, statuses = STATUSES.filter(isFinal), keepLatest = 0, sessionsMax, artifactBytesMax } = policy;
  const isByAge = keepLatest === 0 && sessionsMax === undefined && artifactBytesMax === undefined;
  const endedBeforeUs = isByAge && olderThanUs !== undefined ? now - olderThanUs : undefined;
  return { tenant, statuses, limit: PAGE, ...given("endedBeforeUs", endedBeforeUs) };
}

function isAfter(session: EndedSession, other: EndedSession): boolean {
  if (session.endedAtUs !== other.endedAtUs) return session.endedAtUs > other.endedAtUs;
  if (session.createdAtUs !== other.createdAtUs) return session.createdAtUs > other.createdAtUs;
  return session.ref.id > other.ref.id;
}

function assertPolicy({ olderThanUs, statuses, keepLatest, sessionsMax, artifactBytesMax }: RetentionPolicy): void {
  const faults: Fault[] = [];
  const counts = {
    older_than_seconds: olderThanUs,
    keep_latest: keepLatest,
    max_sessions: sessionsMax,
    max_artifact_bytes: artifactBytesMax,
  };
  for (const [field, count] of Object.entries(counts)) {
    if (count === undefined || (Number.isSafeInteger(count) && count >= 0)) continue;
    faults.push({ field, message: "must be at least 0", type: "too_small" });
  }
  for (const [i, status] of statuses?.entries() ?? []) {
    if (isFinal(status)) continue;
    faults.push({ field: `statuses.${i}`, message: "must be one of an ended session", type: "invalid_status" });
  }
  if (statuses?.length === 0) faults.push({ field: "statuses", message: "must not be empty", type: "too_small" });
  if (olderThanUs === undefined && sessionsMax === undefined && artifactBytesMax === undefined) {
    const message = "or max_sessions or max_artifact_bytes must be given: nothing says what is to go";
    faults.push({ field: "older_than_seconds", message, type: "required" });
  }
  if (faults.length > 0) throw invalid(faults);
}
