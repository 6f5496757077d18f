import type { Json, JsonObject } from "../../engine/json.ts";
import { toSecondPerson } from "../english/second-person.ts";
import { contentOf, isLiving } from "../english/words.ts";
import { keyOf } from "../facts/key.ts";

/** The answer to a question after the user's name, or `undefined` where it is another question. */
export function nameAnswer(question: string, facts: JsonObject): string | undefined {
  const claimed = NAME_CLAIMED.exec(question)?.[1];
  const name = textOf(facts["name"]);
  if (claimed !== undefined) {
    if (name === undefined) return NAME_UNKNOWN;
    return `${claimed.toLowerCase() === name.toLowerCase() ? "Yes" : "No"}, your name is ${name}.`;
  }
  if (!NAME_ASKED.test(question)) return undefined;
  return name === undefined ? NAME_UNKNOWN : `Your name is ${name}`;
}

/** The answer to a question after a fact that was kept, or `undefined` where none is asked after, or none is there. */
export function factAnswer(question: string, facts: JsonObject): string | undefined {
  for (const [asked, keys] of ASKED) {
    if (!asked.test(question)) continue;
    const key = keys.find((one) => textOf(facts[one]) !== undefined);
    if (key !== undefined) return `${sentence(key, facts)}.`;
  }
  return tasteAnswer(question, facts) ?? belongingAnswer(question, facts) ?? claimAnswer(question, facts);
}

/** Every fact as a sentence in the second person, `you live in Berlin`. */
export function factSentences(facts: JsonObject): readonly string[] {
  return Object.keys(facts)
    .filter((key) => textOf(facts[key]) !== undefined && textOf(facts[TOLD_WITH.get(key) ?? ""]) === undefined)
    .map((key) => {
      const told = sentence(key, facts);
      return told.slice(0, 1).toLowerCase() + told.slice(1);
    });
}

/** What `my X` asks after, where a question asks so: `dog's name` of `What is my dog called?` */
export function belongingAsked(question: string): string | undefined {
  const named = /(?:the )?names? of my (.{1,60})$|^what(?:'s| is| are| was| were) my (.{1,60}) (?:called|named)$/i.exec(
    question,
  );
  const whose = named?.[1] ?? named?.[2];
  if (whose !== undefined) return `${whose}${/s$/.test(whose) ? "'" : "'s"} name${/s$/.test(whose) ? "s" : ""}`;
  const age = /^how old (?:is|are|was) my (.{1,60})$/i.exec(question)?.[1];
  if (age !== undefined) return `${age}'s age`;
  return BELONGING.exec(question)?.[1];
}

// `You work as a nurse at ACME` tells both.
const TOLD_WITH: ReadonlyMap<string, string> = new Map([
  ["employer", "occupation"],
  ["place_of_study", "studies"],
]);

const NAME_UNKNOWN = "I don't know your name; you haven't told me.";

