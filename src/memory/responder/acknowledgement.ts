import { lowered, toSecondPerson } from "../english/second-person.ts";
import { clausesOf, withoutLeadIn } from "../english/sentences.ts";
import { isAuxiliary, isVerb, wordsOf } from "../english/words.ts";
import { nameFacts } from "../facts/names.ts";

/** What a sentence tells apart from a name, each clause in the second person, ready to follow `that`. */
export function toldIn(sentence: string): readonly string[] {
  return clausesOf(withoutLeadIn(sentence)).flatMap((clause) => toldInClause(withoutLeadIn(clause), 0));
}

/** Says that something will be remembered. */
export function acknowledgement(told: readonly string[]): string {
  const length = told.reduce((sum, one) => sum + one.length, 0);
  if (told.length > TOLD_MAX || length > TOLD_LENGTH_MAX) return "I'll remember all of that.";
  const parts = told.map((one) => `that ${one}`);
  const last = parts.at(-1) ?? "";
  if (parts.length < 3) return `I'll remember ${parts.join(", and ")}.`;
  return `I'll remember ${parts.slice(0, -1).join(", ")}, and ${last}.`;
}

/** Whether a clause tells something: it has a subject and a verb. */
export function isStatement(clause: string): boolean {
  const words = wordsOf(clause);
  const [first = ""] = words;
  if (words.length < 2) return false;
  if (words.some((word, i) => i < VERB_WITHIN && (isAuxiliary(word) || (i > 0 && isVerb(word))))) return true;
  const hasSubject =
    /^(?:i|we|he|she|it|they|you|my|our|the|this|that|these|those|there|his|her|their)$/i.test(first) ||
    /^\p{Lu}\p{Ll}+$/u.test(first);
  return hasSubject && words.length > 2 && words.some((word, i) => i > 0 && /(?:ed|[^s]s)$/.test(word));
}

/** What is felt with a user who tells something sad or glad; empty otherwise. */
export function sympathyFor(sentence: string): string {
  const own = /^(?:i|i'm|i've|my|we|our|we're)\b/i.test(sentence);
  if (!own) return "";
  if (SAD.test(sentence) && !/\b(?:not|n't|no longer|never)\b/i.test(sentence)) return "I'm sorry to hear that.";
  return GLAD.test(sentence) && !/\b(?:not|n't|no longer|never)\b|n't\b/i.test(sentence) ? "That's good to hear." : "";
}

const TOLD_MAX = 4;

const TOLD_LENGTH_MAX = 240;

const VERB_WITHIN = 14;

const SAD =
  /\b(?:died|passed away|is dead|(?:i'm|i am|feel|feeling|we're|is|are) (?:so |very |really |a bit |quite |pretty )?(?:sad|depressed|lonely|heartbroken|devastated|sick|ill|unhappy|anxious|scared|miserable|exhausted|upset|stressed)|lost my|broke up|got (?:fired|divorced|hurt|robbed)|was fired|have cancer|headache|in pain|in hospital|in the hospital)\b/i;

const GLAD =
  /\b(?:(?:i'm|i am|feel|we're) (?:so |very |really )?(?:happy|glad|excited|thrilled|delighted|proud)|got (?:married|engaged|promoted|the job|a promotion)|passed (?:my|the) (?:exam|test)|had a (?:great|wonderful|lovely) )/i;

function toldInClause(clause: string, depth: number): readonly string[] {
  const named = nameFacts(clause);
  if (named !== undefined && Object.keys(named.facts).length > 0) {
    if (named.rest === "" || depth > 3) return [];
    return clausesOf(named.rest).flatMap((one) => toldInClause(withoutLeadIn(one), depth + 1));
  }
  return clause.trim() === ""
    ? []
    : [
        lowered(
          toSecondPerson(
            clause.replace(/,? (?:though|lol|haha|btw|by the way|please|thanks|thank you|mate|bro)$/i, ""),
          ),
        ),
      ];
}
