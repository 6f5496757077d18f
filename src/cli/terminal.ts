import { styleText } from "node:util";
import type { Json, JsonObject, Session } from "../client/index.ts";
import { failureLine } from "./failure.ts";
import { shown, shownLines, table } from "./print.ts";
import { printReply, type Talk } from "./talk.ts";
import { TypedMessages } from "./typed-messages.ts";
import { styleRows } from "./users.ts";

const PROMPT = "> ";

/** How many messages of an earlier conversation are shown to whoever takes it up. */
const RECALLED = 6;

const HELP = `/memory  what is remembered of this conversation, and of you
/new     begin another conversation
/exit    leave, as do Ctrl+D, which lets an answer on its way come to its end, and Ctrl+C where none is on its way
A line that begins with a blank is a message, also with a slash behind it; lines that are pasted at once are one.`;

/**
 * Holds a conversation at a terminal until somebody leaves. Ctrl+C cancels an answer that is on its way, Ctrl+D leaves
 * after it; what fails is told, and the conversation goes on.
 */
export async function talkAtTerminal(talk: Talk, signal: AbortSignal): Promise<void> {
  await recall(talk.session);
  console.log(dim("/help tells what else there is."));
  if (talk.hindrance !== undefined) console.log(hindered(talk.hindrance));
  let answering: AbortController | undefined;
  const onInterrupt = (): void => {
    if (answering === undefined) messages.close();
    else answering.abort();
  };
  using messages = new TypedMessages(PROMPT, { signal, onInterrupt });
  for await (const message of messages) {
    if (message.trimEnd() === "/exit") break;
    answering = new AbortController();
    try {
      if (message.trim() !== "") await obey(talk, message, AbortSignal.any([signal, answering.signal]));
    } catch (error) {
      if (signal.aborted) throw error;
      if (answering.signal.aborted) console.log(dim("(canceled; nothing of it is kept)"));
      else console.log(talk.hindrance === undefined ? failureLine(error) : hindered(talk.hindrance));
    }
    answering = undefined;
    messages.prompt();
  }
  console.log();
}

const COMMANDS: Readonly<Record<string, (talk: Talk, signal: AbortSignal) => void | Promise<void>>> = {
  "/help": () => console.log(HELP),
  "/memory": printMemory,
  "/new": (talk) => talk.leave(),
};

async function obey(talk: Talk, message: string, signal: AbortSignal): Promise<void> {
  // A path, such as /etc/hosts, is no command, and neither is what was pasted in several lines.
  const [, name, more] = /^(\/[\w-]+)(?:[^\S\n]+([^\n]*))?$/.exec(message.trimEnd()) ?? [];
  const command = name === undefined || !Object.hasOwn(COMMANDS, name) ? undefined : COMMANDS[name];
  if (name === undefined) {
    if (talk.hindrance !== undefined) console.log(hindered(talk.hindrance));
    else await talk.say(message, signal, printReply);
  } else if (command === undefined && name !== "/exit") {
    console.log(`There is no ${name}; /help tells what there is`);
  } else if (more !== undefined) console.log(`${name} stands alone on its line; nothing was said`);
  else await command?.(talk, signal);
}

function hindered(hindrance: string): string {
  return `${hindrance}; /new begins another conversation`;
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
