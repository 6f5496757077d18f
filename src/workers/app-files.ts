import { constants } from "node:fs";
import { open, readdir, realpath, stat } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { SojournError } from "../engine/errors.ts";

/** The files of an app, as they were read at once. */
export interface AppFiles {
  /** BLAKE3 of their paths and contents: 64 hex digits. */
  readonly version: string;
  /** Sorted by their paths. */
  readonly files: readonly AppFile[];
}

/** A file of an app. */
export interface AppFile {
  /** From the app's folder on, with `/`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What an app's files may come to. */
export const APP_LIMITS = { files: 1_000, bytes: 64 * 1_024 * 1_024 } as const;

/**
 * Reads the files of an app: all of its folder but `node_modules` and what begins with a dot, or its one file.
 *
 * @throws {SojournError} `app_broken`: too many files or bytes, a link that leaves the folder, or what can't be read
 */
export async function readAppFiles(at: string): Promise<AppFiles> {
  try {
    const root = await realpath(at);
    const isFile = (await stat(root)).isFile();
    const paths = isFile ? [basename(root)] : (await Array.fromAsync(filesOf(root))).sort(byBytes);
    if (paths.length === 0) throw broken(at, "it has no files");
    const files: AppFile[] = [];
    let left: number = APP_LIMITS.bytes;
    for (const path of paths) {
      const bytes = await readFile(isFile ? root : join(root, path), left, at);
      left -= bytes.length;
      files.push({ path, bytes });
    }
    return { version: versionOf(files), files };
  } catch (error) {
    if (error instanceof SojournError) throw error;
    throw broken(at, error instanceof Error ? error.message : String(error), error);
  }
}

/** The error of an app whose files are no good. */
export function broken(at: string, why: string, cause?: unknown): SojournError {
  return new SojournError("app_broken", { message: `Cannot read the app in "${at}": ${why}`, cause });
}

async function* filesOf(root: string): AsyncGenerator<string> {
  const folders = [""];
  let count = 0;
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of await readdir(join(root, folder), { withFileTypes: true })) {
      if (isLeftOut(entry.name)) continue;
      count += 1;
      if (count > APP_LIMITS.files) throw broken(root, `it has more than ${APP_LIMITS.files} files and folders`);
      const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) yield path;
      else yield await within(root, path, entry.isSymbolicLink());
    }
  }
}

/** Whether a file or folder is no part of an app. */
export function isLeftOut(name: string): boolean {
  return name === "node_modules" || name.startsWith(".");
}

async function within(root: string, path: string, isLink: boolean): Promise<string> {
  const target = isLink ? await realpath(join(root, path)) : undefined;
  if (target === undefined) throw broken(root, `"${path}" is no file`);
  if (relative(root, target).split(sep)[0] === "..") throw broken(root, `"${path}" is a link that leaves the folder`);
  if (!(await stat(target)).isFile()) throw broken(root, `"${path}" is a link to what is no file`);
  return path;
}

async function readFile(path: string, left: number, at: string): Promise<Uint8Array> {
  // What has become a pipe meanwhile must not be waited for.
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const { size } = await file.stat();
  const bytes = size > left ? undefined : await file.readFile();
  if (bytes === undefined || bytes.length > left) {
    throw broken(at, `its files come to more than ${APP_LIMITS.bytes / 1_024 / 1_024} MiB`);
  }
  return bytes;
}

function versionOf(files: readonly AppFile[]): string {
  const listed = files.map(({ path, bytes }) => [path, new Blake3Hasher().update(asBuffer(bytes)).digest("hex")]);
  return new Blake3Hasher().update(JSON.stringify(listed)).digest("hex");
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

const MAIN_FILES = ["app.ts", "app.mts", "app.js", "app.mjs"];

/** Which file of an app is its main file; `undefined` where none is. */
export function mainFile(files: readonly AppFile[]): string | undefined {
  const paths = new Set(files.map(({ path }) => path));
  const main = MAIN_FILES.find((name) => paths.has(name));
  if (main !== undefined) return main;
  if (files.length === 1) return files[0]?.path;
  const manifest = files.find(({ path }) => path === "package.json");
  const named = manifest && mainOf(parsed(manifest.bytes));
  return named !== undefined && paths.has(named) ? named : undefined;
}

/** Whether a folder's entries have a main file of an app. */
export function hasMainFile(names: readonly string[]): boolean {
  return MAIN_FILES.some((name) => names.includes(name));
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(asBuffer(bytes).toString());
  } catch {
    return undefined;
  }
}

/** What `import` of a package loads, by its package.json. */
function mainOf(manifest: unknown): string | undefined {
  if (typeof manifest !== "object" || manifest === null) return undefined;
  const { exports, main }: { exports?: unknown; main?: unknown } = manifest;
  const exported =
    typeof exports === "object" && exports !== null && "." in exports
      ? conditional(exports["."])
      : conditional(exports);
  const named = exported ?? (typeof main === "string" ? main : "index.js");
  return named.replace(/^\.\//, "");
}

const CONDITIONS = ["node", "import", "module-sync", "default"];

function conditional(target: unknown): string | undefined {
  if (typeof target === "string") return target;
  if (Array.isArray(target)) return target.map(conditional).find((one) => one !== undefined);
  if (typeof target !== "object" || target === null) return undefined;
  for (const [condition, value] of Object.entries(target)) {
    const found = CONDITIONS.includes(condition) ? conditional(value) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
