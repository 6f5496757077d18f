import type { Sojourn } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { type BundleVerdict, checkBundle } from "../platform/check-bundle.ts";
import { writeOut } from "./artifact-content.ts";
import { eachOf } from "./each.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { failureLine } from "./failure.ts";
import { count, printJson, shown, size } from "./print.ts";
import { type OnProgress, withProgress } from "./progress.ts";
import { saveFile } from "./save-file.ts";
import type { Source } from "./source-file.ts";
import { wireSession } from "./wire.ts";

interface Options {
  readonly json?: boolean;
  readonly signal: AbortSignal;
}

/** `sojourn export`. A file has its name only once all of it was checked. */
export async function exportSession(
  sojourn: Sojourn,
  id: string,
  { output, json, signal }: Options & { readonly output?: string | undefined },
): Promise<ExitCode> {
  if (output === undefined && process.stdout.isTTY) {
    const message = "A terminal has no use for an export; save it with -o FILE, or redirect it";
    throw new SojournError("invalid", { message });
  }
  const session = await sojourn.sessions.get(id, { signal });
  let manifest: Manifest | undefined;
  const check = async (path: string): Promise<void> => {
    const verdict = await checkBundle(path, { signal });
    if (!verdict.ok) throw new SojournError("internal", { message: `${verdict.message}; export it again` });
    manifest = verdict.manifest;
  };
  const isPrinted = output === undefined || output === "-";
  const written = await withProgress(async (onProgress) => {
    const counted = new Counted(session.export({ signal }), onProgress);
    await (isPrinted ? writeOut(counted) : saveFile(output, counted, { mode: 0o600, check }));
    return counted.bytes;
  });
  if (isPrinted) return EXIT.ok;
  if (json) printJson({ file: output, bytes: written, ...manifest });
  else console.log(`${shown(output)}: ${manifest === undefined ? size(written) : heldBy(manifest)}`);
  return EXIT.ok;
}

/** Bytes of which nobody knows how many they will be, with how many there were so far. */
class Counted implements AsyncIterable<Uint8Array> {
  readonly #pieces: AsyncIterable<Uint8Array>;
  readonly #onProgress: OnProgress;
  bytes = 0;

  constructor(pieces: AsyncIterable<Uint8Array>, onProgress: OnProgress) {
    this.#pieces = pieces;
    this.#onProgress = onProgress;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for await (const piece of this.#pieces) {
      this.bytes += piece.length;
      this.#onProgress({ done: this.bytes, total: undefined });
      yield piece;
    }
  }
}

type Manifest = Extract<BundleVerdict, { readonly ok: true }>["manifest"];

/** Keep the head: it is what the file can be held against. */
function heldBy(manifest: Manifest): string {
  const { session_id, operations, artifacts, bytes, head_hash } = manifest;
  const held = artifacts === 0 ? "" : `, ${count(artifacts, "artifact")} of ${size(bytes)}`;
  return `${session_id}, ${count(operations, "operation")}${held}, head ${head_hash}`;
}

/** `sojourn import`. A file that is no good is a failure, and not a wrong call. */
export async function importSession(
  sojourn: Sojourn,
  source: Source,
  options: Options & { readonly head?: string | undefined; readonly sessionId?: string | undefined },
): Promise<ExitCode> {
  const { head, sessionId, json, signal } = options;
  try {
    const session = await withProgress((onProgress) =>
      sojourn.sessions.import(source.content, { head, sessionId, signal, onProgress }),
    );
    if (json) printJson(wireSession(session.toJSON()));
    else console.log(`${session.sessionId}: ${count(session.version, "operation")}, head ${session.headHash}`);
    return EXIT.ok;
  } catch (error) {
    if (!isDamage(error)) throw error;
    console.error(failureLine(error));
    return EXIT.failed;
  }
}

function isDamage(error: unknown): boolean {
  if (!(error instanceof SojournError && error.code === "invalid")) return false;
  return error.faults.some(({ field }) => field === "bundle" || field.startsWith("operations."));
}

/** `sojourn verify FILE…`. Needs neither a server nor a store. Fails where any of them is not as it was written. */
export async function verifyFiles(
  files: readonly string[],
  { head, json, signal }: Options & { readonly head?: string | undefined },
): Promise<ExitCode> {
  let isWhole = true;
  const verify = async (file: string): Promise<void> => {
    const verdict = await withProgress((onProgress) => checkBundle(file, { head, signal, onProgress }));
    isWhole &&= verdict.ok;
    if (json) printJson(wireFileVerdict(file, verdict));
    else if (verdict.ok) console.log(`${shown(file)}: whole, ${heldBy(verdict.manifest)}`);
    else console.log(`${shown(file)}: DAMAGED: ${shown(verdict.message)}`);
  };
  const code = await eachOf(files, verify, signal);
  return isWhole ? code : EXIT.failed;
}

function wireFileVerdict(file: string, verdict: BundleVerdict): object {
  const { session_id, operations, head_hash } = verdict.manifest ?? {};
  const found = { file, session_id, ok: verdict.ok, operations, head_hash };
  if (verdict.ok) return found;
  return { ...found, first_bad_seq: verdict.firstBadSeq, fault: verdict.fault, message: verdict.message };
}
