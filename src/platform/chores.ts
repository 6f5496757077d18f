import type { Logger } from "./log.ts";

/** What a server does by itself, again and again. */
export interface Chore {
  /** What it does, as the log says it failed: `the sweep`. */
  readonly name: string;
  readonly everyMs: number;
  /** Whether it begins at once, and not only after `everyMs`. */
  readonly atStart?: boolean;
  /** Stops after what is in hand where the signal aborts. What it throws is logged, and it runs again when its time comes. */
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** Chores under way. */
export interface Chores {
  /** Waits for what is in hand, and begins with nothing else. */
  stop(): Promise<void>;
}

/** Runs each chore every so often, one run of it at a time. */
export function startChores(chores: readonly Chore[], logger: Logger): Chores {
  const stop = new AbortController();
  const started = chores.map((chore) => start(chore, stop.signal, logger));
  return {
    stop: async () => {
      stop.abort();
      await Promise.all(started.map((end) => end()));
    },
  };
}

function start(
  { name, everyMs, atStart = false, run }: Chore,
  signal: AbortSignal,
  logger: Logger,
): () => Promise<void> {
  let inHand: Promise<void> | undefined;
  const begin = (): void => {
    inHand ??= run(signal)
      .catch((error: unknown) => logger.error({ err: error }, `${name} failed`))
      .finally(() => {
        inHand = undefined;
      });
  };
  const timer = setInterval(begin, everyMs);
  if (atStart) begin();
  return async () => {
    clearInterval(timer);
    await inHand;
  };
}
