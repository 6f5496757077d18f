import type { Clock } from "../engine/clock.ts";
import { SojournError } from "../engine/errors.ts";
import type { App, Runner } from "../engine/runner.ts";
import type { Catalog } from "./app-source.ts";
import type { Isolation } from "./isolation.ts";
import { Pool, type PoolOptions } from "./pool.ts";
import { reaches, type SandboxLevel } from "./sandbox.ts";
import { ServerRunner } from "./server-runner.ts";

export interface RunnerOptions
  extends Pick<
    PoolOptions,
    "memoryBytes" | "idleMs" | "spares" | "cancelGraceMs" | "stopGraceMs" | "outputBytesMax" | "onWorkerDied"
  > {
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly isolation: Isolation;
  /** Below which no app runs that has a process of its own. Default: `process`. */
  readonly minimum?: SandboxLevel;
  /** Names of the apps that may run in the server. */
  readonly trusted: readonly string[];
}

/** A runner with its workers. */
export interface OpenRunner extends Runner {
  /** How many workers belong to sessions, and how many are ready for those to come. */
  readonly workers: Pool["count"];
  /** Lets workers go that had nothing to do for too long. It happens by itself, within a second or so of the machine's. */
  sweep(): void;
}

/** Opens a runner over the apps of a catalog, and starts workers ahead for them. */
export function openRunner({
  catalog,
  isolation,
  minimum = "process",
  trusted,
  ...options
}: RunnerOptions): OpenRunner {
  const listeners: Parameters<Runner["onReleased"]>[0][] = [];
  const sourceOf = (app: App) => catalog.source(app);
  const server = new ServerRunner({ sourceOf, trusted });
  const pool = new Pool({
    ...options,
    isolation,
    sourceOf,
    onReleased: (...released) => {
      for (const listener of listeners) listener(...released);
    },
  });
  const assertRuns = (app: App): void => {
    if (app.place === "server") server.assertTrusted(app);
    else assertReaches(isolation, minimum);
  };
  if (reaches(isolation.sandbox.level, minimum)) {
    for (const app of catalog.apps()) if (app.place === "process") pool.prepare(app);
  }
  return {
    get workers() {
      return pool.count;
    },
    apps: async ({ settled = false } = {}) => {
      if (settled) await catalog.settled();
      return catalog.apps();
    },
    broken: async () => catalog.broken(),
    app: async (name, version) => {
      const app = await catalog.app(name, version);
      if (app.place === "server") return await server.checked(app);
      assertReaches(isolation, minimum);
      return app;
    },
    keep: (app) => catalog.keep(app),
    run: async (job) => {
      assertRuns(job.app);
      return await (job.app.place === "server" ? server.run(job) : pool.run(job));
    },
    release: (ref) => pool.release(ref),
    onReleased: (listener) => {
      listeners.push(listener);
    },
    sweep: () => pool.sweep(),
    close: () => pool.close(),
  };
}

function assertReaches({ sandbox: { level, missing } }: Isolation, minimum: SandboxLevel): void {
  if (reaches(level, minimum)) return;
  const message = `Apps run here only in the sandbox "${minimum}", and this machine has "${level}": ${missing}`;
  throw new SojournError("sandbox_missing", { message });
}
