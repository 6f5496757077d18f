import { stat } from "node:fs/promises";
import { sep } from "node:path";
import type { Sojourn } from "../client/index.ts";
import { SojournError } from "../engine/errors.ts";
import { eachOf } from "./each.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, printJson } from "./print.ts";
import { Progress } from "./progress.ts";
import { wireVerdict } from "./wire.ts";

/** Whether programs read what is printed. */
interface ForPrograms {
  readonly json?: boolean;
}

/** What `sojourn verify` was given: files, and sessions. */
export interface ToVerify {
  readonly files: readonly string[];
  readonly ids: readonly string[];
}

/**
 * Tells files from sessions: no session has a path for an id, and one that is called as exports are is named by its uid.
 *
 * @throws {SojournError} `not_found` for a path that leads nowhere; `invalid` for a word that may be either
 */
export async function toVerify(words: readonly string[]): Promise<ToVerify> {
  const files: string[] = [];
  const ids: string[] = [];
  for (const word of words) {
    const isPath = word.includes("/") || word.includes(sep) || word.endsWith(".sojourn");
    const isThere = await isFile(word);
    if (isPath && !isThere) throw new SojournError("not_found", { message: `There is no file "${word}"` });
    if (isThere && !isPath) {
      const message = `"${word}" is a file here, and may be a session: write ./${word} for the file, or the uid of the session`;
      throw new SojournError("invalid", { message });
    }
    (isThere ? files : ids).push(word);
  }
  return { files, ids };
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

/** `sojourn verify ID…`. Fails where any of them is not as it was written. */
export async function verifySessions(
  sojourn: Sojourn,
  ids: readonly string[],
  { head, json, signal }: ForPrograms & { readonly head?: string; readonly signal: AbortSignal },
): Promise<ExitCode> {
  let isWhole = true;
  const verify = async (id: string): Promise<void> => {
    const session = await sojourn.sessions.get(id, { signal });
    const verdict = await session.verify({ head, signal });
    isWhole &&= verdict.ok;
    if (json) printJson(wireVerdict(session.sessionId, verdict));
    else if (verdict.ok) {
      console.log(`${session.sessionId}: whole, ${count(verdict.operations, "operation")}, head ${verdict.headHash}`);
    } else console.log(faultLine(session.sessionId, verdict.fault, verdict.firstBadSeq));
  };
  const code = await eachOf(ids, verify, signal);
  return isWhole ? code : EXIT.failed;
}

/** `sojourn verify --all`. */
export async function verifyAll(
  sojourn: Sojourn,
  { json, signal }: ForPrograms & { readonly signal: AbortSignal },
): Promise<ExitCode> {
  const { sessions: total } = await sojourn.sessions.stats({ signal });
  let verified = 0;
  const damaged: string[] = [];
  {
    using progress = new Progress("sessions");
    for await (const session of sojourn.sessions.list({ sort: "created_at", order: "asc", pageSize: 500, signal })) {
      const verdict = await unlessMissing(session.verify({ signal }));
      // Deleted since it was listed.
      if (verdict === undefined) continue;
      verified += 1;
      progress.update(verified, Math.max(total, verified));
      if (verdict.ok) continue;
      damaged.push(session.uid);
      if (!json)
        console.log(faultLine(`${session.sessionId} (uid ${session.uid})`, verdict.fault, verdict.firstBadSeq));
    }
  }
  if (json) printJson({ ok: damaged.length === 0, sessions: verified, damaged });
  else console.log(`${count(verified, "session")} verified, ${damaged.length} damaged`);
  return damaged.length === 0 ? EXIT.ok : EXIT.failed;
}

async function unlessMissing<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof SojournError && error.code === "session_not_found") return undefined;
    throw error;
  }
}

const FAULTS = {
  chain: "an operation is not what was hashed, or is missing",
  payload: "a payload is not what was hashed, or is missing",
  head: "the log does not end where its head says",
  view: "what is shown is not what the log says",
  known_head: "the head that you kept is not part of the log",
} as const;

function faultLine(name: string, fault: keyof typeof FAULTS | undefined, firstBadSeq: number | undefined): string {
  const where = firstBadSeq === undefined ? "" : `, first at operation ${firstBadSeq}`;
  return `${name}: DAMAGED: ${fault === undefined ? "it does not verify" : FAULTS[fault]}${where}`;
}
