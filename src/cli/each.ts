import { EXIT, type ExitCode, exitCodeOf } from "./exit.ts";
import { failureLine } from "./failure.ts";

/**
 * Does something for each id, one after another. One that fails is told on standard error and does not keep the others
 * from their turn; the exit code is that of the first.
 *
 * @param signal  whose abortion ends it
 */
export async function eachOf(
  ids: readonly string[],
  work: (id: string) => Promise<void>,
  signal?: AbortSignal,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.ok;
  for (const id of ids) {
    try {
      await work(id);
    } catch (error) {
      if (signal?.aborted) throw error;
      console.error(failureLine(error));
      if (code === EXIT.ok) code = exitCodeOf(error);
      // Whoever does not answer for one does not for the next.
      if (exitCodeOf(error) === EXIT.unreachable || exitCodeOf(error) === EXIT.refused) break;
    }
  }
  return code;
}
