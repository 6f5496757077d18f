import { type ErrorCode, SojournError } from "../engine/errors.ts";

/** What passes by itself, and soon. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  "unreachable",
  "store_unavailable",
  "overloaded",
  "conflict",
  "request_timeout",
]);

/** What passes when the server says so. */
const TOLD: ReadonlySet<ErrorCode> = new Set(["rate_limited", "limit_reached"]);

const FIRST_MS = 100;

const LONGEST_MS = 5_000;

/** The longest wait that a server may ask for; whoever is told to wait for longer wants to know. */
const RETRY_AFTER_MS = 10_000;

/** Tells whether the same call may soon succeed, so that it makes sense to wait for it. */
export function isPassing(error: unknown): error is SojournError {
  if (!(error instanceof SojournError)) return false;
  const { code, retryAfterMs } = error;
  return TOLD.has(code) ? retryAfterMs !== undefined : PASSING.has(code);
}

/**
 * How long to wait before the next attempt, in milliseconds; `undefined`: don't.
 *
 * It doubles from attempt to attempt, up to five seconds, half of it by chance, so that clients that failed together
 * don't come back together. What the server asks for comes on top, as long as it is no more than ten seconds.
 *
 * @param attempt  which one failed: 1, 2, 3 …
 */
export function retryDelay(error: unknown, attempt: number): number | undefined {
  if (!isPassing(error)) return undefined;
  const { retryAfterMs = 0 } = error;
  if (retryAfterMs > RETRY_AFTER_MS) return undefined;
  return retryAfterMs + backoff(attempt);
}

/** How long to wait after so many failures in a row, in milliseconds. */
export function backoff(failures: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);
}

/** Waits, unless the signal aborts; then it rejects with its reason. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal.addEventListener("abort", stop, { once: true });
  });
}
