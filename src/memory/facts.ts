import type { Json, JsonObject } from "../engine/json.ts";
import { asks, clausesOf, proseOf, sentencesOf, withoutLeadIn } from "./english/sentences.ts";
import { attributeFacts } from "./facts/attributes.ts";
import { forgottenFacts } from "./facts/forgetting.ts";
import { introduction, nameFacts } from "./facts/names.ts";
import { selfFacts } from "./facts/self.ts";

/** At most so many facts are taken from one message, the first ones. */
export const FACTS_MAX = 8;

/** Longer values are no facts, but stories. */
export const FACT_LENGTH_MAX = 200;

/**
 * What a message of a user tells of the user, such as `{ name: "John", dog_name: "Rex" }`.
 *
 * `null` marks a fact that is no longer so, or that is to be forgotten. Values keep the user's spelling, and are text
 * to show, never an instruction. Keys are snake_case of at most 64 characters. Questions, conditions, quotations and
 * code tell nothing. At most `FACTS_MAX` facts; takes time in proportion to the text.
 */
export function factsIn(text: string): JsonObject {
  const facts = new Map<string, Json>();
  const kept = (found: JsonObject): void => {
    for (const [key, value] of Object.entries(found)) {
      if (value === undefined || !isKept(key, value)) continue;
      if (facts.has(key) || facts.size < FACTS_MAX) facts.set(key, value);
    }
  };
  for (const { text: sentence, isQuestion } of sentencesOf(withoutQuotations(text))) {
    const bare = withoutLeadIn(introduction(sentence));
    kept(forgottenFacts(bare));
    if (isQuestion || asks(bare) || SUPPOSES.test(bare)) continue;
    for (const clause of clausesOf(bare)) kept(factsOfClause(withoutLeadIn(clause), 0));
  }
  return Object.fromEntries(facts);
}

function factsOfClause(clause: string, depth: number): JsonObject {
  if (SUPPOSES.test(clause)) return {};
  const named = nameFacts(clause);
  if (named !== undefined) {
    // `my name is Fatima i am from Morocco`: what follows a name is looked at by itself, a few times at most.
    const clauses = named.rest === "" || depth > 3 ? [] : clausesOf(named.rest);
    return Object.assign({}, named.facts, ...clauses.map((one) => factsOfClause(withoutLeadIn(one), depth + 1)));
  }
  return selfFacts(clause) ?? attributeFacts(clause) ?? {};
}

const SUPPOSES =
  /^(?:if|suppose|supposing|imagine|pretend|assume|assuming|let's (?:say|pretend|assume)|say that|what if|unless|whether|when|i wish|i dreamed|i dreamt|i might|maybe|perhaps|for example|e\.g|in the (?:story|book|film|movie|novel|game)|once upon)\b/i;

/** A text with the words of others left out: quotations that speak of `I` or `my`, and lines that quote. */
function withoutQuotations(text: string): string {
  return proseOf(text)
    .replace(/^ ?>.*$/gm, "")
    .replace(
      /"([^"\n]*)"|“([^”\n]*)”|«([^»\n]*)»|(?<=^|[\s(])'([^'\n]*)'(?=$|[\s.,!?;)])/gm,
      (_, ...inside: unknown[]) => {
        const quoted = inside.slice(0, 4).find((one) => typeof one === "string") as string;
        return /\b(?:i|i'm|my|me|call|we|our)\b/i.test(quoted) ? "…" : quoted;
      },
    )
    .replace(/`[^`\n]*`/g, (code) => (code.includes(" ") ? "…" : code.slice(1, -1)));
}

function isKept(key: string, value: Json): boolean {
  if (!/^[a-z0-9\p{L}][\p{L}\p{N}_]{0,63}$/u.test(key) || RESERVED.has(key)) return false;
  return typeof value !== "string" || (value !== "" && value.length <= FACT_LENGTH_MAX);
}

const RESERVED: ReadonlySet<string> = new Set(["constructor", "prototype", "toString", "valueOf", "hasOwnProperty"]);
