import { existsSync } from "node:fs";
import { open, rename, rm } from "node:fs/promises";
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
  options: ReadOptions = {},
): Promise<BackupManifest> {
  const partial = `${path}.partial`;
  try {
    assertFree(path);
    await rm(partial, { force: true });
    {
      await using file = await open(partial, "wx", 0o600);
      for await (const chunk of bytes) {
        options.signal?.throwIfAborted();
        await file.writeFile(chunk);
      }
      await file.sync();
    }
    const manifest = await checkBackup(partial, options);
    assertFree(path);
    await rename(partial, path);
    syncDirectory(dirname(path));
    return manifest;
  } catch (error) {
    await rm(partial, { force: true });
    throw asDiskError(error, `Cannot save the backup "${path}"`);
  }
}

function assertFree(path: string): void {
  if (!existsSync(path)) return;
  throw new SojournError("invalid", { message: `Cannot save the backup "${path}": there is such a file` });
}
