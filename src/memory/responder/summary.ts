import type { Message } from "../../engine/message.ts";
import { sentencesOf, withoutLeadIn } from "../english/sentences.ts";
import { factsIn } from "../facts.ts";

/** A summary is at most about this long. */
export const SUMMARY_LENGTH_MAX = 2_000;

/**
 * Says in short what messages say: one line each of what the user told and asked, and of what was answered.
 *
 * When it gets too long, the oldest lines give way, answers and questions before what tells of the user.
 */
export function summaryOf(before: string | undefined, messages: readonly Message[]): string {
  const lines = [...keptOf(before), ...messages.flatMap(linesOf)];
  const last = new Map(lines.map((line, i) => [line, i]));
  const unique = lines.filter((line, i) => last.get(line) === i || !line.startsWith(TOLD));
  const kept = new Set<number>();
  let length = 0;
  const order = unique.map((line, i) => ({ i, rank: rankOf(line), size: line.length + 1 }));
  order.sort((a, b) => a.rank - b.rank || b.i - a.i);
  for (const { i, size } of order) {
    if (length + size > SUMMARY_LENGTH_MAX) break;
    kept.add(i);
    length += size;
  }
  return unique.filter((_, i) => kept.has(i)).join("\n");
}

/** The lines of a summary as messages, so that what it keeps is found like anything else. */
export function messagesOf(summary: string | undefined): readonly Message[] {
  return (summary ?? "").split("\n").flatMap((line): readonly Message[] => {
    if (line.startsWith(TOLD)) return [{ role: "user", content: line.slice(TOLD.length) }];
    if (line.startsWith(ASKED)) return [{ role: "user", content: line.slice(ASKED.length) }];
    if (line.startsWith(ANSWERED)) return [{ role: "assistant", content: line.slice(ANSWERED.length) }];
    return line.trim() === "" ? [] : [{ role: "user", content: fromThirdPerson(line) }];
  });
}

const TOLD = "User: ";
const ASKED = "User asked: ";
const ANSWERED = "Answer: ";

const LINE_LENGTH_MAX = 240;

const KEPT_LENGTH_MAX = 1_000;

const ANSWER_LENGTH_MAX = 100;

/** How much of a message is read; what a user says in a chat is never longer. */
const READ_MAX = 5_000;

/** The lines of the summary before. Those of a language model can be long. */
function keptOf(before = ""): readonly string[] {
  return before
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => shortened(line, KEPT_LENGTH_MAX));
}

function linesOf({ role, content }: Message): readonly string[] {
  if (role === "assistant") {
    const [first] = sentencesOf(content.slice(0, READ_MAX));
    return first === undefined ? [] : [ANSWERED + shortened(first.text, ANSWER_LENGTH_MAX)];
  }
  if (role !== "user") return [];
  return sentencesOf(content.slice(0, READ_MAX)).map(({ text, isQuestion }) =>
    isQuestion
      ? `${ASKED}${shortened(text, LINE_LENGTH_MAX)}?`
      : `${TOLD}${shortened(withoutLeadIn(text), LINE_LENGTH_MAX)}.`,
  );
}

/** What tells of the user stays longest, then what else they told, then questions, then answers. */
function rankOf(line: string): number {
  if (line.startsWith(ANSWERED)) return 3;
  if (line.startsWith(ASKED)) return 2;
  if (line.startsWith(TOLD) && Object.keys(factsIn(line.slice(TOLD.length))).length === 0) return 1;
  return 0;
}

function shortened(text: string, length: number): string {
  return text.length <= length
    ? text
    : `${text
        .slice(0, length - 1)
        .toWellFormed()
        .trimEnd()}…`;
}

/** A language model's summary speaks of `the user`. */
function fromThirdPerson(line: string): string {
  return line
    .slice(0, SUMMARY_LENGTH_MAX)
    .replace(/^[-*•] /, "")
    .replace(/\bthe user's\b/gi, "my")
    .replace(/\bthe user is\b/gi, "I am")
    .replace(/\bthe user was\b/gi, "I was")
    .replace(/\bthe user has\b/gi, "I have")
    .replace(/\bthe user (\p{L}+[^s])s\b/giu, "I $1")
    .replace(/\bthe user\b/gi, "I");
}
