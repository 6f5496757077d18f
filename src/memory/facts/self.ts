import type { JsonObject } from "../../engine/json.ts";
import { isLiving, rootOf, wordsOf } from "../english/words.ts";
import { headOf, keyOf } from "./key.ts";

/** What a clause with `I` tells: where its speaker lives, works, is from, what they have and like. */
export function selfFacts(clause: string): JsonObject | undefined {
  const bare = clause.replace(ADVERBS, "$1 ");
  for (const [pattern, facts] of RULES) {
    const found = pattern.exec(bare);
    const told = found === null ? undefined : facts(found[1] ?? "", found[2] ?? "");
    if (told !== undefined) return told;
  }
  return undefined;
}

type Rule = readonly [pattern: RegExp, facts: (first: string, second: string) => JsonObject | undefined];

const ADVERBS =
  /^(i(?:'m| am|'ve| have)?|we(?:'re| are)?) (?:(?:actually|currently|now|really|just|also|still|always|absolutely|totally|definitely|personally|originally|only|recently|mostly|very much|do) )+(?!not)/i;

const single =
  (key: string) =>
  (text: string): JsonObject | undefined => {
    const value = placeOf(headOf(text));
    return value === "" ? undefined : { [key]: value };
  };

const RULES: readonly Rule[] = [
  [/^(?:i|we) (?:live|reside|moved|have moved|relocated|am living|stay) (?:in|to|near|at|on) (.+)$/i, living],
  [/^(?:i'm|im|i am|we're|we are) (?:living|based|located|staying) in (.+)$/i, living],
  [/^(?:i'm|im|i am|we're|we are|i come|we come) from (.+)$/i, single("origin")],
  [
    /^i(?:'m|m| am| just turned| turned) (\d{1,3})(?: (?:years?|yrs?)(?:[ -]?olds?)?(?: now)?| ?y\/?o)?(?:$|,| and | but )/i,
    age,
  ],
  [/^i was born (in|on) (.+)$/i, born],
  [/^(?:i'm|im|i am) allergic to (.+)$/i, single("allergy")],
  [/^i have an? (.{1,60}) allergy/i, single("allergy")],
  [
    /^i (?:work|am working|am employed|'m working)(?: (?:full|part)[- ]time)? as (?:an? )?(.+?)(?= (?:at|for|in) |$)(?: (?:at|for) (.+))?$/i,
    work,
  ],
  [/^i(?:'m| am) (?:working|employed) as (?:an? )?(.+?)(?= (?:at|for|in) |$)(?: (?:at|for) (.+))?$/i, work],
  [
    /^i(?:'m| am)? (?:work|working|employed) (?:at|for|with) (.+?) as (?:an? )?(.+)$/i,
    (where, what) => work(what, where),
  ],
  [/^i(?:'m| am)? (?:work|working|employed) (?:at|for|with) (.+)$/i, single("employer")],
  [
    /^(?:i'm|im|i am) an? (.+?)(?= (?:at|for|in|from|with|by|who|looking|living|working|based|trying|studying) |, |$)((?: |, ).+)?$/i,
    described,
  ],
  [
    /^(?:i'm|im|i am) (vegetarian|vegan|pescatarian|gluten[- ]free|lactose[- ]intolerant|celiac|coeliac)\b/i,
    single("diet"),
  ],
  [/^i (?:speak|can speak) (.+)$/i, single("languages")],
  [
    /^i(?:'m| am)? (?:study|studying|am studying) (?!for |hard|a lot|every)(.+?)(?= (?:at|in) |$)(?: (?:at|in) (.+))?$/i,
    studies,
  ],
  [
    /^(?:i|we)(?:'ve| have)?(?: got)? (?:have |own |got )?((?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|\d{1,4}|many|several|some|no(?! (?:longer|more)\b)) .+)$/i,
    having,
  ],
  [
    /^i ((?:like|love|enjoy|hate|dislike|prefer|adore|detest|(?:don't|do not|dont) (?:like|enjoy|love)|can't stand|cannot stand)) (.+)$/i,
    taste,
  ],
];

function living(text: string): JsonObject | undefined {
  const value = placeOf(headOf(text));
  return value === "" ||
    /^(?:a|an|the|my|your|this|that) (?:lie|world|day|hope|moment|same|question|point)/i.test(value)
    ? undefined
    : { location: value };
}

/** A place without the time: `Berlin now`, `Berlin with my wife`, `Paris for ten years`, `Hamburg last year`. */
function placeOf(text: string): string {
  const at = text.search(
    /,? (?:with|and (?:work|study|have|am|like|love|live|was|speak)|for (?:\d|a|an|the|two|three|many|several)|now\b|these days|at the moment|right now|(?:\d+|an?|one|two|three|four|five|six|ten|some|several|many|a few) (?:years?|months?|weeks?|days?) ago|last |this (?:year|month|week|summer)|in \d{4}|\d+ years|when |where |until |yesterday|today|recently|originally|currently)/i,
  );
  return (at < 0 ? text : text.slice(0, at)).trim();
}

function age(years: string): JsonObject | undefined {
  return Number(years) > 0 && Number(years) < 130 ? { age: years } : undefined;
}

function born(preposition: string, text: string): JsonObject | undefined {
  const value = headOf(text);
  const year = /^(?:\p{L}+ )?(?:1[89]|20)\d\d\b/u.exec(value)?.[0];
  const place = year === undefined ? value : (/ in (\p{L}.{0,100})$/u.exec(value)?.[1] ?? "");
  if (/^on$/i.test(preposition)) return { birthday: value };
  const inMonth = /^(?:january|february|march|april|may|june|july|august|september|october|november|december)\b/i.test(
    value,
  );
  if (inMonth || year !== undefined) {
    return {
      [inMonth ? "birthday" : "birth_year"]: year ?? value,
      ...(place !== "" && !inMonth ? { birthplace: place } : {}),
    };
  }
  const [where = "", when] = value.split(/ in (?=\d{4}$)/);
  return { birthplace: where, ...(when === undefined ? {} : { birth_year: when }) };
}

function work(what: string, where: string): JsonObject {
  const employer = headOf(where);
  return { occupation: placeOf(headOf(what)), ...(employer === "" ? {} : { employer: placeOf(employer) }) };
}

/** `a 34-year-old nurse from Lyon, living in Paris` tells an age and an origin as well as a trade. */
function described(what: string, beside: string): JsonObject | undefined {
  const [all, years] = /^(\d{1,3})[ -]years?[ -]old /i.exec(what) ?? [""];
  const where = /^ (?:at|for) (.+)$/i.exec(beside)?.[1] ?? "";
  const trade = occupation(what.slice(all.length), where.split(/,? (?:from|living in|based in) /i)[0] ?? "");
  if (trade === undefined && years === undefined) return undefined;
  const from = /(?:^|[ ,])from (\p{L}.*)$/iu.exec(beside)?.[1]?.split(/,? (?:living|based) in |, /i)[0] ?? "";
  const origin = placeOf(headOf(from));
  const home = placeOf(headOf(/ (?:living|based) in (\p{L}.*)$/iu.exec(beside)?.[1] ?? ""));
  return {
    ...(years === undefined ? {} : age(years)),
    ...trade,
    ...(/^(?:\p{Lu}|the \p{Lu})/u.test(origin) ? { origin } : {}),
    ...(home === "" ? {} : { location: home }),
  };
}

function occupation(what: string, where: string): JsonObject | undefined {
  const value = headOf(what);
  const last = wordsOf(value).at(-1)?.toLowerCase() ?? "";
  if (/^(?:vegetarian|vegan|pescatarian)$/i.test(value)) return { diet: value };
  const isTrade =
    OCCUPATION.test(last) &&
    !NO_OCCUPATION.has(last) &&
    !isLiving(
      last.replace(
        /^(?:nurse|student|doctor|teacher|professor|tutor|lawyer|coach|manager|therapist|dentist|nanny|assistant|landlord)$/,
        "",
      ),
    );
  return isTrade && wordsOf(value).length <= 5 ? work(value, where) : undefined;
}

const OCCUPATION =
  /(?:[^aeiou]er|eer|ist|ician|arian|[cst]tor|ator|itor|ssor|chef|cook|nurse|pilot|student|doctor|lawyer|coach|judge|actress|waitress|clerk|agent|mechanic|architect|accountant|consultant|assistant|scientist|plumber|athlete|soldier|guard|dj|ceo|cto|sailor|tailor|butcher|baker|priest|monk|nun|model|analyst|manager|intern|freelancer|economist|tutor|author|surgeon|engineer|programmer|developer|designer)$/;

const NO_OCCUPATION: ReadonlySet<string> = new Set(
  wordsOf(`beginner lover owner member newcomer stranger user customer number winner loser sister mother father brother
    daughter teenager youngster believer smoker drinker sufferer survivor fighter foreigner outsider reader follower
    optimist pessimist perfectionist feminist racist sexist atheist minimalist narcissist bother disaster monster learner
    supporter monster stoner subscriber buyer caller quitter liar visitor newbie little bitter better other`),
);

function studies(what: string, where: string): JsonObject {
  const place = placeOf(headOf(where));
  return { studies: headOf(what), ...(place === "" ? {} : { place_of_study: place }) };
}

/** `two cats` is what there is; `a dog named Rex` gives its name as well. */
function having(text: string): JsonObject | undefined {
  const next = text.length > PAIR_LENGTH_MAX ? null : NEXT_THING.exec(text);
  if (next !== null && NAMES_THING.test(text)) {
    return { ...having(text.slice(0, next.index)), ...having(text.slice(next.index + (next[1] ?? "").length)) };
  }
  const value = headOf(text);
  const [what = "", name] = value.split(/,? (?:named|called|whose name is|and (?:his|her|its) name is) /i);
  const thing =
    what.split(
      / (?:with|in|at|on|from|for|of|to|who|that|about|and (?:a|an|one|two|three|four|five|\d+) )|, |: | \(/,
    )[0] ?? "";
  const [, ...words] = wordsOf(thing);
  const head = words.at(-1) ?? "";
  if (words.length === 0 || words.length > 4 || PASSING_THINGS.has(rootOf(head))) return undefined;
  const kept = / and (?:an?|one|two|three|four|five|\d+) /i.test(what) ? what : thing;
  const beside = isLiving(head) ? LISTED_NAMES.exec(what.slice(thing.length))?.[1] : undefined;
  const called = name === undefined ? beside : (headOf(name).split(/ and (?:an?|one|two|three|\d+) /)[0] ?? "");
  return {
    [keyOf(`has ${kept === thing ? head : wordsOf(kept).slice(1).join(" ")}`)]: kept,
    ...(called === undefined ? {} : { [keyOf(`${head} name`)]: called }),
  };
}

// `a son called Ben and a daughter, Maya` is two things, each with its name; `two cats and a dog` is told as one.
const NEXT_THING = /(,? and )(?=(?:an?|one|two|three|four|five|\d+) \p{Ll})/u;

const NAMES_THING = /\b(?:called|named) \p{L}|, \p{Lu}/u;

const PAIR_LENGTH_MAX = 200;

// `two cats, Pixel and Miso` and `two cats: Pixel, Miso`
const LISTED_NAMES = /^(?:, |: ?| \()(\p{Lu}[\p{L}'’-]{0,30}(?:,? (?:and |& )?\p{Lu}[\p{L}'’-]{0,30}){0,6})\)?$/u;

const PASSING_THINGS: ReadonlySet<string> = new Set(
  wordsOf(`question questions problem issue idea feeling headache meeting look request doubt minute moment bug error plan
    suggestion chance lot bit few couple time cold flu fever point clue reason complaint appointment call message choice
    favour favor interest day week night hours minutes days years reservation booking flight ticket order deadline exam
    interview day break dream concern thought way task job note word trouble fun luck sense right need urge lots exception`).map(
    rootOf,
  ),
);

/** One fact for each thing, so that a change of mind takes the place of what was said before. */
function taste(verb: string, text: string): JsonObject | undefined {
  const value = headOf(text);
  if (
    /^(?:it|that|this|these|those|you|your|him|her|them|how|what|when|where|to know|talking to you|the way|the idea)\b/i.test(
      value,
    )
  )
    return undefined;
  const plain = keyOf(value.replace(/^(?:to|the|a|an|my) /i, ""));
  return plain === "" || wordsOf(value).length > 12
    ? undefined
    : { [`taste_${plain}`.slice(0, 64)]: `${verb.toLowerCase()} ${value}` };
}
