import type { Command } from "commander";
import type { JsonObject } from "../client/index.ts";
import { durationMs, durationOrNever, jsonObject, LIMITS, limitsObject, words } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { onSessions } from "./reach.ts";

/** Adds the commands on templates. */
export function templateCommands(group: Command, run: Run): void {
  common(group.command("set <name>").description("Set a template, whole; sessions that began with it stay as they are"))
    .option("--name-prefix <text>", "What the names of its sessions begin with")
    .option("--tag <tag>", "A tag; again, or with commas, for more", words)
    .option("--metadata <json>", "A JSON object", jsonObject)
    .option("--idle-timeout <duration>", "After how long without use they expire: 30m, 2h, or never", durationOrNever)
    .option("--max-lifetime <duration>", "How long they last at most: 12h, 7d", durationMs)
    .option("--limits <json>", LIMITS, limitsObject)
    .option("--app <name>", "An app that they may run, and no others; again, or with commas, for more", words)
    .addHelpText(
      "after",
      "\nWhat is left out is as without a template. To begin a session with it:\n" +
        "  sojourn templates set research --tag research --idle-timeout 2h\n  sojourn sessions create --template research",
    )
    .action(async (name: string, { namePrefix, tag, metadata, ...flags }: SetFlags & Common) => {
      const { idleTimeout, maxLifetime: maxLifetimeMs, limits, app: apps, ...rest } = flags;
      const idleTimeoutMs = idleTimeout === "never" ? null : idleTimeout;
      const wanted = { namePrefix, tags: tag, metadata, idleTimeoutMs, maxLifetimeMs, limits, apps };
      await run(() =>
        onSessions(rest, async (sojourn) =>
          (await import("./templates.ts")).setTemplate(sojourn, name, { ...rest, wanted }),
        ),
      );
    });
  common(group.command("show <name>").description("Show the defaults that a template has")).action(
    async (name: string, flags: Common) =>
      await run(() =>
        onSessions({ ...flags, needsRules: true }, async (sojourn) =>
          (await import("./templates.ts")).showTemplate(sojourn, name, flags),
        ),
      ),
  );
  common(group.command("list").description("List templates, by their names")).action(
    async (flags: Common) =>
      await run(() =>
        onSessions({ ...flags, needsRules: true }, async (sojourn) =>
          (await import("./templates.ts")).listTemplates(sojourn, flags),
        ),
      ),
  );
  common(
    group.command("remove <names...>").description("Remove templates; the operator's own are in the configuration"),
  ).action(
    async (names: readonly string[], flags: Common) =>
      await run(() =>
        onSessions({ ...flags, needsRules: true }, async (sojourn) =>
          (await import("./templates.ts")).removeTemplates(sojourn, names, flags),
        ),
      ),
  );
}

interface SetFlags {
  readonly namePrefix?: string;
  readonly tag?: readonly string[];
  readonly metadata?: JsonObject;
  readonly idleTimeout?: number | "never";
  readonly maxLifetime?: number;
  readonly limits?: JsonObject;
  readonly app?: readonly string[];
}