const NAME_ASKED =
  /^(?:(?:what(?:'s|s| is| was)|tell me|say|guess|whats|do you (?:even |still |really |happen to )?(?:know|remember|recall)|you know|remember|can you (?:tell me|remember|recall|say)|did i tell you|have i told you)(?: again| what)? my (?:full |first |own )?name(?: is| was| again| then| now| by the way)?(?:,? (?:\p{L}+ ?){1,2})?|(?:do you (?:even |still )?(?:know|remember) |tell me )?who (?:am i|i am)(?: again| to you)?|what am i called|what (?:do|should|would) you call me|what (?:do|did) i (?:say|tell you) my name (?:is|was)|how am i called|what is my name|(?:and )?my name|what name did i (?:give|tell you)|what my name is|who is (?:this|speaking))$/iu;

const NAME_CLAIMED =
  /^(?:is|isn't|wasn't|was) my name (?:not |really |still |called )?(\p{L}[\p{L}\p{M}'’ .-]{0,60})$/iu;

const BELONGING =
  /^(?:(?:what|who|which|where|when|how)(?:'s|s|'re| is| are| was| were)|tell me|say|give me|(?:and|what about|how about)|)(?: about)? ?(?<=^|\s)(?:my|our) ((?:[\p{L}\p{N}'’-]+ ?){1,6}?)(?: again| now| please| called| then)?$/iu;

type Asked = readonly [pattern: RegExp, keys: readonly string[]];

const ASKED: readonly Asked[] = [
  [
    /^(?:where|in (?:what|which) (?:city|town|country|place)|(?:what|which) (?:city|town|country|place|street)) do (?:i|we) (?:live|reside)(?: in| at)?$|^where is my home$|^where i live$|^where i am living$|^where am i (?:living|based)$|^what(?:'s| is) my (?:city|home|home ?town|location|town)$/i,
    ["location"],
  ],
  [
    /^(?:from )?(?:where|(?:what|which) (?:country|city|place|town)) (?:am i|do i come|i am|i'm|i come)(?: from)?$|^what(?:'s| is) my (?:origin|home country|nationality)$/i,
    ["origin"],
  ],
  [/^how old (?:am i|i am)$|^what(?:'s| is) my age$|^my age$/i, ["age"]],
  [
    /^what (?:do i do(?: for (?:a living|work))?|is my (?:job|occupation|profession|work)|i do(?: for (?:a living|work))?|do i work as|kind of work do i do|job do i have)$|^what's my (?:job|occupation|profession|work)$|^what am i working as$/i,
    ["occupation", "employer"],
  ],
  [
    /^(?:where do i work|where am i working|who do i work for|for whom do i work|what company do i work (?:for|at)|(?:who|what)(?:'s| is) my (?:employer|company)|where i work)$/i,
    ["employer"],
  ],
  [
    /^(?:when was i born|when(?:'s| is) my birthday|what(?:'s| is) my (?:birthday|date of birth|birth date|year of birth)|(?:in )?(?:what|which) year was i born(?: in)?|when i was born)$/i,
    ["birthday", "birth_year"],
  ],
  [/^(?:where was i born|what(?:'s| is) my (?:birthplace|place of birth))$/i, ["birthplace"]],
  [
    /^(?:(?:to )?what am i allergic(?: to)?|what(?:'s| is| are) my allerg(?:y|ies)|do i have (?:any|an) allerg(?:y|ies)|what(?: foods?)? (?:can't|cannot|(?:can|should|may|must) i not|shouldn't|mustn't|(?:should|must|do) i (?:have to |need to )?avoid)(?: i)?(?: (?:eat|avoid|have))?(?: eating)?|am i allergic to (?:anything|something))$/i,
    ["allergy", "diet"],
  ],
  [/^(?:(?:what|which) languages? do i speak)$/i, ["languages"]],
  [/^(?:what (?:do i study|am i studying|subject do i study)|what(?:'s| is) my (?:major|subject))$/i, ["studies"]],
  [
    /^(?:where (?:do i study|am i studying)|(?:what|which) (?:university|college|school) (?:do i (?:go to|attend|study at)|am i at))$/i,
    ["place_of_study", "studies"],
  ],
  [/^(?:what(?:'s| is) my diet|what kind of diet do i (?:have|follow))$/i, ["diet"]],
];

/** `What do I like?` is answered with all of that kind. */
function tasteAnswer(question: string, facts: JsonObject): string | undefined {
  const asked =
    /^(?:what|which \p{L}+|what \p{L}+|who)(?: (?:things?|stuff|food|foods|else))? do(n't)? i (not |really )?(like|love|enjoy|prefer|hate|dislike|detest)(?: most| best| the most| to do| to eat)?$/iu.exec(
      question,
    );
  const [, negated, not, verb = ""] = asked ?? [];
  if (asked === null) return undefined;
  const denies = negated !== undefined || /not/i.test(not ?? "");
  const same =
    denies || /hate|dislike|detest/i.test(verb)
      ? /^(?:hate|dislike|detest|don't|do not|dont|can't|cannot)/
      : /^(?:like|love|enjoy|prefer|adore)/;
  const exact = /prefer/i.test(verb) ? /^prefer/ : same;
  const tastes = Object.entries(facts).filter(([key]) => key.startsWith("taste_"));
  const texts = tastes.flatMap(([, value]) => textOf(value) ?? []);
  const told = texts.filter((text) => exact.test(text));
  const shown = told.length > 0 ? told : texts.filter((text) => same.test(text));
  return shown.length === 0 ? undefined : `You ${joined(shown.map(toSecondPerson))}.`;
}

function belongingAnswer(question: string, facts: JsonObject): string | undefined {
  const many =
    /^(?:how many|do i have(?: any| an?)?|what|which) (.{1,40}?)(?: do)?(?: (?:i have|have i|i own|i've got))?$/i.exec(
      question,
    )?.[1];
  if (many !== undefined && /\bi\b/i.test(question)) {
    const has = Object.keys(facts).find((key) => key.startsWith("has_") && sameThing(key.slice("has_".length), many));
    if (has !== undefined) return `${/^do i/i.test(question) ? "Yes, you" : "You"} have ${textOf(facts[has])}.`;
  }
  const asked = belongingAsked(question);
  if (asked === undefined) return undefined;
  const value = textOf(facts[keyFor(asked, facts)]);
  if (value === undefined) return undefined;
  const aged = /^(.+)['’]s age$/.exec(asked)?.[1];
  if (aged !== undefined && /^\d+$/.test(value)) return `Your ${toSecondPerson(aged)} is ${value} years old.`;
  const named = /^(.{1,60}?)(?:['’]|(?<!s)['’]s) names?$/i.exec(asked)?.[1];
  if (named !== undefined && isPlural(named))
    return `Your ${toSecondPerson(named)} are called ${toSecondPerson(value)}.`;
  const what = asked.trim();
  return `Your ${toSecondPerson(what)} ${isPlural(what) ? "are" : "is"} ${toSecondPerson(value)}.`;
}

/** `Is my favourite colour green?` */
function claimAnswer(question: string, facts: JsonObject): string | undefined {
  const words = /^(?:is|are|was|were|isn't|aren't) (?:my|our) (.{1,160})$/i.exec(question)?.[1]?.split(" ") ?? [];
  for (let split = Math.min(words.length - 1, 5); split > 0; split--) {
    // The article belongs to what is claimed.
    if (/^(?:an?|the)$/i.test(words[split - 1] ?? "")) continue;
    const what = words.slice(0, split).join(" ");
    const value = textOf(facts[keyFor(what, facts)]);
    if (value === undefined) continue;
    const claimed = words.slice(split).join(" ");
    const [told, asked] = [contentOf(value), contentOf(claimed)];
    const isPart = asked.length > 0 && asked.every((word) => told.includes(word));
    const same = isPart || value.toLowerCase() === claimed.toLowerCase();
    return `${same ? "Yes" : "No"}, your ${what} ${isPlural(what) ? "are" : "is"} ${toSecondPerson(value)}.`;
  }
  return undefined;
}

function keyFor(asked: string, facts: JsonObject): string {
  const key = keyOf(asked);
  if (textOf(facts[key]) !== undefined) return key;
  const roots = contentOf(asked).join(" ");
  const near = Object.keys(facts).find(
    (one) => contentOf(one.replaceAll("_", " ")).join(" ") === roots && roots !== "",
  );
  return near ?? key;
}

function sameThing(key: string, asked: string): boolean {
  return contentOf(key.replaceAll("_", " ")).join(" ") === contentOf(asked).join(" ");
}

function sentence(key: string, facts: JsonObject): string {
  const value = toSecondPerson(textOf(facts[key]) ?? "");
  const told = (Object.hasOwn(SENTENCES, key) ? SENTENCES[key] : undefined)?.(value, facts);
  if (told !== undefined) return told;
  if (key.startsWith("taste_")) return `You ${value}`;
  if (key.startsWith("has_")) return `You have ${value}`;
  const named = /^(.+)_name$/.exec(key)?.[1];
  if (named !== undefined && isPlural(named)) return `Your ${phraseOf(named)} are called ${value}`;
  const what = phraseOf(key);
  return `Your ${what} ${isPlural(what) ? "are" : "is"} ${value}`;
}

const SENTENCES: Readonly<Record<string, (value: string, facts: JsonObject) => string>> = {
  name: (value) => `Your name is ${value}`,
  location: (value) => `You live in ${value}`,
  origin: (value) => `You are from ${value}`,
  age: (value) => `You are ${value} years old`,
  occupation: (value, facts) => {
    const employer = textOf(facts["employer"]);
    return `You work as ${article(value)} ${value}${employer === undefined ? "" : ` at ${employer}`}`;
  },
  employer: (value) => `You work at ${value}`,
  birthday: (value) => `Your birthday is ${value}`,
  birth_year: (value) => `You were born in ${value}`,
  birthplace: (value) => `You were born in ${value}`,
  allergy: (value) => `You are allergic to ${value}`,
  languages: (value) => `You speak ${value}`,
  studies: (value, facts) => {
    const place = textOf(facts["place_of_study"]);
    return `You study ${value}${place === undefined ? "" : ` at ${place}`}`;
  },
  place_of_study: (value) => `You study at ${value}`,
  diet: (value) => `You are ${value}`,
};

/** `dog_name` is `dog's name`, `flight_number` is `flight number`. */
function phraseOf(key: string): string {
  const words = key.split("_");
  return words
    .map((word, i) => (isLiving(word) && i < words.length - 1 && !isLiving(words[i + 1] ?? "") ? `${word}'s` : word))
    .join(" ");
}

function isPlural(what: string): boolean {
  return /(?:[^su'’]s|children|people|feet|teeth)$/i.test(what) && !/(?:boss|address|class|news|['’]s)$/i.test(what);
}

function article(noun: string): string {
  return /^(?:[aeio]|u(?!ni|se))/i.test(noun) ? "an" : "a";
}

/** `a`, `a and b`, `a, b and c`. */
export function joined(items: readonly string[]): string {
  return items.length < 2 ? (items[0] ?? "") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}

function textOf(value: Json | undefined): string | undefined {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}
