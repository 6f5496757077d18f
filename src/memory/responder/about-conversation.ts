import type { Message } from "../../engine/message.ts";
import { toSecondPerson } from "../english/second-person.ts";
import { sentencesOf, withoutLeadIn } from "../english/sentences.ts";
import { contentOf } from "../english/words.ts";
import { isStatement } from "./acknowledgement.ts";
import { joined } from "./known-facts.ts";
import { statementsOf } from "./statements.ts";

/** The answer to a question about what was said before, or `undefined` where it is about something else. */
export function conversationAnswer(question: string, earlier: readonly Message[]): string | undefined {
  for (const [asked, answer] of QUESTIONS) {
    const found = asked.exec(question);
    const told = found === null ? undefined : answer({ earlier, found, question });
    if (told !== undefined) return told;
  }
  return undefined;
}

/** A text in quotation marks, shortened where it is long. */
export function quoted(text: string): string {
  const single = text.replaceAll(/\s+/g, " ").trim();
  const short =
    single.length > QUOTED_LENGTH_MAX ? `${single.slice(0, QUOTED_LENGTH_MAX).toWellFormed().trimEnd()}…` : single;
  return `"${short.replaceAll('"', "'")}"`;
}

/** What was told and asked so far, as sentences. */
export function recap(earlier: readonly Message[]): string {
  const told = newest(
    statementsOf(earlier).filter(({ text }) => isStatement(text)),
    RECAP_MAX,
  ).map(({ text }) => toSecondPerson(text));
  const questions = said(earlier, "user").flatMap((text) =>
    sentencesOf(text).filter(({ text: sentence, isQuestion }) => isQuestion && !isAboutConversation(sentence)),
  );
  const parts = [
    told.length === 0 ? "" : `You told me that ${joined(told.map((one, i) => (i === 0 ? one : `that ${one}`)))}.`,
    questions.length === 0
      ? ""
      : `You asked ${joined(newest(questions, RECAP_MAX).map(({ text }) => quoted(`${text}?`)))}.`,
  ].filter((part) => part !== "");
  return parts.length === 0 ? "We have only just begun; there is nothing to sum up yet." : parts.join(" ");
}

const QUOTED_LENGTH_MAX = 300;

const RECAP_MAX = 12;

const ORDINALS: readonly string[] = [
  "first",
  "second",
  "third",
  "fourth",
  "fifth",
  "sixth",
  "seventh",
  "eighth",
  "ninth",
  "tenth",
];

interface Asked {
  readonly earlier: readonly Message[];
  readonly found: RegExpExecArray;
  readonly question: string;
}

const SAY = "(?:say|said|tell|told|write|wrote|written|ask|asked|mention|mentioned|type|typed|send|sent)";
const JUST = "(?:just |last |previously |originally |only |first )?";
const BEFORE_THAT = "(?:and )?(?:what )?(?:about )?(?:just )?before (?:that|this)";

