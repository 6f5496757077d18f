import pino, { type Logger as Pino } from "pino";

/** Takes lines of a log: what happened, and in words. One of pino is one. */
export interface Logger {
  info(line: object, message: string): void;
  warn(line: object, message: string): void;
  error(line: object, message: string): void;
  fatal(line: object, message: string): void;
}

/** A log at work. */
export interface Log {
  readonly logger: Pino;
  /** Writes out what is pending. */
  stop(): void;
}

/** How much is gathered before it is written; a write for each line would cost more than the request it tells of. */
const GATHERED_BYTES = 8_192;

/** How long a line may wait to be written. */
const FLUSH_MS = 250;

/** Starts the log: JSON, one line an event, on standard error. */
export function startLog(level: string): Log {
  const destination = pino.destination({ dest: 2, sync: false, minLength: GATHERED_BYTES });
  const logger = pino({ level, base: null }, destination);
  const timer = setInterval(() => destination.flush(), FLUSH_MS);
  timer.unref();
  return {
    logger,
    stop: () => {
      clearInterval(timer);
      destination.flushSync();
    },
  };
}
