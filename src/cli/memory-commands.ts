import { type Command, Option } from "commander";
import type { Moment, Strategy } from "../client/index.ts";
import { AT, atLeast, limit, moment } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

const STRATEGIES: readonly Strategy[] = ["truncate", "summarize", "hybrid"];

/** Adds the commands on conversations and users. */
export function memoryCommands(program: Command, run: Run): void {
  common(program.command("chat [text...]").description("Say something, or have a conversation; /help in it says more"))
    .option("--session <id>", "Where, by its id or uid (default: in a new session)")
    .option("--user <id>", "Whose the new session is")
    .addHelpText(
      "after",
      "\nFrom a pipe or a file, each line is a message, also /exit and the like: only a terminal knows these commands.",
    )
    .action(async (words: readonly string[], flags: ChatFlags & Common) => {
      const { session: id, user: userId, ...reach } = flags;
      const text = words.length === 0 ? undefined : words.join(" ");
      await run(() =>
        untilInterrupted((signal) =>
          onSessions({ ...reach, mayBegin: id === undefined, needsModel: true }, async (sojourn) =>
            (await import("./chat.ts")).chat(sojourn, { ...reach, text, id, userId, signal }),
          ),
        ),
      );
    });
  common(program.command("messages <id>").description("Print the newest messages of a session"))
    .option("--limit <number>", "How many at most, or all", limit, 50)
    .option("--at <moment>", AT, moment)
    .action(async (id: string, flags: { limit: number; at?: Moment } & Common) => {
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./conversation.ts")).printMessages(sojourn, id, flags)),
      );
    });
  common(program.command("compact <id>").description("Shorten what a model is shown of a conversation; all is kept"))
    .addOption(new Option("--strategy <strategy>", "How").choices(STRATEGIES).default("summarize"))
    .option("--keep-recent <number>", "How many of the newest messages stay as they are (default 10)", atLeast(0))
    .action(async (id: string, flags: { strategy: Strategy; keepRecent?: number } & Common) => {
      await run(() =>
        untilInterrupted((signal) =>
          onSessions({ ...flags, needsModel: true }, async (sojourn) =>
            (await import("./conversation.ts")).compactConversation(sojourn, id, { ...flags, signal }),
          ),
        ),
      );
    });
  const users = program.command("users").description("Show what is known of a user, and erase it");
  common(users.command("show <id>").description("Show how a user likes to be answered")).action(
    async (id: string, flags: Common) =>
      await run(() => onSessions(flags, async (sojourn) => (await import("./users.ts")).showUser(sojourn, id, flags))),
  );
  common(users.command("erase <id>").description("Remove all sessions of a user, and what is known beside them"))
    .option("--yes", "Do not ask")
    .action(async (id: string, flags: { yes?: boolean } & Common) => {
      await run(() => onSessions(flags, async (sojourn) => (await import("./users.ts")).eraseUser(sojourn, id, flags)));
    });
}

interface ChatFlags {
  readonly session?: string;
  readonly user?: string;
}
