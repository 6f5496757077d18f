import type { Command } from "commander";
import { atLeast } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { EXIT, type ExitCode } from "./exit.ts";
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
  common(
    program.command("verify [ids...]").description("Check that sessions, or exports of them, are as they were written"),
  )
    .option("--all", "All sessions")
    .option("--head <hash>", "A head that you kept: it must be part of the log; for one session or export")
    .addHelpText(
      "after",
      "\nA path that leads to a file is an export. It is checked without a server, and without a store.",
    )
    .action(async (words: readonly string[], flags: { all?: boolean; head?: string } & Common, command: Command) => {
      if (flags.all ? words.length > 0 || flags.head !== undefined : words.length === 0) {
        command.error("error: name sessions or exports, or give --all and nothing else");
      }
      if (flags.head !== undefined && words.length > 1) command.error("error: --head is for one session or export");
      await run(() =>
        untilInterrupted(async (signal) => {
          const options = { ...flags, signal };
          const { toVerify, verifyAll, verifySessions } = await import("./verify.ts");
          if (flags.all) return await onSessions(flags, async (sojourn) => await verifyAll(sojourn, options));
          const { files, ids } = await toVerify(words);
          const codes: ExitCode[] = [];
          if (files.length > 0) codes.push(await (await import("./bundles.ts")).verifyFiles(files, options));
          if (ids.length > 0) {
            codes.push(await onSessions(flags, async (sojourn) => await verifySessions(sojourn, ids, options)));
          }
          return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
        }),
      );
    });
}
