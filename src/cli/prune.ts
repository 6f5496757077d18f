import type { PrunePolicy, Sojourn } from "../client/index.ts";
import { retentionOf } from "../config/retention.ts";
import { SojournError } from "../engine/errors.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, printJson, size } from "./print.ts";
import { configuration } from "./reach.ts";
import { wirePruned } from "./wire-history.ts";

const DAY_MS = 86_400_000;

/** `sojourn cleanup`. */
export async function prune(
  sojourn: Sojourn,
  policy: PrunePolicy,
  { dryRun = false, json }: { readonly dryRun?: boolean; readonly json?: boolean },
): Promise<ExitCode> {
  const pruned = await sojourn.sessions.prune({ ...policy, dryRun });
  if (json) {
    printJson({ ...wirePruned(pruned), dry_run: dryRun });
    return EXIT.ok;
  }
  for (const id of pruned.sessionIds) console.log(id);
  const more = pruned.deleted - pruned.sessionIds.length;
  if (more > 0) console.log(`… and ${more} more`);
  const held = pruned.artifactBytes === 0 ? "" : `, with ${size(pruned.artifactBytes)} of artifacts`;
  console.log(`${count(pruned.deleted, "session")} ${dryRun ? "would be removed" : "removed"}${held}`);
  return EXIT.ok;
}

/**
 * The policy of retention that a server would have here.
 *
 * @param file  the configuration file, where it is not `sojourn.toml`
 * @throws {SojournError} `invalid` where there is none, or the configuration is not valid
 */
export function configuredPolicy(file: string | undefined): PrunePolicy {
  const configured = retentionOf(configuration(file));
  if (configured === undefined) {
    throw new SojournError("invalid", {
      message:
        "There is nothing to go by: give --older-than, --max-sessions or --max-artifact-bytes, or configure a policy of " +
        "retention, such as SOJOURN_RETENTION_DAYS",
    });
  }
  const { days, ...policy } = configured;
  return { ...policy, olderThanMs: days === undefined ? undefined : days * DAY_MS };
}
