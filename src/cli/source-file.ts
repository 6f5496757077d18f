import { openAsBlob } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { SojournError } from "../engine/errors.ts";

/**
 * A file whose bytes are read as they are wanted, so that it may be larger than memory.
 *
 * @throws {SojournError} `not_found` where there is none; `invalid` where it can't be read
 */
export async function sourceFile(path: string): Promise<Blob> {
  try {
    const found = await stat(path);
    if (found.isDirectory()) throw new SojournError("invalid", { message: `"${path}" is a directory` });
    if (!found.isFile()) {
      throw new SojournError("invalid", { message: `"${path}" is no file; - reads standard input` });
    }
    await access(path, constants.R_OK);
    return await openAsBlob(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new SojournError("not_found", { message: `There is no file "${path}"`, cause: error });
    }
    if (code === "EACCES" || code === "EPERM") {
      throw new SojournError("invalid", { message: `"${path}" may not be read`, cause: error });
    }
    throw error;
  }
}
