import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { InHand } from "../client/in-hand.ts";
import { encodeLimits, type WantedLimits } from "../client/limits.ts";
import { Sojourn } from "../client/sojourn.ts";
import type { NewTemplate } from "../client/templates.ts";
import { OPTIONS, type Option, rangeOf } from "../config/options.ts";
import type { ConfiguredTemplate, ConfiguredTemplates, Value } from "../config/templates.ts";
import { LOCAL } from "../engine/access.ts";
import { type Fault, invalid, SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import { NewTemplateShape } from "../http/dialects/native/templates.ts";
import type { Model } from "../memory/model.ts";
import { databaseFile } from "../store/sqlite/connection.ts";
import type { Durability } from "../store/sqlite/index.ts";
import { assertAppSources } from "./app-sources.ts";
import { InProcess } from "./in-process.ts";
import { InProcessCalls } from "./in-process-calls.ts";
import { bodyOf } from "./input.ts";
import type { Logger } from "./log.ts";
import type { WorkersConfig } from "./open-engine.ts";
import { type PlacedConfig, placeEngine } from "./place-engine.ts";

/** How to run Sojourn in this process. What is left out has the default of a server. */
export interface OpenOptions {
  /** The directory that holds everything, for one process at a time; default `./data`. */
  readonly data?: string | undefined;
  /** Whether what is written stays in `data` (`directory`, the default), or goes when it is closed (`temporary`). */
  readonly storage?: "directory" | "temporary" | undefined;
  /** Whether a write waits until the disk has it: `full` (the default), or `none`, for development. */
  readonly durability?: Durability | undefined;
  /** How many active sessions a tenant may have; default: any number. */
  readonly maxSessions?: number | undefined;
  /** When `maxSessions` is reached, sessions idle for longer are expired to make room; default 15 minutes. */
  readonly cleanupIdleMs?: number | undefined;
  /** After how long without activity a session expires, where it has no timeout of its own; default 24 hours. */
  readonly idleTimeoutMs?: number | undefined;
  /** For sessions that say nothing of the same measure; default: none. */
  readonly limits?: WantedLimits | undefined;
  /** How large the metadata of a session may be as JSON; default 65,536. */
  readonly maxMetadataBytes?: number | undefined;
  /** How large the database may grow before writes are refused with `storage_full`; default: any size. */
  readonly maxStoreBytes?: number | undefined;
  /** How often sessions whose time is over get the operation that says so; default 1,000. */
  readonly sweepIntervalMs?: number | undefined;
  /**
   * What answers chats: a language model, as `openai:NAME`, `anthropic:NAME` or `google:NAME`, or a `Model` of your own.
   * Default: a built-in responder, which answers from memory and is no language model.
   */
  readonly model?: string | Model | undefined;
  /** Where the model is reached, where that is not its maker's own address. */
  readonly modelBaseUrl?: string | undefined;
  /** Left out, none is sent; nothing is taken from the environment. */
  readonly modelApiKey?: string | undefined;
  /** What the model costs, in US dollars for a million tokens, in and out: `"0.15,0.60"`; left out, costs are not counted. */
  readonly modelPrices?: string | undefined;
  /** How long the model may take for an answer, its retries included; default 60,000, in whole seconds. */
  readonly modelTimeoutMs?: number | undefined;
  /** How long an answer of the model may be; default 2,048. */
  readonly modelMaxOutputTokens?: number | undefined;
  /** What the model is told before each conversation. */
  readonly systemPrompt?: string | undefined;
  /** How much of a conversation the model is shown, the newest of it; default 8,000. */
  readonly windowTokens?: number | undefined;
  /** Whether a conversation that outgrows `windowTokens` is summarized by itself: `on` (the default) or `off`. */
  readonly autoCompact?: "on" | "off" | undefined;
  /** After how long without use a session expires that was made for a chat without one; default 30 minutes. */
  readonly temporaryIdleMs?: number | undefined;
  /** How large one artifact may be; default 100 MiB. */
  readonly maxArtifactBytes?: number | undefined;
  /** How many artifacts a session may have, versions included; default 1,000. */
  readonly maxArtifactsPerSession?: number | undefined;
  /** How much the artifacts of a session may take together, before compression; default 10 GiB. */
  readonly maxArtifactBytesPerSession?: number | undefined;
  /** Artifacts with more bytes than this are compressed, where that makes them smaller; default 10,240. */
  readonly artifactCompressionThreshold?: number | undefined;
  /** Directories below which `storeFile` may read; default none, and it is off. */
  readonly artifactRoots?: readonly string[] | undefined;
  /** What becomes of the open children of a session that ends; default `nothing`. */
  readonly whenParentEnds?: "nothing" | "complete" | "suspend" | undefined;
  /** Folders with apps, and packages that are apps, beside those that come with Sojourn. */
  readonly apps?: readonly string[] | undefined;
  /** Whether an app that changes in its folder is taken up at once: `on` (the default) or `off`. */
  readonly watchApps?: "on" | "off" | undefined;
  /** Names of apps that may run in this very process, as they ask; default `pizzastack`. */
  readonly trustedApps?: readonly string[] | undefined;
  /** Directories below which apps that ask for data may read files by their names; default none. */
  readonly dataFolders?: readonly string[] | undefined;
  /** How long one call of an app may take, and does where it does not say; default 300,000, in whole seconds. */
  readonly taskTimeoutMs?: number | undefined;
  /** After how long without a call the worker of a session goes, while the session stays; default 5 minutes. */
  readonly workerIdleMs?: number | undefined;
  /** How much memory one worker may hold; default 512. */
  readonly workerMemoryMiB?: number | undefined;
  /** How much memory all workers may hold; default: half of the machine's. */
  readonly workersMemoryMiB?: number | undefined;
  /** How many workers are started ahead for the apps that were called last; default 2. */
  readonly spareWorkers?: number | undefined;
  /** How workers are held: `process`, `bubblewrap`, or `auto` (the default), the best that the machine has. */
  readonly sandbox?: "auto" | "process" | "bubblewrap" | undefined;
  /** Below which sandbox no app runs; default `process`. */
  readonly sandboxMinimum?: "process" | "bubblewrap" | undefined;
  /** Named defaults for new sessions, by their names, beside those that `templates.set` keeps; default none. */
  readonly templates?: Readonly<Record<string, NewTemplate>> | undefined;
  /** Whether events are brought to webhooks while it is open: `on` (the default) or `off`. */
  readonly webhooks?: "on" | "off" | undefined;
  /** Where webhooks may lead: to the `public` internet by `https` (the default), or `any`. */
  readonly webhookTargets?: "public" | "any" | undefined;
  /** Whose sessions they are; default `local`, as on a server without keys. */
  readonly tenant?: string | undefined;
  /** Told what happens beside the calls; one of pino will do. Default: nobody is told. */
  readonly logger?: Logger | undefined;
}

/**
 * Sojourn in this process, on a data directory of its own. It must be closed.
 *
 * @throws {SojournError} `invalid` for options that can't work; `store_in_use` while another process has the directory;
 *   `store_newer`, `store_unavailable`
 */
export async function open(options: OpenOptions = {}): Promise<Sojourn> {
  const faults = faultsOf(options);
  if (faults.length > 0) throw invalid(faults);
  await assertAppSources(options.apps ?? []);
  const { tenant = LOCAL.tenant, logger = SILENT, model } = options;
  const parts = { logger, ...given("model", typeof model === "object" ? model : undefined) };
  const engine = placeEngine(configOf(options), parts);
  try {
    const caller = { tenant: await engine.access.tenantNamed(tenant), actor: LOCAL.actor };
    if (options.webhooks !== "off") await engine.beginWebhooks();
    return new Sojourn(new InProcess(new InProcessCalls(engine, { caller, inHand: new InHand() })), { logger });
  } catch (error) {
    await engine.close();
    throw error;
  }
}

function configOf(options: OpenOptions): PlacedConfig {
  const { model } = options;
  return {
    data: resolve(options.data ?? OPTIONS.data.default),
    webhookTargets: options.webhookTargets ?? OPTIONS.webhook_targets.default,
    storage: options.storage ?? OPTIONS.storage.default,
    durability: options.durability ?? OPTIONS.durability.default,
    cleanupIdleSeconds: seconds(options.cleanupIdleMs) ?? OPTIONS.cleanup_idle_seconds.default,
    idleTimeoutSeconds: seconds(options.idleTimeoutMs) ?? OPTIONS.idle_timeout_seconds.default,
    maxMetadataBytes: options.maxMetadataBytes ?? OPTIONS.max_metadata_bytes.default,
    sweepIntervalMs: options.sweepIntervalMs ?? OPTIONS.sweep_interval_ms.default,
    modelTimeoutSeconds: seconds(options.modelTimeoutMs) ?? OPTIONS.model_timeout_seconds.default,
    modelMaxOutputTokens: options.modelMaxOutputTokens ?? OPTIONS.model_max_output_tokens.default,
    systemPrompt: options.systemPrompt ?? OPTIONS.system_prompt.default,
    windowTokens: options.windowTokens ?? OPTIONS.window_tokens.default,
    autoCompact: options.autoCompact ?? OPTIONS.auto_compact.default,
    temporaryIdleSeconds: seconds(options.temporaryIdleMs) ?? OPTIONS.temporary_idle_seconds.default,
    maxArtifactBytes: options.maxArtifactBytes ?? OPTIONS.max_artifact_bytes.default,
    maxArtifactsPerSession: options.maxArtifactsPerSession ?? OPTIONS.max_artifacts_per_session.default,
    maxArtifactBytesPerSession: options.maxArtifactBytesPerSession ?? OPTIONS.max_artifact_bytes_per_session.default,
    artifactCompressionThreshold:
      options.artifactCompressionThreshold ?? OPTIONS.artifact_compression_threshold.default,
    retentionStatuses: OPTIONS.retention_statuses.default,
    retentionKeepLatest: OPTIONS.retention_keep_latest.default,
    whenParentEnds: options.whenParentEnds ?? OPTIONS.when_parent_ends.default,
    ...workersOf(options),
    ...given("artifactRoots", options.artifactRoots, (roots) => roots.map((root) => resolve(root)).join(",")),
    ...given("model", typeof model === "string" ? model : undefined),
    ...given("modelBaseUrl", options.modelBaseUrl),
    ...given("modelApiKey", options.modelApiKey),
    ...given("modelPrices", options.modelPrices),
    ...given("maxSessions", options.maxSessions),
    ...given("limits", options.limits, fileLimits),
    ...given("maxStoreBytes", options.maxStoreBytes),
    ...given("templates", options.templates, templatesOf),
  };
}

function templatesOf(templates: Readonly<Record<string, NewTemplate>>): ConfiguredTemplates {
  const all = Object.entries(templates).map(([name, template]) => {
    const { namePrefix, tags, metadata, idleTimeoutMs, maxLifetimeMs, limits, apps } = template;
    const kept: ConfiguredTemplate = {
      ...given("namePrefix", namePrefix),
      ...given("tags", tags),
      // NOTE: what of it JSON would not have is refused with the template.
      ...given("metadata", metadata as ConfiguredTemplate["metadata"]),
      ...given("idleTimeoutSeconds", idleTimeoutMs === null ? null : seconds(idleTimeoutMs)),
      ...given("maxLifetimeSeconds", seconds(maxLifetimeMs)),
      ...given("limits", limits, fileLimits),
      ...given("apps", apps),
    };
    return [name, kept] as const;
  });
  return Object.fromEntries(all);
}

/** Limits as a file has them. */
function fileLimits(limits: WantedLimits): Value {
  // NOTE: held against their shape where they are read.
  return encodeLimits(limits) as Value;
}

function workersOf(options: OpenOptions): WorkersConfig {
  return {
    watchApps: options.watchApps ?? OPTIONS.watch_apps.default,
    trustedApps: options.trustedApps?.join(",") ?? OPTIONS.trusted_apps.default,
    taskTimeoutSeconds: seconds(options.taskTimeoutMs) ?? OPTIONS.task_timeout_seconds.default,
    workerIdleSeconds: seconds(options.workerIdleMs) ?? OPTIONS.worker_idle_seconds.default,
    workerMemoryMib: options.workerMemoryMiB ?? OPTIONS.worker_memory_mib.default,
    spareWorkers: options.spareWorkers ?? OPTIONS.spare_workers.default,
    sandbox: options.sandbox ?? OPTIONS.sandbox.default,
    sandboxMinimum: options.sandboxMinimum ?? OPTIONS.sandbox_minimum.default,
    ...given("workersMemoryMib", options.workersMemoryMiB),
    ...given("apps", options.apps, (apps) => apps.join(",")),
    ...given("dataFolders", options.dataFolders, (folders) => folders.map((folder) => resolve(folder)).join(",")),
  };
}

/** Whether a directory has a store of ours. */
export function hasStore(data: string): boolean {
  return existsSync(databaseFile(resolve(data)));
}

const SILENT: Logger = { info: () => {}, warn: () => {}, error: () => {}, fatal: () => {} };

/** Which row of the table of options says what each may be, and how many of ours make one of its units. */
const ROWS = {
  data: [OPTIONS.data, 1],
  storage: [OPTIONS.storage, 1],
  durability: [OPTIONS.durability, 1],
  maxSessions: [OPTIONS.max_sessions, 1],
  cleanupIdleMs: [OPTIONS.cleanup_idle_seconds, 1_000],
  idleTimeoutMs: [OPTIONS.idle_timeout_seconds, 1_000],
  maxMetadataBytes: [OPTIONS.max_metadata_bytes, 1],
  maxStoreBytes: [OPTIONS.max_store_bytes, 1],
  sweepIntervalMs: [OPTIONS.sweep_interval_ms, 1],
  modelBaseUrl: [OPTIONS.model_base_url, 1],
  modelApiKey: [OPTIONS.model_api_key, 1],
  modelPrices: [OPTIONS.model_prices, 1],
  modelTimeoutMs: [OPTIONS.model_timeout_seconds, 1_000],
  modelMaxOutputTokens: [OPTIONS.model_max_output_tokens, 1],
  systemPrompt: [OPTIONS.system_prompt, 1],
  windowTokens: [OPTIONS.window_tokens, 1],
  autoCompact: [OPTIONS.auto_compact, 1],
  temporaryIdleMs: [OPTIONS.temporary_idle_seconds, 1_000],
  maxArtifactBytes: [OPTIONS.max_artifact_bytes, 1],
  maxArtifactsPerSession: [OPTIONS.max_artifacts_per_session, 1],
  maxArtifactBytesPerSession: [OPTIONS.max_artifact_bytes_per_session, 1],
  artifactCompressionThreshold: [OPTIONS.artifact_compression_threshold, 1],
  whenParentEnds: [OPTIONS.when_parent_ends, 1],
  webhookTargets: [OPTIONS.webhook_targets, 1],
  watchApps: [OPTIONS.watch_apps, 1],
  taskTimeoutMs: [OPTIONS.task_timeout_seconds, 1_000],
  workerIdleMs: [OPTIONS.worker_idle_seconds, 1_000],
  workerMemoryMiB: [OPTIONS.worker_memory_mib, 1],
  workersMemoryMiB: [OPTIONS.workers_memory_mib, 1],
  spareWorkers: [OPTIONS.spare_workers, 1],
  sandbox: [OPTIONS.sandbox, 1],
  sandboxMinimum: [OPTIONS.sandbox_minimum, 1],
} as const satisfies Partial<Record<keyof OpenOptions, readonly [Option, number]>>;

/** The options that no row tells of. */
const OTHERS: Readonly<Record<Exclude<keyof OpenOptions, keyof typeof ROWS>, true>> = {
  limits: true,
  model: true,
  artifactRoots: true,
  apps: true,
  trustedApps: true,
  dataFolders: true,
  templates: true,
  webhooks: true,
  tenant: true,
  logger: true,
};

function faultsOf(options: OpenOptions): readonly Fault[] {
  const rows = Object.entries(ROWS) as readonly (readonly [keyof typeof ROWS, readonly [Option, number]])[];
  const { webhooks = "on" } = options;
  const ofWebhooks = { field: "webhooks", message: "must be one of on, off", type: "invalid_option" };
  const faults = webhooks === "on" || webhooks === "off" ? [] : [ofWebhooks];
  const ofRows = rows.flatMap(([field, [option, scale]]) => {
    const value = options[field];
    if (value === undefined || isAllowed(option, scale, value)) return [];
    const range =
      option.type === "integer"
        ? `a whole number from ${option.min * scale} to ${option.max * scale}`
        : (rangeOf(option) ?? "text that is not empty");
    return [{ field, message: `must be ${range}`, type: "invalid_option" }];
  });
  const unknown = Object.entries(options)
    .filter(([field, value]) => value !== undefined && !Object.hasOwn(ROWS, field) && !Object.hasOwn(OTHERS, field))
    .map(([field]) => ({ field, message: "is no option", type: "invalid_option" }));
  return [...ofRows, ...faults, ...unknown, ...templateFaults(options.templates ?? {})];
}

function templateFaults(templates: NonNullable<OpenOptions["templates"]>): readonly Fault[] {
  const noObject = (field: string): readonly Fault[] => [{ field, message: "must be an object", type: "invalid_type" }];
  if (!isObject(templates)) return noObject("templates");
  return Object.entries(templates).flatMap(([name, template]) => {
    const path = `templates.${name}`;
    if (!isObject(template)) return noObject(path);
    try {
      bodyOf(NewTemplateShape, template);
      return [];
    } catch (error) {
      if (!(error instanceof SojournError)) throw error;
      return error.faults.map((fault) => ({ ...fault, field: `${path}.${fault.field}` }));
    }
  });
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isAllowed(option: Option, scale: number, value: unknown): boolean {
  if (option.type === "integer") {
    return Number.isSafeInteger(value) && Number(value) >= option.min * scale && Number(value) <= option.max * scale;
  }
  if (option.type === "choice") return option.choices.some((choice) => choice === value);
  return typeof value === "string" && value.trim() !== "" && !value.includes("\0");
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1_000;
}
