import { lowered, toSecondPerson } from "../english/second-person.ts";
import { contentOf, isLiving, isVerbRoot, rootOf, wordsOf } from "../english/words.ts";
import { isStatement } from "./acknowledgement.ts";
import type { Statement } from "./statements.ts";

/** What was found for a question, in the second person. */
export interface Recalled {
  readonly told: string;
  /** Whether it can only be quoted. */
  readonly isFragment: boolean;
  /** Whether it speaks of all that the question speaks of. */
  readonly isWhole: boolean;
  /** Whether it shares more with the question than a verb or a word such as `time`, `day` or `colour`. */
  readonly sharesMain: boolean;
  /** Whether it holds what the question asks for: a place for `where`, a time for `when`, a number for `how many`. */
  readonly fits: boolean;
  readonly isNegative: boolean;
  /** Whether it is only wished for, supposed, or long past. */
  readonly isSupposed: boolean;
}

/**
 * The statement that a question is most likely about: the newest of the best, or `undefined` where none is near.
 *
 * @param isOutdated  whether a statement is no longer so; asked of those alone that are near
 */
export function recall(
  question: string,
  statements: readonly Statement[],
  isOutdated: (statement: Statement) => boolean = () => false,
): Recalled | undefined {
  const wanted = wantedOf(question);
  const fits = fitting(question);
  const isOpen = !ASKS_FOR.test(question);
  const asksMain = wanted.some(({ weight }) => weight === 1);
  const rarity = rarities(wanted, statements);
  let best:
    | { readonly statement: Statement; readonly score: number; readonly share: number; readonly sharesMain: boolean }
    | undefined;
  for (const statement of statements) {
    const share = shareOf(wanted, statement);
    if (share < SHARE_MIN) continue;
    if (asksMain && !wanted.some(({ root, weight }) => weight === 1 && statement.roots.has(root))) continue;
    const met = wanted.reduce((sum, { root }) => sum + (statement.roots.has(root) ? (rarity.get(root) ?? 0) : 0), 0);
    const score =
      met * (fits(statement.text) ? FIT_FACTOR : 1) * (statement.isRestored && isOpen ? RESTORED_FACTOR : 1);
    if (best !== undefined && score < best.score - EQUAL_WITHIN) continue;
    if (isOutdated(statement)) continue;
    const sharesMain = wanted.some(({ root, weight }) => weight === 1 && statement.roots.has(root));
    best = { statement, score, share, sharesMain };
  }
  if (best === undefined) return undefined;
  const { text } = best.statement;
  const isFragment = !isStatement(text);
  return {
    told: isFragment || best.statement.isTurned ? text : toSecondPerson(text),
    isFragment,
    isWhole: best.share > WHOLE_MIN,
    sharesMain: best.sharesMain,
    fits: fits(text),
    isNegative: /\b(?:not|never|no longer|nobody|nothing)\b|n't\b/i.test(text),
    isSupposed: SUPPOSED.test(text) && !SUPPOSED.test(question),
  };
}

/** How much of what is wanted a statement speaks of, 0 to 1; 0 where it is of somebody else. */
function shareOf(wanted: readonly Wanted[], { roots }: Statement): number {
  let met = 0;
  let all = 0;
  for (const { root, weight, isVital } of wanted) {
    all += weight;
    if (roots.has(root)) met += weight;
    else if (isVital) return 0;
  }
  return all === 0 ? 0 : met / all;
}

/** How much each root tells: what few statements speak of tells more than what many do. */
function rarities(wanted: readonly Wanted[], statements: readonly Statement[]): ReadonlyMap<string, number> {
  return new Map(
    wanted.map(({ root, weight }) => {
      const count = statements.reduce((sum, { roots }) => sum + (roots.has(root) ? 1 : 0), 0);
      return [root, weight * Math.log(1 + statements.length / Math.max(1, count))];
    }),
  );
}

// Scores are sums of fractions.
const EQUAL_WITHIN = 1e-9;

const SUPPOSED =
  /\b(?:wish|would|want|hope|dream|dreamed|dreamt|might|maybe|perhaps|used to|if|plan|consider|asked)\b|'d like\b/i;

const SHARE_MIN = 0.5;

const WHOLE_MIN = 0.99;

const FIT_FACTOR = 1.6;

// What was said of a thing by its name comes before what is only understood to be of it, unless a place or a number is
// asked for, which tells them apart better.
const RESTORED_FACTOR = 0.95;

interface Wanted {
  readonly root: string;
  readonly weight: number;
  /** A person or a name: what is told of another one is no answer. */
  readonly isVital: boolean;
}

// A verb can be put in other words, and `what colour` or `which day` need not be said at all in what answers it.
const VERB_WEIGHT = 0.4;
const ATTRIBUTE_WEIGHT = 0.3;

