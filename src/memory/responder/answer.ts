import type { JsonObject } from "../../engine/json.ts";
import type { Message } from "../../engine/message.ts";
import { toSecondPerson } from "../english/second-person.ts";
import { sentencesOf, withoutLeadIn } from "../english/sentences.ts";
import { contentOf } from "../english/words.ts";
import { factsIn } from "../facts.ts";
import { conversationAnswer, quoted } from "./about-conversation.ts";
import { isStatement } from "./acknowledgement.ts";
import { indirect } from "./indirect.ts";
import { belongingAsked, factAnswer, factSentences, nameAnswer } from "./known-facts.ts";
import { isMain, type Recalled, recall } from "./recall.ts";
import type { Recollection } from "./recollection.ts";
import { aboutItself } from "./small-talk.ts";
import { type Statement, Subjects, statementsIn } from "./statements.ts";
import { styleAnswer } from "./style-answer.ts";
import { aboutWorld, NO_MODEL } from "./world.ts";

/** The answer to a question or a request, from what is remembered; `undefined` where the sentence only tells. */
export function answerTo(core: string, asked: boolean, memory: Recollection): string | undefined {
  const forgotten = forgetting(core);
  if (forgotten !== undefined) return forgotten;
  // What is kept is what is so now.
  const plain = core.replace(NOWADAYS, "").replace(NOWADAYS_WITHIN, "$1 ");
  const known =
    nameAnswer(plain, memory.facts) ??
    conversationAnswer(core, memory.earlier) ??
    aboutItself(core) ??
    aboutWorld(core) ??
    aboutUser(plain, memory);
  if (known !== undefined) return known;
  const styled = styleAnswer(core);
  if (styled !== undefined && !asked) return styled;
  if (BARE_QUESTION.test(core)) return "I can't say more about that than what you told me here.";
  if (REQUEST.test(core) && !(asked && OWN_YES_NO.test(core))) return `I can't do that: ${NO_MODEL}`;
  if (!asked && (!ELLIPSIS.test(core) || isStatement(core))) return undefined;
  return factAnswer(plain, memory.facts) ?? recalled(core, memory);
}

// `She` is somebody who was spoken of lately.
const RECENT_COUNT = 20;

const OTHERS_SHOWN_MAX = 12;

const OWN = /^(?:i|i'm|im|i've|i'd|i'll|my|we|we're|we've|our)\b/i;

const NOWADAYS =
  /,? (?:right now|just now|now|today|currently|presently|at (?:the|this) moment|at present|these days|nowadays|this time)$/i;

