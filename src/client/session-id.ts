/** Words that are routes beside `/sessions/{id}`, or mean something else in a path. */
const RESERVED: ReadonlySet<string> = new Set([".", "..", "continue", "stats", "cleanup", "import", "new"]);

/** Tells whether a session may be called so; what else is in a path would be another call. */
export function isSessionId(text: string): boolean {
  return /^[A-Za-z0-9._:@-]{1,128}$/.test(text) && !RESERVED.has(text);
}
