import { type Command, Option } from "commander";
import type { Moment, Quality } from "../client/index.ts";
import { AT, limit, moment } from "./arguments.ts";
import { type Common, common, type Run } from "./command-options.ts";
import { onSessions } from "./reach.ts";

const QUALITIES: readonly Quality[] = ["optimal", "degraded"];

/** Adds the commands on what apps made in sessions. */
export function objectCommands(program: Command, run: Run): void {
  common(
    program
      .command("objects <id> [object]")
      .description("List the objects that apps made in a session, oldest first, or show one with its data"),
  )
    .option("--type <type>", "Only of this type")
    .addOption(new Option("--quality <quality>", "Only these").choices(QUALITIES))
    .option("--at <moment>", AT, moment)
    .option("--limit <number>", "How many at most, or all", limit, 50)
    .addHelpText(
      "after",
      "\nWhat is made from a degraded object is degraded. To see what began with what:\n" +
        "  sojourn objects demo --quality degraded\n  sojourn lineage demo bkd_4968aa23b682962d",
    )
    .action(async (id: string, objectId: string | undefined, flags: ListFlags & Common, own: Command) => {
      const given = LISTING.find((name) => own.getOptionValueSource(name) === "cli");
      if (objectId !== undefined && given !== undefined) {
        own.error(`error: --${given} is for the list; one object is shown as it is`);
      }
      await run(() =>
        onSessions(flags, async (sojourn) => {
          const { listObjects, showObject } = await import("./objects.ts");
          if (objectId !== undefined) return await showObject(sojourn, [id, objectId], flags);
          return await listObjects(sojourn, id, flags);
        }),
      );
    });
  common(
    program.command("lineage <id> <object>").description("Show from which objects one was made, and where it degraded"),
  )
    .addHelpText(
      "after",
      '\nThe operation with which a degradation began is marked "degraded here". An object that comes again is told by its\n' +
        "id, and (above).",
    )
    .action(async (id: string, objectId: string, flags: Common) => {
      await run(() =>
        onSessions(flags, async (sojourn) =>
          (await import("./lineage.ts")).printLineage(sojourn, [id, objectId], flags),
        ),
      );
    });
}

/** What says which objects are listed. */
const LISTING = ["type", "quality", "at", "limit"] as const;

interface ListFlags {
  readonly type?: string;
  readonly quality?: Quality;
  readonly at?: Moment;
  readonly limit: number;
}
