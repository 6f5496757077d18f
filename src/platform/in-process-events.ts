import { decodeEvent, decodeEventPage } from "../client/decode-events.ts";
import type { EventPage, EventPageQuery, EventQuery, SessionEvent } from "../client/events.ts";
import type { CallOptions } from "../client/inputs.ts";
import type { EventTransport } from "../client/transport.ts";
import type { Events } from "../engine/events.ts";
import type { Caller } from "../engine/sessions.ts";
import * as shapes from "../http/dialects/native/events.ts";
import type { InProcessCalls } from "./in-process-calls.ts";
import { queryOf } from "./input.ts";

/** The way to the events of this process's sessions. */
export class InProcessEvents implements EventTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  get #events(): Events {
    return this.#calls.engine.events;
  }

  async page(query: EventPageQuery, options: CallOptions): Promise<EventPage> {
    const wanted = shapes.decodeEvents(queryOf(shapes.EventsQueryShape, query));
    const list = (caller: Caller) => this.#events.list(caller, wanted);
    return await this.#calls.call(options, list, (page) => decodeEventPage(shapes.encodeEventPage(page)));
  }

  async *follow(query: EventQuery, { signal }: CallOptions): AsyncGenerator<SessionEvent, void, undefined> {
    const { limit: _, ...wanted } = shapes.decodeEvents(queryOf(shapes.EventsQueryShape, query));
    const { inHand } = this.#calls;
    inHand.assertOpen();
    const end = signal === undefined ? inHand.closing : AbortSignal.any([inHand.closing, signal]);
    if (end.aborted) return;
    const told = await this.#events.follow(await this.#calls.caller(), { ...wanted, signal: end });
    for await (const event of told) {
      if (end.aborted) return;
      yield decodeEvent(shapes.encodeEvent(event));
    }
  }
}
