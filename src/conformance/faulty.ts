import { SojournError } from "../engine/errors.ts";
import type { Notice, Store } from "../engine/store.ts";
import { randomFrom } from "./random.ts";

/** What `faulty` does to a store. */
export interface Faults {
  /** The same seed does the same to the same calls. */
  readonly seed: number;
  /** The share of calls that are held up, before and after, for some turns of the event loop; default 0.5. */
  readonly delays?: number;
  /** The share of calls that fail with `store_unavailable`, half before and half after they were done; default 0. */
  readonly refusals?: number;
}

/** The longest delay, in turns of the event loop. */
const TURNS_MAX = 5;

/**
 * A store behind a bad connection: calls arrive late and out of order, answers come late, and either may be lost.
 *
 * A call that fails after it was done leaves its caller not knowing, as a broken connection does. Watches are held up
 * and never fail.
 */
export function faulty(store: Store, { seed, delays = 0.5, refusals = 0 }: Faults): Store {
  const random = randomFrom(seed);
  const inHand = new Set<Promise<unknown>>();
  let closing: Promise<void> | undefined;

  const run = async <T>(call: () => Promise<T>, fate: Fate): Promise<T> => {
    await turns(fate.turnsBefore);
    if (fate.fails === "before") throw lost();
    const value = await call();
    await turns(fate.turnsAfter);
    if (fate.fails === "after") throw lost();
    return value;
  };
  const through = <T>(call: () => Promise<T>): Promise<T> => {
    if (closing !== undefined) return closing.then(call);
    const running = run(call, drawFate(random, delays, refusals));
    inHand.add(running);
    const over = (): unknown => inHand.delete(running);
    void running.then(over, over);
    return running;
  };
  const close = async (): Promise<void> => {
    await Promise.allSettled(inHand);
    await store.close();
  };

  return {
    commit: (commit) => through(() => store.commit(commit)),
    stream: (ref) => through(() => store.stream(ref)),
    stored: (ref) => through(() => store.stored(ref)),
    named: (tenant, sessionId) => through(() => store.named(tenant, sessionId)),
    streams: (tenant, kind, page) => through(() => store.streams(tenant, kind, page)),
    cursor: (ref, reader) => through(() => store.cursor(ref, reader)),
    cursors: (ref, page) => through(() => store.cursors(ref, page)),
    remembered: (key, now) => through(() => store.remembered(key, now)),
    access: () => through(() => store.access()),
    key: (id) => through(() => store.key(id)),
    keys: (query) => through(() => store.keys(query)),
    list: (query) => through(() => store.list(query)),
    aggregate: (filter) => through(() => store.aggregate(filter)),
    operations: (ref, range) => through(() => store.operations(ref, range)),
    messages: (ref, range) => through(() => store.messages(ref, range)),
    artifact: (ref, id) => through(() => store.artifact(ref, id)),
    artifacts: (ref, query) => through(() => store.artifacts(ref, query)),
    grants: (ref, artifactId) => through(() => store.grants(ref, artifactId)),
    permission: (ref, artifactId, grantee) => through(() => store.permission(ref, artifactId, grantee)),
    task: (tenant, id, uid) => through(() => store.task(tenant, id, uid)),
    tasks: (ref, query) => through(() => store.tasks(ref, query)),
    objectsOf: (ref, ids) => through(() => store.objectsOf(ref, ids)),
    objects: (ref, query) => through(() => store.objects(ref, query)),
    lineage: (ref, objectId) => through(() => store.lineage(ref, objectId)),
    unfinished: (page) => through(() => store.unfinished(page)),
    versionsInUse: (versions) => through(() => store.versionsInUse(versions)),
    content: (tenant, digest) => through(() => store.content(tenant, digest)),
    body: (tenant, digest) => through(() => store.body(tenant, digest)),
    abandoned: (limit) => through(() => store.abandoned(limit)),
    inUse: (files) => through(() => store.inUse(files)),
    snapshot: (ref, seq) => through(() => store.snapshot(ref, seq)),
    view: (ref, view, seq) => through(() => store.view(ref, view, seq)),
    ended: (query) => through(() => store.ended(query)),
    unsettled: (limit) => through(() => store.unsettled(limit)),
    tenants: (page) => through(() => store.tenants(page)),
    overdue: (now, limit) => through(() => store.overdue(now, limit)),
    events: (query) => through(() => store.events(query)),
    scrub: () => through(() => store.scrub()),
    // Called at once: what is committed after this call must be told.
    watch: (from) => slowly(store.watch(from), () => drawFate(random, delays, 0)),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

interface Fate {
  readonly turnsBefore: number;
  readonly turnsAfter: number;
  readonly fails: "before" | "after" | undefined;
}

// Everything is drawn when the call is made, so that it depends on the order of the calls alone.
function drawFate(random: () => number, delays: number, refusals: number): Fate {
  const delay = (): number => (random() < delays ? 1 + Math.floor(random() * TURNS_MAX) : 0);
  const [turnsBefore, turnsAfter, luck, side] = [delay(), delay(), random(), random()];
  const when = side < 0.5 ? "before" : "after";
  return { turnsBefore, turnsAfter, fails: luck < refusals ? when : undefined };
}

async function* slowly(notices: AsyncIterable<Notice>, draw: () => Fate): AsyncGenerator<Notice> {
  for await (const notice of notices) {
    await turns(draw().turnsBefore);
    yield notice;
  }
}

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  }
}

function lost(): SojournError {
  return new SojournError("store_unavailable", { message: "The connection to the store was lost" });
}
