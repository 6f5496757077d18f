import { link, open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { SojournError } from "../../engine/errors.ts";
import { checkBackup, type ReadOptions } from "./backup-file.ts";
import type { BackupManifest } from "./backup-format.ts";
import { asDiskError } from "./disk-error.ts";
import { syncDirectory } from "./sync-directory.ts";

/**
 * Saves a backup in a new file, for its owner alone. The file has its name only once all of it is on the disk and was
 * checked there; until then, and after a crash, it is `<path>.partial`, which the next attempt writes anew.
 *
 * @param bytes  of a `Backup`, wherever they come from
 * @throws {SojournError} as `checkBackup`; `invalid` also where a file has the name; `storage_full`
 */
export async function saveBackup(
  path: string,
  bytes: AsyncIterable<Uint8Array>,
  { signal, onProgress }: ReadOptions = {},
): Promise<BackupManifest> {
  const partial = `${path}.partial`;
  try {
    await rm(partial, { force: true });
    {
      await using file = await open(partial, "wx", 0o600);
      for await (const chunk of bytes) {
        signal?.throwIfAborted();
        await file.writeFile(chunk);
      }
      await file.sync();
    }
    const manifest = await checkBackup(partial, { signal, onProgress });
    // A link, unlike a rename, takes no name that somebody else has taken meanwhile.
    await link(partial, path);
    await rm(partial);
    syncDirectory(dirname(path));
    return manifest;
  } catch (error) {
    await rm(partial, { force: true });
    // NOTE: Node puts the system's name for the error there.
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw taken(path, error);
    throw asDiskError(error, `Cannot save the backup "${path}"`);
  }
}

function taken(path: string, cause: unknown): SojournError {
  return new SojournError("invalid", { message: `Cannot save the backup "${path}": there is such a file`, cause });
}
