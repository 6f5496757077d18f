/** What a script may catch: its own fault, or what a call answered. */
export class ScriptError extends Error {
  override readonly name = "ScriptError";
}
