import { SojournError } from "../engine/errors.ts";
import type { Connection } from "./connection.ts";
import { eventsOf } from "./event-stream.ts";
import type { OpenAnswer } from "./pieces.ts";
import type { Request } from "./request.ts";
import { backoff, isPassing, pause } from "./retry.ts";

/** The server says every 15 seconds that it is there; whoever says nothing for three times as long is not. */
export const SILENCE_MS = 45_000;

/** An event of a feed. */
export interface FeedEvent {
  readonly id: number;
  readonly data: string;
}

type IsLeft = (last: FeedEvent, signal: AbortSignal) => Promise<boolean>;

/**
 * The events of a feed, each once and in order, over as many connections as it takes.
 *
 * Ends when the signal aborts, the connection closes, or what is followed was deleted, which it returns. Until the first
 * connection stands, it fails as any call does.
 *
 * @param isLeft  whether the last event is still there, or something else began under the same name; asked before it comes back
 */
export async function* follow(
  connection: Connection,
  request: Request,
  { signal, isLeft = async () => true }: { readonly signal: AbortSignal | undefined; readonly isLeft?: IsLeft },
): AsyncGenerator<FeedEvent, "deleted" | undefined, undefined> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  const ends = signal === undefined ? [connection.closing] : [connection.closing, signal];
  if (signal?.aborted) return undefined;
  for (const one of ends) one.addEventListener("abort", end);
  try {
    return yield* reconnecting(connection, request, { signal: stop.signal, isLeft });
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return undefined;
  } finally {
    for (const one of ends) one.removeEventListener("abort", end);
    stop.abort();
  }
}

async function* reconnecting(
  connection: Connection,
  request: Request,
  { signal, isLeft }: { readonly signal: AbortSignal; readonly isLeft: IsLeft },
): AsyncGenerator<FeedEvent, "deleted" | undefined, undefined> {
  let last: FeedEvent | undefined;
  let failures = 0;
  let stream: OpenAnswer | undefined = await connection.stream(request, { signal, lastEventId: undefined });
  for (;;) {
    try {
      if (stream === undefined && last !== undefined && !(await isLeft(last, signal))) return "deleted";
      stream ??= await connection.stream(request, { signal, lastEventId: last?.id });
      for await (const { id, event, data } of eventsOf(stream, SILENCE_MS)) {
        if (event === "deleted") return "deleted";
        failures = 0;
        last = { id: Number(id), data };
        yield last;
      }
      // What is followed was deleted, or the server stops; coming back tells which.
    } catch (error) {
      if (isGone(error)) return "deleted";
      if (error instanceof SojournError && !isPassing(error)) throw error;
    } finally {
      stream?.deadline.end();
    }
    stream = undefined;
    failures++;
    await pause(backoff(failures), signal);
  }
}

/** Whether what was followed is no more; who was let in before, and is refused as `invalid`, is past what began anew. */
function isGone(error: unknown): boolean {
  return error instanceof SojournError && (error.code === "session_not_found" || error.code === "invalid");
}
