import { once } from "node:events";
import type { Sojourn } from "../client/index.ts";
import { runScript, type ScriptOptions } from "../scripts/run-script.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit.ts";
import { shownLines } from "./print.ts";

/** `sojourn run`. */
export async function runScriptFile(sojourn: Sojourn, options: Omit<ScriptOptions, "print">): Promise<ExitCode> {
  const outcome = await runScript(sojourn, { ...options, print });
  if (outcome.status === "failed") console.error(shownLines(outcome.message));
  else if (outcome.status === "stopped" && outcome.why === "timeout") {
    console.error("The script was stopped: it ran for too long; --timeout gives it more");
  }
  // NOTE: a script has numbers of its own, which shells take as they are.
  if (outcome.status === "completed") return outcome.exitCode as ExitCode;
  return outcome.status === "failed" && outcome.lost ? exitCodeOf(outcome.lost) : EXIT.failed;
}

/** Writes as fast as it is read. Where the reader has gone, as `head` does, the script goes on. */
async function print(bytes: Uint8Array): Promise<void> {
  if (process.stdout.write(bytes) || process.stdout.destroyed) return;
  await once(process.stdout, "drain").catch(() => {});
}
