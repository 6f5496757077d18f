import { isVerb, wordsOf } from "./words.ts";

/** One sentence of a text, its white space single, without the marks that end it. */
export interface Sentence {
  readonly text: string;
  readonly isQuestion: boolean;
}

/** The sentences of a text in order, fenced code left out. Takes time in proportion to the text. */
export function sentencesOf(text: string): readonly Sentence[] {
  return proseOf(text)
    .split("\n")
    .flatMap((line) => line.replace(SENTENCE_END, "$1\n").split("\n"))
    .flatMap((part) => withQuestionApart(part.trim()))
    .map((part) => ({ text: withoutEnd(part), isQuestion: asks(part) }))
    .filter(({ text: words }) => words !== "");
}

/** A text without fenced code and what no text may hold, contractions written with a plain apostrophe. */
export function proseOf(text: string): string {
  return text
    .toWellFormed()
    .split("```")
    .filter((_, i) => i % 2 === 0)
    .join("\n")
    .replaceAll("\0", " ")
    .replace(/[.!?…]{2,}/g, (marks) => (marks.includes("?") ? "?" : marks.slice(0, 1)))
    .replace(/[\t\v\f\r \u00a0]+/g, " ")
    .replace(/(?<=\p{L})’(?=(?:s|m|re|ve|ll|d|t)\b)/giu, "'")
    .trim();
}

/** The clauses of a sentence that could each stand alone: `my son is 7 and my daughter is 4` are two. */
export function clausesOf(sentence: string): readonly string[] {
  if (CORRECTS.test(sentence)) return [sentence];
  const clauses: string[] = [];
  const breaks = [...sentence.matchAll(CLAUSE_BREAK)];
  let from = 0;
  for (const [i, { index, 0: between }] of breaks.entries()) {
    const next = sentence.slice(index + between.length, breaks[i + 1]?.index);
    if (!standsAlone(sentence.slice(from, index)) || !standsAlone(next)) continue;
    clauses.push(sentence.slice(from, index).trim());
    from = index + between.length;
  }
  return [...clauses, sentence.slice(from).trim()];
}

