import { OPTIONS } from "../src/config/options.ts";
import type { Store } from "../src/engine/store.ts";
import type { Context, Model, Piece } from "../src/memory/model.ts";
import { type Engine, openEngine } from "../src/platform/open-engine.ts";
import type { Durability } from "../src/store/sqlite/index.ts";

/** Where an engine keeps its sessions, and what of it is not as a server has it by default. */
export interface ChatEngineOptions {
  readonly directory: string;
  /** Makes an answer of what the model is given; none waits for anything. */
  readonly answer: (context: Context) => string;
  readonly autoCompact?: "on" | "off";
  readonly durability?: Durability;
  /** Called with every commit, before the store has it. */
  readonly onCommit?: () => void;
}

/** On whose behalf benchmarks chat. */
export const CALLER = { tenant: "local", actor: "benchmark" } as const;

/** A turn that nobody gives up. */
export const SIGNAL: AbortSignal = new AbortController().signal;

/** Opens an engine with the defaults of a server, and a model that costs next to nothing: what is left is ours. */
export function openChatEngine({ directory, answer, onCommit, ...options }: ChatEngineOptions): Engine {
  return openEngine(
    {
      data: directory,
      durability: options.durability ?? OPTIONS.durability.default,
      cleanupIdleSeconds: OPTIONS.cleanup_idle_seconds.default,
      idleTimeoutSeconds: OPTIONS.idle_timeout_seconds.default,
      maxMetadataBytes: OPTIONS.max_metadata_bytes.default,
      sweepIntervalMs: OPTIONS.sweep_interval_ms.default,
      modelTimeoutSeconds: OPTIONS.model_timeout_seconds.default,
      modelMaxOutputTokens: OPTIONS.model_max_output_tokens.default,
      systemPrompt: OPTIONS.system_prompt.default,
      windowTokens: OPTIONS.window_tokens.default,
      autoCompact: options.autoCompact ?? OPTIONS.auto_compact.default,
      maxArtifactBytes: OPTIONS.max_artifact_bytes.default,
      maxArtifactsPerSession: OPTIONS.max_artifacts_per_session.default,
      maxArtifactBytesPerSession: OPTIONS.max_artifact_bytes_per_session.default,
      artifactCompressionThreshold: OPTIONS.artifact_compression_threshold.default,
      whenParentEnds: OPTIONS.when_parent_ends.default,
      temporaryIdleSeconds: OPTIONS.temporary_idle_seconds.default,
      retentionStatuses: OPTIONS.retention_statuses.default,
      retentionKeepLatest: OPTIONS.retention_keep_latest.default,
    },
    {
      logger: { info: () => {}, error: fail, fatal: fail },
      model: constantModel(answer),
      ...(onCommit !== undefined && { observe: (store) => observed(store, onCommit) }),
    },
  );
}

function constantModel(answer: (context: Context) => string): Model {
  return {
    name: "benchmark:constant",
    isLanguageModel: false,
    async *answer(context: Context): AsyncGenerator<Piece> {
      yield { piece: "text", text: answer(context) };
      yield { piece: "end", reason: "stop" };
    },
    summarize: async () => ({
      text: "They spoke of the orders of last week, of who decides on them, and of what is still open.",
    }),
  };
}

function observed(store: Store, onCommit: () => void): Store {
  const commit = store.commit.bind(store);
  store.commit = (step) => {
    onCommit();
    return commit(step);
  };
  return store;
}

/** Nothing may fail unseen: what did not happen would be measured as quick. */
function fail(...what: readonly unknown[]): never {
  throw new Error("The engine has failed", { cause: what });
}
