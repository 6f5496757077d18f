import { type Command, InvalidArgumentError } from "commander";
import { atLeast, durationMs, words } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

/** Adds the command that runs scripts. */
export function scriptCommands(program: Command, run: Run): void {
  common(program.command("run <file> [args...]").description("Run a script in Lua (.lua) or TypeScript (.ts)"), {
    json: false,
  })
    .option("-s, --session <id>", "The current session that it begins with")
    .option("--timeout <duration>", "How long it may run, at most 24d: 90s, 5m (default 5m)", durationMs)
    .option("--memory <MiB>", "How much memory it may take, 32 to 2048 (default 256)", atLeast(1))
    .option("--files <directories>", "Directories, separated by commas, below which it may read files", words)
    .option("--allow-host <hosts>", "Hosts, separated by commas, that it may call by HTTP", hosts)
    .addHelpText(
      "after",
      "\nWhat begins with a dash is for the script behind --, as in: sojourn run report.lua -- --year 2026.\n" +
        "It ends with 1 where the script fails or runs for too long, with 4 or 5 where it fails since a key is missing or\n" +
        "nobody answers, and as the script says by os.exit or exit. What it prints goes to standard output as it is.",
    )
    .action(async (file: string, args: readonly string[], flags: ScriptFlags & Common) => {
      const {
        timeout: timeoutMs,
        memory: memoryMiB,
        files: fileRoots,
        allowHost: httpHosts,
        session,
        ...reach
      } = flags;
      await run(() =>
        untilInterrupted(async (signal) => {
          const { runScriptFile } = await import("./scripts.ts");
          const needed = { mayBegin: true, needsModel: true, needsRules: true, needsApps: true, mayBeConfigured: true };
          const options = { file, args, session, timeoutMs, memoryMiB, fileRoots, httpHosts, signal };
          return await onSessions({ ...reach, ...needed }, (sojourn) => runScriptFile(sojourn, options));
        }),
      );
    });
}

interface ScriptFlags {
  readonly session?: string;
  readonly timeout?: number;
  readonly memory?: number;
  readonly files?: readonly string[];
  readonly allowHost?: readonly string[];
}

function hosts(text: string, before?: readonly string[]): readonly string[] {
  const named = words(text, before);
  // A scheme or a path would never match, and seem to allow something.
  const wrong = named.find((host) => URL.parse(`http://${host}`)?.host !== host);
  if (wrong === undefined) return named;
  throw new InvalidArgumentError(
    "It must be names of hosts, with a port where that is not the usual: api.example.com:8443.",
  );
}
