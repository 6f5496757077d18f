import type { Config } from "./config.ts";
import { wordsOf } from "./decode.ts";

/** Which ended sessions a server removes by itself; see the options of the same names. */
export interface ConfiguredRetention {
  readonly days?: number;
  readonly statuses: readonly ("completed" | "failed" | "expired")[];
  readonly keepLatest: number;
  readonly maxSessions?: number;
  readonly maxArtifactBytes?: number;
}

/** What is configured of retention; `undefined` where no bound is set, and nothing goes by itself. */
export function retentionOf(
  config: Pick<
    Config,
    "retentionDays" | "retentionStatuses" | "retentionKeepLatest" | "retentionMaxSessions" | "retentionMaxArtifactBytes"
  >,
): ConfiguredRetention | undefined {
  const { retentionDays: days, retentionMaxSessions: maxSessions } = config;
  const { retentionMaxArtifactBytes: maxArtifactBytes } = config;
  if (days === undefined && maxSessions === undefined && maxArtifactBytes === undefined) return undefined;
  return {
    ...(days !== undefined && { days }),
    // NOTE: the table of options has no other words.
    statuses: wordsOf(config.retentionStatuses) as ConfiguredRetention["statuses"],
    keepLatest: config.retentionKeepLatest,
    ...(maxSessions !== undefined && { maxSessions }),
    ...(maxArtifactBytes !== undefined && { maxArtifactBytes }),
  };
}
