import { slips } from "./slips.ts";

/** Shorter words have too many neighbours. */
const LENGTH_MIN = 5;

/** How often the documentation must have a word that another one may be a slip of. */
const COUNT_MIN = 2;

/**
 * The word that was meant by one that nobody knows: that which differs by one letter too many, too few or another one,
 * or by two that changed places, and begins alike. Of several, the one that is used most.
 */
export function meantBy(word: string, known: ReadonlyMap<string, number>): string | undefined {
  if (word.length < LENGTH_MIN) return undefined;
  let best: string | undefined;
  let most = COUNT_MIN - 1;
  for (const [other, count] of known) {
    if (count > most && other[0] === word[0] && isSlip(word, other)) {
      best = other;
      most = count;
    }
  }
  return best;
}

function isSlip(a: string, b: string): boolean {
  const [shorter, longer] = a.length < b.length ? [a, b] : [b, a];
  if (longer.length - shorter.length > 1 || shorter.length < LENGTH_MIN - 1) return false;
  return slips(a, b) === 1;
}
