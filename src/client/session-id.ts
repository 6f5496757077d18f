import { SojournError } from "../engine/errors.ts";

/** Words that are routes beside `/sessions/{id}`, or mean something else in a path. */
const RESERVED: ReadonlySet<string> = new Set([".", "..", "continue", "stats", "cleanup", "import", "new"]);

/** A session: by its name, by its `uid`, or itself. */
export type SessionName = string | { readonly uid: string };

/** Tells whether a session may be called so; what else is in a path would be another call. */
export function isSessionId(text: string): boolean {
  return /^[A-Za-z0-9._:@-]{1,128}$/.test(text) && !RESERVED.has(text);
}

/**
 * How a session is named in a call.
 *
 * @throws {SojournError} `session_not_found` for what no session can be called
 */
export function idOf(session: SessionName): string {
  const id = typeof session === "string" ? session : session.uid;
  if (isSessionId(id)) return id;
  throw new SojournError("session_not_found", { message: `Session ${id} not found` });
}