/** Whether what begins like this asks something, also where the question mark was left out. */
export function asks(sentence: string): boolean {
  if (/[?？]["'”’)\s!.]*$/u.test(sentence)) return true;
  const bare = withoutLeadIn(sentence);
  return QUESTION_WORD.test(bare) || INVERTED.test(bare);
}

/** A sentence without the words before its matter: `well, by the way, my name is …`. */
export function withoutLeadIn(sentence: string): string {
  let rest = sentence.trim();
  for (let i = 0; i < LEAD_INS_MAX; i++) {
    const found = LEAD_IN.exec(rest);
    if (found === null || found[0].length === rest.length) break;
    rest = rest.slice(found[0].length);
  }
  return rest;
}

const LEAD_INS_MAX = 6;

// A full stop after a title, an initial or a digit before a digit ends nothing.
const SENTENCE_END =
  /(?<!\b(?:Dr|Mr|Mrs|Ms|Prof|St|vs|e\.g|i\.e|approx|(?!I)\p{Lu}))((?:[.!?…]+["'”’)]*(?= |$))|[。！？]+)/gu;

const CLAUSE_BREAK =
  /(?: ?[;–—] ?|: |, (?:and |but |so )?| (?:and|but) )(?=(?:i|im|[Ii]'m|[Ii]'ve|[Mm]y|[Ww]e|[Ww]e're|our|he|he's|she|she's|it|it's|they|they're|his|her|their|the|there|this|that|please|call|keep|you|\p{Lu}\p{Ll}*)(?![\p{L}\p{N}]))/gu;

// What is so instead belongs to what is not so: `my name is not Bob, it's Rob`.
const CORRECTS = /^my [^,]{1,60}(?: not |n't )[^,]{1,100}, ?(?:it's|it is|but)\b/i;

const QUESTION_WORD =
  /^(?:from |in |at |on |with |to |for )?(?:(?:what|who|whose|whom|which|where|why|how)(?:'s|'re|s|'d|'ll)?\b(?! an? | i (?:want|need|like|mean)\b)|when(?:'s)? (?:is|are|was|were|am|do|does|did|will|would|can|could|should|has|have)\b|when's)/i;

const INVERTED =
  /^(?:(?:is|are|am|was|were|do|does|did|can|could|would|will|should|have|has|isn't|aren't|don't|didn't|doesn't|wasn't|haven't|hasn't|can't|won't) (?:i|you|he|she|it|we|they|my|your|his|her|our|their|this|that|there|anyone|anybody)|(?:is|are|was|were|does|did) (?:the|a|an|\p{L}+) [^,]{1,200}$)\b/iu;

const LEAD_IN =
  /^(?:(?:well|actually|so|oh|um|uh|hmm|and|but|also|ok|okay|now|then|anyway|right|yes|yeah|yep|no|nope|sorry|please|look|listen|btw|fyi|by the way|for the record|to be clear|in fact|just so you know|let me correct (?:that|myself)|correction|i mean|i meant(?: to say)?|i think|i guess|you know|as i said|whatever|great|cool|nice|thanks|thank you|good|hi|hey|hello|hi there|hello there|hey there|good (?:morning|afternoon|evening|day)|greetings|hola|yo|你好)(?:[,.!:;…]+ | - | – | )|(?:(?:please |and |also |just )?(?:remember|note|don't forget|do not forget|keep in mind|know|be aware|i should (?:say|mention|add)|i (?:must|have to) (?:say|add)|i (?:want|wanted|would like|'d like) you to (?:know|remember)|i told you|you should know|let me tell you|the fact is|fun fact|remember this|note this)(?: that)?(?::|,)? ))/iu;

const QUESTION_APART =
  /(?:,|;|:| -| –| —| and| but)? (?=(?:what|who|where|when|how|which|why|can|could|do|does|did|is|are|am|will|would|should)(?:'s|'re)? (?:i|you|he|she|it|we|they|my|your|his|her|our|their|the|this|that|yours|mine|is|are|am|was|were|do|does|did|name|old|many|much|about)\b)/i;

const OPENS_STATEMENT = /^(?:[^,]{0,40}, )?(?:my|i|i'm|i've|we|our|he|she|it|they|the|please|hi|hello|hey|good)\b/i;

const TAG = /^(?:right|isn't it|is it|correct|yes|no|or not|huh|eh|ok|okay|you know)\b/i;

/** `My name is John, what's yours?` is a statement and a question; `If my name is John, what …?` is a question. */
function withQuestionApart(part: string): readonly string[] {
  if (!/[?？]$/u.test(part)) return [part];
  const at = part.search(/(?:,|;| -| –| —| and| but) (?=\p{L})/u);
  if (at < 0 || !OPENS_STATEMENT.test(part) || asks(part.slice(0, -1))) return [part];
  const found = QUESTION_APART.exec(part);
  if (found === null || found.index === 0) return [part];
  const tail = part.slice(found.index + found[0].length);
  // `Do you know where I live` is one question.
  return TAG.test(tail) || !/[,;–—-]|and|but/.test(found[0]) ? [part] : [part.slice(0, found.index), tail];
}

function withoutEnd(part: string): string {
  return part.replace(/[\s.!?…。！？,;:]{1,50}$/u, "").trim();
}

// A verb that comes later than this is not the one of the subject.
const CLAUSE_HEAD_LENGTH = 120;

function standsAlone(clause: string): boolean {
  const words = wordsOf(clause.slice(0, CLAUSE_HEAD_LENGTH));
  if (words.length < 2) return false;
  return /^(?:i|we|they|you|he|she)$/i.test(words[0] ?? "") || words.slice(0, 8).some(isVerb);
}
