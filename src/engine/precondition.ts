import { SojournError } from "./errors.ts";

/** What `If-Match` asks for: any existing session, or one of these versions (head `seq`s). */
export type Precondition = "any" | readonly number[];

/** Refuses with `precondition_failed` unless the version fits; `undefined` is the version of what does not exist. */
export function assertMatches(precondition: Precondition | undefined, version: number | undefined): void {
  if (precondition === undefined) return;
  if (version !== undefined && (precondition === "any" || precondition.includes(version))) return;
  throw new SojournError("precondition_failed", {
    message:
      version === undefined
        ? "If-Match was given, but there is nothing yet that could match it"
        : `It is at version ${version}, which If-Match does not name; read it again and decide again`,
  });
}
