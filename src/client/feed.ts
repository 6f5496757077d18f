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

/**
 * The events of a feed, each once and in order, over as many connections as it takes.
 *
 * Ends when the signal aborts, the connection closes, or there is nothing to follow any more, which the server tells
 * whoever comes back. Until the first connection stands, it fails as any call does.
 */
export async function* follow(
  connection: Connection,
  request: Request,
  signal: AbortSignal | undefined,
): AsyncGenerator<FeedEvent, void, undefined> {
  const stop = new AbortController();
  const end = (): void => stop.abort();
  const ends = signal === undefined ? [connection.closing] : [connection.closing, signal];
  if (signal?.aborted) return;
  for (const one of ends) one.addEventListener("abort", end);
  try {
    yield* reconnecting(connection, request, stop.signal);
  } catch (error) {
    if (!stop.signal.aborted) throw error;
  } finally {
    for (const one of ends) one.removeEventListener("abort", end);
    stop.abort();
  }
}

async function* reconnecting(
  connection: Connection,
  request: Request,
  signal: AbortSignal,
): AsyncGenerator<FeedEvent, void, undefined> {
  let lastEventId: number | undefined;
  let failures = 0;
  let stream: OpenAnswer | undefined = await connection.stream(request, { signal, lastEventId });
  for (;;) {
    try {
      stream ??= await connection.stream(request, { signal, lastEventId });
      for await (const { id, data } of eventsOf(stream, SILENCE_MS)) {
        failures = 0;
        lastEventId = Number(id);
        yield { id: lastEventId, data };
      }
      // The session was deleted, or the server stops; coming back tells which.
    } catch (error) {
      if (error instanceof SojournError && error.code === "session_not_found") return;
      if (error instanceof SojournError && !isPassing(error)) throw error;
    } finally {
      stream?.deadline.end();
    }
    stream = undefined;
    failures++;
    await pause(backoff(failures), signal);
  }
}
