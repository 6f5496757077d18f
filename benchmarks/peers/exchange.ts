import type { Turn } from "../peer.ts";

/** A turn as a conversation has it: what a user said, and what was answered; 300 bytes together, or a few less. */
export interface Exchange {
  readonly question: string;
  readonly answer: string;
}

/** How much of a turn's text the user says: three sentences. The white space behind them belongs to nobody. */
const QUESTION_LENGTH = 149;

/** How many of the newest messages are read before each turn. */
export const NEWEST = 20;

/** The turn in two messages, the first of which has its number. Neither ends in white space, which some trim. */
export function exchangeOf({ number, text }: Turn): Exchange {
  return { question: `${number}. ${text.slice(0, QUESTION_LENGTH)}`, answer: `${text.slice(QUESTION_LENGTH + 1)}.` };
}

/** The turns that these messages make, two each. */
export function turnsIn(texts: readonly string[]): readonly Turn[] {
  return Array.from({ length: texts.length / 2 }, (_, i) => {
    const [question = "", answer = ""] = texts.slice(2 * i);
    const said = question.slice(question.indexOf(" ") + 1);
    return { number: numberIn(question), role: "user", text: `${said} ${answer.slice(0, -1)}` };
  });
}

/** The number of the turn that a question begins. */
export function numberIn(question: string): number {
  return Number.parseInt(question, 10);
}

/** Throws if these are not the newest messages before the turn: what was not read must not be measured. */
export function assertNewest(texts: readonly string[], { number }: Turn): void {
  const expected = Math.min(NEWEST, 2 * (number - 1));
  const last = texts.at(-2);
  if (texts.length === expected && (last === undefined || numberIn(last) === number - 1)) return;
  throw new Error(`Before turn ${number} stand ${texts.length} messages, of which the last question is "${last}"`);
}
