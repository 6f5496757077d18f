import { isLiving, isVerb, wordsOf } from "./words.ts";

/**
 * What a user says of themselves, as it is said back to them: `my sister visits me` is `your sister visits you`.
 *
 * Begins in lower case unless the first word is a name, so that it can follow `that`.
 */
export function toSecondPerson(clause: string): string {
  // What stands in quotation marks is somebody's own words.
  const quote = /"[^"]*"|“[^”]*”/.exec(clause);
  if (quote !== null) {
    const after = clause.slice(quote.index + quote[0].length);
    return (
      toSecondPerson(clause.slice(0, quote.index)).trimEnd() + spaced(quote[0], clause, quote.index) + turnedText(after)
    );
  }
  return lowered(turnedText(clause.trim()));
}

function spaced(quote: string, clause: string, at: number): string {
  return clause[at - 1] === " " ? ` ${quote}` : quote;
}

function turnedText(text: string): string {
  const parts = text.split(/(?<=[\p{L}\p{N}])(?![\p{L}\p{N}'’])|(?<![\p{L}\p{N}'’])(?=[\p{L}\p{N}])/u);
  return parts.map((part, i) => turnedPart(part, parts[i - 2], parts[i + 2])).join("");
}

/** A clause with its first letter small, unless the word is a name or an abbreviation. */
export function lowered(clause: string): string {
  const [first = "", second = ""] = wordsOf(clause);
  const isCommon =
    isLiving(first) ||
    COMMON_FIRST.has(first.toLowerCase()) ||
    (/s$/.test(first) && /^(?:are|were|have)$/.test(second));
  return isCommon && !/^I\b/.test(first) ? clause.slice(0, 1).toLowerCase() + clause.slice(1) : clause;
}

function turnedPart(part: string, before: string | undefined, after: string | undefined): string {
  const word = part.toLowerCase().replaceAll("’", "'");
  const fixed = TURNED.get(word);
  if (fixed !== undefined) return fixed;
  const follows = (pattern: RegExp): boolean => pattern.test(before ?? "");
  const inverted = /^i$/i.test(after ?? "");
  const be = BE.get(word);
  if (be !== undefined && (follows(be.after) || (be.isInverted && inverted))) return be.turned;
  if (word !== "you") return part;
  const isSubject = before === undefined || (after !== undefined && isVerb(after) && !isVerb(before));
  return isSubject ? "I" : "me";
}

interface Be {
  readonly after: RegExp;
  readonly isInverted: boolean;
  readonly turned: string;
}

const BE: ReadonlyMap<string, Be> = new Map([
  ["am", { after: /^(?:i|not)$/i, isInverted: true, turned: "are" }],
  ["was", { after: /^i$/i, isInverted: true, turned: "were" }],
  ["wasn't", { after: /^i$/i, isInverted: true, turned: "weren't" }],
  ["are", { after: /^you$/i, isInverted: false, turned: "am" }],
  ["were", { after: /^you$/i, isInverted: false, turned: "was" }],
]);

const TURNED: ReadonlyMap<string, string> = new Map([
  ["i", "you"],
  ["me", "you"],
  ["my", "your"],
  ["mine", "yours"],
  ["myself", "yourself"],
  ["i'm", "you're"],
  ["im", "you're"],
  ["i've", "you've"],
  ["ive", "you've"],
  ["i'd", "you'd"],
  ["i'll", "you'll"],
  ["we", "you"],
  ["us", "you"],
  ["our", "your"],
  ["ours", "yours"],
  ["ourselves", "yourselves"],
  ["we're", "you're"],
  ["we've", "you've"],
  ["we'll", "you'll"],
  ["we'd", "you'd"],
  ["you're", "I'm"],
  ["you've", "I've"],
  ["you'll", "I'll"],
  ["you'd", "I'd"],
  ["your", "my"],
  ["yours", "mine"],
]);

const COMMON_FIRST: ReadonlySet<string> = new Set(
  `you you're you've you'll you'd your yours i my the a an this that these those it it's he he's she she's they they're his her
  their there there's here today yesterday tomorrow tonight last next when while if because since after before in on at
  for from with by to every each some all both most many no nobody somebody someone everyone everything nothing one two
  three four five six seven eight nine ten as once during then now usually sometimes often always never maybe perhaps
  only also even just what who where how why which and but so people things please need want keep call using not is are
  was were being having going working living`.split(/\s+/),
);
