import type { Logger } from "pino";
import type { Sessions } from "../engine/sessions.ts";

/** A sweeper at work. */
export interface Sweeper {
  /** Waits for the sessions that are being expired, and begins with no others. */
  stop(): Promise<void>;
}

/** Writes into the logs of sessions whose time is over that they expired, every `everyMs`, one sweep at a time. */
export function startSweeper({
  sessions,
  logger,
  everyMs,
}: {
  readonly sessions: Sessions;
  readonly logger: Logger;
  readonly everyMs: number;
}): Sweeper {
  const stop = new AbortController();
  let sweep: Promise<void> | undefined;
  const timer = setInterval(() => {
    sweep ??= run().finally(() => {
      sweep = undefined;
    });
  }, everyMs);

  async function run(): Promise<void> {
    try {
      const expired = await sessions.sweep(stop.signal);
      if (expired > 0) logger.info({ expired }, "sessions expired");
    } catch (error) {
      // The next sweep finds the same sessions.
      logger.error({ err: error }, "sweep failed");
    }
  }

  return {
    stop: async () => {
      clearInterval(timer);
      stop.abort();
      await sweep;
    },
  };
}
