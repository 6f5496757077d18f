import { type Command, Option } from "commander";
import type { Json, Sojourn } from "../client/index.ts";
import { atLeast, limit } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import type { ExitCode } from "./exit.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

/** Adds the commands on what sessions leave for each other. */
export function topicCommands(group: Command, run: Run): void {
  const act = async (
    flags: Common,
    work: (sojourn: Sojourn, commands: typeof import("./topics.ts"), signal: AbortSignal) => Promise<ExitCode>,
  ): Promise<void> =>
    await run(() =>
      untilInterrupted((signal) =>
        onSessions(flags, async (sojourn) => await work(sojourn, await import("./topics.ts"), signal)),
      ),
    );
  common(group.command("list").description("List the topics that have messages, by their names"))
    .option("--limit <number>", "How many at most, or all", limit, 50)
    .action(async (flags: { limit: number } & Common) => {
      await act(flags, (sojourn, { listTopics }, signal) => listTopics(sojourn, { ...flags, signal }));
    });
  common(group.command("publish <topic> <content>").description("Add a message to a topic; - is standard input"))
    .option("--text", "The content is text, also where it could be JSON")
    .option("--session <id>", "The open session that it is from")
    .addHelpText(
      "after",
      "\nWhat is JSON is taken as that, and anything else as text:\n" +
        `  sojourn topics publish findings '{"claim": "Bees see ultraviolet"}'\n` +
        "  sojourn topics publish findings 'Bees see ultraviolet' --session researcher",
    )
    .action(async (topic: string, content: string, flags: { text?: boolean; session?: string } & Common) => {
      await act(flags, async (sojourn, { publishMessage }, signal) =>
        publishMessage(sojourn, topic, await contentOf(content, flags), { ...flags, signal }),
      );
    });
  reading(group.command("read <topic>").description("Print the messages that there are, oldest first"))
    .option("--limit <number>", "How many at most, or all", limit, 50)
    .addHelpText(
      "after",
      "\nA subscriber gets again what it has not acknowledged. To deal with ten and say so:\n" +
        "  sojourn topics read findings --subscriber writer --limit 10 --ack",
    )
    .action(async (topic: string, flags: ReadFlags & { limit: number }, command: Command) => {
      assertAcknowledges(flags, command);
      await act(flags, (sojourn, { readMessages }, signal) => readMessages(sojourn, topic, { ...flags, signal }));
    });
  reading(group.command("follow <topic>").description("Print messages, and then what is published, until Ctrl+C"))
    .addOption(new Option("--begin <where>", "Where a subscriber begins that is not known").choices(["first", "next"]))
    .option("--limit <number>", "Stop after so many", limit)
    .action(
      async (topic: string, flags: ReadFlags & { begin?: "first" | "next"; limit?: number }, command: Command) => {
        assertAcknowledges(flags, command);
        if (flags.begin !== undefined && flags.subscriber === undefined)
          command.error("error: --begin is of a --subscriber");
        if (flags.begin !== undefined && flags.after !== undefined)
          command.error("error: --begin and --after name two places");
        await act(flags, (sojourn, { followMessages }, signal) => followMessages(sojourn, topic, { ...flags, signal }));
      },
    );
  common(group.command("subscribers <topic>").description("List who reads a topic, and how far, by their names"))
    .option("--limit <number>", "How many at most, or all", limit, 50)
    .action(async (topic: string, flags: { limit: number } & Common) => {
      await act(flags, (sojourn, { listSubscribers }, signal) => listSubscribers(sojourn, topic, { ...flags, signal }));
    });
  common(
    group
      .command("ack <topic> <subscriber> <seq>")
      .description("Say that a subscriber has dealt with all messages up to one"),
  ).action(async (topic: string, subscriber: string, seq: string, flags: Common, command: Command) => {
    if (!/^\d{1,15}$/.test(seq)) command.error("error: <seq> must be the number of a message");
    await act(flags, (sojourn, { moveSubscriber }, signal) =>
      moveSubscriber(sojourn, [topic, subscriber], { ...flags, through: Number(seq), signal }),
    );
  });
  common(
    group
      .command("move <topic> <subscriber>")
      .description("Have a subscriber go on after a message, also back; without one a new one begins with the next"),
  )
    .option("--after <seq>", "Go on after this message", atLeast(0))
    .action(async (topic: string, subscriber: string, flags: { after?: number } & Common) => {
      await act(flags, (sojourn, { moveSubscriber }, signal) =>
        moveSubscriber(sojourn, [topic, subscriber], { ...flags, signal }),
      );
    });
  common(
    group
      .command("unsubscribe <topic> <subscribers...>")
      .description("Forget subscribers; they would begin with the first message again"),
  ).action(async (topic: string, subscribers: readonly string[], flags: Common) => {
    await act(flags, (sojourn, { unsubscribe }, signal) =>
      unsubscribe(sojourn, topic, subscribers, { ...flags, signal }),
    );
  });
  common(group.command("delete <topics...>").description("Remove topics with their messages and subscribers")).action(
    async (topics: readonly string[], flags: Common) => {
      await act(flags, (sojourn, { deleteTopics }, signal) => deleteTopics(sojourn, topics, { ...flags, signal }));
    },
  );
}

type ReadFlags = { readonly subscriber?: string; readonly after?: number; readonly ack?: boolean } & Common;

/** Gives a command the options of those that read messages. */
function reading(command: Command): Command {
  return common(command)
    .option("--subscriber <name>", "Only what this one has not acknowledged")
    .option("--after <seq>", "Only those after this message", atLeast(0))
    .option("--ack", "Acknowledge what was printed");
}

function assertAcknowledges({ ack, subscriber }: ReadFlags, command: Command): void {
  if (ack && subscriber === undefined) command.error("error: --ack needs to know who: --subscriber NAME");
}

async function contentOf(given: string, { text: isText = false }: { readonly text?: boolean }): Promise<Json> {
  const content = given === "-" ? await (await import("node:stream/consumers")).text(process.stdin) : given;
  if (isText) return content;
  try {
    // NOTE: whatever JSON.parse returns is JSON.
    return JSON.parse(content) as Json;
  } catch {
    return content;
  }
}
