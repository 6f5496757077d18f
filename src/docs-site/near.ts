import type { Page } from "./folder.ts";
import { slips } from "./slips.ts";

/** Pages that an address may have meant that has none. */
export interface Near {
  /** Those below it. */
  readonly inside: readonly Page[];
  /** Those whose name is the same in another place, or nearly the same; the nearest first. */
  readonly alike: readonly Page[];
}

/** How many pages of a like name are told of. */
const ALIKE_MAX = 5;

/** Longer than any name; what is longer was not meant as one, and would take its time to compare. */
const NAME_MAX = 100;

/** Finds the pages that come near the path of one that is not there. */
export function nearTo(path: string, pages: Iterable<Page>): Near {
  const asked = path.toLowerCase();
  const all = [...pages].filter((page) => page.path !== "");
  const inside = all.filter((page) => page.path.toLowerCase().startsWith(`${asked}/`));
  if (asked === "" || asked.length > NAME_MAX) return { inside, alike: [] };
  const alike = all
    .map((page) => ({ page, edits: editsTo(page, asked) }))
    .filter(({ page, edits }) => edits <= editsMax(asked) && !inside.includes(page))
    .sort((a, b) => a.edits - b.edits);
  return { inside, alike: alike.slice(0, ALIKE_MAX).map(({ page }) => page) };
}

/** One letter in four may be wrong. */
function editsMax(asked: string): number {
  return Math.ceil(lastOf(asked).length / 4);
}

/** How far the page's path, or its last part alone, is from the one that was asked for. */
function editsTo({ path }: Page, asked: string): number {
  const known = path.toLowerCase();
  return Math.min(slips(known, asked), slips(lastOf(known), lastOf(asked)));
}

function lastOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
