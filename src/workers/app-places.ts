import { readdir, stat } from "node:fs/promises";
import { findPackageJSON } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { SojournError } from "../engine/errors.ts";
import { hasMainFile, isLeftOut } from "./app-files.ts";

/** Where an app lies. */
export interface AppPlace {
  /** Its folder, or its one file; absolute. */
  readonly at: string;
  /** Its folder, or that of its file: its packages are found from there. */
  readonly folder: string;
  /** What it is likely called, as long as nobody has asked it. */
  readonly likelyName: string;
}

/** Where apps are looked for. */
export interface Source {
  /** As the operator wrote it. */
  readonly named: string;
  /** The folder that is looked into, or the file. */
  readonly at: string;
}

const FILE = /^[a-z0-9][a-z0-9-]*\.(ts|mts|js|mjs)$/;

/**
 * Finds where a source lies: a path of a folder or a file, or else the name of a package, as modules in `directory` see it.
 *
 * @throws {SojournError} `app_broken` where there is neither
 */
export async function findSource(named: string, directory: string): Promise<Source> {
  const path = resolve(directory, named);
  if (await isThere(path)) return { named, at: path };
  const manifest = isPackageName(named) ? findPackage(named, directory) : undefined;
  if (manifest !== undefined) return { named, at: dirname(manifest) };
  throw new SojournError("app_broken", { message: `There is no folder, file or package of apps "${named}"` });
}

/**
 * The apps of a source. A folder with a main file, a package, and a file are one app each; of another folder, each folder
 * that has a main file is one, also one level down (`namespace/name`), and each file that is called like an app.
 */
export async function findApps({ at, named }: Source): Promise<readonly AppPlace[]> {
  if ((await stat(at)).isFile()) return [placeOf(at, withoutEnding(basename(at)), dirname(at))];
  const names = (await readdir(at)).sort();
  if (hasMainFile(names)) return [placeOf(at, basename(at))];
  if (names.includes("package.json") && isPackageName(named)) return [placeOf(at, named)];
  const found = await Promise.all(names.map((name) => appsOf(at, name)));
  return found.flat();
}

async function appsOf(root: string, name: string): Promise<readonly AppPlace[]> {
  if (isLeftOut(name)) return [];
  const at = join(root, name);
  const kind = await stat(at).catch(() => undefined);
  if (kind?.isFile()) return FILE.test(name) ? [placeOf(at, withoutEnding(name), root)] : [];
  if (!kind?.isDirectory()) return [];
  const names = (await readdir(at)).sort();
  if (hasMainFile(names)) return [placeOf(at, name)];
  const inner = await Promise.all(
    names
      .filter((one) => !isLeftOut(one))
      .map(async (one) => {
        const folder = join(at, one);
        const listed = await readdir(folder).catch(() => []);
        return hasMainFile(listed) ? placeOf(folder, `${name}/${one}`) : undefined;
      }),
  );
  return inner.filter((place) => place !== undefined);
}

function placeOf(at: string, likelyName: string, folder: string = at): AppPlace {
  return { at, folder, likelyName };
}

function withoutEnding(name: string): string {
  return name.replace(/\.[a-z]+$/, "");
}

const PACKAGE = /^(@[a-z0-9-~][a-z0-9-._~]*\/)?[a-z0-9-~][a-z0-9-._~]*$/;

function isPackageName(named: string): boolean {
  return PACKAGE.test(named);
}

function findPackage(name: string, directory: string): string | undefined {
  try {
    return findPackageJSON(name, pathToFileURL(join(directory, "package.json")));
  } catch {
    return undefined;
  }
}

async function isThere(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
