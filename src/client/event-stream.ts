import { createParser } from "eventsource-parser";
import type { Deadline } from "./deadline.ts";

/** A stream that has been opened; whoever reads it gives it time to bring more, and lets go of the deadline. */
export interface OpenStream {
  readonly response: Response;
  readonly deadline: Deadline;
}

/** One event of a stream. */
export interface ServerEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string;
}

/** The events of a stream, until it ends, or nothing comes for so long, not even that somebody is there. */
export async function* eventsOf(
  { response, deadline }: OpenStream,
  silenceMs: number,
): AsyncGenerator<ServerEvent, void, undefined> {
  const events: ServerEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      events.push({ id, event, data });
    },
  });
  const decoder = new TextDecoder();
  const reader = response.body?.getReader();
  try {
    for (;;) {
      deadline.restart(silenceMs);
      const chunk = await reader?.read();
      if (chunk?.value === undefined) return;
      parser.feed(decoder.decode(chunk.value, { stream: true }));
      // How long whoever reads takes over an event is not the server's silence.
      deadline.pause();
      yield* events.splice(0);
    }
  } finally {
    await reader?.cancel().catch(() => undefined);
  }
}
