import { createParser } from "eventsource-parser";
import { type OpenAnswer, piecesOf } from "./pieces.ts";

/** One event of a stream. */
export interface ServerEvent {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: string;
}

/** The events of a stream, until it ends, or nothing comes for so long, not even that somebody is there. */
export async function* eventsOf(answer: OpenAnswer, silenceMs: number): AsyncGenerator<ServerEvent, void, undefined> {
  const events: ServerEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      events.push({ id, event, data });
    },
  });
  const decoder = new TextDecoder();
  for await (const piece of piecesOf(answer, silenceMs)) {
    parser.feed(decoder.decode(piece, { stream: true }));
    yield* events.splice(0);
  }
}
