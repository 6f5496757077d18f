import { beforeFirst, PendingLog } from "./append.ts";
import { assertDuration } from "./commands.ts";
import { invalid, SojournError } from "./errors.ts";
import type { Remember } from "./idempotency.ts";
import type { JsonObject } from "./json.ts";
import { assertSize, assertWithin, type Settings } from "./limits.ts";
import type { MailboxPorts } from "./mailbox.ts";
import type { SessionInputs } from "./session.ts";
import type { Guard, Stream, StreamRef } from "./store.ts";

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
  /** Whether it is for a chat that named no session; see `SessionRecord`. */
  readonly temporary?: true;
  /** What to do where an open session is called so: refuse (the default), or return it as it is. */
  readonly ifExists?: "error" | "return";
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
  { ifExists: _, idleTimeoutUs, ...wanted }: NewSession,
  { ids, settings }: Pick<MailboxPorts, "ids"> & { readonly settings: Settings },
): SessionInputs["session.created"] {
  assertWithin(wanted);
  assertDuration("idle_timeout_seconds", idleTimeoutUs);
  assertDuration("max_lifetime_seconds", wanted.maxLifetimeUs);
  assertSize("metadata", wanted.metadata ?? {}, settings.metadataBytes);
  const idle = idleTimeoutUs === undefined ? settings.idleTimeoutUs : idleTimeoutUs;
  return {
    ...wanted,
    sessionId: wanted.sessionId ?? ids.session(),
    userId: wanted.userId ?? DEFAULT_USER,
    tags: [...new Set(wanted.tags)],
    metadata: wanted.metadata ?? {},
    ...(idle === null ? {} : { idleTimeoutUs: idle }),
  };
}

/** Who begins a session, and under which circumstances. */
export interface Birth {
  readonly tenant: string;
  readonly actor: string;
  /** The session that the name points to until now. */
  readonly taken: string | undefined;
  readonly guards: readonly Guard[];
  readonly remember: Remember<Created> | undefined;
}

/** Writes the first operation of a new stream, and points the name to it. */
export async function begin(
  ports: MailboxPorts,
  input: SessionInputs["session.created"],
  { tenant, actor, taken, guards, remember }: Birth,
): Promise<{ readonly value: Created; readonly at: number } | "conflict" | "limit_reached"> {
  const ref: StreamRef<"session"> = { tenant, kind: "session", id: ports.ids.uid() };
  const log = new PendingLog(ref, { head: beforeFirst(ref, ports.digest) }, ports);
  const at = ports.clock.now();
  log.push({ kind: "session.created", name: "create", input }, { actor, at });
  const value = { session: { ref, head: log.head, record: log.record }, isNew: true };
  const { outcome } = await ports.store.commit({
    now: at,
    parts: [log.toAppend()],
    guards: [{ guard: "name", tenant, sessionId: input.sessionId, expected: taken, next: ref.id }, ...guards],
    remember: remember === undefined ? [] : [remember(value, at, ref)],
  });
  if (outcome === "committed") return { value, at };
  if (outcome === "content_missing") throw new SojournError("internal", { message: "A new session has no artifacts" });
  // Another node has answered the same call in the meantime: to try again would find the key taken again.
  if (outcome === "repeated") throw new SojournError("conflict", { message: "Another call used the same key" });
  return outcome;
}

/** Refuses a name that is another session's `uid`, with `session_exists`: it would hide that one. */
export async function assertNoUid(
  { store }: Pick<MailboxPorts, "store">,
  tenant: string,
  { sessionId }: SessionInputs["session.created"],
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
  let ancestor = parentSessionId;
  for (let depth = 0; ancestor !== undefined; depth++) {
    if (ancestor === sessionId) throw badParent("must not descend from the session itself");
    if (depth === ANCESTORS_MAX) throw badParent(`must have fewer than ${ANCESTORS_MAX} ancestors`);
    const parent = await store.named(tenant, ancestor);
    // A parent must exist when its child begins; later it may be deleted.
    if (parent === undefined && depth === 0) {
      throw new SojournError("session_not_found", {
        message: `Session ${ancestor} not found`,
        faults: [{ field: "parent_session_id", message: "must be an existing session", type: "invalid_parent" }],
      });
    }
    ancestor = parent?.record.parentSessionId;
  }
}

function badParent(message: string): SojournError {
  return invalid([{ field: "parent_session_id", message, type: "invalid_parent" }]);
}
