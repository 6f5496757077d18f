import type { Sojourn } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { type BackupManifest, checkBackup, restore, saveBackup } from "../platform/index.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { failureLine } from "./failure.ts";
import { count, printJson } from "./print.ts";
import { withProgress } from "./progress.ts";

interface Options {
  readonly json?: boolean;
  readonly signal: AbortSignal;
}

/** `sojourn backup`. The file has its name only once all of it was checked. */
export async function backUp(sojourn: Sojourn, file: string, { json, signal }: Options): Promise<ExitCode> {
  return await failing(async () => {
    const manifest = await withProgress((onProgress) =>
      saveBackup(file, sojourn.backUp({ signal }), { signal, onProgress }),
    );
    if (json) printJson(manifest);
    else console.log(`${file}: ${heldBy(manifest)}`);
  });
}

/** `sojourn restore`. Nothing is touched before the whole file was checked. */
export async function restoreBackup(
  file: string,
  { data, check, json, signal }: Options & { readonly data: string; readonly check?: boolean },
): Promise<ExitCode> {
  return await failing(async () => {
    const manifest = await withProgress((onProgress) => {
      const reading = { signal, onProgress };
      return check ? checkBackup(file, reading) : restore({ file, directory: data, ...reading });
    });
    if (json) printJson(manifest);
    else if (check) console.log(`${file} is whole: ${heldBy(manifest)}`);
    else console.log(`${data}: ${heldBy(manifest)}\nStart the server on it: sojourn serve --data ${data}`);
  });
}

/** A file that is no good is a failure, and not a wrong call. */
async function failing(work: () => Promise<void>): Promise<ExitCode> {
  try {
    await work();
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof SojournError && error.code === "invalid")) throw error;
    console.error(failureLine(error));
    return EXIT.failed;
  }
}

function heldBy({ holds, created_at, release, ...manifest }: BackupManifest): string {
  const { sessions, operations, tenants, artifacts = 0 } = holds;
  const held = `${count(sessions, "session")} of ${count(tenants, "tenant")}, ${count(operations, "operation")}`;
  const lost = manifest.version === 1 ? 0 : manifest.contents.missing;
  const files = artifacts === 0 ? "" : `, ${count(artifacts, "artifact")}`;
  const without = lost === 0 ? "" : ` (without ${count(lost, "file")} that the store has lost)`;
  return `${held}${files}${without}, as of ${created_at}, by release ${release}`;
}
