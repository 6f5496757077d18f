import type { Contents } from "../artifacts/contents.ts";
import { assertActsAsNone } from "../engine/acting.ts";
import { PendingLog } from "../engine/append.ts";
import { SYSTEM_ACTOR } from "../engine/batch.ts";
import { assertNoAncestor, assertNoUid, exists, holderOf } from "../engine/creation.ts";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import type { Answer, OnceOnly } from "../engine/idempotency.ts";
import { asOf, isFinal } from "../engine/lifecycle.ts";
import { assertWithin } from "../engine/limits.ts";
import type { MailboxPorts } from "../engine/mailbox.ts";
import { assertMatches, type Precondition } from "../engine/precondition.ts";
import type { Caller, Session, Sessions, WriteOptions } from "../engine/sessions.ts";
import type { Append, Guard, Head, Stream, StreamRef } from "../engine/store.ts";
import { finishTask, type TaskEnd } from "../engine/task-commands.ts";
import { Arrival, type ImportSettings } from "./arrival.ts";
import type { BundleManifest } from "./manifest.ts";
import { readBundle } from "./read.ts";

/** What an import stands on. */
export interface ImportPorts extends MailboxPorts {
  readonly sessions: Pick<Sessions, "room">;
  readonly contents: Pick<Contents, "stage">;
  readonly once: OnceOnly;
}

/** What may come with an import. The precondition is about the session that has the name. */
export interface ImportOptions extends WriteOptions {
  /** A `head_hash` of the session, of any time, that was kept elsewhere; its log must have it. */
  readonly head?: string;
  /** What the session is to be called; it becomes a fork of itself then, with a `uid` of its own. */
  readonly sessionId?: string;
  readonly signal?: AbortSignal;
}

/** Others wrote first this often in a row: give up. */
const CONFLICTS_MAX = 16;

/**
 * Brings a session from a bundle into the store: its whole log as it was, under its own `uid`, with its artifacts and with
 * what they are shared with. With `sessionId` it comes as a fork of itself, active and shared with nobody, so that both may
 * be in one store.
 *
 * Everything in the bundle is verified, as by `verifyBundle`, before the one commit that writes it. Nothing is left of one
 * that is refused. Its log is held in memory until then; large contents are not.
 *
 * @throws {SojournError} `invalid` for a bundle that is damaged, of a newer release, or does not have `head`, and for what
 *   this server would not keep; `payload_too_large` for a log of more than 256 MiB, or an artifact of more than the server
 *   allows; `limit_reached`; `session_exists` where the session is there already, or its name is an open session's;
 *   `forbidden` for a caller that acts as a session; what the source throws, and the signal's reason
 */
export async function importBundle(
  { ports, settings }: { readonly ports: ImportPorts; readonly settings: ImportSettings },
  caller: Caller,
  source: AsyncIterable<Uint8Array>,
  { head, sessionId, signal, idempotency, precondition }: ImportOptions = {},
): Promise<Answer<Session>> {
  assertActsAsNone(caller, "import sessions");
  if (sessionId !== undefined) assertWithin({ sessionId });
  const { tenant } = caller;
  const { contents, digest } = ports;
  const admit = async ({ uid, session_id }: BundleManifest): Promise<void> => {
    // Before its contents are written. What came in the meantime is seen again before the commit; what came by the same call
    // must be known as that.
    if (idempotency !== undefined) return;
    if (sessionId === undefined) await assertNew(ports, { tenant, kind: "session", id: uid });
    await assertFree(ports, tenant, sessionId ?? session_id);
  };
  await using arrival = new Arrival(tenant, { settings, contents, admit });
  await readBundle(source, arrival, { digest, ...given("head", head), ...given("signal", signal) }).catch(
    (error: unknown) => {
      throw asCallers(error);
    },
  );
  const { uid, head: last, record } = arrival.session;
  // The same request has the same log, too, and that says what all contents are.
  const key = idempotency && { ...idempotency, request: `${idempotency.request}\n${uid}\n${last.hash}` };
  return await ports.once.run<Session>(tenant, key, async (remember) => {
    let conflicts = 0;
    return await ports.sessions.room.admit({ tenant, temporary: record.temporary }, async (room) => {
      signal?.throwIfAborted();
      const now = ports.clock.now();
      const part =
        sessionId === undefined
          ? asItWas(arrival, ports, { caller, now })
          : asFork(arrival, ports, { caller, sessionId, now });
      const value = { ref: part.ref, head: headOf(part), record: asOf(part.record, now) };
      const name = await nameGuard(value, ports, precondition);
      const { outcome } = await ports.store.commit({
        now,
        parts: [part],
        guards: value.record.status === "active" ? [name, ...room] : [name],
        contents: arrival.contents,
        ...given("remember", remember && [remember(value, now, part.ref)]),
      });
      if (outcome === "committed") return { value, at: now };
      if (outcome === "limit_reached") return outcome;
      if (outcome === "content_missing") throw new SojournError("internal", { message: "An import lacks a content" });
      conflicts += 1;
      // Another node may have answered the same call.
      if (outcome === "conflict" && conflicts <= CONFLICTS_MAX) return outcome;
      throw new SojournError("conflict", { message: "Others wrote first; try again" });
    });
  });
}

