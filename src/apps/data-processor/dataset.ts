import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, normalize, relative, resolve, sep } from "node:path";

/** How a file of data is read. */
export type Format = "parquet" | "csv" | "json";

/** A file of data, found. */
export interface Dataset {
  /** As its caller called it. */
  readonly name: string;
  /** Absolute, links resolved. */
  readonly path: string;
  readonly format: Format;
  readonly sizeBytes: number;
  readonly modifiedMs: number;
}

const FORMATS: readonly (readonly [Format, RegExp])[] = [
  ["parquet", /\.(parquet|pq)$/i],
  ["csv", /\.(csv|tsv)(\.(gz|zst))?$/i],
  ["json", /\.(json|jsonl|ndjson)(\.(gz|zst))?$/i],
];

const KNOWN =
  "Parquet (.parquet), CSV (.csv, .tsv) and JSON (.json, .jsonl, .ndjson), the last two also as .gz and .zst";

/** How many names are told where one is wrong. */
const TOLD_MAX = 20;

/**
 * Finds a file of data below the folders, by its path from one of them on; the first that has it.
 *
 * @throws {Error} where there is none, where it lies outside once links are resolved, or where its name has no known ending
 */
export async function findDataset(folders: readonly string[], name: string): Promise<Dataset> {
  if (folders.length === 0) {
    throw new Error(
      "There are no data folders: name some in the server's option data_folders, then load files by their names below",
    );
  }
  const format = FORMATS.find(([, ending]) => ending.test(name))?.[0];
  if (format === undefined) throw new Error(`Cannot tell by its name how to read "${name}"; known are ${KNOWN}`);
  const gone: string[] = [];
  let isOutside = true;
  let isLink = false;
  for (const folder of folders) {
    const root = await found(folder);
    if (root === undefined)
      gone.push(`The data folder "${basename(folder)}" does not exist; ask the server's operator`);
    const wanted = root === undefined ? undefined : candidate(root, folder, name);
    if (root === undefined || wanted === undefined) continue;
    isOutside = false;
    const path = await found(wanted);
    if (await leadsOut(root, wanted)) isLink = true;
    if (path === undefined || !isBelow(root, path)) continue;
    const file = await stat(path);
    if (!file.isFile()) throw new Error(`"${name}" is a folder; load one file of it at a time`);
    return { name, path, format, sizeBytes: file.size, modifiedMs: file.mtimeMs };
  }
  if (isLink) throw new Error(`"${name}" leads out of the data folder by a link, and is not read`);
  if (gone.length === folders.length) throw new Error(gone.join("; "));
  if (isOutside) throw new Error(`"${name}" is not below a data folder; load files by their names from there on`);
  throw new Error([`There is no "${name}" in the data folders; ${await tellOthers(folders)}`, ...gone].join(". "));
}

/** Where it would be; `undefined` where that is outside, as far as its name tells. */
function candidate(root: string, folder: string, name: string): string | undefined {
  if (name.includes("\0")) return undefined;
  if (!isAbsolute(name)) {
    const path = resolve(root, normalize(name));
    return isBelow(root, path) ? path : undefined;
  }
  return isBelow(resolve(folder), resolve(name)) || isBelow(root, resolve(name)) ? resolve(name) : undefined;
}

/** Whether a path, or as much of it as there is, lies outside once links are resolved. What is there is not told. */
async function leadsOut(root: string, path: string): Promise<boolean> {
  for (let part = path; isBelow(root, part); part = dirname(part)) {
    const there = await found(part);
    if (there !== undefined) return there !== root && !isBelow(root, there);
  }
  return false;
}

function isBelow(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== "" && way !== ".." && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function found(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR" || code === "ELOOP" || code === "ENAMETOOLONG") return undefined;
    throw new Error(`Cannot reach a data folder: ${code ?? "unknown"}; ask the server's operator`, { cause: error });
  }
}

async function tellOthers(folders: readonly string[]): Promise<string> {
  const names: string[] = [];
  for (const folder of folders) {
    for (const name of await readdir(folder).catch(() => [])) {
      if (FORMATS.some(([, ending]) => ending.test(name))) names.push(name);
    }
  }
  if (names.length === 0) return `there are no files of data; known are ${KNOWN}`;
  const told = names.toSorted().slice(0, TOLD_MAX).join(", ");
  return `there are: ${told}${names.length > TOLD_MAX ? `, and ${names.length - TOLD_MAX} more` : ""}`;
}
