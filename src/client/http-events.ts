import { decodeEvent, decodeEventPage, type WireEvent, type WireEventPage } from "./decode-events.ts";
import { encodeQuery } from "./encode.ts";
import type { EventPage, EventPageQuery, EventQuery, SessionEvent } from "./events.ts";
import { follow } from "./feed.ts";
import type { HttpCalls } from "./http-calls.ts";
import type { CallOptions } from "./inputs.ts";
import type { EventTransport } from "./transport.ts";

/** The way to the events of a server's sessions. */
export class HttpEvents implements EventTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  async page(query: EventPageQuery, options: CallOptions): Promise<EventPage> {
    const page = await this.#calls.read("/events", query, options);
    this.#calls.itemsOf(page["events"]);
    // NOTE: the answer of this route; so it is with every `as` below.
    return decodeEventPage(page as unknown as WireEventPage);
  }

  async *follow({ after, types }: EventQuery, { signal }: CallOptions): AsyncGenerator<SessionEvent, void, undefined> {
    if (signal?.aborted) return;
    // A connection that is lost before the first event would else begin at another now.
    const start = after === "now" ? (await this.page({ after, types, pageSize: 1 }, { signal })).cursor : after;
    const request = { method: "GET", path: "/events", query: encodeQuery({ after: start, types }) } as const;
    const { connection } = this.#calls;
    for await (const { data } of follow(connection, request, { signal }))
      yield decodeEvent(JSON.parse(data) as WireEvent);
  }
}
