import { type Command, Option } from "commander";
import { flagOf, helpOf, isSecret, NAMED_OPTIONS, placeholderOf, variableOf } from "../config/options.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

/** Adds the command that is the server. */
export function serveCommands(program: Command, run: Run): void {
  const command = withServerOptions(program.command("serve").description("Start the server; Ctrl+C stops it"));
  command.action(
    async (flags: Flags) => await run(async () => (await import("./serve.ts")).serveCommand(named(flags))),
  );
}

/** Adds the commands that keep a server, and what it holds, in order. */
export function safetyCommands(program: Command, run: Run): void {
  common(program.command("backup <file>").description("Write everything into one file, while the server runs"), {
    tenant: false,
  }).action(async (file: string, flags: Common) => {
    await run(() =>
      untilInterrupted((signal) =>
        onSessions(flags, async (sojourn) => (await import("./backup.ts")).backUp(sojourn, file, { ...flags, signal })),
      ),
    );
  });
  program
    .command("restore <file>")
    .description("Check a backup, and restore it into a fresh data directory")
    .option("--data <directory>", "Where to; it must be missing or empty", "./data")
    .option("--check", "Only check it, and tell what it holds")
    .option("--json", "Print JSON, for programs")
    .action(async (file: string, flags: { data: string; check?: boolean; json?: boolean }) => {
      await run(() =>
        untilInterrupted(async (signal) => (await import("./backup.ts")).restoreBackup(file, { ...flags, signal })),
      );
    });
  const doctor = program
    .command("doctor")
    .description("Tell what is wrong with this machine, this store, this configuration, and what to do")
    .option("--thorough", "Check the whole database file, however long that takes")
    .option("--json", "Print JSON, for programs");
  withServerOptions(doctor).action(async (flags: Flags & { thorough?: true; json?: true }) => {
    await run(async () => (await import("./doctor.ts")).doctorCommand(named(flags), flags));
  });
}

type Flags = Readonly<Record<string, string | boolean>>;

function withServerOptions(command: Command): Command {
  command.addHelpText(
    "after",
    "\nEach option but --config can be set in the file sojourn.toml as well, as in: max_sessions = 100",
  );
  for (const [name, option] of NAMED_OPTIONS) {
    if (isSecret(option)) command.addHelpText("after", `\n${variableOf(name)}: ${helpOf(name, option)}`);
    else command.addOption(new Option(`${flagOf(name)} <${placeholderOf(option)}>`, helpOf(name, option)));
  }
  return command;
}

/** The flags by the names of their options. */
function named(flags: Flags): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    NAMED_OPTIONS.map(([name]) => [name, flags[new Option(flagOf(name)).attributeName()]?.toString()]),
  );
}
