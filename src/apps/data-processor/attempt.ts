import type { Look } from "./analysis.ts";
import type { Column } from "./column.ts";

/** Looks at one column of several. One that can't be looked at gives `undefined` and a note: others are told of none the less. */
export async function attempted<Result>(
  { name, type }: Column,
  { signal, notes }: Pick<Look, "signal" | "notes">,
  look: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await look();
  } catch (error) {
    signal.throwIfAborted();
    const [told] = String(error instanceof Error ? error.message : error).split("\n");
    notes.push(`"${name}" (${type}) can't be analyzed: ${told}`);
    return undefined;
  }
}