const NOWADAYS_WITHIN =
  /^((?:[\p{L}']+ ){1,4}?(?:i|my|we|our|is|are|am|do))(?: currently| now| presently| right now) /iu;

const MENTIONED =
  /^(?:did|have) i (?:already |ever )?(?:tell|told|mention|mentioned|say|said) (?:you |to you )?(?:that |about |anything about )?/i;

const ELLIPSIS = /^(?:(?:and|what about|how about) )?my (?:[\p{L}'’-]+ ?){1,4}$/iu;

// What is told of somebody else is no answer to these.
const OWN_CLAIM = /^(?:do|did|am|was|have|can|will|should) i\b/i;

// `my wife's favourite colour`; what somebody is by name, age or trade can be told without these words.
const PART_ASKED =
  /^(?:what|which|who)(?:'s|s| is| are) (?:my|our) [^'’]{1,40}['’]s? (?!(?:name|age|job|occupation|profession|work|trade)s?$)(.{1,60})$/i;

const FITTED =
  /^(?:do|did|am|was|have|can|will|should) i\b|\b(?:where|when|how (?:many|much|old|long|tall|far|often|big|high|heavy|expensive)|why|what (?:time|day|date))\b/i;

const BARE_QUESTION = /^(?:why|how|what|who|when|where|which)(?: not| so| come| then| else)?$/i;

const OWN_YES_NO = /^(?:is|are|am|was|were|do|does|did|have|has|should) (?!you\b|it$|that$|this$)/i;

const YES_NO =
  /^(?:is|are|am|was|were|do|does|did|can|could|will|would|should|have|has|isn't|aren't|don't|doesn't|didn't|wasn't)\b/i;

const ABOUT_USER =
  /^(?:what|everything|all|anything)(?: (?:do|did|have|can))?(?: you| i)?(?: already| all)? ?(?:know|remember|recall|tell|told|learned|learnt|say)?(?: you)? (?:about me|so far)$|^(?:what (?:have|did) i (?:tell|told) you(?: so far| about (?:me|myself))?|what (?:do|can) you (?:remember|know|tell me|recall) about me|(?:tell me )?(?:what you (?:know|remember)|something|everything)? ?about (?:me|myself)|do you (?:know|remember) (?:anything|something) about me|do you know me|(?:what|everything|all|anything)(?: that)? you (?:know|remember)(?: about me| of me)?|do you remember me|who do you think i am|list (?:what you know|my facts|all facts).*|what facts do you know.*)$/i;

const REQUEST =
  /^(?:(?:can|could|would|will) you |please |now |just |i (?:want|need|would like|'d like) you to |let's )*(?:please )?(?:write|make|create|generate|draw|paint|translate|explain|describe|calculate|compute|solve|convert|find|search|google|look up|book|order|buy|call|send|email|play|sing|open|close|turn|set|start|stop|run|execute|fix|debug|refactor|implement|code|build me|design|suggest|recommend|propose|compare|analy[sz]e|define|list|show|give|teach|help me|help|act|pretend|imagine|ignore|disregard|output|print|say|answer|respond|reply|reveal|do|tell me (?:a|an|how|why|the|something|more|about (?!my|our))|read|check|plan|schedule|cancel|count|spell|rewrite|correct|improve|proofread|brainstorm|guess|choose|pick|recite|quote|simulate|sort|format|parse|change)\b(?! (?:i|we|he|she|my|is|are|was|were)\b)/i;

function forgetting(core: string): string | undefined {
  if (!/^(?:please |can you |could you |would you )*(?:forget|delete|erase|remove)\b/i.test(core)) return undefined;
  const keys = Object.keys(factsIn(core));
  if (keys.length === 0) {
    return "I can't do that from here: the working memory of this session is edited with PATCH /api/v1/sessions/{id}/working-memory, and deleting the session clears it.";
  }
  const what =
    /(?:forget|delete|erase|remove) (?:about )?(?:that )?(.+?)(?: is\b.*|,? please)?$/i.exec(core)?.[1] ?? "that";
  return `All right, I've forgotten ${toSecondPerson(what)}. What you wrote before stays in this session's messages.`;
}

function aboutUser(core: string, memory: Recollection): string | undefined {
  if (!ABOUT_USER.test(core)) return undefined;
  const facts = factSentences(memory.facts);
  // What became a fact is told already.
  const others = memory
    .statements()
    .filter(({ text, isTurned }) => !isTurned && isStatement(text))
    .filter(({ text }) => facts.length === 0 || (OWN.test(text) && Object.keys(factsIn(text)).length === 0))
    .map(({ text }) => toSecondPerson(text));
  const told = [...facts, ...new Set(others.slice(-OTHERS_SHOWN_MAX))];
  return told.length > 0
    ? `You told me that ${listed(told)}.`
    : "I don't know anything about you yet; you haven't told me.";
}

function recalled(core: string, memory: Recollection): string {
  const resolved = restored(core, memory.earlier);
  const isOutdated = LONG_AGO.test(core) ? undefined : outdatedBy(memory.facts);
  const question =
    resolved !== core && !isAbout(core, recall(resolved, memory.statements(), isOutdated)) ? core : resolved;
  const found = recall(question.replace(MENTIONED, ""), memory.statements(), isOutdated);
  if (found === undefined) {
    if (MENTIONED.test(question)) return "No, you haven't told me that.";
    return unknown(question);
  }
  if (found.isFragment) return `You said: ${quoted(found.told)}`;
  if (isBeside(question, found)) return unknown(question);
  if (!found.fits && FITTED.test(question)) {
    const what = indirect(question);
    return `I don't know ${what ?? "that"}, but you told me that ${found.told}.`;
  }
  if (MENTIONED.test(question)) return `Yes, you told me that ${found.told}.`;
  if (!YES_NO.test(question) || !found.isWhole || found.isSupposed) return `You told me that ${found.told}.`;
  const denies = /\bnot\b|n't\b/i.test(question.slice(0, 20));
  return `${found.isNegative && !denies ? "No" : "Yes"}, you told me that ${found.told}.`;
}

/** Whether what was found is near a question, and no answer to it. */
function isBeside(question: string, found: Recalled): boolean {
  if (!found.fits) {
    if (!found.sharesMain && !found.isWhole) return true;
    if (/\bnames?$/i.test(question) || OWN_CLAIM.test(question)) return true;
  }
  const part = PART_ASKED.exec(question)?.[1];
  if (part === undefined) return false;
  const roots = new Set(contentOf(found.told));
  return !contentOf(part).some((root) => roots.has(root));
}

/** Whether what was found shares more with a question than what `it` was taken for. */
function isAbout(question: string, found: Recalled | undefined): boolean {
  if (found === undefined) return false;
  const wanted = contentOf(question.replace(/^how \p{L}+ /iu, ""));
  const main = wanted.filter(isMain);
  if (wanted.length === 0 || (main.length === 0 && found.fits && FITTED.test(question))) return true;
  const roots = new Set(contentOf(found.told));
  return (main.length === 0 ? wanted : main).some((root) => roots.has(root));
}

// A question after what was is answered with what is no longer so.
const LONG_AGO = /\b(?:did|was|were|had|used to|before|earlier|previously|first|originally|told|tell)\b/i;

/** What tells nothing but facts of which another value was told since is outdated: `I live in Rome` after a move. */
function outdatedBy(facts: JsonObject): (statement: Statement) => boolean {
  return ({ text, isTurned }) => {
    if (isTurned) return false;
    const told = Object.entries(factsIn(text));
    return told.length > 0 && told.every(([key, value]) => isReplaceable(key) && (facts[key] ?? value) !== value);
  };
}

/** A user lives in one place and has one age, but can have a second brother or allergy. */
function isReplaceable(key: string): boolean {
  return /^(?:location|age|origin|occupation|employer|diet|birthday)$|^favourite_/.test(key);
}

/** A question with `he`, `she` or `it` put back to what was spoken of last. */
function restored(core: string, earlier: readonly Message[]): string {
  if (!/\b(?:he|she|it|his|her|its)\b/i.test(core)) return core;
  const subjects = new Subjects();
  for (const { role, content } of earlier.slice(-RECENT_COUNT)) {
    if (role !== "user") continue;
    for (const { text } of sentencesOf(content))
      statementsIn(
        withoutLeadIn(text).replace(/^(?:where|when|how|what|why) (?:do|does|did|is|are|was|were) /i, ""),
        subjects,
      );
  }
  const pronoun = /\b(he|she|it|his|her|its)\b/i.exec(core)?.[1] ?? "";
  const marked = subjects.restored(`${/^(?:his|her)$/i.test(pronoun) ? "she" : pronoun} is`);
  const subject = marked.replace(/ is$/, "");
  if (subject === marked || /^(?:he|she|it)$/i.test(subject)) return core;
  const owned = /^(?:his|her|its)$/i.test(pronoun);
  return core.replace(/\b(?:he|she|it|his|her|its)\b/i, owned ? `${subject}'s` : subject);
}

function unknown(question: string): string {
  const owned = belongingAsked(question);
  if (owned !== undefined) return `I don't know your ${toSecondPerson(owned)}; you haven't told me.`;
  if (!/\b(?:i|me|my|mine|we|our|us|i'm)\b/i.test(question) || /^(?:if|suppose|imagine)\b/i.test(question))
    return `I can't answer that: ${NO_MODEL}`;
  const what = indirect(question);
  return `I don't know ${what ?? "that"}; you haven't told me.`;
}

function listed(told: readonly string[]): string {
  return told.length === 1 ? (told[0] ?? "") : `${told.slice(0, -1).join(", ")}, and ${told.at(-1)}`;
}
