import { createInterface } from "node:readline";
import type { Health, Sojourn } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { printJson, shownLines } from "./print.ts";
import { printReply, Talk, type TalkOptions } from "./talk.ts";
import { talkAtTerminal } from "./terminal.ts";
import { wireAnswer } from "./wire.ts";

/** What is said, where, and by whom. */
export interface ChatOptions extends TalkOptions {
  /** Left out: what is typed, or comes on standard input, a message a line. */
  readonly text?: string | undefined;
  /** Whether programs read what is printed. */
  readonly json?: boolean;
  readonly signal: AbortSignal;
}

/** `sojourn chat`: one turn, a conversation at a terminal, or one message a line from standard input. */
export async function chat(sojourn: Sojourn, options: ChatOptions): Promise<ExitCode> {
  const { text, json = false, signal } = options;
  const talk = await Talk.open(sojourn, options);
  try {
    if (text === undefined && !json && process.stdin.isTTY && process.stdout.isTTY) {
      if (options.id === undefined) await assertAdmitted(sojourn, signal);
      console.error(banner(await sojourn.health({ signal })));
      await talkAtTerminal(talk, signal);
      return EXIT.ok;
    }
    talk.assertOpen();
    if (text !== undefined) await sayOnce(talk, text, { json, signal });
    else await sayLines(talk, { json, signal });
    return EXIT.ok;
  } finally {
    if (!json) talk.tellHowToGoOn();
  }
}

/** Anybody is told the health: whether our key is good is to be known before somebody begins to type. */
async function assertAdmitted(sojourn: Sojourn, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of sojourn.sessions.list({ pageSize: 1, signal })) break;
  } catch (error) {
    // A key that may not list may still be one that may chat.
    if (!(error instanceof SojournError && error.code === "forbidden")) throw error;
  }
}

function banner({ model, isLanguageModel }: Health): string {
  if (isLanguageModel) return `Answers come from ${model}.`;
  return "Answers come from the built-in responder, by rules and from memory; it is no language model.";
}

interface Saying {
  readonly json: boolean;
  readonly signal: AbortSignal;
}

async function sayOnce(talk: Talk, text: string, { json, signal }: Saying): Promise<void> {
  if (json) printJson(wireAnswer(await talk.say(text, signal)));
  else await talk.say(text, signal, printReply);
}

/** Answers a message a line with an answer a line; the first failure ends it. */
async function sayLines(talk: Talk, { json, signal }: Saying): Promise<void> {
  const lines = createInterface({ input: process.stdin, signal });
  for await (const line of lines) {
    if (line.trim() === "") continue;
    const answer = await talk.say(line, signal);
    if (json) printJson(wireAnswer(answer));
    else
      console.log(
        shownLines(answer.response)
          .trim()
          .replaceAll(/\s*\n\s*/g, " "),
      );
  }
}
