import type { Command } from "commander";
import { words } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { onSessions, type Reach } from "./reach.ts";
import type { setWebhook } from "./webhooks.ts";

const SWITCHES = [
  ["on", true, "Bring events again, from where it was left off"],
  ["off", false, "Bring no events until they are on again"],
] as const;

/** Adds the commands on webhooks. */
export function webhookCommands(group: Command, run: Run): void {
  // Which targets are allowed is a rule.
  const reaching = (flags: Common): Reach => ({ ...flags, needsRules: true });
  common(
    group
      .command("set <name> <url>")
      .description("Have events brought to an address, from now on; a known one is set anew"),
  )
    .option("--type <type>", "Only these events; again, or with commas, for more; .* for all that begin so", words)
    .option("--off", "Bring nothing yet")
    .addHelpText(
      "after",
      "\nThe secret that requests are signed with is printed this once; rotate makes another.\n" +
        "  sojourn webhooks set archive https://hooks.example.com/sojourn --type session.completed",
    )
    .action(async (name: string, url: string, { type, off = false, ...flags }: SetFlags & Common) => {
      // NOTE: what is no name of an event is refused by name.
      const types = type as Parameters<typeof setWebhook>[2]["wanted"]["types"];
      const wanted = { url, types, active: !off };
      await run(() =>
        onSessions(reaching(flags), async (sojourn) =>
          (await import("./webhooks.ts")).setWebhook(sojourn, name, { ...flags, wanted }),
        ),
      );
    });
  common(group.command("show <name>").description("Show a webhook, and how far it has come")).action(
    async (name: string, flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./webhooks.ts")).showWebhook(sojourn, name, flags)),
      ),
  );
  common(group.command("list").description("List webhooks, by their names")).action(
    async (flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./webhooks.ts")).listWebhooks(sojourn, flags)),
      ),
  );
  common(
    group.command("rotate <name>").description("Replace the secret of a webhook; the old one signs for another day"),
  ).action(
    async (name: string, flags: Common) =>
      await run(() =>
        onSessions(reaching(flags), async (sojourn) =>
          (await import("./webhooks.ts")).rotateSecret(sojourn, name, flags),
        ),
      ),
  );
  for (const [verb, active, what] of SWITCHES) {
    common(group.command(`${verb} <names...>`).description(what)).action(
      async (names: readonly string[], flags: Common) =>
        await run(() =>
          onSessions(reaching(flags), async (sojourn) =>
            (await import("./webhooks.ts")).switchWebhooks(sojourn, names, { ...flags, active }),
          ),
        ),
    );
  }
  common(group.command("remove <names...>").description("Bring nothing there any more")).action(
    async (names: readonly string[], flags: Common) =>
      await run(() =>
        onSessions(flags, async (sojourn) => (await import("./webhooks.ts")).removeWebhooks(sojourn, names, flags)),
      ),
  );
}

interface SetFlags {
  readonly type?: readonly string[];
  readonly off?: boolean;
}
