import type { Command } from "commander";
import { cursor, limit, words } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import type { printEvents } from "./events.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

/** Adds the commands on what happens in all sessions. */
export function eventCommands(program: Command, run: Run): void {
  common(program.command("events").description("Print what happened in all sessions, oldest first"))
    .option("-f, --follow", "Stay on, and print what happens, until Ctrl+C")
    .option("--after <cursor>", "Only events behind this one; now: only what comes", cursor)
    .option("--type <type>", "Only these; again, or with commas, for more; .* for all that begin so", words)
    .option("--limit <number>", "How many at most, or all (default: 50, and all with --follow)", limit)
    .addHelpText(
      "after",
      "\nThe first column is the cursor, to go on from. What was erased has no events.\n" +
        "  sojourn events --follow --after now --type session.created,session.artifact.*",
    )
    .action(async ({ type, limit: most, ...flags }: EventFlags & Common) => {
      const { follow = false } = flags;
      // NOTE: what is no name of an event is refused by name.
      const types = type as Parameters<typeof printEvents>[1]["types"];
      const query = { ...flags, types, limit: most ?? (follow ? Number.POSITIVE_INFINITY : 50) };
      await run(() =>
        untilInterrupted((signal) =>
          onSessions(flags, async (sojourn) =>
            (await import("./events.ts")).printEvents(sojourn, { ...query, signal }),
          ),
        ),
      );
    });
}

interface EventFlags {
  readonly follow?: boolean;
  readonly after?: string;
  readonly type?: readonly string[];
  readonly limit?: number;
}
