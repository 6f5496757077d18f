import { randomBytes } from "node:crypto";
import { type FileHandle, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SojournError } from "../engine/errors.ts";

/** How to save a file. */
export interface SaveOptions {
  /** Who may do what with a file that was not there; as the system has it for new files, where it is left out. */
  readonly mode?: number;
  /** Told of the whole file before it has its name; what it throws keeps it from it. */
  readonly check?: (path: string) => Promise<void>;
}

/**
 * Saves bytes as a file. It has its name, and takes the place of a file that had it, only once all of it is on the disk;
 * what is not a file, such as a pipe, is written to as it is.
 *
 * @throws {SojournError} `invalid` where nothing can be written there; `not_found` where there is no such directory;
 *   `storage_full`; what the source and `check` throw
 */
export async function saveFile(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  { mode = 0o666, check }: SaveOptions = {},
): Promise<void> {
  const target = await targetOf(path);
  if (target.isOther) {
    await using file = await opened(path, target.path, { flags: "w", mode });
    await write(file, path, bytes);
    return;
  }
  const partial = join(dirname(target.path), `.${basename(target.path)}.${randomBytes(4).toString("hex")}.partial`);
  try {
    {
      await using file = await opened(path, partial, { flags: "wx", mode });
      if (target.mode !== undefined) await file.chmod(target.mode);
      await write(file, path, bytes);
      await file.sync();
    }
    await check?.(partial);
    await rename(partial, target.path);
  } finally {
    await rm(partial, { force: true });
  }
}

interface Target {
  /** Where a link leads. */
  readonly path: string;
  /** Whether there is something that is no file. */
  readonly isOther: boolean;
  /** Of the file that is there. */
  readonly mode: number | undefined;
}

async function targetOf(path: string): Promise<Target> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw cannot(path, "it is a directory; name a file in it");
    return { path: await realpath(path), isOther: !found.isFile(), mode: found.mode & 0o777 };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return { path, isOther: false, mode: undefined };
    throw asRefusal(error, path);
  }
}

async function opened(
  path: string,
  actual: string,
  { flags, mode }: { readonly flags: string; readonly mode: number },
): Promise<FileHandle> {
  try {
    return await open(actual, flags, mode);
  } catch (error) {
    throw asRefusal(error, path);
  }
}

async function write(file: FileHandle, path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const piece of bytes) {
    try {
      await file.writeFile(piece);
    } catch (error) {
      throw asRefusal(error, path);
    }
  }
}

const REFUSALS: Readonly<Record<string, readonly [code: "invalid" | "not_found" | "storage_full", why: string]>> = {
  ENOENT: ["not_found", "there is no such directory"],
  ENOTDIR: ["not_found", "there is no such directory"],
  EACCES: ["invalid", "it is not allowed"],
  EPERM: ["invalid", "it is not allowed"],
  EROFS: ["invalid", "the file system is read-only"],
  ENAMETOOLONG: ["invalid", "the name is too long"],
  ENOSPC: ["storage_full", "the disk is full"],
  EDQUOT: ["storage_full", "the quota of the disk is used up"],
};

function asRefusal(error: unknown, path: string): unknown {
  const [code, why] = REFUSALS[(error as NodeJS.ErrnoException).code ?? ""] ?? [];
  return code === undefined || why === undefined ? error : cannot(path, why, { code, cause: error });
}

function cannot(
  path: string,
  why: string,
  {
    code = "invalid",
    cause,
  }: { readonly code?: "invalid" | "not_found" | "storage_full"; readonly cause?: unknown } = {},
): SojournError {
  return new SojournError(code, { message: `Cannot write "${path}": ${why}`, cause });
}
