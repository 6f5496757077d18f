import type { Command } from "commander";
import { type Common, common, type Run } from "./command-options.ts";
import { onSessions } from "./reach.ts";

/** Adds the commands on apps. */
export function appCommands(group: Command, run: Run): void {
  common(
    group.command("list").description("List the apps that sessions can run; the action with a star is the default"),
    { tenant: false },
  ).action(async (flags: Common) => {
    await run(() =>
      onSessions({ ...flags, needsApps: true }, async (sojourn) =>
        (await import("./apps.ts")).listApps(sojourn, flags),
      ),
    );
  });
  group
    .command("check [paths...]")
    .description("Load apps in sandboxed workers, and tell what they declare, ask for, and what is wrong with them")
    .option("--json", "Print JSON, for programs")
    .addHelpText(
      "after",
      "\nA path is the folder of an app, its one file, or a folder of apps; a package of apps goes by its name. Default: the\n" +
        "working directory.",
    )
    .action(async (paths: readonly string[], flags: { json?: true }) => {
      await run(async () => (await import("./apps.ts")).checkTheApps(paths, flags));
    });
  group
    .command("new <name>")
    .description("Write an app to begin with, which runs as it is")
    .option("--dir <directory>", "Where to; it must be missing or empty (default: a folder that is called as the app)")
    .option("--js", "In JavaScript, and not in TypeScript")
    .option("--json", "Print JSON, for programs")
    .action(async (name: string, flags: { dir?: string; js?: true; json?: true }) => {
      await run(async () => (await import("./apps.ts")).newApp(name, flags));
    });
}
