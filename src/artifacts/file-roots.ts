import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { basename, sep } from "node:path";
import { invalid, SojournError } from "../engine/errors.ts";

/** A file that is being read. */
export interface RootFile extends AsyncIterable<Uint8Array>, AsyncDisposable {
  /** What it is called, without its directory. */
  readonly name: string;
}

/**
 * Opens a file below one of the roots. Links are resolved first, so that none leads out of them.
 *
 * @throws {SojournError} `forbidden` where there are no roots, or the file is not below one of them, whether or not there is
 *   such a file; `invalid` for what is no file, or can't be read
 */
export async function openBelow(roots: readonly string[], path: string): Promise<RootFile> {
  if (roots.length === 0) {
    throw new SojournError("forbidden", {
      message: "Files of this machine can't be stored by their path: no artifact_roots are set; send the bytes instead",
    });
  }
  if (path === "" || path.includes("\0")) throw badPath("must name a file");
  const real = await resolved(path);
  const isBelow = async (root: string): Promise<boolean> => {
    const top = await resolved(root);
    return real !== undefined && top !== undefined && real.startsWith(top.endsWith(sep) ? top : top + sep);
  };
  const below = await Promise.all(roots.map(isBelow));
  if (real === undefined || !below.includes(true)) {
    throw notBelow();
  }
  return await openFile(real, basename(path));
}

async function openFile(real: string, name: string): Promise<RootFile> {
  // Neither a link that has taken its place since, nor a pipe that would wait for a writer.
  const file = await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK).catch(
    (cause: unknown) => {
      throw badPath("can't be read by the server", cause);
    },
  );
  try {
    const opened = await file.stat();
    if (!opened.isFile()) throw badPath("must name a file, and no directory or device");
    // A directory on the way may have become a link since it was resolved.
    const now = (await resolved(real)) === real ? await stat(real) : undefined;
    if (now?.ino !== opened.ino || now.dev !== opened.dev) throw notBelow();
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    name,
    async *[Symbol.asyncIterator]() {
      yield* file.createReadStream({ autoClose: false, highWaterMark: 262_144 });
    },
    [Symbol.asyncDispose]: () => file.close(),
  };
}

async function resolved(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch {
    return undefined;
  }
}

function notBelow(): SojournError {
  return new SojournError("forbidden", { message: "There is no such file below the artifact_roots" });
}

function badPath(message: string, cause?: unknown): SojournError {
  const { faults, message: text } = invalid([{ field: "path", message, type: "invalid_path" }]);
  return new SojournError("invalid", { message: text, faults, cause });
}
