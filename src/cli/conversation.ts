import type { Message, Moment, Session, Sojourn, Strategy } from "../client/index.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, moment, printJson, shownLines } from "./print.ts";
import { wireCompacted, wireMessage } from "./wire.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** `sojourn messages`. Programs get one line of JSON for each message. */
export async function printMessages(
  sojourn: Sojourn,
  id: string,
  { json, limit, at }: ForPrograms & { readonly limit: number; readonly at?: Moment | undefined },
): Promise<ExitCode> {
  const session = await sojourn.sessions.get(id);
  for await (const message of at === undefined ? await session.messages.recent(limit) : recentAt(session, at, limit)) {
    if (json) printJson(wireMessage(message));
    else console.log(messageLine(message));
  }
  return EXIT.ok;
}

/** So many of the newest messages that there were. */
async function* recentAt(session: Session, at: Moment, limit: number): AsyncGenerator<Message> {
  const then = await session.at(at);
  yield* then.messages({ after: Math.max(0, then.memory.messages - limit), pageSize: Math.min(limit, 1_000) });
}

function messageLine({ number, timestamp, role, content, toolCalls = [] }: Message): string {
  const head = `${`${number}`.padStart(6)}  ${moment(timestamp)}  ${role.padEnd(9)}  `;
  const calls = toolCalls.map(({ name, arguments: input }) => `${name}(${input})`);
  const text = [content, ...calls].filter((part) => part !== "").join("\n");
  return head + shownLines(text).replaceAll("\n", `\n${" ".repeat(head.length)}`);
}

/** `sojourn compact`. */
export async function compactConversation(
  sojourn: Sojourn,
  id: string,
  options: ForPrograms & {
    readonly strategy: Strategy;
    readonly keepRecent?: number;
    readonly signal: AbortSignal;
  },
): Promise<ExitCode> {
  const { json, strategy, keepRecent, signal } = options;
  const session = await sojourn.sessions.get(id, { signal });
  const compacted = await session.compact({ strategy, keepRecent }, { signal });
  if (json) {
    printJson(wireCompacted(compacted));
    return EXIT.ok;
  }
  const { originalCount, compressedCount, originalTokens, compressedTokens, summary } = compacted;
  console.log(
    `${session.sessionId}: ${count(originalCount, "message")} in the window became ${compressedCount}, ` +
      `${count(originalTokens, "token")} became ${compressedTokens}`,
  );
  if (summary !== undefined) console.log(shownLines(summary));
  return EXIT.ok;
}
