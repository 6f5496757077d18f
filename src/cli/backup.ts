import type { Sojourn } from "../client/index.ts";
import { type BackupManifest, checkBackup, restore, saveBackup } from "../platform/index.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { Progress, printJson } from "./print.ts";

interface Options {
  readonly json?: boolean;
  readonly signal: AbortSignal;
}

/** `sojourn backup`. The file has its name only once all of it was checked. */
export async function backUp(sojourn: Sojourn, file: string, { json, signal }: Options): Promise<ExitCode> {
  using progress = new Progress("bytes");
  const onProgress = progress.onProgress;
  const manifest = await saveBackup(file, sojourn.backUp({ signal }), { signal, onProgress });
  if (json) printJson(manifest);
  else console.log(`${file}: ${heldBy(manifest)}`);
  return EXIT.ok;
}

/** `sojourn restore`. Nothing is touched before the whole file was checked. */
export async function restoreBackup(
  file: string,
  { data, check, json, signal }: Options & { readonly data: string; readonly check?: boolean },
): Promise<ExitCode> {
  using progress = new Progress("bytes");
  const onProgress = progress.onProgress;
  const manifest = await (check
    ? checkBackup(file, { signal, onProgress })
    : restore({ file, directory: data, signal, onProgress }));
  if (json) printJson(manifest);
  else if (check) console.log(`${file} is whole: ${heldBy(manifest)}`);
  else console.log(`${data}: ${heldBy(manifest)}\nStart the server on it: sojourn serve --data ${data}`);
  return EXIT.ok;
}

function heldBy({ holds, created_at, release }: BackupManifest): string {
  const { sessions, operations, tenants } = holds;
  return `${sessions} sessions of ${tenants} tenants, ${operations} operations, as of ${created_at}, by release ${release}`;
}
