import { connect, type JsonObject, type Sojourn, type WantedLimits } from "../client/index.ts";
import { type Config, loadConfig } from "../config/config.ts";
import { SojournError } from "../engine/errors.ts";
import type { OpenOptions } from "../platform/open.ts";
import type { ExitCode } from "./exit.ts";

/** Where a command finds the sessions. */
export interface Reach {
  readonly url?: string | undefined;
  readonly data?: string | undefined;
  readonly tenant?: string | undefined;
  /** Whether `data` may be a directory that is to be made. */
  readonly mayBegin?: boolean;
  /** Whether `data` needs what answers chats. */
  readonly needsModel?: boolean;
  /** Whether `data` needs the apps that are configured. */
  readonly needsApps?: boolean;
  /** Whether `data` needs the limits and rules that are configured. */
  readonly needsRules?: boolean;
  /** Whether, where no place is named and the configuration is rs-llmspell's, it is the data that this names. */
  readonly mayBeConfigured?: boolean;
}

/**
 * Opens the way to the sessions: to the server at `url`, or, with `data`, straight to the store of a server that is not
 * running.
 *
 * @throws {SojournError} `invalid` for options that contradict each other; what `open` throws
 */
async function reach(wanted: Reach): Promise<Sojourn> {
  const { url, data, tenant } = wanted;
  if (data === undefined) {
    if (tenant !== undefined) throw contradiction("--tenant goes with --data: a server takes the tenant from the key");
    const { SOJOURN_URL, SOJOURN_API_KEY } = process.env;
    const at = url ?? SOJOURN_URL;
    if (at === undefined && wanted.mayBeConfigured) {
      const { isLlmspell, data: configuredData, storage } = configuration();
      if (isLlmspell) return await openAt({ ...wanted, data: configuredData }, storage);
    }
    return connect({ ...(at && { url: at }), ...(SOJOURN_API_KEY && { apiKey: SOJOURN_API_KEY }) });
  }
  if (url !== undefined) throw contradiction("--url and --data name two places; give one of them");
  return await openAt({ ...wanted, data }, "directory");
}

/** Opens a store in this process. */
async function openAt(wanted: Reach & { readonly data: string }, storage: OpenOptions["storage"]): Promise<Sojourn> {
  const { data, tenant, mayBegin = false, needsModel = false, needsApps = false, needsRules = false } = wanted;
  // Loaded only now: a command that talks to a server does not need the store.
  const { hasStore, open } = await import("../platform/open.ts");
  if (!mayBegin && !hasStore(data)) throw new SojournError("not_found", { message: `There is no store in "${data}"` });
  try {
    const configured = needsModel || needsApps || needsRules ? configuration() : undefined;
    return await open({
      data,
      storage,
      // A command is over before a target could be tried again.
      webhooks: "off",
      ...(tenant && { tenant }),
      ...(configured && needsModel && modelOptions(configured)),
      ...(configured && needsApps && appOptions(configured)),
      ...(configured && needsRules && ruleOptions(configured)),
    });
  } catch (cause) {
    if (!(cause instanceof SojournError && cause.code === "store_in_use")) throw cause;
    throw new SojournError(cause.code, { message: `${cause.message}; talk to it with --url`, cause });
  }
}

/** Opens the way to the sessions for a command, and closes it after. */
export async function onSessions(flags: Reach, work: (sojourn: Sojourn) => Promise<ExitCode>): Promise<ExitCode> {
  await using sojourn = await reach(flags);
  return await work(sojourn);
}

/**
 * The configuration that a server would have here: by the environment, and the configuration file.
 *
 * @throws {SojournError} `invalid`, with all that is wrong with it
 */
export function configuration(file?: string): Config {
  const loaded = loadConfig({ flags: { config: file }, env: process.env, cwd: process.cwd() });
  if (!("faults" in loaded)) return loaded.config;
  const message = loaded.faults.map(({ source, message: fault }) => `${source}: ${fault}`).join("; ");
  throw new SojournError("invalid", { message });
}

/** What answers chats, and how. */
function modelOptions(config: Config): OpenOptions {
  return {
    model: config.model,
    modelBaseUrl: config.modelBaseUrl,
    modelApiKey: config.modelApiKey,
    modelPrices: config.modelPrices,
    modelTimeoutMs: config.modelTimeoutSeconds * 1_000,
    modelMaxOutputTokens: config.modelMaxOutputTokens,
    systemPrompt: config.systemPrompt,
    windowTokens: config.windowTokens,
    autoCompact: config.autoCompact,
    temporaryIdleMs: config.temporaryIdleSeconds * 1_000,
  };
}

/** Which apps there are, and how they are run. */
function appOptions(config: Config): OpenOptions {
  return {
    apps: words(config.apps),
    watchApps: "off",
    trustedApps: words(config.trustedApps),
    dataFolders: words(config.dataFolders),
    taskTimeoutMs: config.taskTimeoutSeconds * 1_000,
    workerMemoryMiB: config.workerMemoryMib,
    workersMemoryMiB: config.workersMemoryMib,
    // Whoever calls one app needs no other.
    spareWorkers: 0,
    sandbox: config.sandbox,
    sandboxMinimum: config.sandboxMinimum,
  };
}

/** How many sessions there may be, how long and how much each may hold, how it is kept, and what becomes of its children. */
function ruleOptions(config: Config): OpenOptions {
  return {
    limits: asWanted(config.limits),
    maxSessions: config.maxSessions,
    cleanupIdleMs: config.cleanupIdleSeconds * 1_000,
    idleTimeoutMs: config.idleTimeoutSeconds * 1_000,
    maxMetadataBytes: config.maxMetadataBytes,
    maxArtifactBytes: config.maxArtifactBytes,
    maxArtifactsPerSession: config.maxArtifactsPerSession,
    maxArtifactBytesPerSession: config.maxArtifactBytesPerSession,
    artifactCompressionThreshold: config.artifactCompressionThreshold,
    artifactRoots: words(config.artifactRoots),
    whenParentEnds: config.whenParentEnds,
    webhookTargets: config.webhookTargets,
    templates: config.templates && inMilliseconds(config.templates),
  };
}

function inMilliseconds(templates: NonNullable<Config["templates"]>): OpenOptions["templates"] {
  const all = Object.entries(templates).map(([name, { idleTimeoutSeconds, maxLifetimeSeconds, ...template }]) => {
    // NOTE: a configuration holds nothing that JSON could not.
    const metadata = template.metadata as JsonObject | undefined;
    const idleTimeoutMs = idleTimeoutSeconds == null ? idleTimeoutSeconds : idleTimeoutSeconds * 1_000;
    const maxLifetimeMs = maxLifetimeSeconds === undefined ? undefined : maxLifetimeSeconds * 1_000;
    return [name, { ...template, metadata, idleTimeoutMs, maxLifetimeMs, limits: asWanted(template.limits) }] as const;
  });
  return Object.fromEntries(all);
}

function asWanted(limits: Config["limits"]): WantedLimits | undefined {
  // NOTE: in the words of the file, which go along as they are and are held against their shape where they are read.
  return limits as WantedLimits | undefined;
}

function words(text: string | undefined): readonly string[] | undefined {
  return text?.split(",");
}

function contradiction(message: string): SojournError {
  return new SojournError("invalid", { message });
}
