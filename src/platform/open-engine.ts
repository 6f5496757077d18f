import { setTimeout } from "node:timers/promises";
import { Artifacts } from "../artifacts/artifacts.ts";
import { blobDirectory, openFsBlobStore } from "../artifacts/fs/fs-blob-store.ts";
import { Bundles } from "../bundles/bundles.ts";
import type { Config } from "../config/config.ts";
import { listOf, wordsOf } from "../config/decode.ts";
import { retentionOf } from "../config/retention.ts";
import type { Value } from "../config/templates.ts";
import { Access, LOCAL } from "../engine/access.ts";
import { SECOND } from "../engine/clock.ts";
import { type Fault, invalid, SojournError } from "../engine/errors.ts";
import { Events } from "../engine/events.ts";
import { given } from "../engine/given.ts";
import { History } from "../engine/history.ts";
import { isFinal } from "../engine/lifecycle.ts";
import { assertLimits, changedLimits, type Limits, type LimitsPatch } from "../engine/limit-rules.ts";
import { Objects } from "../engine/objects.ts";
import { Retention, type RetentionPolicy } from "../engine/retention.ts";
import { RunSlots } from "../engine/run-slots.ts";
import type { Runner } from "../engine/runner.ts";
import { Sessions } from "../engine/sessions.ts";
import type { Commit, Store, StreamRef } from "../engine/store.ts";
import type { Records, StreamKind } from "../engine/streams.ts";
import { Tasks } from "../engine/tasks.ts";
import { assertTemplates, type TemplateSet, Templates } from "../engine/templates.ts";
import { type TopicPolicy, TopicRetention } from "../engine/topic-retention.ts";
import { Topics } from "../engine/topics.ts";
import { Users } from "../engine/users.ts";
import { Webhooks } from "../engine/webhooks.ts";
import type { Attempted } from "../events/courier.ts";
import { Couriers } from "../events/couriers.ts";
import { newSecret } from "../events/signature.ts";
import { encodeEvent } from "../http/dialects/native/events.ts";
import { decodeLimits, WantedLimitsShape } from "../http/dialects/native/limits.ts";
import { parse } from "../http/request.ts";
import { guarded } from "../memory/guarded-model.ts";
import { Memory } from "../memory/memory.ts";
import type { Model } from "../memory/model.ts";
import { openModel } from "../memory/models/open-model.ts";
import { type Prices, priced } from "../memory/priced-model.ts";
import { builtInModel } from "../memory/responder/responder.ts";
import { type Backup, backUp, openSqliteStore } from "../store/sqlite/index.ts";
import { aroundCommits } from "./around-commits.ts";
import { type Chore, startChores } from "./chores.ts";
import { LateRunner } from "./late-runner.ts";
import type { Logger } from "./log.ts";
import { openWorkers, type Workers } from "./open-workers.ts";
import { blake3, isSame, randomIds, systemClock } from "./ports.ts";
import { taskHost } from "./task-host.ts";
import { VERSION } from "./version.ts";

/** What concerns apps, and the workers that run them. */
export type WorkersConfig = Pick<
  Config,
  | "apps"
  | "watchApps"
  | "trustedApps"
  | "dataFolders"
  | "taskTimeoutSeconds"
  | "workerIdleSeconds"
  | "workerMemoryMib"
  | "workersMemoryMib"
  | "spareWorkers"
  | "sandbox"
  | "sandboxMinimum"
>;

/** What concerns the store and the sessions in it, whoever calls them. */
export type EngineConfig = WorkersConfig &
  Pick<
    Config,
    | "data"
    | "durability"
    | "templates"
    | "limits"
    | "webhookTargets"
    | "maxSessions"
    | "cleanupIdleSeconds"
    | "idleTimeoutSeconds"
    | "maxMetadataBytes"
    | "maxStoreBytes"
    | "sweepIntervalMs"
    | "model"
    | "modelBaseUrl"
    | "modelApiKey"
    | "modelPrices"
    | "modelTimeoutSeconds"
    | "modelMaxOutputTokens"
    | "systemPrompt"
    | "windowTokens"
    | "autoCompact"
    | "temporaryIdleSeconds"
    | "maxArtifactBytes"
    | "maxArtifactsPerSession"
    | "maxArtifactBytesPerSession"
    | "artifactCompressionThreshold"
    | "artifactRoots"
    | "whenParentEnds"
    | "retentionDays"
    | "retentionStatuses"
    | "retentionKeepLatest"
    | "retentionMaxSessions"
    | "retentionMaxArtifactBytes"
    | "topicMaxMessages"
    | "topicRetentionDays"
  >;

