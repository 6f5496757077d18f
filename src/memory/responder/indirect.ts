import { toSecondPerson } from "../english/second-person.ts";
import { isVerb } from "../english/words.ts";

/** A question as part of a sentence: `where does my brother live` is `where your brother lives`; else `undefined`. */
export function indirect(question: string): string | undefined {
  const owned = OWNED.exec(question);
  if (owned?.[1] !== undefined) return `your ${toSecondPerson(owned[1])}`;
  if (EMBEDDED.test(question)) return toSecondPerson(question);
  const [, wh = "", modal = "", act = ""] = MODAL.exec(question) ?? [];
  if (wh !== "") return `${wh.toLowerCase()} you ${modal.toLowerCase()} ${toSecondPerson(act)}`;
  const done = DONE.exec(question);
  if (done !== null) {
    const [, asked = "", helper = "", rest = ""] = done;
    const words = rest.split(" ");
    const at = words.findIndex((word, i) => i > 0 && isVerb(word));
    const verb = words[at];
    if (verb === undefined || helper === "did" || asked.length > ASKED_LENGTH_MAX) return undefined;
    const subject = words.slice(0, at).join(" ");
    const after = words.slice(at + 1).join(" ");
    const inflected = helper.toLowerCase() === "does" ? thirdPerson(verb) : verb;
    return `${asked.toLowerCase()} ${toSecondPerson(subject)} ${inflected}${after === "" ? "" : ` ${turned(after)}`}`;
  }
  const [, asked = "", be = "", subject = ""] = BEING.exec(question) ?? [];
  if (asked === "" || subject.split(" ").length > SUBJECT_WORDS_MAX || /\b(?:in|at|on|of|for|to|with)\b/i.test(subject))
    return undefined;
  if (/^i /i.test(subject)) return undefined;
  return `${asked.toLowerCase()} ${toSecondPerson(subject)} ${subject.toLowerCase() === "i" ? "are" : be.toLowerCase()}`;
}

const ASKED_LENGTH_MAX = 60;

const SUBJECT_WORDS_MAX = 4;

const OWNED = /^(?:what|who|which)(?:'s|s| is| are| was| were) (?:my|our) ((?:[\p{L}\p{N}'’-]+ ?){1,5})$/iu;

const EMBEDDED =
  /^(?:where|when|how|what|who|why)(?: (?:old|many|much|often) (?:\p{L}+ )?)? ?(?<= )(?:i|my|we|our) .{1,80}$/iu;

const MODAL = /^(where|when|how|what|who|why) (should|can|could|will|would|must) (?:i|we) (.{1,80})$/i;

const DONE =
  /^((?:what|who|which|where|when|why|how)(?: (?:many|much|long|often|far|old) ?)?(?: [\p{L}-]+){0,2}?) (do|does|did) (.{1,120})$/iu;

const BEING =
  /^(where|when|how|why|how old|how much|how many|what colou?r|what time|who|what)(?: (is|are|was|were|am)|(?='s)) (.{1,80})$/i;

function turned(words: string): string {
  return toSecondPerson(words);
}

function thirdPerson(verb: string): string {
  if (/^have$/i.test(verb)) return "has";
  if (/(?:[sxz]|ch|sh|o)$/.test(verb)) return `${verb}es`;
  return /[^aeiou]y$/.test(verb) ? `${verb.slice(0, -1)}ies` : `${verb}s`;
}
