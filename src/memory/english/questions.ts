import { asks } from "./sentences.ts";
import { isVerb } from "./words.ts";

/**
 * The questions that one sentence joins: `what is my name and where do I live` are two, and so are `where do I live and
 * work` and `what's my name and my city`. What asks only one thing comes back as it is.
 */
export function questionsOf(sentence: string): readonly string[] {
  if (!asks(sentence) && !DEMANDS.test(sentence)) return [sentence];
  const questions: string[] = [];
  let from = 0;
  for (const { index, 0: between } of sentence.matchAll(BREAK)) {
    const head = sentence.slice(from, index);
    if (questions.length >= JOINED_MAX - 1) break;
    if (head.indexOf(" ") < 0 || TELLS_ABOUT.test(head)) continue;
    questions.push(withSubject(head, questions.at(-1)));
    from = index + between.length;
  }
  return [...questions, withSubject(sentence.slice(from), questions.at(-1))].flatMap(withSharedHead);
}

/** `how much is my rent and when is it due` asks when the rent is due. */
function withSubject(question: string, before: string | undefined): string {
  const subject = /\b(?:is|was) (my [\p{L}\p{N}'’ -]{1,60})$/iu.exec(before ?? "")?.[1];
  return subject === undefined ? question : question.replace(/\bit\b/i, subject);
}

// Each is looked for in all that was told; who asks more than this at once gets no better answer.
const JOINED_MAX = 8;

const DEMANDS = /^(?:please |(?:can|could|would|will) you )*(?:tell|remind) me /i;

// What follows `and` asks by itself: `where do I live`, `how old am I`, `do I have a dog`, or, behind `do you know`,
// `where I live`.
const BREAK =
  /(?:,|;)? (?:and|or|but)(?: also)? (?=(?:(?:in |at |on )?(?:what|who|whose|where|when|how|which|why)(?: (?:old|many|much|long|tall|far|often|\p{L}+))?(?:'s|'re| is| are| am| was| were| do| does| did| can| should| i| my| our)|(?:is|are|am|was|were|do|does|did|have|has|can|should) (?:i|my|our|he|she|it|they|we|you|the))(?![\p{L}\p{N}]))|, (?=(?:what|who|where|when|how)(?: (?:old|many|much|long))?(?:'s| is| are| am| was| were| do| does| did) )/giu;

// `What did I say about where I live and what I eat` asks once.
const TELLS_ABOUT = /\b(?:i|you|we) (?:just )?(?:say|said|tell|told|ask|asked|mention|mentioned)(?: you| me)?\b/i;

/** `what's my name and my city` asks twice with one head, `where do I live and work` too. */
function withSharedHead(question: string): readonly string[] {
  const [, opening = "", first = "", second = ""] = OWNED.exec(question) ?? [];
  if (opening !== "") return [`${opening} ${first}`, `${opening} ${second}`];
  const [, asked = "", one = "", other = ""] = DONE.exec(question) ?? [];
  return asked !== "" && isVerb(one) && isVerb(other) ? [`${asked} ${one}`, `${asked} ${other}`] : [question];
}

const OWNED =
  /^((?:what|who)(?:'s|s| is| are)|(?:please |(?:can|could) you )*tell me) (my [\p{L}\p{N}'’ -]{1,60}?),? and (my [\p{L}\p{N}'’ -]{1,60})$/iu;

const DONE = /^((?:where|what|when|who|how) (?:do|did|am) i) (\p{L}+),? and (\p{L}+)$/iu;
