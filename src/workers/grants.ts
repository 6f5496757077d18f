import { existsSync, realpathSync } from "node:fs";
import { delimiter, dirname, isAbsolute, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { App } from "../engine/runner.ts";
import type { AppSource } from "./app-source.ts";

/** What an app's process is given, of what the app asks for and the operator allows. */
export interface Grants {
  readonly addons: boolean;
  readonly childProcesses: boolean;
  readonly threads: boolean;
  readonly network: boolean;
  readonly wasi: boolean;
  /** Absolute; files and directories. */
  readonly read: readonly string[];
  readonly memoryMiB: number;
  readonly environment: Readonly<Record<string, string>>;
}

/** What the operator allows. */
export interface Allowance {
  /** Most for a worker, and what it has where its app asks for nothing else. */
  readonly memoryMiB: number;
  /** What an app reads that asks for `data:`. */
  readonly dataFolders: readonly string[];
  /** Of the server; a worker is given what its app names of it, and a few that say nothing. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** By what an app that reads the data folders asks for them, and finds them: separated as in PATH. */
const DATA = "data:";
const DATA_VARIABLE = "SOJOURN_DATA_FOLDERS";

const ALWAYS_GIVEN = ["PATH", "LANG", "LC_ALL", "TZ"] as const;

const MEMORY_MIB_MIN = 64;

/** The folder that holds this package's modules, from the sources or as it was built. */
const OWN = dirname(dirname(fileURLToPath(import.meta.url)));

/** What a worker of an app is given. The permissions come from the app: what in them is no permission counts as none. */
export function grantsOf(permissions: App["permissions"], source: AppSource, allowance: Allowance): Grants {
  const wanted = namesIn(permissions["read"]);
  const folders = [
    ...(wanted.includes(DATA) ? allowance.dataFolders : []),
    ...wanted.filter((name) => isAbsolute(name)),
  ];
  return {
    addons: permissions["addons"] === true,
    childProcesses: permissions["childProcesses"] === true,
    threads: permissions["threads"] === true,
    network: permissions["network"] === true,
    wasi: permissions["wasi"] === true,
    read: [
      ...new Set([source.directory, OWN, ...source.packageRoots.flatMap(modulesAbove), ...folders].flatMap(withTarget)),
    ],
    memoryMiB: memoryOf(permissions["memoryMiB"], allowance.memoryMiB),
    environment: {
      ...pick(allowance.environment, [...ALWAYS_GIVEN, ...namesIn(permissions["environment"])]),
      ...(wanted.includes(DATA) ? { [DATA_VARIABLE]: allowance.dataFolders.join(delimiter) } : {}),
    },
  };
}

function memoryOf(wanted: unknown, most: number): number {
  const isNumber = typeof wanted === "number" && Number.isFinite(wanted);
  return isNumber ? Math.floor(Math.max(MEMORY_MIB_MIN, Math.min(wanted, most))) : most;
}

function namesIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === "string") : [];
}

function pick(environment: Allowance["environment"], names: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = environment[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Where packages are looked for from a folder on: each `node_modules` on the way up. */
function modulesAbove(folder: string): readonly string[] {
  const modules = join(folder, "node_modules");
  const parent = dirname(folder);
  return [...(existsSync(modules) ? [modules] : []), ...(parent === folder ? [] : modulesAbove(parent))];
}

/** Node asks for the path as it is written, and for what it leads to. */
function withTarget(path: string): readonly string[] {
  try {
    return [path, realpathSync(path)];
  } catch {
    return [path];
  }
}
