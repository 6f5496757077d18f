import { LOG_BYTES_MAX } from "../bundles/arrival.ts";
import type { Config } from "../config/config.ts";
import { wordsOf } from "../config/decode.ts";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import { Admission } from "../http/admission.ts";
import { corsFor, noCors } from "../http/cors.ts";
import { nativeDialect } from "../http/dialects/native/routes.ts";
import { isLoopback } from "../http/edge.ts";
import { type EdgeLimits, FIXED_LIMITS } from "../http/edge-limits.ts";
import { Gate } from "../http/gate.ts";
import { Meters } from "../http/meters.ts";
import { listen } from "../http/server.ts";
import { startLog } from "./log.ts";
import { meteredModel } from "./metered-model.ts";
import { meteredStore } from "./metered-store.ts";
import { openEngine } from "./open-engine.ts";
import { randomIds, systemClock } from "./ports.ts";
import { VERSION } from "./version.ts";

/** A server at work. */
export interface Running {
  /** Such as `http://127.0.0.1:7070`. */
  readonly url: string;
  /** Answers the requests in hand, writes what is acknowledged, and lets go of everything. Idempotent. */
  close(): Promise<void>;
}

/**
 * Opens the store and serves it over HTTP.
 *
 * @param overridden  limits that tests can't wait for
 * @throws {SojournError} `forbidden` for a host that other machines can reach; what `openSqliteStore` throws
 */
export async function serve(config: Config, overridden: Partial<EdgeLimits> = {}): Promise<Running> {
  const log = startLog(config.logLevel);
  const { logger } = log;
  const meters = new Meters();
  const { registry } = meters;
  const engine = openEngine(config, {
    logger,
    observe: (store) => meteredStore(store, registry),
    observeModel: (model) => meteredModel(model, registry),
  });
  const { sessions, users, memory, access, artifacts, history, bundles, retention } = engine;
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
  const http = await mayListen()
    .then(() =>
      listen(
        {
          sessions,
          users,
          memory,
          access,
          artifacts,
          history,
          bundles,
          retention,
          admission,
          limits,
          gate,
          cors: config.corsOrigins === undefined ? noCors : corsFor(wordsOf(config.corsOrigins), access),
          clock: systemClock,
          logger,
          meters,
          mintRequestId: () => `req_${randomIds.salt().slice(0, 16)}`,
          service: {
            version: VERSION,
            probe,
            assertAlive: engine.assertAlive,
            assertMayBeOpen: () => assertLocal(config.host),
            backUp: engine.backUp,
          },
          maxBodyBytes: config.maxBodyBytes,
          maxArtifactBytes: config.maxArtifactBytes,
          maxBundleBytes: config.maxArtifactBytesPerSession + LOG_BYTES_MAX,
        },
        nativeDialect,
        config,
      ),
    )
    .catch(async (error: unknown) => {
      await engine.close();
      log.stop();
      throw error;
    });
  logger.info({ url: http.url, version: VERSION, data: config.data }, "listening");

  const stop = async (): Promise<void> => {
    isStopping = true;
    const closing = http.close(config.shutdownTimeoutSeconds * 1_000);
    // Event streams never end by themselves.
    await sessions.close();
    await closing;
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
