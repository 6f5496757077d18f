import { type Command, Option } from "commander";
import type { JsonObject, Moment, ReplayMode } from "../client/index.ts";
import type { FinalStatus } from "../engine/session.ts";
import { AT, atLeast, bytes, durationMs, jsonObject, moment } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { untilInterrupted } from "./interrupt.ts";
import { onSessions } from "./reach.ts";

const MODES: readonly ReplayMode[] = ["verify", "recorded", "execute"];

const FINAL: readonly FinalStatus[] = ["completed", "failed", "expired"];

/** Adds the commands on what sessions were, and on what may be made of it. */
export function historyCommands(program: Command, run: Run): void {
  common(program.command("checkpoint <id> <name>").description("Give a name to what a session is now"))
    .option("--with <json>", "A JSON object to keep with it", jsonObject)
    .action(async (id: string, name: string, { with: data, ...flags }: { with?: JsonObject } & Common) => {
      await run(() =>
        onSessions(flags, async (sojourn) =>
          (await import("./history.ts")).makeCheckpoint(sojourn, id, { ...flags, name, data }),
        ),
      );
    });
  common(program.command("checkpoints <id>").description("List the checkpoints of a session, oldest first")).action(
    async (id: string, flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./history.ts")).listCheckpoints(sojourn, id, flags)),
      ),
  );
  common(program.command("fork <id>").description("Begin a session with the history of another, which stays as it is"))
    .option("--at <moment>", AT, moment)
    .option("--id <id>", "The id of the fork (default: a new one)")
    .option("--name <name>", "The name of the fork (default: as it was)")
    .action(async (id: string, { id: sessionId, ...flags }: ForkFlags & Common) => {
      await run(() =>
        onSessions(flags, async (sojourn) =>
          (await import("./history.ts")).forkSession(sojourn, id, { ...flags, sessionId }),
        ),
      );
    });
  common(program.command("diff <a> <b>").description("Tell where two sessions part, and how they differ")).action(
    async (a: string, b: string, flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./history.ts")).printDiff(sojourn, [a, b], flags)),
      ),
  );
  common(program.command("tree <id>").description("Show a session with its children, and theirs")).action(
    async (id: string, flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./history.ts")).printTree(sojourn, id, flags)),
      ),
  );
  replay(program, run);
  bundleCommands(program, run);
  cleanup(program, run);
}

function replay(program: Command, run: Run): void {
  common(program.command("replay <id>").description("Go through a session again, and tell what comes out otherwise"))
    .addOption(
      new Option(
        "--mode <mode>",
        "verify folds the log; recorded decides each call anew, on what was recorded; execute makes the calls in a fork",
      )
        .choices(MODES)
        .makeOptionMandatory(),
    )
    .option("--from <seq>", "The first operation (default: the first of all)", atLeast(1))
    .option("--to <seq>", "The last operation (default: the last of all)", atLeast(1))
    .option("--stop-on-error", "Stop at the first that differs or fails")
    .option("--timeout <duration>", "After how long to stop: 90s, 30m (default 300s)", durationMs)
    .action(async (id: string, { timeout: timeoutMs, ...flags }: ReplayFlags & Common) => {
      const isExecuted = flags.mode === "execute";
      await run(() =>
        untilInterrupted((signal) =>
          onSessions({ ...flags, needsModel: isExecuted, needsApps: isExecuted, needsRules: true }, async (sojourn) =>
            (await import("./history.ts")).replaySession(sojourn, id, { ...flags, timeoutMs, signal }),
          ),
        ),
      );
    });
}

function bundleCommands(program: Command, run: Run): void {
  common(program.command("export <id>").description("Write a session with all that it holds into one file"))
    .option("-o, --output <file>", "Save it there, once it was checked (default: to standard output)")
    .action(async (id: string, flags: { output?: string } & Common) => {
      await run(() =>
        untilInterrupted((signal) =>
          onSessions(flags, async (sojourn) =>
            (await import("./bundles.ts")).exportSession(sojourn, id, { ...flags, signal }),
          ),
        ),
      );
    });
  common(program.command("import <file>").description("Bring in a session from an export; - is standard input"))
    .option("--head <hash>", "A head that you kept: it must be part of the log")
    .option("--id <id>", "Bring it in as a fork of itself, under this id")
    .action(async (file: string, { id: sessionId, ...flags }: { id?: string; head?: string } & Common) => {
      await run(() =>
        untilInterrupted(async (signal) => {
          // First of all: no store is begun for a file that is not there.
          using source = await (await import("./source-file.ts")).openSource(file, signal);
          return await onSessions({ ...flags, mayBegin: true, needsRules: true }, async (sojourn) =>
            (await import("./bundles.ts")).importSession(sojourn, source, { ...flags, sessionId, signal }),
          );
        }),
      );
    });
}

function cleanup(program: Command, run: Run): void {
  common(program.command("cleanup").description("Remove sessions that have ended, with all that they hold"))
    .option("--older-than <duration>", "Those that ended longer ago: 12h, 90d", durationMs)
    .addOption(new Option("--status <status...>", "Only these (default: all that have ended)").choices(FINAL))
    .option("--keep-latest <number>", "So many of those that ended last stay, whatever else is said", atLeast(0))
    .option("--max-sessions <number>", "No more than this stay; those that ended first go", atLeast(0))
    .option("--max-artifact-bytes <bytes>", "No more than this in artifacts stays: 500MiB, 10GiB", bytes)
    .option("--dry-run", "Only tell which they are")
    .option("--config <file>", "Configuration file to take the policy from, instead of sojourn.toml")
    .addHelpText(
      "after",
      "\nWithout options it goes by the configured policy, as a server would: SOJOURN_RETENTION_DAYS and the like, or\n" +
        "sojourn.toml. To expire sessions that are idle, see: sojourn sessions cleanup",
    )
    .action(async ({ config, ...flags }: CleanupFlags & Common, own: Command) => {
      const { olderThan: olderThanMs, status: statuses, keepLatest, maxSessions, maxArtifactBytes, ...rest } = flags;
      const given = { olderThanMs, statuses, keepLatest, maxSessions, maxArtifactBytes };
      const isGiven = Object.values(given).some((value) => value !== undefined);
      if (isGiven && config !== undefined) own.error("error: --config is for the configured policy alone");
      const bounds = [olderThanMs, maxSessions, maxArtifactBytes];
      if (isGiven && bounds.every((bound) => bound === undefined)) {
        own.error("error: say what is to go: --older-than (0 for all), --max-sessions or --max-artifact-bytes");
      }
      await run(async () => {
        const { configuredPolicy, prune } = await import("./prune.ts");
        const policy = isGiven ? given : configuredPolicy(config);
        return await onSessions(rest, async (sojourn) => prune(sojourn, policy, rest));
      });
    });
}

interface ForkFlags {
  readonly at?: Moment;
  readonly id?: string;
  readonly name?: string;
}

interface ReplayFlags {
  readonly mode: ReplayMode;
  readonly from?: number;
  readonly to?: number;
  readonly stopOnError?: boolean;
  readonly timeout?: number;
}

interface CleanupFlags {
  readonly olderThan?: number;
  readonly status?: readonly FinalStatus[];
  readonly keepLatest?: number;
  readonly maxSessions?: number;
  readonly maxArtifactBytes?: number;
  readonly dryRun?: boolean;
  readonly config?: string;
}
