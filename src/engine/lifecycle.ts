import { SECOND } from "./clock.ts";
import { SojournError } from "./errors.ts";
import { dueByTime } from "./limit-rules.ts";
import { ended, type FinalStatus, fold, type SessionChange, type SessionRecord, type Status } from "./session.ts";

/**
 * Which statuses a session may go to from each status:
 *
 *     create ──▶ active ◀──▶ suspended
 *                  └────┬────────┘
 *                       ▼
 *          completed | failed | expired      (final)
 */
const NEXT: Record<Status, readonly Status[]> = {
  active: ["suspended", "completed", "failed", "expired"],
  suspended: ["active", "completed", "failed", "expired"],
  completed: [],
  failed: [],
  expired: [],
};

/** Refuses a transition that the table above does not have, with `invalid_transition`. */
export function assertTransition(session: SessionRecord, to: Status): void {
  if (NEXT[session.status].includes(to)) return;
  const already = session.status === to ? "already " : "";
  throw new SojournError("invalid_transition", {
    message: `Session "${session.sessionId}" is ${already}${session.status} and cannot become ${to}`,
  });
}

/** Refuses to use an ended session, with `invalid_transition`. */
export function assertOpen(session: SessionRecord, verb: string): void {
  if (!isFinal(session.status)) return;
  throw new SojournError("invalid_transition", {
    message: `Cannot ${verb} session "${session.sessionId}": it is ${session.status}`,
  });
}

/** Refuses to let anything work in a session that is not active, with `invalid_transition`. */
export function assertActive({ sessionId, status, reason }: SessionRecord, verb: string): void {
  if (status === "active") return;
  const why = reason === undefined ? "" : ` (${reason})`;
  const advice = status === "suspended" ? "; resume it first" : "";
  throw new SojournError("invalid_transition", {
    message: `Cannot ${verb} session "${sessionId}": it is ${status}${why}${advice}`,
  });
}

/** Tells whether nothing can follow this status. */
export function isFinal(status: Status): status is FinalStatus {
  return NEXT[status].length === 0;
}

/**
 * When an open session's time is over: the earlier of its idle timeout after the last activity and its lifetime after
 * its creation, in microseconds since the epoch. `undefined` where it has neither, or has ended. While a task is open, it is
 * not idle.
 */
export function expiresAtUs(session: SessionRecord): number | undefined {
  if (isFinal(session.status)) return undefined;
  const { idleTimeoutUs, maxLifetimeUs } = session;
  const isIdle = session.work.tasks.length === 0;
  const idle = idleTimeoutUs === undefined || !isIdle ? undefined : session.lastActivityUs + idleTimeoutUs;
  const lifetime = maxLifetimeUs === undefined ? undefined : session.createdAtUs + maxLifetimeUs;
  if (idle === undefined || lifetime === undefined) return idle ?? lifetime;
  return Math.min(idle, lifetime);
}

/** The session as it stands at `now`: `expired` where its time is over, or as a limit has it, whether or not its log says so yet. */
export function asOf(session: SessionRecord, now: number): SessionRecord {
  const expiry = expiryAt(session, now);
  if (expiry !== undefined) return ended(session, "expired", expiry.endedAtUs, expiry);
  return dueByTime(session, now).reduce((shown, draft) => fold(shown, { ...draft, at: now } as SessionChange), session);
}

/**
 * When and why the session's time was over, if it is at `now`. The one boundary: a session that was idle for exactly
 * its timeout is still alive.
 */
export function expiryAt(session: SessionRecord, now: number): { endedAtUs: number; reason: string } | undefined {
  const endedAtUs = expiresAtUs(session);
  if (endedAtUs === undefined || now <= endedAtUs) return undefined;
  const { idleTimeoutUs, lastActivityUs } = session;
  const byIdleness = idleTimeoutUs !== undefined && endedAtUs === lastActivityUs + idleTimeoutUs;
  const limitUs = (byIdleness ? idleTimeoutUs : session.maxLifetimeUs) ?? 0;
  const reason = `${byIdleness ? "Idle" : "Alive"} for longer than ${limitUs / SECOND} s`;
  return { endedAtUs, reason };
}
