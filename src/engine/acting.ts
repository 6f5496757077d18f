import { SojournError } from "./errors.ts";
import type { Caller } from "./sessions.ts";
import type { Stream } from "./store.ts";

/** What the log says of who asked: the session that a call is made as, or the caller. */
export function actorOf({ actor, actingAs }: Pick<Caller, "actor" | "actingAs">): string {
  return actingAs === undefined ? actor : `session:${actingAs}`;
}

/**
 * Refuses, with `forbidden`, a caller that acts as a session.
 *
 * @param what  what it may not do, such as `list sessions`
 */
export function assertActsAsNone({ actingAs }: Pick<Caller, "actingAs">, what: string): void {
  if (actingAs === undefined) return;
  throw new SojournError("forbidden", { message: `Session ${actingAs} acts for itself alone, and may not ${what}` });
}

/** Refuses, with `forbidden`, a caller that acts as another session than this one. */
export function assertActsAs({ actingAs }: Pick<Caller, "actingAs">, { ref, record }: Stream): void {
  if (actingAs === undefined || actingAs === ref.id) return;
  throw new SojournError("forbidden", {
    message: `Session ${actingAs} acts for itself alone, and has no right to session "${record.sessionId}"`,
  });
}