/** An engine at work on its data directory. */
export interface Engine {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly templates: Templates;
  readonly topics: Topics;
  readonly events: Events;
  readonly webhooks: Webhooks;
  readonly memory: Memory;
  readonly tasks: Tasks;
  readonly objects: Objects;
  readonly artifacts: Artifacts;
  readonly history: History;
  readonly bundles: Bundles;
  readonly retention: Retention;
  readonly access: Access;
  /** Throws why the engine has failed for good, if it has. */
  assertAlive(): void;
  /** Resolves if the engine can do its work; rejects with why not. */
  probe(): Promise<void>;
  /** Brings events to webhooks from then on, and those that nobody brought before. */
  beginWebhooks(): Promise<void>;
  /** Finds the apps, and sees to the tasks that a process before left. */
  begin(): Promise<void>;
  /** Takes a backup of all that there is; the signal ends it. */
  backUp(signal?: AbortSignal): Promise<Backup>;
  /** Ends the feeds and the chores, writes what is in hand, and lets go of the directory. */
  close(): Promise<void>;
}

/** What an engine is given beside its configuration. */
export interface EngineParts {
  readonly logger: Logger;
  /** Makes of the store what is used in its place. */
  readonly observe?: (store: Store) => Store;
  /** Makes of the model what is used in its place. */
  readonly observeModel?: (model: Model) => Model;
  /** Told of each attempt to bring an event to a webhook. */
  readonly observeAttempt?: (attempted: Attempted) => void;
  /** What answers chats, in place of what the configuration says. */
  readonly model?: Model;
  /** What runs apps, in place of workers. */
  readonly runner?: Runner;
  /** The variables that apps may be given, where they name them; default: none. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Opens the store, with the sessions and keys in it, and expires sessions as their time is over.
 *
 * @throws {SojournError} what `openSqliteStore` throws; `invalid` for a model that can't be asked, and for templates that are
 *   over a limit
 */
export function openEngine(
  config: EngineConfig,
  {
    logger,
    observe = (store) => store,
    observeModel = (model) => model,
    observeAttempt = () => undefined,
    model: asked = modelOf(config),
    runner: apart,
    environment = {},
  }: EngineParts,
): Engine {
  const { modelTimeoutSeconds, modelMaxOutputTokens: maxOutputTokens } = config;
  const bounded = guarded(asked, { timeoutMs: modelTimeoutSeconds * 1_000, maxOutputTokens });
  const prices = pricesOf(config);
  const model = observeModel(prices === undefined ? bounded : priced(bounded, prices));
  const configured = templatesOf(config);
  assertTemplates(configured);
  const sessionLimits = limitsOf(config);
  let failure: SojournError | undefined;
  const sqlite = openSqliteStore({
    directory: config.data,
    durability: config.durability,
    ...given("maxBytes", config.maxStoreBytes),
    onFailure: (error) => {
      failure = error;
      logger.fatal({ err: error.cause ?? error }, "the store has failed; restart the server");
    },
  });
  const assertAlive = (): void => {
    if (failure !== undefined) throw failure;
  };
  let workers: Workers | undefined;
  const runner = new LateRunner(async () => {
    if (apart !== undefined) return apart;
    workers = await openWorkers(config, { data: config.data, environment, logger });
    return workers;
  });
  const store = aroundCommits(observe(sqlite), async (commit, next) => {
    const committed = await next(commit);
    if (committed.outcome === "committed") for (const ref of goneIn(commit)) runner.release(ref);
    return committed;
  });
  const settings = {
    cleanupIdleUs: config.cleanupIdleSeconds * SECOND,
    idleTimeoutUs: config.idleTimeoutSeconds * SECOND,
    metadataBytes: config.maxMetadataBytes,
    whenParentEnds: config.whenParentEnds,
    ...given("maxSessions", config.maxSessions),
    ...given("limits", sessionLimits),
  };
  const ports = { store, clock: systemClock, ids: randomIds, digest: blake3, isSame };
  const templates = new Templates(ports, configured);
  const sessions = new Sessions(ports, settings, templates);
  const events = new Events(ports);
  const targets = config.webhookTargets;
  const failed = (error: unknown): void => logger.error({ err: error }, "events could not be brought to a webhook");
  const webhooks = new Webhooks({
    ...ports,
    targets,
    newSecret,
    onChange: (tenant, name) => {
      if (brings) void couriers.refresh(tenant, name).catch(failed);
    },
  });
  let brings = false;
  const couriers = new Couriers({
    ...ports,
    webhooks,
    events,
    targets,
    encode: encodeEvent,
    wait: async (ms, signal) => await setTimeout(ms, undefined, { signal, ref: false }).catch(() => undefined),
    random: Math.random,
    timeoutMs: WEBHOOK_TIMEOUT_MS,
    onAttempt: (attempted) => {
      observeAttempt(attempted);
      // The pauses between attempts bound how many lines there are.
      if (attempted.outcome === "failed") logger.warn(attempted, "an event was not taken by a webhook's target");
      if (attempted.outcome === "given_up")
        logger.warn(attempted, "a webhook was turned off, as its target takes nothing");
    },
    onFailure: failed,
  });
  const topics = new Topics({ ...ports, sessions });
  const limits = {
    artifactsMax: config.maxArtifactsPerSession,
    bytesMax: config.maxArtifactBytesPerSession,
    sizeMax: config.maxArtifactBytes,
  };
  const artifacts = new Artifacts(
    {
      ...ports,
      sessions,
      blobs: openFsBlobStore({ directory: blobDirectory(config.data), durability: config.durability }),
    },
    {
      ...limits,
      compressAbove: config.artifactCompressionThreshold,
      inStoreMax: IN_STORE_MAX,
      roots: listOf(config.artifactRoots),
    },
  );
  const users = new Users({ ...ports, removeFiles: () => artifacts.removeAbandoned() });
  const onFailure = (error: unknown): void => logger.error({ err: error }, "conversation could not be compacted");
  const slots = new RunSlots();
  const memory = new Memory(
    { ...ports, sessions, users, model, slots, onFailure },
    {
      systemPrompt: config.systemPrompt,
      windowTokens: config.windowTokens,
      compactsItself: config.autoCompact === "on",
      temporaryIdleUs: config.temporaryIdleSeconds * SECOND,
    },
  );
  const tasks = new Tasks(
    {
      ...ports,
      sessions,
      runner,
      slots,
      host: taskHost({ sessions, memory, artifacts }),
      onFailure: (error) => logger.error({ err: error }, "what became of a task could not be recorded"),
    },
    { timeoutMs: config.taskTimeoutSeconds * 1_000 },
  );
  const access = new Access(ports);
  const history = new History(ports, sessions, {
    settings,
    artifacts: limits,
    outside: { ...memory.executors, ...tasks.executors },
  });
  const retention = new Retention(ports, sessions);
  const bundles = new Bundles(
    { ...ports, sessions, contents: artifacts.contents, release: VERSION },
    { ...settings, ...limits },
  );
  const removeFiles: Chore = {
    name: "removal of files of artifacts that are gone",
    everyMs: config.sweepIntervalMs,
    run: async () => void (await artifacts.removeAbandoned()),
  };
  const collect: Chore = {
    name: "search for files that nothing refers to",
    everyMs: COLLECT_EVERY_MS,
    atStart: true,
    run: async () => {
      const removed = await artifacts.collect();
      if (removed > 0) logger.info({ removed }, "files removed that nothing referred to");
    },
  };
  const collectVersions: Chore = {
    name: "removal of versions of apps that nobody uses",
    everyMs: COLLECT_EVERY_MS,
    run: async () => {
      const removed = await workers?.collect((versions) => store.versionsInUse(versions));
      if (removed) logger.info({ removed }, "versions of apps removed that no session uses");
    },
  };
  const recover: Chore = {
    name: "taking up tasks that nobody runs",
    everyMs: RECOVER_EVERY_MS,
    run: async () => void (await tasks.recover()),
  };
  const policy = policyOf(config);
  const retain: Chore = {
    name: "removal of ended sessions",
    everyMs: RETAIN_EVERY_MS,
    atStart: true,
    run: async (signal) => {
      const removed = policy === undefined ? 0 : await retention.enforce(policy, signal);
      if (removed > 0) logger.info({ removed }, "ended sessions removed");
    },
  };
  const topicPolicy = topicPolicyOf(config);
  const retainTopics: Chore = {
    name: "removal of old messages",
    everyMs: RETAIN_EVERY_MS,
    atStart: true,
    run: async (signal) => {
      const removed = topicPolicy === undefined ? 0 : await new TopicRetention(ports).enforce(topicPolicy, signal);
      if (removed > 0) logger.info({ removed }, "old messages of topics removed");
    },
  };
  const sweep: Chore = {
    name: "sweep",
    everyMs: config.sweepIntervalMs,
    run: async (signal) => {
      const expired = await sessions.sweep(signal);
      if (expired > 0) logger.info({ expired }, "sessions expired");
    },
  };
  const noteUse: Chore = {
    name: "noting when keys were used",
    everyMs: config.sweepIntervalMs,
    run: () => access.saveLastUse(),
  };
  const chores = startChores(
    [sweep, noteUse, removeFiles, collect, collectVersions, recover, retain, retainTopics],
    logger,
  );
  return {
    sessions,
    users,
    templates,
    topics,
    events,
    webhooks,
    memory,
    tasks,
    objects: new Objects({ ...ports, sessions }),
    artifacts,
    history,
    bundles,
    retention,
    access,
    assertAlive,
    probe: async () => {
      assertAlive();
      await store.stream({ tenant: LOCAL.tenant, kind: "session", id: "" });
    },
    beginWebhooks: async () => {
      brings = true;
      await couriers.begin();
    },
    begin: async () => {
      const recovered = await tasks.recover();
      if (recovered > 0) logger.info({ recovered }, "tasks taken up that an earlier process left");
      // Where nothing is to be started ahead, apps are found with the first call.
      if (config.spareWorkers > 0 || config.apps !== undefined) await runner.ready();
    },
    backUp: (signal) => backUp({ directory: config.data, release: VERSION, ...given("signal", signal) }),
    close: async () => {
      await sessions.close();
      await topics.close();
      await couriers.close();
      await events.close();
      await tasks.close();
      await memory.close();
      await chores.stop();
      try {
        await access.saveLastUse();
      } finally {
        await store.close();
      }
    },
  };
}

/** The sessions that a commit ends or removes. */
function goneIn({ parts }: Commit): readonly StreamRef<"session">[] {
  const gone = parts.filter(
    (part) =>
      part.ref.kind === "session" && (part.change === "erase" || (part.change === "append" && hasEnded(part.record))),
  );
  // NOTE: only those of sessions are left.
  return gone.map(({ ref }) => ref as StreamRef<"session">);
}

function hasEnded(record: Records[StreamKind]): boolean {
  return "status" in record && isFinal(record.status);
}

/** How much of a content the store itself takes: past that a file is as quick, and holds up no other commit (measured). */
const IN_STORE_MAX = 65_536;

/** How often all files are looked at, for those that were written for a commit that never came. */
const COLLECT_EVERY_MS = 3_600_000;

/** How often it is looked for tasks whose end could not be recorded, such as on a full disk. */
const RECOVER_EVERY_MS = 60_000;

/** How long the target of a webhook may take to answer. */
const WEBHOOK_TIMEOUT_MS = 15_000;

/** How often the policy of retention is carried out. */
const RETAIN_EVERY_MS = 60_000;

/** Which ended sessions go, by the configuration; `undefined` where nothing goes by itself. */
function policyOf(config: EngineConfig): RetentionPolicy | undefined {
  const configured = retentionOf(config);
  if (configured === undefined) return undefined;
  const { statuses, keepLatest, days, maxSessions, maxArtifactBytes } = configured;
  return {
    statuses,
    keepLatest,
    ...given("olderThanUs", days, (count) => count * DAY_S * SECOND),
    ...given("sessionsMax", maxSessions),
    ...given("artifactBytesMax", maxArtifactBytes),
  };
}

function pricesOf({ modelPrices }: EngineConfig): Prices | undefined {
  if (modelPrices === undefined) return undefined;
  const [input = 0, output = 0] = wordsOf(modelPrices).map(Number);
  return { input, output };
}

/** Which messages of topics go; `undefined` where none goes by itself. */
function topicPolicyOf({ topicMaxMessages, topicRetentionDays }: EngineConfig): TopicPolicy | undefined {
  if (topicMaxMessages === undefined && topicRetentionDays === undefined) return undefined;
  return {
    ...given("messagesMax", topicMaxMessages),
    ...given("olderThanUs", topicRetentionDays, (count) => count * DAY_S * SECOND),
  };
}

const DAY_S = 86_400;

/** What is wrong with the operator's templates and limits, by where they stand in the file. */
export function tableFaults({
  templates = {},
  ...config
}: Pick<EngineConfig, "templates" | "limits">): readonly { readonly path: string; readonly message: string }[] {
  const ofTemplates = Object.entries(templates).flatMap(([name, template]) =>
    faultsOf(() => assertTemplates(templatesOf({ templates: { [name]: template } }))),
  );
  const all = [...faultsOf(() => limitsOf(config)), ...ofTemplates];
  return all.map(({ field, message }) => ({ path: field, message }));
}

function faultsOf(check: () => unknown): readonly Fault[] {
  try {
    check();
    return [];
  } catch (error) {
    if (!(error instanceof SojournError)) throw error;
    return error.faults;
  }
}

/** The operator's templates. */
function templatesOf({ templates = {} }: Pick<EngineConfig, "templates">): TemplateSet {
  const micros = (seconds: number): number => Math.round(seconds * SECOND);
  const all = Object.entries(templates).map(
    ([name, { idleTimeoutSeconds, maxLifetimeSeconds, limits, ...template }]) => {
      const idleTimeoutUs = idleTimeoutSeconds == null ? idleTimeoutSeconds : micros(idleTimeoutSeconds);
      const times = { ...given("idleTimeoutUs", idleTimeoutUs), ...given("maxLifetimeUs", maxLifetimeSeconds, micros) };
      const read = (value: Value): LimitsPatch => limitsIn(value, `templates.${name}.limits`);
      return [name, { ...template, ...times, ...given("limits", limits, read) }] as const;
    },
  );
  return Object.fromEntries(all);
}

/** The operator's limits of sessions. */
function limitsOf({ limits }: Pick<EngineConfig, "limits">): Limits | undefined {
  return limits === undefined ? undefined : changedLimits({}, limitsIn(limits, "limits"));
}

/** Limits as a file has them. @throws {SojournError} `invalid`; the faults say where */
function limitsIn(value: Value, path: string): LimitsPatch {
  try {
    const limits = decodeLimits(parse(WantedLimitsShape, value));
    assertLimits(limits);
    return limits;
  } catch (error) {
    if (!(error instanceof SojournError)) throw error;
    const below = (field: string): string => (field.startsWith("limits.") ? field.slice("limits.".length) : field);
    throw invalid(error.faults.map((fault) => ({ ...fault, field: `${path}.${below(fault.field)}` })));
  }
}

/**
 * What the configuration says answers chats. Asks nobody.
 *
 * @throws {SojournError} `invalid` for a model that can't be asked
 */
export function modelOf(config: EngineConfig): Model {
  if (config.model === undefined) return builtInModel();
  return openModel({
    model: config.model,
    ...given("baseUrl", config.modelBaseUrl),
    ...given("apiKey", config.modelApiKey),
    timeoutMs: config.modelTimeoutSeconds * 1_000,
    maxOutputTokens: config.modelMaxOutputTokens,
  });
}
