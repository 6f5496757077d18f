import { z } from "zod";
import type { EventFilter, EventStart, Events, SessionEvent } from "../../../engine/events.ts";
import { given } from "../../../engine/given.ts";
import { PageShape, pageLimit } from "./decode.ts";
import { encodeOperation, OperationShape } from "./encode.ts";

/** A place in the feed. */
const cursor = z.string().regex(/^(?:now|\d{1,15})$/, 'must be a cursor of an event or of a page, or "now"');

/** `GET /events`. */
export const EventsQueryShape = z.strictObject({
  limit: PageShape.shape.limit,
  after: cursor.optional().describe("only those behind this cursor; now: only what comes; left out: from the first on"),
  cursor: cursor.optional(),
  type: z
    .union([z.string(), z.array(z.string()).max(64)])
    .optional()
    .describe("repeatable: a name such as session.created, or the beginning of names such as session.artifact.*"),
});

export const EventShape = z
  .object({
    cursor: z.string().describe("its place in the feed; what after and Last-Event-ID take"),
    type: z.string().describe("the kind of the operation, behind session. where it does not begin so"),
    session_id: z.string(),
    session_uid: z.string(),
    user_id: z.string(),
    operation: OperationShape,
  })
  .meta({ id: "Event" });

export const EventPageShape = z.object({
  events: z.array(EventShape),
  cursor: z.string().describe("up to where this page looked: goes on there later"),
  next_cursor: z.string().optional().describe("the same, where there may be more already"),
});

export function decodeEvents(query: z.output<typeof EventsQueryShape>): EventFilter & {
  readonly after: EventStart;
  readonly limit: number;
} {
  const after = query.cursor ?? query.after ?? "0";
  return {
    after: after === "now" ? after : Number(after),
    limit: pageLimit(query.limit),
    ...given("types", query.type === undefined ? undefined : [query.type].flat()),
  };
}

export function encodeEventPage({
  items,
  through,
  isEnd,
}: Awaited<ReturnType<Events["list"]>>): z.output<typeof EventPageShape> {
  const cursor = String(through);
  return { events: items.map(encodeEvent), cursor, ...given("next_cursor", isEnd ? undefined : cursor) };
}

export function encodeEvent({
  position,
  type,
  sessionId,
  userId,
  ref,
  entry,
}: SessionEvent): z.output<typeof EventShape> {
  return {
    cursor: String(position),
    type,
    session_id: sessionId,
    session_uid: ref.id,
    user_id: userId,
    operation: encodeOperation(entry),
  };
}
