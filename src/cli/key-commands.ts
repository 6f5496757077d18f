import type { Command } from "commander";
import { date, durationMs, words } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { onSessions } from "./reach.ts";

const SCOPES = ["sessions:read", "sessions:write", "apps:read", "apps:execute", "admin"];

/** Adds the commands on API keys. */
export function keyCommands(group: Command, run: Run): void {
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

interface NewKeyFlags {
  readonly name?: string;
  readonly scopes?: readonly ("sessions:read" | "sessions:write" | "apps:read" | "apps:execute" | "admin")[];
  readonly expiresIn?: number;
  readonly expiresAt?: Date;
}
