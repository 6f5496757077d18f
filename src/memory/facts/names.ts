import type { JsonObject } from "../../engine/json.ts";
import { wordsOf } from "../english/words.ts";

/** What a clause tells of its speaker's name, and what it goes on with behind that; `undefined` where it tells none. */
export function nameFacts(clause: string): { readonly facts: JsonObject; readonly rest: string } | undefined {
  const denied = DENIED.exec(clause);
  if (denied !== null) {
    const after = INSTEAD.exec(clause.slice(denied[0].length));
    const name = after === null ? undefined : nameAt(after[1] ?? "", true);
    return { facts: { name: name?.name ?? null }, rest: "" };
  }
  const said = SAID.exec(clause);
  if (said !== null) {
    const found = nameAt(clause.slice(said[0].length), true);
    if (found === undefined) return /name/i.test(said[0]) ? { facts: {}, rest: "" } : undefined;
    return { facts: { name: found.name }, rest: withSubjects(found.rest) };
  }
  const am = AM.exec(clause);
  const found = am === null ? undefined : nameAt(clause.slice(am[0].length), false);
  return found === undefined ? undefined : { facts: { name: found.name }, rest: withSubjects(found.rest) };
}

/** What stands beside a name, as clauses of their own: `34, a nurse from Lyon` is `I'm 34, I'm a nurse from Lyon`. */
function withSubjects(rest: string): string {
  const clauses = rest.replace(/(?<=^\d{1,3}), (?=an? |from |and from )/i, ", I'm ").replace(/I'm and /, "I'm ");
  return clauses.replace(/^(?:and )?(?=from |an? \p{L}|\d{1,3}(?:,| years?\b|$))/iu, "I'm ");
}

/** `Hello, this is Noor` as `I'm Noor`; only at the head of a greeting, where it can mean nothing else. */
export function introduction(sentence: string): string {
  return sentence.replace(INTRODUCES, "I'm ");
}

const INTRODUCES =
  /^(?:hi|hello|hey|good (?:morning|afternoon|evening|day))(?: there| all| everyone| everybody)?[,!]? this is (?=\p{L})/iu;

const SAID =
  /^(?:(?:my|the) (?:full |first |given |real |user ?|nick)?name(?:'s|s| is| is now| has always been| was changed to| has changed to| =|:)? (?=\S)(?:actually |really |still |now |just |simply |called )?|i(?:'m| am| was) (?:called|named) |i go by (?:the name (?:of )?)?|(?:people|everyone|everybody|friends|my friends|they|most people) (?:just |usually |always )?call me |(?:you (?:can|may|should|could) )?(?:please )?(?:just )?call me |this is (?=\p{L}{1,30} (?:speaking|here|calling))|the name's |name's |name: ?)/iu;

const AM = /^(?:(?:i am|i'm|im) |(?:it's|it is) (?=\p{Lu}\p{L}{0,30} (?:speaking|here)$))/iu;

const DENIED =
  /^my name(?:'s| is| was|) ?(?:isn't|not|wasn't|no longer|never was|never) ?(?:called |actually |really )?/i;

const INSTEAD =
  /(?:, ?(?:it's |it is |but |rather |my name is )*|\b(?:it's|it is|but|rather|instead) (?:it's |it is )?)(\p{L}.{0,120})$/iu;

/** The name at the beginning of a text. Unless one is announced, only what is written like a name is taken for one. */
function nameAt(text: string, isAnnounced: boolean): { readonly name: string; readonly rest: string } | undefined {
  const words: string[] = [];
  let rest = text.replace(/^["'“«]/, "");
  while (words.length < NAME_WORDS_MAX) {
    const [word = ""] = NAME_WORD.exec(rest) ?? [];
    if (!goesOn(words, word) || !(isAnnounced || isWrittenAsName(word, words.length > 0))) break;
    words.push(word);
    rest = rest.slice(word.length);
    if (!rest.startsWith(" ")) break;
    rest = rest.slice(1);
  }
  while (PARTICLES.has(words.at(-1)?.toLowerCase() ?? "") && words.length > 1) rest = `${words.pop()} ${rest}`;
  const isSentence = words.length > 3 && words.every(isSmall);
  if (words.length === 0 || (isAnnounced ? isSentence : !endsLikeName(rest, words))) return undefined;
  const name = words.every(isSmall) ? words.map(capitalised) : words;
  return {
    name: name.join(" ").replace(/(?<!\b\p{Lu}|[Jj]r|[Ss]r)[.'’-]+$/u, ""),
    rest: rest.replace(/^["'”».,;!\s]+/, ""),
  };
}

/** Whether a word can be the next of a name. */
function goesOn(before: readonly string[], word: string): boolean {
  const plain = word.toLowerCase().replace(/[.'’]+$/, "");
  const [first] = before;
  if (plain === "" || ENDS_NAME.has(plain)) return false;
  if (first === undefined) return !NO_NAME.has(plain);
  // `my name is John Smith` goes on; `call me Jo tomorrow` does not: after a capital, a small word ends the name.
  return !isCased(first) || !isSmall(word) || PARTICLES.has(plain);
}

const NAME_WORDS_MAX = 5;

const NAME_WORD = /^[\p{L}\p{M}][\p{L}\p{M}'’.-]{0,39}/u;

function isCased(word: string): boolean {
  return /^\p{Lu}/u.test(word);
}

function isSmall(word: string): boolean {
  return /^\p{Ll}/u.test(word);
}

/** `John`, `O'Brien` or `李雷`, but neither `CEO` nor `German`. */
function isWrittenAsName(word: string, isFurther: boolean): boolean {
  if (isFurther && PARTICLES.has(word.toLowerCase())) return true;
  if (/^\p{Lo}/u.test(word)) return true;
  if (!isCased(word) || (word.length > 1 && word === word.toUpperCase())) return false;
  const plain = word.toLowerCase();
  return !PEOPLES.has(plain) && !NO_NAME.has(plain) && !/(?:ese|ish)$/.test(plain);
}

function endsLikeName(rest: string, words: readonly string[]): boolean {
  return (
    words.length <= 3 &&
    (rest === "" || /^(?:[.,!;()]|and |from |but |by the way|btw|here|speaking|nice |i |i'm |im |- |– )/i.test(rest))
  );
}

function capitalised(word: string): string {
  return PARTICLES.has(word) ? word : word.replace(/(?<=^|-)\p{Ll}/gu, (letter) => letter.toUpperCase());
}

const PARTICLES: ReadonlySet<string> = new Set(
  wordsOf("van von de da di del della der den dos du la le bin ibn al el af y e zu ten ter"),
);

const ENDS_NAME: ReadonlySet<string> = new Set(
  wordsOf(`and or but not i i'm im from who what which where how when why thanks thank please so by in on at now here
    there for with because btw nice can could would will do does is was are am my your it it's hello hi hey sir ok okay
    tell if as since too again speaking though actually since after before later tomorrow today mate haha lol to you`),
);

const NO_NAME: ReadonlySet<string> = new Set(
  wordsOf(`a an the not no none nobody on in at of to very too so quite rather pretty hard easy difficult unusual common
    rare my your his her its our their this that these those what who how why when irrelevant private secret long short
    spelled spelt pronounced misspelled written wrong right correct incorrect never always also being been unknown
    important unimportant like just about still kind sort funny weird strange beautiful boring ugly old new same different
    none-of similar mentioned listed missing misspelt taken here there sorry sure fine ok okay good great happy sad tired
    back down up out off done lost ready busy free late early home hungry thirsty cold hot sick ill well better from
    back-up going getting coming having looking working trying thinking tomorrow later today when if it maybe again
    tonight monday tuesday wednesday thursday friday saturday sunday january february april june july august
    september october november december god ceo stupid crazy names name idiot old-fashioned anything whatever something`),
);

const PEOPLES: ReadonlySet<string> = new Set(
  wordsOf(`german french italian dutch belgian swiss austrian european american canadian mexican brazilian argentinian
    chilean colombian peruvian venezuelan cuban african egyptian moroccan tunisian algerian nigerian kenyan ethiopian
    ghanaian asian indian pakistani bangladeshi iranian persian iraqi israeli arab saudi syrian turk greek romanian
    bulgarian hungarian czech slovak slovenian croatian serbian bosnian albanian ukrainian russian belarusian lithuanian
    latvian estonian norwegian icelandic australian korean vietnamese thai indonesian malaysian filipino filipina
    singaporean mongolian nepali afghan kazakh georgian armenian latino latina hispanic caucasian welsh scot christian
    muslim jewish jew hindu buddhist catholic protestant orthodox atheist agnostic sikh mormon republican democrat
    conservative liberal socialist vegan vegetarian human ai sagittarius aries taurus gemini cancer leo virgo libra
    scorpio capricorn aquarius pisces millennial californian texan parisian londoner berliner european-american`),
);
