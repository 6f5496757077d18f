import { EXIT, type ExitCode } from "./exit.ts";
import { StopSignal } from "./stop-signal.ts";

/** Runs what Ctrl+C, or a polite kill, is to end in order; again ends the process at once. */
export async function untilInterrupted(work: (signal: AbortSignal) => Promise<ExitCode>): Promise<ExitCode> {
  const stop = new AbortController();
  using _ = new StopSignal({
    onFirst: () => stop.abort(new Error("Interrupted")),
    exitCode: EXIT.interrupted,
  });
  try {
    const code = await work(stop.signal);
    return stop.signal.aborted ? EXIT.interrupted : code;
  } catch (error) {
    if (stop.signal.aborted) return EXIT.interrupted;
    throw error;
  }
}
