import { createInterface } from "node:readline";
import { styleText } from "node:util";
import type { Json, JsonObject, Session } from "../client/index.ts";
import { failureLine } from "./failure.ts";
import { shown, shownLines, table } from "./print.ts";
import { printReply, type Talk } from "./talk.ts";
import { styleRows } from "./users.ts";

const PROMPT = "> ";

/** How many messages of an earlier conversation are shown to whoever takes it up. */
const RECALLED = 6;

const HELP = `/memory  what is remembered of this conversation, and of you
/new     begin another conversation
/exit    leave, as do Ctrl+D, and Ctrl+C where no answer is on its way`;

/**
 * Holds a conversation at a terminal until somebody leaves. Ctrl+C cancels an answer that is on its way; what fails is
 * told, and the conversation goes on.
 */
export async function talkAtTerminal(talk: Talk, signal: AbortSignal): Promise<void> {
  await recall(talk.session);
  console.log(dim("/help tells what else there is."));
  const input = createInterface({ input: process.stdin, output: process.stdout, prompt: PROMPT, signal });
  let answering: AbortController | undefined;
  input.on("SIGINT", () => {
    if (answering === undefined) input.close();
    else answering.abort();
  });
  input.prompt();
  for await (const line of input) {
    const text = line.trim();
    if (text === "/exit") break;
    answering = new AbortController();
    try {
      if (text !== "") await obey(talk, text, AbortSignal.any([signal, answering.signal]));
    } catch (error) {
      if (signal.aborted) throw error;
      console.log(answering.signal.aborted ? dim("(canceled; nothing of it is kept)") : failureLine(error));
    }
    answering = undefined;
    input.prompt();
  }
  input.close();
  console.log();
}

async function obey(talk: Talk, text: string, signal: AbortSignal): Promise<void> {
  if (text === "/help") console.log(HELP);
  else if (text === "/memory") await printMemory(talk, signal);
  else if (text === "/new") talk.leave();
  else if (/^\/\w+$/.test(text)) console.log(`There is no ${text}; /help tells what there is`);
  else await printReply((await talk.begin(signal)).chat(text, { signal }));
}

/** Shows the end of what was said before. */
async function recall(session: Session | undefined): Promise<void> {
  if (session === undefined) return;
  for (const { role, content } of await session.messages.recent(RECALLED)) {
    if (content === "" || role === "tool") continue;
    console.log(dim((role === "user" ? PROMPT : "") + shownLines(content)));
  }
}

async function printMemory({ sojourn, session }: Talk, signal: AbortSignal): Promise<void> {
  if (session === undefined) {
    console.log("Nothing was said yet");
    return;
  }
  await session.refresh({ signal });
  const facts = await session.workingMemory.get({ signal });
  const profile = await sojourn.users.profile(session.userId, { signal });
  const { conversationTurns, messages, compactedThrough } = session.memory;
  const summary = compactedThrough === 0 ? undefined : await summaryOf(session, signal);
  console.log(
    table(
      [],
      [
        ["session", session.sessionId],
        ["user", session.userId],
        ["turns", `${conversationTurns}`],
        ["messages", compactedThrough === 0 ? `${messages}` : `${messages}, ${compactedThrough} of them compacted`],
        ...factRows(facts),
        ...styleRows(profile).map(([name = "", value = "", origin]) => [name, `${value} (${origin})`]),
      ],
    ),
  );
  if (summary !== undefined) console.log(`What went before, in short: ${shownLines(summary)}`);
}

/** The facts by their paths: `user.name`. */
function factRows(facts: JsonObject, path = ""): readonly (readonly string[])[] {
  return Object.entries(facts).flatMap(([name, value]) => {
    if (isObject(value)) return factRows(value, `${path}${name}.`);
    return [[shown(path + name), typeof value === "string" ? value : JSON.stringify(value)]];
  });
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

async function summaryOf(session: Session, signal: AbortSignal): Promise<string | undefined> {
  const compactions = await Array.fromAsync(session.operations({ kind: "conversation.compacted", signal }));
  return compactions.at(-1)?.inputs?.summary;
}

function dim(text: string): string {
  return styleText("dim", text, { stream: process.stdout });
}
