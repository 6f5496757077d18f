import { totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { listOf } from "../config/decode.ts";
import type { Runner } from "../engine/runner.ts";
import { openCatalog } from "../workers/catalog.ts";
import { createDescribe } from "../workers/describe.ts";
import { openIsolation } from "../workers/isolation.ts";
import { openRunner } from "../workers/runner.ts";
import type { Logger } from "./log.ts";
import type { WorkersConfig } from "./open-engine.ts";
import { systemClock } from "./ports.ts";
import { VERSION } from "./version.ts";

/** What runs apps, with what concerns the versions that it keeps. */
export interface Workers extends Runner {
  /** Removes the versions of apps that no session uses, and returns how many. */
  collect(inUse: (versions: readonly string[]) => Promise<readonly string[]>): Promise<number>;
}

/** What is given beside the configuration. */
export interface WorkersParts {
  /** The directory that holds everything. */
  readonly data: string;
  /** What apps may be given of it, where they name it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logger: Logger;
}

const MIB = 1_048_576;

/** Opens what runs apps, by the configuration; finds the apps, and starts the first workers ahead. */
export async function openWorkers(
  config: WorkersConfig,
  { data, environment, logger }: WorkersParts,
): Promise<Workers> {
  const { sandbox, sandboxMinimum: minimum, workerMemoryMib: memoryMiB, workersMemoryMib } = config;
  const isolation = openIsolation({
    sandbox,
    directory: join(data, "workers"),
    memoryMiB,
    dataFolders: listOf(config.dataFolders),
    environment,
  });
  const catalog = await openCatalog({
    shipped: fileURLToPath(new URL("../apps/", import.meta.url)),
    sources: listOf(config.apps),
    workingDirectory: process.cwd(),
    directory: join(data, "apps"),
    describe: createDescribe({ isolation }),
    packageRoot: fileURLToPath(new URL("../..", import.meta.url)),
    release: VERSION,
    watch: config.watchApps === "on",
    onChange: ({ name, version }) => logger.info({ app: name, version }, "an app has changed"),
    onBroken: ({ source, message }) => logger.error({ source }, `an app is broken: ${message}`),
  });
  const runner = openRunner({
    catalog,
    clock: systemClock,
    isolation,
    minimum,
    trusted: listOf(config.trustedApps),
    memoryBytes: workersMemoryMib === undefined ? totalmem() / 2 : workersMemoryMib * MIB,
    idleMs: config.workerIdleSeconds * 1_000,
    spares: config.spareWorkers,
    onWorkerDied: ({ app, ref, message }) => logger.error({ app, session: ref.id }, `a worker died: ${message}`),
  });
  return {
    ...runner,
    collect: async (inUse) => await catalog.collect(async (version) => (await inUse([version])).length > 0),
    close: async () => {
      await runner.close();
      await catalog.close();
      await isolation.close();
    },
  };
}
