import type { Command } from "commander";
import { atLeast } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

/** Adds the commands that read logs. */
export function logCommands(program: Command, run: Run): void {
  common(program.command("log <id>").description("Print a session's log, oldest first"))
    .option("-f, --follow", "Stay on, and print what is appended, until Ctrl+C")
    .option("--after <seq>", "Only operations after this one", atLeast(0), 0)
    .action(async (id: string, flags: { follow?: boolean; after: number } & Common) => {
      await run(() =>
        untilInterrupted((signal) =>
          onSessions(flags, async (sojourn) =>
            (await import("./sessions.ts")).printLog(sojourn, id, { ...flags, signal }),
          ),
        ),
      );
    });
  common(program.command("verify [ids...]").description("Check that sessions are as they were written"))
    .option("--all", "All sessions")
    .option("--head <hash>", "A head that you kept: it must be part of the log; for one session")
    .action(async (ids: readonly string[], flags: { all?: boolean; head?: string } & Common, command: Command) => {
      if (flags.all ? ids.length > 0 || flags.head !== undefined : ids.length === 0) {
        command.error("error: name sessions, or give --all and nothing else");
      }
      if (flags.head !== undefined && ids.length > 1) command.error("error: --head is for one session");
      await run(() =>
        untilInterrupted((signal) =>
          onSessions(flags, async (sojourn) => {
            const { verifyAll, verifySessions } = await import("./verify.ts");
            const options = { ...flags, signal };
            return flags.all ? await verifyAll(sojourn, options) : await verifySessions(sojourn, ids, options);
          }),
        ),
      );
    });
}
