import type { JsonObject } from "../../engine/json.ts";
import { isAuxiliary, isLiving, isVerb, wordsOf } from "../english/words.ts";
import { headOf, keyOf, plainValue } from "./key.ts";

/** What `my X is Y` tells, in general; `undefined` where a clause is of another kind, or tells what soon passes. */
export function attributeFacts(clause: string): JsonObject | undefined {
  const found = ATTRIBUTE.exec(clause);
  if (found === null) return kinFacts(clause);
  const [, what = "", verb = "", rest = ""] = found;
  const words = wordsOf(what);
  const first = words[0]?.toLowerCase() ?? "";
  if (words.length === 0 || words.length > WORDS_MAX || words.slice(0, -1).some(isAuxiliary) || hasVerb(words)) {
    return undefined;
  }
  if (/ (?:and|or) (?:my|our|the|i|me)(?![\p{L}'’])/iu.test(what)) return kinFacts(clause);
  // `my hotel in Kyoto` is one of several.
  if (/ (?:in|at|on|from|with|near) /i.test(what)) return undefined;
  if (PASSING.has(words.at(-1)?.toLowerCase() ?? "") || PASSING.has(first)) return undefined;
  if (/(?:n't|^not)\b/i.test(verb) || /^(?:not|no longer|never)\b/i.test(rest)) return denied(what, rest);
  const value = headOf(
    /(?:birthday|anniversary|birth|name day)$/i.test(what) ? rest.replace(/^on (?:the )?/i, "") : rest,
  );
  if (value === "" || NO_VALUE.test(value)) return undefined;
  const living = isLiving(words.at(-1) ?? "");
  if (
    living &&
    /^(?:\w+ing|gone|here|there|back|away|very|so|too|sick|ill|late|sad|happy|tired|angry|dead)\b/i.test(value)
  )
    return undefined;
  if (/^(?:called|named)$/i.test(verb)) return { [keyOf(`${what} name`)]: value };
  return { ...subjectFacts(words, what, value) };
}

const WORDS_MAX = 5;

const ATTRIBUTE =
  /^(?:my|our) ((?:[\p{L}\p{N}'’-]+ ){0,5}?[\p{L}\p{N}'’-]+?)(?: (?:is|are) (?=called|named))? ?(?:(?<= |['’]s )|(?=['’]s (?!(?:\S+ ){0,4}(?:is|are|was|were|isn't|aren't)\b)))(is|are|was|were|isn't|aren't|wasn't|weren't|called|named|['’]s|=)(?: now| currently| actually| really| still)? (\S.{0,400})$/iu;

/** `my neighbour Mr. Okafor waters them` tells a name, wherever in a clause it stands. */
function kinFacts(clause: string): JsonObject | undefined {
  const [, kin = "", name = ""] = KIN.exec(clause) ?? [];
  return isLiving(kin.split(" ").at(-1) ?? "") ? { [keyOf(`${kin} name`)]: plainValue(name) } : undefined;
}

const KIN =
  /\b(?:[Mm]y|[Oo]ur) ((?:(?:older|elder|younger|little|big|best|oldest|youngest|new|old|twin) )?[a-z-]{2,20}),? ((?:Dr\.? |Mr\.? |Mrs\.? |Ms\.? )?(?!(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|January|February|March|April|May|June|July|August|September|October|November|December|I\b)\p{Lu}\p{Ll}[\p{L}'’-]{0,30}(?: \p{Lu}\p{Ll}[\p{L}'’-]{0,30}){0,2})(?![\p{L}'’])/u;

/** `my daughter Lily is 4` tells a name and an age, `my dog is 4 years old` an age. */
function subjectFacts(words: readonly string[], what: string, value: string): JsonObject {
  const last = words.at(-1) ?? "";
  const before = words.at(-2) ?? "";
  const age = /^(\d{1,3})(?: (?:years?|yrs?)(?: old)?)?$/.exec(value)?.[1];
  if (/^\p{Lu}/u.test(last) && isLiving(before)) {
    const kin = words.slice(0, -1).join(" ");
    return { [keyOf(`${kin} name`)]: last, [keyOf(age === undefined ? kin : `${kin} age`)]: age ?? value };
  }
  const named = /^(?:called|named) (.+)$/i.exec(value)?.[1];
  if (named !== undefined) return { [keyOf(`${what} name`)]: plainValue(named) };
  return age !== undefined && isLiving(last) ? { [keyOf(`${what} age`)]: age } : { [keyOf(what)]: value };
}

/** `my favourite colour is not green` removes it, unless the right one follows. `my dog is not well` says nothing. */
function denied(what: string, rest: string): JsonObject | undefined {
  if (!ATTRIBUTE_HEAD.test(what)) return undefined;
  const instead = /(?:, ?(?:it's|it is|but(?: rather)?|rather)| but(?: rather)?) (\S.*)$/i.exec(rest)?.[1];
  return { [keyOf(what)]: instead === undefined ? null : headOf(instead) };
}

const ATTRIBUTE_HEAD =
  /(?:name|age|birthday|number|address|e-?mail|job|occupation|city|country|colou?r|password)$|favou?rite/i;

// In `my cats like fish and tea` nothing is told by `is`; in `my flight number` a verb's form is part of a name.
function hasVerb(words: readonly string[]): boolean {
  return words.some((word, i) => i > 0 && /(?:es|ed|s)$/.test(word) && isVerb(word) && i < words.length - 1);
}

const NO_VALUE =
  /^(?:that|to|how|what|why|whether|if|because|when|where|who|about|as|like|just|only|none|unknown|here|there|being|been|gone|over|done|in|on|at|a bit|a little)\b|^(?:wrong|right|so|very|too|really|also|always|never|broken|not)\b/i;

const PASSING: ReadonlySet<string> = new Set(
  wordsOf(`question questions point problem problems issue issues guess opinion hope fear understanding concern concerns
    mistake bad view thought thoughts feeling intention request answer reply message advice suggestion excuse apologies
    turn fault idea goodness god turn day life experience impression assumption theory way code luck reason`),
);