/** It is what the caller sent that is too new, and not the store: trying again would change nothing. */
function asCallers(error: unknown): unknown {
  if (!(error instanceof SojournError && error.code === "store_newer")) return error;
  const { message } = error;
  return new SojournError("invalid", {
    message,
    faults: [{ field: "bundle", message, type: "newer_release" }],
    cause: error,
  });
}

/** The session under its own identity. What ran or waited in it does so elsewhere, and is closed here. */
function asItWas(
  { entries, rows, session }: Arrival,
  ports: ImportPorts,
  { caller: { tenant }, now }: { readonly caller: Caller; readonly now: number },
): Append<"session"> {
  const { head, record, uid } = session;
  const ref = { tenant, kind: "session", id: uid } as const;
  const log = new PendingLog(ref, { head, record }, ports);
  for (const { taskId } of record.work.tasks) {
    const drafts = finishTask(taskId, LEFT_ELSEWHERE)(log.record, now);
    if (drafts !== "erase") for (const draft of drafts) log.push(draft, { actor: SYSTEM_ACTOR, at: now });
  }
  if (log.isEmpty) return { change: "append", ref, expectedHead: 0, entries, rows, record, snapshot: true };
  return behind(entries, rows, log.toAppend());
}

/** What becomes of tasks that were open when their session was exported. */
const LEFT_ELSEWHERE: TaskEnd = {
  status: "unknown",
  error: { code: "unknown", message: "The session was exported while it ran; what became of it is known there" },
  staysWarm: false,
  processingTimeUs: 0,
};

/** Operations of our own behind those that came. */
function behind(entries: Arrival["entries"], rows: Arrival["rows"], own: Append<"session">): Append<"session"> {
  return {
    ...own,
    expectedHead: 0,
    entries: [...entries, ...own.entries],
    rows: [...rows, ...own.rows],
    snapshot: true,
  };
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
  return behind(
    entries,
    rows.filter(({ view }) => view !== "grant"),
    log.toAppend(),
  );
}

/** Refuses what others have by now; and says what must still hold when the session comes. */
async function nameGuard(
  { ref, record }: Session,
  ports: ImportPorts,
  precondition: Precondition | undefined,
): Promise<Guard> {
  const { tenant } = ref;
  const { sessionId } = record;
  await assertNew(ports, ref);
  const holder = await assertFree(ports, tenant, sessionId);
  assertMatches(precondition, holder?.head.seq);
  if (holder === undefined) await assertNoUid(ports, tenant, sessionId);
  // Its parent may have been deleted, or never have been here.
  await assertNoAncestor(ports, tenant, record);
  return { guard: "name", tenant, sessionId, expected: holder?.ref.id, next: ref.id };
}

/** Refuses, with `session_exists`, a session that is there, and one whose uid is what another is called. */
async function assertNew({ store }: ImportPorts, ref: StreamRef<"session">): Promise<void> {
  const same = (await store.stream(ref)) ?? (await store.named(ref.tenant, ref.id));
  if (same === undefined) return;
  const message = `Session "${same.record.sessionId}" is there with the uid ${same.ref.id}; import it under another id`;
  throw new SojournError("session_exists", { message });
}

/** Refuses, with `session_exists`, a name that an open session has; returns the ended one that has it. */
async function assertFree(ports: ImportPorts, tenant: string, sessionId: string): Promise<Stream | undefined> {
  const holder = await holderOf(ports, tenant, sessionId);
  if (holder === undefined || isFinal(holder.record.status)) return holder;
  throw exists(holder);
}

function headOf({ entries }: Append): Head {
  const { seq, hash } = entries.at(-1)?.operation ?? { seq: 0, hash: "" };
  return { seq, hash };
}
