import type { Command } from "commander";
import type { ExitCode } from "./exit.ts";
import type { Reach } from "./reach.ts";

/** Runs a command. The modules that do its work are loaded only then, so that help and a wrong call answer at once. */
export type Run = (work: () => Promise<ExitCode>) => Promise<void>;

/** Options that every command on sessions takes. */
export type Common = Reach & { readonly json?: boolean };

/** Gives a command the options that every command on sessions takes. */
export function common(
  command: Command,
  { tenant = true, json = true }: { readonly tenant?: boolean; readonly json?: boolean } = {},
): Command {
  command
    .option("--url <url>", "The server (default http://127.0.0.1:7070; env SOJOURN_URL)")
    .option("--data <directory>", "The data of a server that is not running, instead of --url");
  if (tenant) command.option("--tenant <name>", "Whose sessions, with --data");
  if (json) command.option("--json", "Print JSON, for programs");
  return command;
}
