/// <reference lib="esnext.disposable" preserve="true" />
import type { SessionEvent } from "./events.ts";

/** Told what goes wrong where no call could be rejected for it. A log of pino's kind is one. */
export interface FailureLog {
  error(line: object, message: string): void;
}

/** What a hook calls. */
interface HookCalls {
  /** Called with one event at a time; the next waits until it has settled. */
  readonly handler: (event: SessionEvent) => unknown;
  /** Told what the handler threw, and of which event; without an event, why there are no more. */
  readonly onError: (error: unknown, event: SessionEvent | undefined) => unknown;
}

/** What may be said of a hook. */
export interface HookOptions {
  /** Begins behind this cursor, and so tells what happened since; default: only what comes. */
  readonly after?: string | undefined;
  /**
   * Told what the handler threw, and of which event; without an event, why there are no more. Left out: the `logger` that
   * `open` or `connect` was given.
   */
  readonly onError?: HookCalls["onError"] | undefined;
  /** Aborting it stops the hook. */
  readonly signal?: AbortSignal | undefined;
}

/** The events of a hook, until the signal aborts. */
type Feed = (signal: AbortSignal) => AsyncIterable<SessionEvent>;

/** A handler of events at work. Made by `sojourn.on`. */
export class Hook implements Disposable {
  /** Resolves once no handler runs and none will be called any more. */
  readonly ended: Promise<void>;
  readonly #stop = new AbortController();

  /** Hooks come from `sojourn.on`. */
  constructor(feed: Feed, calls: HookCalls, signal?: AbortSignal) {
    const end = (): void => this.stop();
    signal?.addEventListener("abort", end);
    if (signal?.aborted) end();
    this.ended = this.#run(feed, calls).finally(() => signal?.removeEventListener("abort", end));
  }

  /** Has no further event handled; a handler that runs goes on. Idempotent. */
  stop(): void {
    this.#stop.abort();
  }

  [Symbol.dispose](): void {
    this.stop();
  }

  async #run(feed: Feed, calls: HookCalls): Promise<void> {
    const { signal } = this.#stop;
    try {
      for await (const event of feed(signal)) {
        if (signal.aborted) return;
        await handle(event, calls);
      }
    } catch (error) {
      if (!signal.aborted) await tell(calls, error, undefined);
    }
  }
}

async function handle(event: SessionEvent, calls: HookCalls): Promise<void> {
  try {
    await calls.handler(event);
  } catch (error) {
    await tell(calls, error, event);
  }
}

/** Tells of a failure. Whoever fails at hearing of it is told nothing more. */
async function tell({ onError }: HookCalls, error: unknown, event: SessionEvent | undefined): Promise<void> {
  try {
    await onError(error, event);
  } catch {
    // There is nobody left to tell.
  }
}
