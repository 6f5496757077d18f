import { LOG_BYTES_MAX } from "../bundles/arrival.ts";
import type { Config } from "../config/config.ts";
import { listOf, wordsOf } from "../config/decode.ts";
import { SECOND } from "../engine/clock.ts";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import { Admission } from "../http/admission.ts";
import { corsFor, noCors } from "../http/cors.ts";
import { appDialects } from "../http/dialects/apps/routes.ts";
import { inferenceDialect } from "../http/dialects/inference/routes.ts";
import { nativeDialect } from "../http/dialects/native/routes.ts";
import { isLoopback } from "../http/edge.ts";
import { type EdgeLimits, FIXED_LIMITS } from "../http/edge-limits.ts";
import { Gate } from "../http/gate.ts";
import { Meters } from "../http/meters.ts";
import { listen } from "../http/server.ts";
import { probeSandbox } from "../workers/sandbox.ts";
import { assertAppSources } from "./app-sources.ts";
import { startLog } from "./log.ts";
import { meteredAttempts } from "./metered-attempts.ts";
import { meteredModel } from "./metered-model.ts";
import { meteredStore } from "./metered-store.ts";
import { placeEngine } from "./place-engine.ts";
import { randomIds, systemClock } from "./ports.ts";
import { VERSION } from "./version.ts";

/** A server at work. */
export interface Running {
  /** Such as `http://127.0.0.1:7070`. */
  readonly url: string;
  /** Answers the requests in hand, writes what is acknowledged, and lets go of everything. Idempotent. */
  close(): Promise<void>;
}

/** What a server is given beside its configuration. */
export interface ServeParts {
  /** The variables that apps may be given, where they name them; default: none. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Limits that tests can't wait for. */
  readonly limits?: Partial<EdgeLimits>;
}

/**
 * Opens the store and serves it over HTTP.
 *
 * @throws {SojournError} `invalid` for apps that are not there; `forbidden` for a host that other machines can reach; what `openSqliteStore` throws
 */
export async function serve(
  config: Config,
  { environment = {}, limits: overridden = {} }: ServeParts = {},
): Promise<Running> {
  await assertAppSources(listOf(config.apps));
  const log = startLog(config.logLevel);
  const { logger } = log;
  const meters = new Meters();
  const { registry } = meters;
  const engine = placeEngine(config, {
    logger,
    environment,
    observe: (store) => meteredStore(store, registry),
    observeModel: (model) => meteredModel(model, registry),
    observeAttempt: meteredAttempts(registry),
  });
  const { sessions, topics, events, access, tasks } = engine;
  let isStopping = false;
  const probe = async (): Promise<void> => {
    if (isStopping) throw new SojournError("store_unavailable", { message: "The server is shutting down" });
    await engine.probe();
  };
  const mayListen = async (): Promise<void> => {
    if (config.firstKey !== undefined) await access.admitFirst(config.firstKey);
    if ((await access.mode()) === "local") assertLocal(config.host);
  };
  const gate = new Gate(access, {
    failedAttemptsPerMinute: config.maxFailedAttempts,
    ...given("readsPerMinute", config.rateLimitReads),
    ...given("writesPerMinute", config.rateLimitWrites),
  });
  const limits: EdgeLimits = {
    ...FIXED_LIMITS,
    bodyMs: config.bodyTimeoutSeconds * 1_000,
    maxConnections: config.maxConnections,
    maxRequestsInHand: config.maxRequestsInHand,
    maxBodyBytesInHand: config.maxBodyBytesInHand,
    ...overridden,
  };
  const admission = new Admission(limits);
  meters.watch(admission);
  const late = appDialects({
    apps: (options) => tasks.apps(options),
    idleTimeoutUs: config.appSessionIdleSeconds * SECOND,
  });
  const http = await mayListen()
    .then(() =>
      listen(
        {
          services: {
            ...engine,
            service: {
              version: VERSION,
              sandbox: probeSandbox(config.sandbox).level,
              probe,
              assertAlive: engine.assertAlive,
              assertMayBeOpen: () => assertLocal(config.host),
              backUp: engine.backUp,
            },
          },
          admission,
          limits,
          gate,
          cors: config.corsOrigins === undefined ? noCors : corsFor(wordsOf(config.corsOrigins), access),
          clock: systemClock,
          logger,
          meters,
          mintRequestId: () => `req_${randomIds.salt().slice(0, 16)}`,
          maxBodyBytes: config.maxBodyBytes,
          maxArtifactBytes: config.maxArtifactBytes,
          maxBundleBytes: config.maxArtifactBytesPerSession + LOG_BYTES_MAX,
        },
        { dialects: [nativeDialect, inferenceDialect], late },
        config,
      ),
    )
    .catch(async (error: unknown) => {
      await engine.close();
      log.stop();
      throw error;
    });
  void engine.beginWebhooks().catch((error: unknown) => logger.error({ err: error }, "webhooks could not be read"));
  void engine.begin().catch((error: unknown) => logger.error({ err: error }, "apps could not be found"));
  logger.info({ url: http.url, version: VERSION, data: config.data }, "listening");

  const stop = async (): Promise<void> => {
    isStopping = true;
    const graceMs = config.shutdownTimeoutSeconds * 1_000;
    const closing = http.close(graceMs);
    // Event streams never end by themselves.
    await Promise.all([sessions.close(), topics.close(), events.close()]);
    // Whoever follows a task waits for its end, and is told one before the connection is cut off. What fails here, fails below.
    const ending = setTimeout(() => tasks.close().catch(() => undefined), graceMs / 2);
    await closing;
    clearTimeout(ending);
    await engine.close();
    logger.info("stopped");
    log.stop();
  };
  let stopped: Promise<void> | undefined;
  return {
    url: http.url,
    close: () => {
      stopped ??= stop();
      return stopped;
    },
  };
}

function assertLocal(host: string): void {
  if (isLoopback(host.includes(":") ? `[${host}]` : host)) return;
  throw new SojournError("forbidden", {
    message:
      `Refusing to listen on "${host}" without API keys: whoever can reach the server could do anything. ` +
      "Make a key first (sojourn keys create --data DIR, or SOJOURN_FIRST_KEY), or listen on 127.0.0.1",
  });
}
