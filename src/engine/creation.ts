import { beforeFirst, PendingLog } from "./append.ts";
import { assertDuration } from "./commands.ts";
import { invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import type { Ids } from "./ids.ts";
import type { JsonObject } from "./json.ts";
import { asOf } from "./lifecycle.ts";
import { assertApps, assertLimits, changedLimits, type LimitsPatch } from "./limit-rules.ts";
import { assertSize, assertWithin, type Settings } from "./limits.ts";
import type { MailboxPorts } from "./mailbox.ts";
import type { SessionInputs } from "./session.ts";
import type { Guard, Remembered, Store, Stream, StreamRef } from "./store.ts";
import type { Draft } from "./streams.ts";

/** A new session. What is left out takes the server's default. */
export interface NewSession {
  /** Minted where it is left out. */
  readonly sessionId?: string;
  /** `default_user` where it is left out. */
  readonly userId?: string;
  readonly name?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
  readonly parentSessionId?: string;
  /** `null`: never by idleness. */
  readonly idleTimeoutUs?: number | null;
  readonly maxLifetimeUs?: number;
  /** Beside those that the operator set; `null` takes one of those away. */
  readonly limits?: LimitsPatch;
  readonly apps?: readonly string[];
  /** Whether it is for a chat that named no session; see `SessionRecord`. */
  readonly temporary?: true;
  /** What to do where an open session is called so: refuse (the default), or return it as it is. */
  readonly ifExists?: "error" | "return";
  /** The name of a template, whose defaults were filled in; see `Templates.fill`. */
  readonly template?: string;
}

/** What `create` answers: `isNew` is false where an open session was returned as it is. */
export interface Created {
  readonly session: Stream;
  readonly isNew: boolean;
}

/** The user of a session that was created without one. */
export const DEFAULT_USER = "default_user";

/** How many ancestors a session may have. */
export const ANCESTORS_MAX = 64;

/** What the first operation of a session says: what was wanted, held against the limits, with all defaults filled in. */
export function completed(
  { ifExists: _, idleTimeoutUs, limits, apps, ...wanted }: NewSession,
  { ids, settings }: { readonly ids: Pick<Ids, "session">; readonly settings: Settings },
): SessionInputs["session.created"] {
  assertWithin(wanted);
  assertDuration("idle_timeout_seconds", idleTimeoutUs);
  assertDuration("max_lifetime_seconds", wanted.maxLifetimeUs);
  assertSize("metadata", wanted.metadata ?? {}, settings.metadataBytes);
  assertLimits(limits ?? {});
  assertApps(apps);
  const idle = idleTimeoutUs === undefined ? settings.idleTimeoutUs : idleTimeoutUs;
  return {
    ...wanted,
    sessionId: wanted.sessionId ?? ids.session(),
    userId: wanted.userId ?? DEFAULT_USER,
    tags: [...new Set(wanted.tags)],
    metadata: wanted.metadata ?? {},
    ...(idle === null ? {} : { idleTimeoutUs: idle }),
    ...given("limits", changedLimits(settings.limits, limits)),
    ...given("apps", apps && [...new Set(apps)]),
  };
}

/** A session that begins, and under which circumstances. */
export interface Birth {
  readonly ref: StreamRef<"session">;
  readonly actor: string;
  /** The first operation of its own. */
  readonly draft: Draft<"session.created" | "session.forked">;
  /** Of a fork: the session whose history it shares, as it was at its last operation of that. */
  readonly from?: Stream;
  /** The session that the name points to until now. */
  readonly taken: string | undefined;
  readonly guards: readonly Guard[];
  readonly remember: ((session: Stream, at: number) => Remembered) | undefined;
}

/** Writes the first operation of a new stream, and points the name to it. */
export async function begin(
  ports: MailboxPorts,
  { ref, actor, draft, from, taken, guards, remember }: Birth,
): Promise<{ readonly value: Stream; readonly at: number } | "conflict" | "limit_reached"> {
  const log = new PendingLog(ref, from ?? { head: beforeFirst(ref, ports.digest) }, ports);
  const at = ports.clock.now();
  log.push(draft, { actor, at });
  const value = { ref, head: log.head, record: log.record };
  const { tenant, id: next } = ref;
  const { sessionId } = value.record;
  const history = from && { ref: from.ref, hash: from.head.hash };
  const { outcome } = await ports.store.commit({
    now: at,
    parts: [{ ...log.toAppend(), ...given("history", history) }],
    guards: [{ guard: "name", tenant, sessionId, expected: taken, next }, ...guards],
    remember: remember === undefined ? [] : [remember(value, at)],
  });
  if (outcome === "committed") return { value, at };
  if (outcome === "content_missing") throw new SojournError("internal", { message: "A new session has no artifacts" });
  // Another node has answered the same call in the meantime: to try again would find the key taken again.
  if (outcome === "repeated") throw new SojournError("conflict", { message: "Another call used the same key" });
  return outcome;
}

/** The session that is called so, as it stands now; its name is free once it has ended. */
export async function holderOf(
  { store, clock }: Pick<MailboxPorts, "store" | "clock">,
  tenant: string,
  sessionId: string,
): Promise<Stream | undefined> {
  const holder = await store.named(tenant, sessionId);
  return holder && { ...holder, record: asOf(holder.record, clock.now()) };
}

/** The error for a name that an open session has. */
export function exists({ record, ref }: Stream): SojournError {
  return new SojournError("session_exists", {
    message: `Session "${record.sessionId}" exists and is ${record.status} (uid ${ref.id}); end it first, or use another id`,
  });
}

/** Refuses a name that is another session's `uid`, with `session_exists`: it would hide that one. */
export async function assertNoUid(
  { store }: Pick<MailboxPorts, "store">,
  tenant: string,
  sessionId: string,
): Promise<void> {
  if ((await store.stream({ tenant, kind: "session", id: sessionId })) === undefined) return;
  throw new SojournError("session_exists", {
    message: `"${sessionId}" is the uid of another session and can't be a session_id; use another id`,
  });
}

/**
 * Refuses a parent that does not exist, with `session_not_found`, and one that descends from the session itself or has
 * too many ancestors, with `invalid`.
 */
export async function assertParent(
  { store }: Pick<MailboxPorts, "store">,
  tenant: string,
  { sessionId, parentSessionId }: SessionInputs["session.created"],
): Promise<void> {
  let depth = 0;
  for await (const { name, session } of ancestors(store, tenant, parentSessionId)) {
    if (name === sessionId) throw badParent("must not descend from the session itself");
    if (depth === ANCESTORS_MAX) throw badParent(`must have fewer than ${ANCESTORS_MAX} ancestors`);
    // A parent must exist when its child begins; later it may be deleted.
    if (session === undefined && depth === 0) {
      throw new SojournError("session_not_found", {
        message: `Session ${name} not found`,
        faults: [{ field: "parent_session_id", message: "must be an existing session", type: "invalid_parent" }],
      });
    }
    depth += 1;
  }
}

/** Refuses to call a fork as one of its ancestors is called, with `invalid`: it would descend from itself. */
export async function assertNoAncestor(
  { store }: Pick<MailboxPorts, "store">,
  tenant: string,
  { sessionId, parentSessionId }: { readonly sessionId: string; readonly parentSessionId?: string | undefined },
): Promise<void> {
  let depth = 0;
  for await (const { name } of ancestors(store, tenant, parentSessionId)) {
    if (name === sessionId) {
      throw invalid([{ field: "session_id", message: "must not be that of an ancestor", type: "invalid_parent" }]);
    }
    if (depth === ANCESTORS_MAX) return;
    depth += 1;
  }
}

/** A session's ancestors from `name` on, by whom they are called now; the last may not exist. */
async function* ancestors(
  store: Store,
  tenant: string,
  from: string | undefined,
): AsyncGenerator<{ readonly name: string; readonly session: Stream | undefined }> {
  for (let name = from; name !== undefined; ) {
    const session = await store.named(tenant, name);
    yield { name, session };
    name = session?.record.parentSessionId;
  }
}

function badParent(message: string): SojournError {
  return invalid([{ field: "parent_session_id", message, type: "invalid_parent" }]);
}
