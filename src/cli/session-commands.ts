import { type Command, Option } from "commander";
import type { JsonObject, Moment } from "../client/index.ts";
import {
  AT,
  date,
  durationMs,
  durationOrNever,
  jsonObject,
  LIMITS,
  limit,
  limitsObject,
  moment,
  words,
} from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { onSessions } from "./reach.ts";

const STATUSES = ["active", "suspended", "completed", "failed", "expired"];

const MOVES = [
  ["suspend", "Pause sessions, until they are resumed"],
  ["resume", "Take up sessions that were suspended"],
  ["keepalive", "Use sessions, so that they do not expire"],
] as const;

/** Adds the commands on sessions as a whole. */
export function sessionCommands(group: Command, run: Run): void {
  common(group.command("create [id]").description("Begin a session; left out, an id is made"))
    .option("--template <name>", "With the defaults of this template")
    .option("--user <id>", "Whose it is")
    .option("--name <text>", "What it is called")
    .option("--description <text>", "What it is for")
    .option("--tag <tag>", "A tag; again, or with commas, for more", words)
    .option("--metadata <json>", "A JSON object", jsonObject)
    .option("--parent <id>", "As a child of this session")
    .option("--idle-timeout <duration>", "After how long without use it expires: 30m, 2h, or never", durationOrNever)
    .option("--max-lifetime <duration>", "How long it lasts at most: 12h, 7d", durationMs)
    .option("--limits <json>", LIMITS, limitsObject)
    .option("--app <name>", "An app that it may run, and no others; again, or with commas, for more", words)
    .addOption(new Option("--if-exists <what>", "Where an open one is called so").choices(["error", "return"]))
    .action(async (sessionId: string | undefined, flags: CreateFlags & Common) => {
      const { url, data, tenant, json, user, tag, parent, app, idleTimeout, maxLifetime, ...rest } = flags;
      const of = { userId: user, tags: tag, parentSessionId: parent, apps: app };
      const idleTimeoutMs = idleTimeout === "never" ? null : idleTimeout;
      const wanted = { ...rest, ...of, sessionId, idleTimeoutMs, maxLifetimeMs: maxLifetime };
      const reach = { url, data, tenant, mayBegin: true, needsRules: true };
      await run(() =>
        onSessions(reach, async (sojourn) =>
          (await import("./sessions.ts")).createSession(sojourn, wanted, { json: json ?? false }),
        ),
      );
    });
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
  common(group.command("show <id>").description("Show a session, by its id or uid"))
    .option("--at <moment>", AT, moment)
    .action(async (id: string, flags: { at?: Moment } & Common) => {
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./sessions.ts")).showSession(sojourn, id, flags)),
      );
    });
  common(group.command("update <id>").description("Change what is said of a session; what is left out stays"))
    .option("--name <text>", "What it is called; empty for none")
    .option("--description <text>", "What it is for; empty for none")
    .option("--tag <tag>", "A tag, in place of all that it has; again, or with commas, for more", words)
    .option("--metadata <json>", "Members to change; null removes one", jsonObject)
    .option("--idle-timeout <duration>", "After how long without use it expires: 30m, 2h, or never", durationOrNever)
    .option("--limits <json>", "Limits to change, by their measures; null removes those of one", limitsObject)
    .option("--app <name>", "An app that it may run, in place of all; again, or with commas, for more", words)
    .action(async (id: string, flags: UpdateFlags & Common) => {
      const { url, data, tenant, json, name, description, tag, idleTimeout, app, ...rest } = flags;
      const patch = {
        ...rest,
        name: name === "" ? null : name,
        description: description === "" ? null : description,
        tags: tag,
        apps: app,
        idleTimeoutMs: idleTimeout === "never" ? null : idleTimeout,
      };
      await run(() =>
        onSessions({ url, data, tenant }, async (sojourn) =>
          (await import("./sessions.ts")).updateSession(sojourn, id, { patch, json: json ?? false }),
        ),
      );
    });
  common(group.command("end <ids...>").description("End sessions; one that has ended is left as it is"))
    .addOption(new Option("--status <status>", "How").choices(STATUSES.slice(2)).default("completed"))
    .option("--reason <text>", "Why")
    .action(async (ids: readonly string[], flags: EndFlags & Common) => {
      await run(() =>
        onSessions({ ...flags, needsRules: true }, async (sojourn) =>
          (await import("./sessions.ts")).endSessions(sojourn, ids, flags),
        ),
      );
    });
  for (const [verb, what] of MOVES) {
    const command = common(group.command(`${verb} <ids...>`).description(what));
    if (verb !== "keepalive") command.option("--reason <text>", "Why");
    command.action(async (ids: readonly string[], flags: { reason?: string } & Common) => {
      await run(() =>
        onSessions(flags, async (sojourn) =>
          (await import("./sessions.ts")).moveSessions(sojourn, ids, { ...flags, verb }),
        ),
      );
    });
  }
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

interface CreateFlags {
  readonly template?: string;
  readonly user?: string;
  readonly name?: string;
  readonly description?: string;
  readonly tag?: readonly string[];
  readonly metadata?: JsonObject;
  readonly parent?: string;
  readonly idleTimeout?: number | "never";
  readonly maxLifetime?: number;
  readonly limits?: JsonObject;
  readonly app?: readonly string[];
  readonly ifExists?: "error" | "return";
}

interface UpdateFlags
  extends Pick<CreateFlags, "name" | "description" | "tag" | "metadata" | "idleTimeout" | "limits" | "app"> {}

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
