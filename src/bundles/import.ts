import { PendingLog } from "../engine/append.ts";
import { assertNoUid, assertParent } from "../engine/creation.ts";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import { asOf, isFinal } from "../engine/lifecycle.ts";
import { assertWithin } from "../engine/limits.ts";
import type { MailboxPorts } from "../engine/mailbox.ts";
import type { Caller, Session } from "../engine/sessions.ts";
import type { Append, Guard, Head, Store, Stream, StreamRef } from "../engine/store.ts";
import { Arrival, type ImportSettings } from "./arrival.ts";
import type { BundleContents } from "./contents.ts";
import type { BundleManifest } from "./manifest.ts";
import { readBundle } from "./read.ts";

/** What an import stands on. */
export interface ImportPorts extends MailboxPorts {
  readonly contents: BundleContents;
}

export interface ImportOptions {
  /** A `head_hash` of the session, of any time, that was kept elsewhere; its log must have it. */
  readonly head?: string;
  /** What the session is to be called; it becomes a fork of itself then, with a `uid` of its own. */
  readonly sessionId?: string;
  readonly signal?: AbortSignal;
}

/** Others wrote first this often in a row: give up. */
const CONFLICTS_MAX = 16;

/** How long a caller should wait when the limit on sessions is reached. */
const LIMIT_RETRY_MS = 60_000;

/**
 * Brings a session from a bundle into the store: its whole log as it was, under its own `uid`, with its artifacts and with
 * what they are shared with. With `sessionId` it comes as a fork of itself, active and shared with nobody, so that both may
 * be in one store.
 *
 * Everything in the bundle is verified, as by `verifyBundle`, before the one commit that writes it. Nothing is left of one
 * that is refused. Its log is held in memory until then; large contents are not.
 *
 * @throws {SojournError} `invalid` for a bundle that is damaged or does not have `head`, and for what this server would not
 *   keep; `store_newer`; `payload_too_large` for a log of more than 256 MiB, or an artifact of more than the server allows;
 *   `limit_reached`; `session_exists` where the session is there already, or its name is an open session's; `forbidden` for
 *   a caller that acts as a session; what the source throws, and the signal's reason
 */
export async function importBundle(
  { ports, settings }: { readonly ports: ImportPorts; readonly settings: ImportSettings },
  caller: Caller,
  source: AsyncIterable<Uint8Array>,
  { head, sessionId, signal }: ImportOptions = {},
): Promise<Session> {
  if (caller.actingAs !== undefined) {
    throw new SojournError("forbidden", { message: "A caller that acts as a session can't import another" });
  }
  if (sessionId !== undefined) assertWithin({ sessionId });
  const { tenant } = caller;
  const { store, clock, contents, digest } = ports;
  const admit = async ({ uid, session_id }: BundleManifest): Promise<void> => {
    // Before its contents are written. What came in the meantime is seen again before the commit.
    const ref = { tenant, kind: "session", id: sessionId === undefined ? uid : "" } as const;
    await assertFree(store, { ref, sessionId: sessionId ?? session_id, now: clock.now() });
  };
  await using arrival = new Arrival(tenant, { settings, contents, admit });
  await readBundle(source, arrival, { digest, ...given("head", head), ...given("signal", signal) });
  for (let conflicts = 0; conflicts <= CONFLICTS_MAX; conflicts++) {
    signal?.throwIfAborted();
    const now = clock.now();
    const part =
      sessionId === undefined ? asItWas(arrival, tenant) : asFork(arrival, ports, { caller, sessionId, now });
    const guards = await guardsOf(part, ports, { now, ...given("maxSessions", settings.maxSessions) });
    const { outcome } = await store.commit({ now, parts: [part], guards, contents: arrival.contents });
    if (outcome === "committed") {
      arrival.keep();
      return { ref: part.ref, head: headOf(part), record: asOf(part.record, now) };
    }
    if (outcome === "limit_reached") throw full(settings.maxSessions);
    if (outcome !== "conflict") throw new SojournError("internal", { message: `An import came out as ${outcome}` });
  }
  throw new SojournError("conflict", { message: "Others wrote first; try again" });
}

