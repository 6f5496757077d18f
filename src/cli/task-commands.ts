import { type Command, Option } from "commander";
import type { JsonObject, WhenBusy } from "../client/index.ts";
import { durationMs, jsonObject, limit } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

const WHEN_BUSY: readonly WhenBusy[] = ["enqueue", "reject", "interrupt"];

/** Adds the commands that run apps in sessions. */
export function taskCommands(program: Command, run: Run): void {
  common(program.command("run-app <app> [action]").description("Call an action of an app, in a session"))
    .option("-i, --input <json>", "What the action takes: JSON, @ and a file with it, or - for standard input")
    .option("-s, --session <id>", "The session, or new for a new one", "new")
    .option("--setup <json>", "A JSON object to set the app up with, where that was otherwise", jsonObject)
    .option("--timeout <duration>", "How long it may run: 90s, 5m (default: as long as the server lets it)", durationMs)
    .option("--app-version <digest>", "The version of the app that it must be, or its beginning")
    .option("--fresh", "Leave behind what the app remembers in the session")
    .addOption(
      new Option("--when-busy <policy>", "Where others run in the session: wait, be refused, or cancel them")
        .choices(WHEN_BUSY)
        .default("enqueue"),
    )
    .addHelpText(
      "after",
      "\nThe output goes to standard output, as JSON; what the app tells meanwhile to standard error. With --json every event is\n" +
        "a line of standard output. Ctrl+C cancels the task, and waits for its end; again leaves it to itself.",
    )
    .action(async (app: string, action: string | undefined, flags: RunFlags & Common) => {
      const { timeout: timeoutMs, appVersion: version, ...rest } = flags;
      await run(() =>
        untilInterrupted(async (signal) => {
          const { readInput, runApp } = await import("./tasks.ts");
          const input = await readInput(flags.input, signal);
          return await onSessions({ ...rest, needsModel: true, needsRules: true, needsApps: true }, async (sojourn) =>
            runApp(sojourn, { app, action, input }, { ...rest, timeoutMs, version, signal }),
          );
        }),
      );
    });
  const group = program.command("tasks").description("List, show and cancel what sessions do by apps");
  common(group.command("list <id>").description("List the tasks of a session, the newest first"))
    .option("--open", "Only those that have not finished")
    .option("--limit <number>", "How many at most, or all", limit, 50)
    .action(async (id: string, flags: { open?: boolean; limit: number } & Common) => {
      await run(() => onSessions(flags, async (sojourn) => (await import("./tasks.ts")).listTasks(sojourn, id, flags)));
    });
  common(group.command("show <id> <task>").description("Show a task of a session, with its output")).action(
    async (id: string, task: string, flags: Common) => {
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./tasks.ts")).showTask(sojourn, [id, task], flags)),
      );
    },
  );
  common(group.command("cancel <id> <task>").description("Cancel a task of a session, and wait for its end")).action(
    async (id: string, task: string, flags: Common) => {
      await run(() =>
        untilInterrupted((signal) =>
          onSessions(flags, async (sojourn) =>
            (await import("./tasks.ts")).cancelTask(sojourn, [id, task], { ...flags, signal }),
          ),
        ),
      );
    },
  );
}

interface RunFlags {
  readonly input?: string;
  readonly session: string;
  readonly setup?: JsonObject;
  readonly timeout?: number;
  readonly appVersion?: string;
  readonly fresh?: boolean;
  readonly whenBusy: WhenBusy;
}
