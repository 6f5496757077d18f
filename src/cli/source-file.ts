import { openAsBlob } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { SojournError } from "../engine/errors.ts";

/** Bytes to send, which are let go of when it is disposed of. */
export interface Source extends Disposable {
  readonly content: Blob | Readable;
}

/**
 * A file, or, as `-`, standard input, which ends when the signal aborts: whoever writes to it may never end.
 *
 * @throws {SojournError} `not_found` where there is no such file; `invalid` where it can't be read
 */
export async function openSource(path: string, signal: AbortSignal): Promise<Source> {
  if (path !== "-") return { content: await fileAsBlob(path), [Symbol.dispose]: () => undefined };
  return {
    content: addAbortSignal(signal, process.stdin),
    // Nobody may read to its end, and until then the process would wait for more.
    [Symbol.dispose]: () => void process.stdin.destroy(),
  };
}

// Its bytes are read as they are wanted, so that it may be larger than memory.
async function fileAsBlob(path: string): Promise<Blob> {
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
