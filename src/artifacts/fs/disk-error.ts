import { SojournError } from "../../engine/errors.ts";

/**
 * What a caller is told of an error of the file system; other errors pass as they are.
 *
 * @param failed  what could not be done, such as `Cannot begin a file`
 */
export function asDiskError(error: unknown, failed: string): unknown {
  const cause = systemError(error);
  if (cause?.syscall === undefined) return error;
  const { code } = cause;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new SojournError("storage_full", { message: `${failed}: the disk is full`, cause });
  }
  return new SojournError("store_unavailable", { message: `${failed}: ${cause.message}`, cause });
}

/** Whether an error says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return systemError(error)?.code === "ENOENT";
}

function systemError(error: unknown): NodeJS.ErrnoException | undefined {
  // NOTE: Node puts the system's names of the error and of the call there.
  return error instanceof Error && !(error instanceof SojournError) ? error : undefined;
}
