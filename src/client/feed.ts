import { createParser } from "eventsource-parser";
import { SojournError } from "../engine/errors.ts";
import type { Connection, OpenStream, Request } from "./connection.ts";
import { backoff, isPassing, pause } from "./retry.ts";

/** The server says every 15 seconds that it is there; whoever says nothing for three times as long is not. */
const SILENCE_MS = 45_000;

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
  let stream: OpenStream | undefined = await connection.stream(request, { signal, lastEventId });
  for (;;) {
    try {
      stream ??= await connection.stream(request, { signal, lastEventId });
      for await (const event of eventsOf(stream)) {
        failures = 0;
        lastEventId = event.id;
        yield event;
      }
      // The session was deleted, or the server stops; coming back tells which.
    } catch (error) {
      if (error instanceof SojournError && error.code === "session_not_found") return;
      if (error instanceof SojournError && !isPassing(error)) throw error;
    }
    stream = undefined;
    failures++;
    await pause(backoff(failures), signal);
  }
}

async function* eventsOf({ response, deadline }: OpenStream): AsyncGenerator<FeedEvent, void, undefined> {
  const events: FeedEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, data }) => {
      events.push({ id: Number(id), data });
    },
  });
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  try {
    for (;;) {
      deadline.restart(SILENCE_MS);
      const chunk = await reader?.read();
      if (chunk?.value === undefined) return;
      parser.feed(decoder.decode(chunk.value, { stream: true }));
      // How long whoever reads takes over an event is not the server's silence.
      deadline.pause();
      yield* events.splice(0);
    }
  } finally {
    deadline.end();
    await reader?.cancel().catch(() => undefined);
  }
}
