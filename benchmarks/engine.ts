import { OPTIONS } from "../src/config/options.ts";
import { type Engine, type EngineConfig, type EngineParts, openEngine } from "../src/platform/open-engine.ts";

/** Where an engine keeps its sessions, and what of it is not as a server has it by default. */
export interface BenchmarkEngine extends Partial<Omit<EngineConfig, "data">> {
  readonly directory: string;
}

/** On whose behalf benchmarks call. */
export const CALLER = { tenant: "local", actor: "benchmark" } as const;

/** Limits of artifacts that no benchmark comes up against. */
export const NO_ARTIFACT_LIMITS = {
  maxArtifactsPerSession: OPTIONS.max_artifacts_per_session.max,
  maxArtifactBytesPerSession: OPTIONS.max_artifact_bytes_per_session.max,
} as const;

/** Opens an engine with the defaults of a server. */
export function openBenchmarkEngine(
  { directory, ...config }: BenchmarkEngine,
  parts: Omit<EngineParts, "logger"> = {},
): Engine {
  return openEngine(
    {
      data: directory,
      webhookTargets: OPTIONS.webhook_targets.default,
      durability: OPTIONS.durability.default,
      cleanupIdleSeconds: OPTIONS.cleanup_idle_seconds.default,
      idleTimeoutSeconds: OPTIONS.idle_timeout_seconds.default,
      maxMetadataBytes: OPTIONS.max_metadata_bytes.default,
      sweepIntervalMs: OPTIONS.sweep_interval_ms.default,
      modelTimeoutSeconds: OPTIONS.model_timeout_seconds.default,
      modelMaxOutputTokens: OPTIONS.model_max_output_tokens.default,
      systemPrompt: OPTIONS.system_prompt.default,
      windowTokens: OPTIONS.window_tokens.default,
      autoCompact: OPTIONS.auto_compact.default,
      maxArtifactBytes: OPTIONS.max_artifact_bytes.default,
      maxArtifactsPerSession: OPTIONS.max_artifacts_per_session.default,
      maxArtifactBytesPerSession: OPTIONS.max_artifact_bytes_per_session.default,
      artifactCompressionThreshold: OPTIONS.artifact_compression_threshold.default,
      whenParentEnds: OPTIONS.when_parent_ends.default,
      temporaryIdleSeconds: OPTIONS.temporary_idle_seconds.default,
      retentionStatuses: OPTIONS.retention_statuses.default,
      retentionKeepLatest: OPTIONS.retention_keep_latest.default,
      watchApps: "off",
      trustedApps: OPTIONS.trusted_apps.default,
      taskTimeoutSeconds: OPTIONS.task_timeout_seconds.default,
      workerIdleSeconds: OPTIONS.worker_idle_seconds.default,
      workerMemoryMib: OPTIONS.worker_memory_mib.default,
      spareWorkers: OPTIONS.spare_workers.default,
      sandbox: OPTIONS.sandbox.default,
      sandboxMinimum: OPTIONS.sandbox_minimum.default,
      ...config,
    },
    { logger: { info: () => {}, warn: () => {}, error: fail, fatal: fail }, ...parts },
  );
}

/** Nothing may fail unseen: what did not happen would be measured as quick. */
function fail(...what: readonly unknown[]): never {
  throw new Error("The engine has failed", { cause: what });
}