function wantedOf(question: string): readonly Wanted[] {
  const named = new Set(
    wordsOf(question)
      .filter((word, i) => isLiving(word) || (i > 0 && /^\p{Lu}/u.test(word)))
      .map(rootOf),
  );
  const kind =
    /^(?:(?:at|in|on|for|to|with) )?(?:what|which) (?:kind of |sort of |type of )?(\p{L}+)(?: \p{L}+)? (?:do|does|did|am|is|are|was|were|can|will|have|has)\b/iu.exec(
      question,
    )?.[1];
  const kindRoot = kind === undefined ? undefined : rootOf(kind);
  const roots = contentOf(question.replace(/\bhow (?:old|long|tall|big|far|often|high|expensive|heavy)\b/gi, "how"));
  return roots.map((root) => ({
    root,
    weight: root === kindRoot ? Math.min(weightOf(root), VERB_WEIGHT) : weightOf(root),
    isVital: named.has(root),
  }));
}

/** Whether a root tells what is spoken of, as neither a verb nor a word such as `time`, `day` or `colour` does. */
export function isMain(root: string): boolean {
  return weightOf(root) === 1;
}

function weightOf(root: string): number {
  if (ATTRIBUTES.has(root)) return ATTRIBUTE_WEIGHT;
  return isVerbRoot(root) ? VERB_WEIGHT : 1;
}

const ATTRIBUTES: ReadonlySet<string> = new Set(
  `color size time day date city country town place number price amount age type kind breed name person hour year month
  week today currently moment brand model still again exactly favorite planned`
    .split(/\s+/)
    .map(rootOf),
);

const NUMBER =
  /\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|twenty|thirty|forty|fifty|hundred|thousand|million|dozen|several|many|few|couple|half|once|twice|both)\b/i;

const PLACE =
  /\b(?:in|at|on|near|to|from|behind|under|over|inside|beside|between|by|into|next to|opposite|above|below|here|there|home|abroad|upstairs|downstairs)\b/i;

const TIME =
  /\d|\b(?:today|tomorrow|yesterday|tonight|now|soon|(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july|august|september|october|november|december|mornings?|afternoons?|evenings?|nights?|noon|midnight|weeks?|weekends?|months?|years?|spring|summer|autumn|winter|christmas|easter|ago|last|next|o'clock|before|after|daily|weekly)\b/i;

/** Tells of a statement whether it holds what a question asks for, by the first question word of that. */
function fitting(question: string): (text: string) => boolean {
  if (/\bnames?$/i.test(question)) {
    return (text) => /(?!^)\b\p{Lu}\p{Ll}|\p{Lo}/u.test(text) || /\b(?:name|named|called)\b/i.test(text);
  }
  const counted =
    /\bhow many (?:\p{L}+ )??(\p{L}+) (?:do|does|did|have|has|are|were|is|am|will|can|should|i|we)\b/iu.exec(
      question,
    )?.[1];
  if (counted !== undefined) return (text) => counts(text, rootOf(counted));
  // What somebody does is what they work as, where that is told.
  if (/^what (?:does|do|did) .{1,80} do(?: for (?:a living|work))?$/i.test(question)) {
    return (text) => /\b(?:is|are|was|am|'m) an? |\bworks? (?:as|at|for|in)\b/i.test(text);
  }
  const [asked = ""] = ASKS_FOR.exec(question) ?? [];
  const [, fits] = FITS.find(([words]) => words.test(asked)) ?? [];
  return fits ?? (() => true);
}

/** Whether a number stands right before a thing: `two old cats`. */
function counts(text: string, thing: string): boolean {
  const words = wordsOf(text);
  return words.some(
    (word, i) => rootOf(word) === thing && words.slice(Math.max(0, i - 3), i).some((one) => NUMBER.test(one)),
  );
}

const ASKS_FOR =
  /^(?:do|did|am|was|have|can|will|should) i\b|\b(?:where|when|who|whom|why|(?:what|which) (?:city|country|town|place|street|time|day|date|year|month)|how (?:many|much|old|long|tall|far|often|big|high|heavy|expensive))\b/i;

/** Whether a statement begins with a person or a name: `my sister`, `Sarah`. */
function isOfAnother(text: string): boolean {
  return wordsOf(text).slice(0, 3).some(isLiving) || /^\p{Lu}\p{Ll}/u.test(lowered(text));
}

const FITS: readonly (readonly [RegExp, (text: string) => boolean])[] = [
  // What is told of somebody else is no answer to what `I` do.
  [/ i$/i, (text) => /\b(?:i|i'm|i've|i'd|we|we're|me|you)\b/i.test(text) || !isOfAnother(text)],
  [/where|city|country|town|place|street/i, (text) => PLACE.test(text)],
  [/when|time|day|date|year|month/i, (text) => TIME.test(text)],
  [/^how/i, (text) => NUMBER.test(text)],
  [/who/i, (text) => /(?!^)\b\p{Lu}\p{Ll}/u.test(text) || wordsOf(text).some(isLiving)],
  [/why/i, (text) => /\b(?:because|since|so that|in order|due)\b/i.test(text)],
];