function asItWas({ entries, rows, session }: Arrival, tenant: string): Append<"session"> {
  const ref = { tenant, kind: "session", id: session.uid } as const;
  return { change: "append", ref, expectedHead: 0, entries, rows, record: session.record, snapshot: true };
}

/** The session as a fork of itself, which begins now. */
function asFork(
  { entries, rows, session }: Arrival,
  ports: ImportPorts,
  { caller, sessionId, now }: { readonly caller: Caller; readonly sessionId: string; readonly now: number },
): Append<"session"> {
  const { head, record, uid } = session;
  const ref = { tenant: caller.tenant, kind: "session", id: ports.ids.uid() } as const;
  const log = new PendingLog(ref, { head, record }, ports);
  const origin = { uid, seq: head.seq, hash: head.hash, root: record.origin?.root ?? uid };
  const input = { uid: ref.id, sessionId, origin };
  log.push({ kind: "session.forked", name: "import", input }, { actor: caller.actor, at: now });
  const own = log.toAppend();
  return {
    ...own,
    expectedHead: 0,
    entries: [...entries, ...own.entries],
    rows: [...rows.filter(({ view }) => view !== "grant"), ...own.rows],
    snapshot: true,
  };
}

/** What must hold for the session to come: its name is free, and there is room for one more that is active. */
async function guardsOf(
  { ref, record }: Append<"session">,
  ports: ImportPorts,
  { now, maxSessions }: { readonly now: number; readonly maxSessions?: number },
): Promise<readonly Guard[]> {
  const { tenant } = ref;
  const { sessionId, parentSessionId } = record;
  const taken = await assertFree(ports.store, { ref, sessionId, now });
  if (taken === undefined) await assertNoUid(ports, tenant, sessionId);
  // The parent may have been deleted, or never have been here. Where it is, nobody may descend from themselves.
  const parent = parentSessionId === undefined ? undefined : await ports.store.named(tenant, parentSessionId);
  if (parent !== undefined) await assertParent(ports, tenant, record);
  const name = { guard: "name", tenant, sessionId, expected: taken?.ref.id, next: ref.id } as const;
  if (maxSessions === undefined || asOf(record, now).status !== "active") return [name];
  return [name, { guard: "active_below", tenant, limit: maxSessions }];
}

/** Refuses, with `session_exists`, a session that is there, and a name that is taken; returns the ended one that has it. */
async function assertFree(
  store: Store,
  { ref, sessionId, now }: { readonly ref: StreamRef<"session">; readonly sessionId: string; readonly now: number },
): Promise<Stream | undefined> {
  const { tenant, id } = ref;
  const same = (await store.stream(ref)) ?? (await store.named(tenant, id));
  if (same !== undefined) {
    throw exists(`Session "${same.record.sessionId}" is there with the uid ${same.ref.id}; import it under another id`);
  }
  const taken = await store.named(tenant, sessionId);
  if (taken === undefined || isFinal(asOf(taken.record, now).status)) return taken;
  throw exists(`Session "${sessionId}" exists and is ${taken.record.status}; end it first, or import under another id`);
}

function exists(message: string): SojournError {
  return new SojournError("session_exists", { message });
}

function headOf({ entries }: Append): Head {
  const { seq, hash } = entries.at(-1)?.operation ?? { seq: 0, hash: "" };
  return { seq, hash };
}

function full(limit = 0): SojournError {
  return new SojournError("limit_reached", {
    message: `The limit max_sessions is reached: ${limit} sessions are active; end some, or raise the limit`,
    faults: [{ field: "max_sessions", message: `is ${limit}`, type: "limit" }],
    retryAfterMs: LIMIT_RETRY_MS,
  });
}
