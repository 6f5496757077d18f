import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Config } from "../config/config.ts";
import { listOf } from "../config/decode.ts";
import type { App, BrokenApp } from "../engine/runner.ts";
import { openCatalog } from "../workers/catalog.ts";
import { createDescribe } from "../workers/describe.ts";
import { openIsolation } from "../workers/isolation.ts";
import { VERSION } from "./version.ts";

/** More than any app may take to load: all are to be looked at. */
const PATIENCE_MS = 60_000;

/** An app that loads, and its main file, from the working directory on. */
export type LoadedApp = App & { readonly mainFile: string };

/** What became of apps that were to be loaded. */
export interface CheckedApps {
  readonly apps: readonly LoadedApp[];
  /** Their sources are from the working directory on, too. */
  readonly broken: readonly BrokenApp[];
}

/** What apps are loaded with. */
export interface CheckOptions {
  readonly workingDirectory: string;
  readonly config: Pick<Config, "sandbox" | "workerMemoryMib" | "dataFolders">;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Loads apps as a server does, each in a sandboxed worker of its own; leaves nothing behind. */
export async function checkApps(
  sources: readonly string[],
  { workingDirectory, config, environment }: CheckOptions,
): Promise<CheckedApps> {
  const { sandbox, workerMemoryMib: memoryMiB } = config;
  const dataFolders = listOf(config.dataFolders);
  const directory = await mkdtemp(join(tmpdir(), "sojourn-check-"));
  const isolation = openIsolation({ sandbox, memoryMiB, dataFolders, environment, directory });
  try {
    const catalog = await openCatalog({
      sources,
      workingDirectory,
      directory: join(directory, "apps"),
      describe: createDescribe({ isolation }),
      packageRoot: fileURLToPath(new URL("../..", import.meta.url)),
      release: VERSION,
      patienceMs: PATIENCE_MS,
    });
    const from = (path: string): string => relative(workingDirectory, path) || ".";
    const apps = catalog.apps().map((app) => {
      const { packageRoots, entry } = catalog.source(app);
      return { ...app, mainFile: from(join(packageRoots[0] ?? "", entry)) };
    });
    await catalog.close();
    return { apps, broken: catalog.broken().map(({ source, ...more }) => ({ ...more, source: from(source) })) };
  } finally {
    await isolation.close();
    await rm(directory, { recursive: true, force: true });
  }
}
