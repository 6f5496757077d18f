import type { Access } from "../engine/access.ts";
import type { Sessions } from "../engine/sessions.ts";
import type { Logger } from "./log.ts";

/** A sweeper at work. */
export interface Sweeper {
  /** Waits for the sessions that are being expired, and begins with no others. */
  stop(): Promise<void>;
}

/**
 * Writes what time alone brings about, every `everyMs`, one sweep at a time: into the logs of sessions whose time is over
 * that they expired, and when keys were used last.
 */
export function startSweeper({
  sessions,
  access,
  logger,
  everyMs,
}: {
  readonly sessions: Sessions;
  readonly access: Access;
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
      await access.saveLastUse();
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
