import type { Json } from "../../app-format/index.ts";

/** What was seen in some items: an app may have as many files of its own as it likes. */
export interface Finding {
  readonly items: number;
  /** In all texts, wherever they stand in the items. */
  readonly words: number;
  /** How many numbers there were, and what they add up to. */
  readonly numbers: number;
  readonly sum: number;
}

/** Before anything is looked at. */
export const NOTHING_SEEN: Finding = { items: 0, words: 0, numbers: 0, sum: 0 };

/** Looks at one item more. */
export function look(seen: Finding, item: Json): Finding {
  const inside = { ...seen };
  const pending: Json[] = [item];
  for (let value = pending.pop(); value !== undefined; value = pending.pop()) {
    if (typeof value === "number") {
      inside.numbers += 1;
      inside.sum += value;
    } else if (typeof value === "string") {
      inside.words += value.match(/[\p{L}\p{N}]+/gu)?.length ?? 0;
    } else if (typeof value === "object" && value !== null) {
      for (const member of Object.values(value)) pending.push(member);
    }
  }
  return { ...inside, items: seen.items + 1 };
}
