import { setTimeout } from "node:timers/promises";
import { SojournError } from "../engine/errors.ts";

const FIRST_PAUSE_MS = 20;

const LONGEST_PAUSE_MS = 1_000;

/**
 * Begins something as soon as nobody else is at work in the session.
 *
 * @throws {SojournError} `session_busy` after `waitMs`
 */
export async function whenFree<T>(
  begin: () => Promise<T>,
  { waitMs, signal }: { readonly waitMs: number; readonly signal: AbortSignal | undefined },
): Promise<T> {
  const endsAt = performance.now() + waitMs;
  for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
    signal?.throwIfAborted();
    try {
      return await begin();
    } catch (error) {
      const leftMs = endsAt - performance.now();
      if (!(error instanceof SojournError && error.code === "session_busy") || leftMs <= 0) throw error;
      await setTimeout(Math.min(pauseMs, leftMs), undefined, { ...(signal !== undefined && { signal }) }).catch(
        () => {},
      );
    }
  }
}
