import type { JsonObject } from "../../engine/json.ts";
import type { Message } from "../../engine/message.ts";
import { asks, clausesOf, sentencesOf, withoutLeadIn } from "../english/sentences.ts";
import { contentOf, isAuxiliary, isLiving, isVerb, wordsOf } from "../english/words.ts";
import { factsIn } from "../facts.ts";

/** Something that a user told, in their own words: a clause, with a pronoun at its head put back to what it stands for. */
export interface Statement {
  readonly text: string;
  readonly roots: ReadonlySet<string>;
  /** Whether its subject was put in for a pronoun. */
  readonly isRestored: boolean;
  /** Whether it speaks to the user already, as a fact that was kept does: `you live in Berlin`. */
  readonly isTurned: boolean;
}

/** Everything that the messages of a user tell, oldest first; without what they asked to forget since. */
export function statementsOf(messages: readonly Message[]): readonly Statement[] {
  let told: Statement[] = [];
  const subjects = new Subjects();
  for (const { role, content } of messages) {
    if (role !== "user") continue;
    for (const { text, isQuestion } of sentencesOf(content)) {
      const bare = withoutLeadIn(text);
      if (FORGETS.test(bare)) told = withoutForgotten(told, factsIn(bare));
      else if (!isQuestion && !asks(bare)) told.push(...statementsIn(bare, subjects));
    }
  }
  return told;
}

/** The clauses of one sentence as statements. */
export function statementsIn(sentence: string, subjects: Subjects = new Subjects()): readonly Statement[] {
  return clausesOf(sentence).map((clause) => {
    const own = withoutLeadIn(clause).replace(REMINDER, "I want to ").replace(LISTING, "").replace(TRAILER, "");
    const text = subjects.restored(own);
    // What `it` stands for is a guess: good enough to find a statement by, not to put into the user's mouth.
    return {
      text: /^it/i.test(own) ? own : text,
      roots: new Set(contentOf(text)),
      isRestored: text !== own,
      isTurned: false,
    };
  });
}

/** Who and what was spoken of last, so that `she lives there` can be told as `my sister lives there`. */
export class Subjects {
  #living: string | undefined;
  #thing: string | undefined;

  /** The clause with `he`, `she` or `it` at its head replaced; remembers the clause's own subject. */
  restored(clause: string): string {
    const found = PRONOUN.exec(clause);
    if (found !== null) {
      const [all, pronoun = "", joined] = found;
      const subject = /^it/i.test(pronoun) ? (this.#thing ?? this.#living) : this.#living;
      if (subject === undefined) return clause;
      const be = /^(?:been|got|had)\b/.test(clause.slice(all.length).trimStart()) ? " has" : " is";
      const possessive = /^(?:his|her|its)$/i.test(pronoun);
      if (possessive && !/^ \p{L}+ (?:is|was|are|were)\b/u.test(clause.slice(all.length))) return clause;
      return `${subject}${possessive ? "'s" : ""}${joined === undefined ? "" : be}${clause.slice(all.length)}`;
    }
    this.#note(clause);
    return clause;
  }

  #note(clause: string): void {
    const bare = clause.replace(TIME_FIRST, "");
    const words = bare.split(" ");
    const at = words.findIndex(
      (word, i) =>
        i > 0 && (isAuxiliary(word) || (isVerb(word) && !isLiving(word) && !DETERMINER.test(words[i - 1] ?? ""))),
    );
    if (at < 1 || at > SUBJECT_WORDS_MAX) return;
    const subject = words.slice(0, at).join(" ");
    const [first = ""] = words;
    if (/^(?:i|we|you|they|there|this|that|these|those|i'm|what|who|and|remember)\b/i.test(first)) {
      const object = /\b(?:my|our) (?:\p{L}+ )?(\p{L}+)(?: \p{Lu}\p{L}+)?/u.exec(bare);
      const named = /(?:an?|the) (\p{L}+) (?:named|called) (\p{Lu}\p{L}+)/u.exec(bare);
      if (named?.[2] !== undefined) this.#living = named[2];
      else if (object !== null && wordsOf(object[0]).some(isLiving)) this.#living = object[0];
      else if (object !== null) this.#thing = object[0];
      else this.#thing = NAMED_THING.exec(bare)?.[1] ?? this.#thing;
      return;
    }
    const isNamed = /^\p{Lu}\p{Ll}+$/u.test(first) && !/^(?:my|our|the|a|an|his|her|its|their|your)$/i.test(first);
    if (words.slice(0, at).some(isLiving) || isNamed) this.#living = subject;
    else this.#thing = subject;
  }
}

const SUBJECT_WORDS_MAX = 5;

// After one of these comes a noun, also where it looks like a verb: `the train`.
const DETERMINER = /^(?:the|an?|my|our|your|his|her|their|its|this|that|new|old)$/i;

// What is named last in `I finished reading Dune` is what `it` is in the next sentence.
const NAMED_THING = /(?<=[\p{Ll}\d] )((?:[Tt]he )?\p{Lu}[\p{L}\d]*(?: (?:of |the )?\p{Lu}[\p{L}\d]*){0,3})$/u;

const PRONOUN = /^(he|she|it|his|her|its)('s)?(?= )/i;

const TIME_FIRST =
  /^(?:yesterday|today|tomorrow|tonight|last (?:week|month|year|night|\p{L}+day)|this (?:morning|week|month|year)|next (?:week|month|year)|on \p{L}+day|then|later|now|finally|first|in (?:january|february|march|april|may|june|july|august|september|october|november|december|\d{4}))[,]? /iu;

// Words that end a sentence and add nothing to what it tells.
const TRAILER = /,? (?:though|lol|haha|btw|by the way|please|thanks|thank you|mate|bro|instead)$/i;

const FORGETS = /\b(?:forget|delete|remove|erase)\b/i;

const REMINDER = /^(?:please )?(?:remind me to|don't let me forget to|i have to remember to) /i;

const LISTING = /^(?:(?:note|todo|fact|reminder)[:.] ?|\d{1,2}[.)] |[-*•] )/i;

function withoutForgotten(told: readonly Statement[], forgotten: JsonObject): Statement[] {
  const keys = Object.keys(forgotten).filter((key) => forgotten[key] === null);
  if (keys.length === 0) return [...told];
  return told.filter(({ text }) => {
    const facts = factsIn(text);
    return !keys.some((key) => key in facts);
  });
}
