import { readFileSync } from "node:fs";
import { enableCompileCache } from "node:module";
import { Command, CommanderError, Option } from "commander";
import { loadConfig } from "../config/config.ts";
import { flagOf, helpOf, isSecret, NAMED_OPTIONS, placeholderOf, variableOf } from "../config/options.ts";

/** How the command ended: well, by a failure at run time, or because it was called or configured wrongly. */
const EXIT = { ok: 0, failed: 1, usage: 2 } as const;

type ExitCode = (typeof EXIT)[keyof typeof EXIT];

// What is loaded from here on, and that is the server, is compiled once and not at every start.
enableCompileCache();

for (const stream of [process.stdout, process.stderr]) {
  // Whoever read our output has gone, as `head` does: no reason for a server to stop.
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

process.exitCode = await run(process.argv.slice(2));

async function run(args: readonly string[]): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  const program = new Command("sojourn")
    .description("The session server for AI agents and stateful workflows")
    .version(version(), "-V, --version", "Print the version")
    .helpOption("-h, --help", "Print this help")
    .exitOverride()
    .showHelpAfterError("Run with --help to see what is possible");
  const serve = program.command("serve").description("Start the server; Ctrl+C stops it");
  serve.addHelpText(
    "after",
    "\nEach option but --config can be set in the file sojourn.toml as well, as in: max_sessions = 100",
  );
  for (const [name, option] of NAMED_OPTIONS) {
    if (isSecret(option)) serve.addHelpText("after", `\n${variableOf(name)}: ${helpOf(name, option)}`);
    else serve.addOption(new Option(`${flagOf(name)} <${placeholderOf(option)}>`, helpOf(name, option)));
  }
  serve.action(async (flags: Readonly<Record<string, string>>) => {
    code = await serveCommand(flags);
  });

  try {
    await program.parseAsync(args, { from: "user" });
    return code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
}

async function serveCommand(flags: Readonly<Record<string, string>>): Promise<ExitCode> {
  const named = NAMED_OPTIONS.map(([name]) => [name, flags[camelOf(name)]] as const);
  const loaded = loadConfig({ flags: Object.fromEntries(named), env: process.env, cwd: process.cwd() });
  if ("faults" in loaded) {
    for (const { source, message } of loaded.faults) console.error(`${source}: ${message}`);
    return EXIT.usage;
  }
  // Loaded only now, so that --help, --version and a wrong option answer without the weight of the server.
  const { serveUntilStopped } = await import("./serve.ts");
  const stoppedInOrder = await serveUntilStopped(loaded.config);
  // All that the server had is closed; a handle that a library left open must not keep the process.
  process.exit(stoppedInOrder ? EXIT.ok : EXIT.failed);
}

/** How commander names the value of a flag. */
function camelOf(name: string): string {
  return new Option(flagOf(name)).attributeName();
}

function version(): string {
  // NOTE: our own file, two folders up in a checkout and in the package alike.
  const own = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  return own.version;
}
