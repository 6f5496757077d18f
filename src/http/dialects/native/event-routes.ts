import { given } from "../../../engine/given.ts";
import { badHeader } from "../../edge.ts";
import { type Call, type Reply, type Route, route } from "../../route.ts";
import { acceptsEvents } from "./answer.ts";
import * as encode from "./encode.ts";
import * as events from "./events.ts";

/** What happens in all sessions of a tenant. */
export const eventRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/events",
    operationId: "listEvents",
    summary:
      "What happened in all sessions, in the order in which it was committed; with Accept: text/event-stream a live feed that Last-Event-ID resumes",
    scope: "sessions:read",
    query: events.EventsQueryShape,
    isWrite: false,
    stream: "feed",
    answers: { 200: encode.enveloped(events.EventPageShape) },
    refusals: [],
    handle: async (call) => {
      const { events: it, caller, query, header, now } = call;
      const wanted = events.decodeEvents(query);
      if (acceptsEvents(header("accept"))) return await feed(call, wanted);
      return { body: encode.envelope(events.encodeEventPage(await it.list(caller, wanted)), now()) };
    },
  }),
];

async function feed(
  { events: it, caller, header, holds, gone }: Call,
  { limit: _, ...wanted }: ReturnType<typeof events.decodeEvents>,
): Promise<Reply> {
  const lastEventId = header("last-event-id");
  if (lastEventId !== undefined && !/^\d{1,15}$/.test(lastEventId)) {
    throw badHeader("last-event-id", "must be the id of an event of this feed: its cursor");
  }
  const happened = await it.follow(caller, {
    ...wanted,
    ...given("after", lastEventId, Number),
    signal: gone(),
  });
  return { events: told() };

  async function* told(): AsyncGenerator<string> {
    for await (const event of happened) {
      // Its key was revoked or has ended, or there are keys by now: it hears no more.
      if (!(await holds())) return;
      yield `id: ${event.position}\nevent: ${event.type}\ndata: ${JSON.stringify(events.encodeEvent(event))}\n\n`;
    }
  }
}
