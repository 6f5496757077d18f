import type { JsonObject } from "../../engine/json.ts";
import { questionsOf } from "../english/questions.ts";
import { asks, sentencesOf, withoutLeadIn } from "../english/sentences.ts";
import { wordsOf } from "../english/words.ts";
import { introduction, nameFacts } from "../facts/names.ts";
import { factsIn } from "../facts.ts";
import type { Context } from "../model.ts";
import { quoted } from "./about-conversation.ts";
import { acknowledgement, isStatement, sympathyFor, toldIn } from "./acknowledgement.ts";
import { answerTo } from "./answer.ts";
import { directed } from "./directed.ts";
import { type Recollection, recollectionOf } from "./recollection.ts";
import { greetingFor, type SmallTalk, smallTalkAt } from "./small-talk.ts";
import { unreadable } from "./unreadable.ts";

/** The answer to the last message of a context, from that context alone. Pure; never throws on any text. */
export function replyTo(context: Context): string {
  const memory = recollectionOf(context);
  if (DESPAIR.test(memory.text)) return HELP;
  return unreadable(memory.text) ?? new Turn(memory).reply(context.profile.verbosity);
}

/** Whoever says so needs a person, and not a note that it will be remembered. */
const DESPAIR =
  /\bi(?:'m| am)? (?:really |just |only )?(?:want(?:ed)?|wanna|going|gonna|wish|think(?:ing)? (?:about|of)|plan(?:ning)?)(?: to)? (?:die|dying|kill(?:ing)? myself|end(?:ing)? (?:it all|my (?:own )?life)|hurt(?:ing)? myself|suicide)\b|\bi(?:'m| am) (?:feeling )?suicidal\b/i;

const HELP =
  "I'm sorry that you feel like this. I'm only a program that answers by rules, and no help in this: please talk to " +
  "somebody you trust, or call your local emergency or crisis line, now.";

const HOW_CAN_I_HELP = "How can I help you today?";

const QUESTIONS_MAX = 4;

/** One message and what answers it, put together sentence by sentence. */
class Turn {
  readonly #memory: Recollection;
  readonly #told: string[] = [];
  readonly #raw: string[] = [];
  readonly #answers: string[] = [];
  readonly #talk = new Map<SmallTalk, string>();
  #sympathy = "";

  constructor(memory: Recollection) {
    this.#memory = memory;
  }

  reply(verbosity: "low" | "medium" | "high"): string {
    for (const { text, isQuestion } of sentencesOf(this.#memory.text)) {
      for (const one of questionsOf(text)) this.#take(one, isQuestion);
    }
    return this.#composed(verbosity);
  }

  #take(sentence: string, isQuestion: boolean): void {
    let rest = introduction(sentence);
    if (rest !== sentence) this.#talk.set("greeting", sentence);
    for (let talk = smallTalkAt(rest); talk !== undefined && rest !== ""; talk = smallTalkAt(rest)) {
      if (talk.kind === "assent" && talk.rest === "" && isQuestion && rest !== sentence) break;
      this.#talk.set(talk.kind, talk.said);
      rest = talk.rest;
    }
    if (wordsOf(rest).length === 0) return;
    const bare = withoutLeadIn(rest).replace(
      /,? (?:instead|please|pls|idiot|stupid|mate|man|bro|dude|buddy|atlus|sojourn|dear)$/i,
      "",
    );
    const { core, isDirected } = directed(bare);
    if (!isQuestion && nameFacts(core)?.facts["name"] !== undefined) {
      this.#told.push(...toldIn(rest));
      return;
    }
    const answer = answerTo(core, isQuestion || asks(core) || isDirected, this.#memory);
    if (answer !== undefined) {
      if (this.#answers.length < QUESTIONS_MAX && !this.#answers.includes(answer)) this.#answers.push(answer);
      return;
    }
    this.#sympathy ||= sympathyFor(bare);
    this.#told.push(...toldIn(introduction(rest).replace(REMINDER, "I want to ")));
    this.#raw.push(rest);
  }

  #composed(verbosity: "low" | "medium" | "high"): string {
    const name = nameIn(this.#memory.facts);
    const introduced = nameIn(factsIn(this.#memory.text));
    const opening = this.#opening(name, introduced);
    const told = this.#told.filter(isStatement);
    const answered = this.#answers.length > 0;
    // Who wants short answers needs no echo beside one.
    const isAcknowledged = told.length > 0 && !(answered && verbosity === "low");
    const parts = [
      opening,
      this.#talk.has("insult") && !answered ? "I'm sorry that I'm not of more help." : "",
      this.#talk.has("thanks") ? "You're welcome!" : "",
      this.#talk.has("wellbeing") ? "I'm well, thank you." : "",
      this.#talk.has("praise") ? "Thank you!" : "",
      this.#sympathy,
      isAcknowledged ? acknowledged(told, verbosity === "low") : "",
      ...this.#answers,
      this.#talk.has("goodbye") ? `Goodbye${name === undefined ? "" : `, ${name}`}!` : "",
    ].filter((part) => part !== "");
    const isOnlyOpening = opening !== "" && parts.length === 1 && told.length === 0;
    if (parts.length === 0 || (isOnlyOpening && introduced === undefined && this.#told.length > 0)) {
      parts.push(this.#fragment());
    } else if (this.#opensOnly(opening)) {
      parts.push(HOW_CAN_I_HELP);
    }
    if (verbosity === "high" && told.length > 0 && !answered) {
      parts.push("You can ask me about it at any time in this session.");
    }
    // A name stands alone without a full stop.
    return parts.length === 1 ? (parts[0] ?? "") : parts.map((part) => part.replace(UNENDED, "$&.")).join(" ");
  }

  /** Whether the message greets, and wants nothing yet. */
  #opensOnly(opening: string): boolean {
    const closes = this.#talk.has("goodbye") || this.#talk.has("insult");
    const opens = opening !== "" || this.#talk.has("wellbeing");
    return opens && !closes && this.#told.length === 0 && this.#answers.length === 0;
  }

  #opening(name: string | undefined, introduced: string | undefined): string {
    const said = this.#talk.get("greeting");
    if (said !== undefined) return `${greetingFor(said)}${name === undefined ? "" : `, ${name}`}!`;
    if (introduced === undefined) return "";
    const before = this.#memory.earlier.some(
      ({ role, content }) => role === "user" && nameIn(factsIn(content)) !== undefined,
    );
    return before ? `All right, your name is ${introduced}.` : `Nice to meet you, ${introduced}!`;
  }

  /** What answers words without a verb, and words that only keep the talk going. */
  #fragment(): string {
    if (this.#told.length > 0) {
      const text = this.#raw.join(", ");
      return text.length > FRAGMENT_LENGTH_MAX || text === "" ? "I've noted that." : `I've noted: ${quoted(text)}.`;
    }
    if (this.#talk.has("sorry")) return "No problem at all.";
    return "All right.";
  }
}

const UNENDED = /[\p{L}\p{M}\p{N})’']$/u;

const FRAGMENT_LENGTH_MAX = 120;

const REMINDER = /^(?:please )?(?:remind me to|don't let me forget to) /i;

function acknowledged(told: readonly string[], isBrief: boolean): string {
  return isBrief && told.length > 1 ? "I'll remember that." : acknowledgement(told);
}

function nameIn(facts: JsonObject): string | undefined {
  const name = facts["name"];
  return typeof name === "string" && name.trim() !== "" ? name.trim() : undefined;
}
