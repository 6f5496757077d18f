import tab from "@bomb.sh/tab/commander";
import { Command, Option } from "commander";
import { flagOf, helpOf, isSecret, NAMED_OPTIONS, placeholderOf, variableOf } from "../config/options.ts";
import { atLeast, date, durationMs, limit, words } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { memoryCommands } from "./memory-commands.ts";
import { onSessions } from "./reach.ts";

const STATUSES = ["active", "suspended", "completed", "failed", "expired"];
const SCOPES = ["sessions:read", "sessions:write", "apps:read", "apps:execute", "admin"];

/** What can be called, and how. */
export function buildProgram(version: string, run: Run): Command {
  const program = new Command("sojourn")
    .description("The session server for AI agents and stateful workflows")
    .version(version, "-V, --version", "Print the version")
    .helpOption("-h, --help", "Print this help")
    .exitOverride()
    .showHelpAfterError("Run with --help to see what is possible")
    .addHelpText(
      "after",
      `
Commands on sessions talk to a running server: the one at --url or SOJOURN_URL, with the key in SOJOURN_API_KEY. With
--data they open the store of a server that is not running, and need no key.

It ends with 0 when all went well, 1 when something failed or is not whole, 2 when it was called wrongly, 3 when something
was not found, 4 when a key is missing or not enough, 5 when nobody answers.`,
    );
  serve(program, run);
  memoryCommands(program, run);
  sessions(program.command("sessions").description("List, show, end, delete and clean up sessions"), run);
  log(program, run);
  keys(program.command("keys").description("Make, list, revoke and disable API keys"), run);
  safety(program, run);
  tab(program);
  return program;
}

function serve(program: Command, run: Run): void {
  const command = withServerOptions(program.command("serve").description("Start the server; Ctrl+C stops it"));
  command.action(
    async (flags: Flags) => await run(async () => (await import("./serve.ts")).serveCommand(named(flags))),
  );
}

function sessions(group: Command, run: Run): void {
  common(group.command("list").description("List sessions, the newest first"))
    .addOption(new Option("--status <status>", "Only these").choices(STATUSES))
    .option("--user <id>", "Only of this user")
    .option("--tag <tag>", "Only with this tag; again for each that must be there", words)
    .option("--parent <id>", "Only children of this session")
    .option("--search <text>", "Only those whose id, name or description has this text")
    .option("--created-after <time>", "Only those begun after it", date)
    .option("--created-before <time>", "Only those begun before it", date)
    .addOption(new Option("--sort <field>", "By what").choices(["created_at", "updated_at", "last_activity", "name"]))
    .addOption(new Option("--order <order>", "Which way").choices(["asc", "desc"]))
    .option("--limit <number>", "How many at most, or all", limit, 50)
    .action(async ({ url, data, tenant, user, tag, parent, ...flags }: ListFlags & Common) => {
      const reach = { url, data, tenant };
      const query = { ...flags, userId: user, tags: tag, parentSessionId: parent };
      await run(() =>
        onSessions(reach, async (sojourn) => (await import("./sessions.ts")).listSessions(sojourn, query)),
      );
    });
  common(group.command("show <id>").description("Show a session, by its id or uid")).action(
    async (id: string, flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./sessions.ts")).showSession(sojourn, id, flags)),
      ),
  );
  common(group.command("end <ids...>").description("End sessions; one that has ended is left as it is"))
    .addOption(new Option("--status <status>", "How").choices(STATUSES.slice(2)).default("completed"))
    .option("--reason <text>", "Why")
    .action(async (ids: readonly string[], flags: EndFlags & Common) => {
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./sessions.ts")).endSessions(sojourn, ids, flags)),
      );
    });
  common(group.command("delete <ids...>").description("Remove sessions and all that they hold")).action(
    async (ids: readonly string[], flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./sessions.ts")).deleteSessions(sojourn, ids, flags)),
      ),
  );
  common(group.command("cleanup").description("Expire sessions that were idle for long; their data stays"))
    .requiredOption("--max-idle <duration>", "For longer than this: 1800, 90s, 30m, 2h, 7d", durationMs)
    .option("--dry-run", "Only tell which they are")
    .action(async ({ maxIdle, ...flags }: { maxIdle: number; dryRun?: boolean } & Common) => {
      const query = { ...flags, maxIdleMs: maxIdle };
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./sessions.ts")).cleanUpSessions(sojourn, query)),
      );
    });
}

function log(program: Command, run: Run): void {
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
            const { verifyAll, verifySessions } = await import("./sessions.ts");
            const options = { ...flags, signal };
            return flags.all ? await verifyAll(sojourn, options) : await verifySessions(sojourn, ids, options);
          }),
        ),
      );
    });
}

function keys(group: Command, run: Run): void {
  common(group.command("create").description("Make an API key; the first one ends local mode"), { tenant: false })
    .option("--tenant <name>", "Whose sessions it opens (default: those of the key that makes it, or of the first key)")
    .option("--name <text>", "What it is for")
    .option(
      "--scopes <scopes>",
      `What it may do, with commas: ${SCOPES.join(", ")} (default: all for the key that ends local mode, then all but admin)`,
      words,
    )
    .option("--expires-in <duration>", "How long it is good: 12h, 90d", durationMs)
    .option("--expires-at <time>", "Until when it is good", date)
    .action(async ({ url, data, expiresIn, expiresAt, ...flags }: NewKeyFlags & Common, command: Command) => {
      if (expiresIn !== undefined && expiresAt !== undefined) command.error("error: give --expires-in or --expires-at");
      const until = expiresIn === undefined ? expiresAt : new Date(Date.now() + expiresIn);
      const reach = { url, data, mayBegin: true };
      const wanted = { ...flags, expiresAt: until };
      await run(() => onSessions(reach, async (sojourn) => (await import("./keys.ts")).createKey(sojourn, wanted)));
    });
  common(group.command("list").description("List API keys, oldest first"), { tenant: false })
    .option("--tenant <name>", "Only of this tenant")
    .action(async ({ url, data, ...flags }: Common) => {
      const reach = { url, data };
      await run(() => onSessions(reach, async (sojourn) => (await import("./keys.ts")).listKeys(sojourn, flags)));
    });
  common(group.command("revoke <ids...>").description("End API keys at once"), { tenant: false }).action(
    async (ids: readonly string[], flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./keys.ts")).revokeKeys(sojourn, ids, flags)),
      ),
  );
  common(group.command("disable").description("Go back to local mode, without keys"), { tenant: false }).action(
    async (flags: Common) =>
      await run(() => onSessions(flags, async (sojourn) => (await import("./keys.ts")).disableKeys(sojourn, flags))),
  );
}

function safety(program: Command, run: Run): void {
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

interface ListFlags {
  readonly user?: string;
  readonly tag?: readonly string[];
  readonly parent?: string;
  readonly limit: number;
}

interface EndFlags {
  readonly status: "completed" | "failed" | "expired";
  readonly reason?: string;
}

interface NewKeyFlags {
  readonly name?: string;
  readonly scopes?: readonly ("sessions:read" | "sessions:write" | "apps:read" | "apps:execute" | "admin")[];
  readonly expiresIn?: number;
  readonly expiresAt?: Date;
}

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
