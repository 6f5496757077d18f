import { SojournError } from "../../engine/errors.ts";
import { asStoreError } from "./connection.ts";

/**
 * What a caller is told of an error of the file system or of SQLite; other errors pass as they are.
 *
 * @param failed  what could not be done, such as `Cannot restore into "data"`
 */
export function asDiskError(error: unknown, failed: string): unknown {
  if (error instanceof SojournError || !(error instanceof Error)) return error;
  // NOTE: Node puts the system's name for the error there.
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") {
    return new SojournError("storage_full", { message: `${failed}: the disk is full`, cause: error });
  }
  if (syscall === undefined) return asStoreError(error);
  return new SojournError("store_unavailable", { message: `${failed}: ${error.message}`, cause: error });
}