const QUESTIONS: readonly (readonly [RegExp, (asked: Asked) => string | undefined])[] = [
  [
    new RegExp(
      `^what (?:did|have) (?:i|we) ${JUST}${SAY}(?: you| to you)? (?:about|on|regarding|concerning) (.+)$`,
      "i",
    ),
    aboutTopic,
  ],
  [
    new RegExp(
      `^(?:when|in (?:which|what) message) (?:did|have) i ${JUST}${SAY}(?: you| to you)?(?: (?:about|of|that))? (.+)$`,
      "i",
    ),
    toldWhen,
  ],
  [
    /^what (?:did|have) you (?:said|say|tell me|told me|answer|answered) (?:about|on|regarding) (.+)$/i,
    answeredAboutTopic,
  ],
  [
    new RegExp(
      `^what (?:did|have) you ${JUST}(?:say|said|answer|answered|reply|replied|tell me|told me|write)(?: (?:me|to me))? ${BEFORE_THAT}$`,
      "i",
    ),
    beforeThatAnswer,
  ],
  [new RegExp(`^what (?:did|have|was it) i ${JUST}${SAY}(?: you)? ${BEFORE_THAT}$`, "i"), beforeThatUser],
  [new RegExp(`^${BEFORE_THAT}$`, "i"), beforeThat],
  [
    /^what (?:was|is|were) (?:the |my |your )?(?:very )?(first|second|third|fourth|fifth|last|previous|latest|most recent) (question|message|thing|statement|sentence|answer|reply|response)(.*)$/i,
    ordinal,
  ],
  [
    new RegExp(
      `^(?:what (?:did|have|had) i |what i )${JUST}${SAY}(?: you| to you)?( first| at the (?:beginning|start))$`,
      "i",
    ),
    firstSaid,
  ],
  [
    new RegExp(
      `^(?:what (?:did|have|had) i |what i |what was i )${JUST}${SAY}(?: you| to you)?(?: (?:(?:just )?now|last|earlier|previously|before|a (?:moment|second|minute) ago|last time))?$`,
      "i",
    ),
    lastSaid,
  ],
  [
    /^what (?:did|have) you (?:just |last |previously )?(?:say|said|answer|answered|reply|replied|tell me|told me)(?: to me)?(?: (?:(?:just )?now|last|earlier|previously|before))?$/i,
    lastAnswer,
  ],
  [
    /^(?:(?:can|could|would|will) you )?(?:please )?(?:repeat|say) (?:that|it|this|yourself|your (?:last )?(?:answer|message)|the last (?:answer|message|thing))(?: again)?(?: please)?$|^(?:come again|pardon(?: me)?|say again|once more(?: please)?|again please|what was that|what did you say again|i beg your pardon)$/i,
    repeated,
  ],
  [
    /^(?:(?:can|could|would|will) you )?(?:please )?(?:give me a |make a |show me a )?(?:short |brief |quick )?(?:summari[sz]e|recap|sum up|summary(?: of)?)(?: (?:of )?(?:our|the|this|that|it|everything|what (?:we|i)(?:'ve| have)? (?:talked about|discussed|said|told you)|all|so far)\b.*| please)?$|^what (?:have|did|were) we (?:talk|talked|talking|discuss|discussed|discussing|chat|chatted|speak|spoken|cover|covered|been talking)(?: about)?(?: so far| until now| today| earlier)?$|^what is this (?:conversation|chat) about$/i,
    ({ earlier }) => recap(earlier),
  ],
  [/^how many (messages|questions|times|things)\b.*\b(?:i|we|you|me|so far|conversation|chat)\b.*$/i, counted],
  [/^(?:did|have) i (?:already |ever )?(?:ask|asked) (?:you )?(?:about )?(.+)$/i, didAsk],
  [
    /^(?:what (?:questions )?(?:did|have) i (?:ask|asked)(?: you)?(?: so far| until now| earlier| before)?|(?:what|which) (?:questions|were my questions)(?: (?:did|have) i (?:ask|asked)(?: you)?)?(?: so far)?|(?:list|show)(?: me)? (?:all )?my questions)$/i,
    allAsked,
  ],
];

function said(messages: readonly Message[], role: Message["role"]): readonly string[] {
  return messages
    .filter((message) => message.role === role && message.content.trim() !== "")
    .map(({ content }) => content);
}

function newest<T>(items: readonly T[], count: number): readonly T[] {
  return items.slice(-count);
}

function isQuestion(text: string): boolean {
  return sentencesOf(text).some((sentence) => sentence.isQuestion);
}

function isAboutConversation(sentence: string): boolean {
  const bare = withoutLeadIn(sentence);
  return QUESTIONS.some(([asked]) => asked.test(bare));
}

function lastSaid({ earlier, question }: Asked): string {
  const all = said(earlier, "user");
  if (!/\bask/i.test(question)) {
    // What was told is no question.
    const last = /\b(?:tell|told|mention|mentioned)\b/i.test(question)
      ? all.findLast((text) => sentencesOf(text).some((sentence) => !sentence.isQuestion && isStatement(sentence.text)))
      : all.at(-1);
    return last === undefined ? "You haven't said anything before this." : `You said: ${quoted(last)}`;
  }
  if (/\b(?:earlier|before|previously)\b/i.test(question)) return allAsked({ earlier });
  const last = all.findLast(isQuestion);
  return last === undefined ? "You haven't asked anything before this." : `You asked: ${quoted(last)}`;
}

function firstSaid({ earlier, question }: Asked): string {
  const asked = /\bask/i.test(question);
  const first = said(earlier, "user").find((text) => !asked || isQuestion(text));
  if (first === undefined) return `You haven't ${asked ? "asked" : "said"} anything before this.`;
  return `The first thing you ${asked ? "asked" : "said"} was: ${quoted(first)}`;
}

function lastAnswer({ earlier }: Asked): string {
  const last = said(earlier, "assistant").at(-1);
  return last === undefined ? "I haven't said anything before this." : `I said: ${quoted(last)}`;
}

function repeated({ earlier }: Asked): string {
  return said(earlier, "assistant").at(-1) ?? "I haven't said anything yet.";
}

function ordinal({ earlier, found }: Asked): string | undefined {
  const [, which = "", what = "", rest = ""] = found;
  const mine =
    /^(?:answer|reply|response)$/i.test(what) ||
    /\byou (?:said|told|answered|wrote)|^ (?:of )?your/i.test(rest) ||
    /\byour\b/i.test(found[0]);
  const asked = /question/i.test(what) || /\bask/i.test(rest);
  if (rest !== "" && !/\b(?:i|you|me|we|this|our|again)\b/i.test(rest)) return undefined;
  const pool = said(earlier, mine ? "assistant" : "user").filter((text) => !asked || mine || isQuestion(text));
  const at = ORDINALS.indexOf(which.toLowerCase());
  const text = at < 0 ? pool.at(-1) : pool[at];
  const noun = /thing/i.test(what) ? "message" : what.toLowerCase();
  const whose = mine ? "My" : "Your";
  if (text === undefined) {
    return mine ? "I haven't said that much yet." : `You haven't ${asked ? "asked" : "said"} that much before this.`;
  }
  return `${whose} ${which.toLowerCase()} ${noun} was: ${quoted(text)}`;
}

/** Each `before that` goes one further back. What was asked about the conversation itself is passed over. */
function stepsBack(earlier: readonly Message[]): number {
  const users = said(earlier, "user");
  const other = users.findLastIndex(
    (text) => !sentencesOf(text).some((sentence) => isAboutConversation(sentence.text)),
  );
  return Math.max(1, users.length - 1 - other);
}

function withoutAboutConversation(earlier: readonly Message[]): readonly Message[] {
  let skips = false;
  return earlier.filter((message) => {
    if (message.role === "user") {
      skips = sentencesOf(message.content).some(({ text }) => isAboutConversation(text));
    }
    return !skips;
  });
}

function beforeThatAnswer({ earlier }: Asked): string {
  const answer = said(withoutAboutConversation(earlier), "assistant").at(-1 - stepsBack(earlier));
  return answer === undefined ? "I haven't said anything before that." : `Before that I said: ${quoted(answer)}`;
}

function beforeThatUser({ earlier }: Asked): string {
  const text = said(withoutAboutConversation(earlier), "user").at(-1 - stepsBack(earlier));
  return text === undefined ? "You haven't said anything before that." : `Before that you said: ${quoted(text)}`;
}

function beforeThat(asked: Asked): string | undefined {
  const last = said(asked.earlier, "user").at(-1) ?? "";
  return /\byou\b/i.test(last) ? beforeThatAnswer(asked) : beforeThatUser(asked);
}

function aboutTopic({ earlier, found }: Asked): string {
  const topic = found[1] ?? "";
  const texts = said(earlier, "user").filter((text) => !isAboutConversation(withoutLeadIn(text)));
  const asked = /\bask/i.test(found[0]);
  const hit =
    nearestTo(
      topic,
      texts.filter((text) => isQuestion(text) === asked),
    ) ?? nearestTo(topic, texts);
  if (hit === undefined) return `You haven't said anything about ${toSecondPerson(topic)}.`;
  return `You ${isQuestion(hit) ? "asked" : "said"}: ${quoted(hit)}`;
}

function toldWhen({ earlier, found }: Asked): string {
  const topic = found[1] ?? "";
  const isQuestionMeant = /\bask/i.test(found[0]);
  const texts = said(earlier, "user");
  const meant = texts.filter(
    (text) => isQuestion(text) === isQuestionMeant && !isAboutConversation(withoutLeadIn(text)),
  );
  // What was said first is what is asked after, not what was said of it later.
  const hit = nearestTo(topic, meant.toReversed());
  if (hit === undefined)
    return `You haven't ${isQuestionMeant ? "asked" : "said"} anything about ${toSecondPerson(topic)}.`;
  const at = texts.indexOf(hit);
  const which = ORDINALS[at] === undefined ? `message ${at + 1}` : `your ${ORDINALS[at]} message`;
  return `You ${isQuestionMeant ? "asked" : "told me"} about ${toSecondPerson(topic)} in ${which}: ${quoted(hit)}`;
}

function answeredAboutTopic({ earlier, found }: Asked): string {
  const topic = found[1] ?? "";
  const hit = nearestTo(topic, said(earlier, "assistant"));
  return hit === undefined ? `I haven't said anything about ${toSecondPerson(topic)}.` : `I said: ${quoted(hit)}`;
}

function didAsk({ earlier, found }: Asked): string {
  const hit = nearestTo(found[1] ?? "", said(earlier, "user").filter(isQuestion));
  return hit === undefined ? "No, you haven't asked that before." : `Yes, you asked: ${quoted(hit)}`;
}

/** The newest text that speaks of most of a topic. */
function nearestTo(topic: string, texts: readonly string[]): string | undefined {
  const wanted = contentOf(topic);
  let best: { readonly text: string; readonly met: number } | undefined;
  for (const text of texts) {
    const roots = new Set(contentOf(text));
    const met = wanted.filter((root) => roots.has(root)).length;
    if (met > 0 && met * 2 >= wanted.length && met >= (best?.met ?? 0)) best = { text, met };
  }
  return best?.text;
}

function counted({ earlier, found }: Asked): string | undefined {
  const what = (found[1] ?? "").toLowerCase();
  if (!/\b(?:sent|send|said|say|asked|ask|written|write|wrote|exchanged|there|have|posted|talked)\b/i.test(found[0]))
    return undefined;
  if (what === "questions") {
    const count = said(earlier, "user").filter(isQuestion).length + 1;
    return `You have asked ${count} ${count === 1 ? "question" : "questions"}, this one included.`;
  }
  if (what !== "messages") return undefined;
  const count = said(earlier, "user").length + 1;
  const both = /\b(?:we|conversation|chat|there)\b/i.test(found[0]);
  const answers = said(earlier, "assistant").length;
  const mine = both ? `, and I have answered ${answers === 1 ? "once" : `${answers} times`}` : "";
  return `You have sent ${count} ${count === 1 ? "message" : "messages"}, this one included${mine}.`;
}

function allAsked({ earlier }: Pick<Asked, "earlier">): string {
  const questions = said(earlier, "user").filter(isQuestion);
  if (questions.length === 0) return "You haven't asked anything before this.";
  return `You asked: ${joined(newest(questions, RECAP_MAX).map(quoted))}`;
}
