import { z } from "zod";
import { given } from "../../../engine/given.ts";
import type { Json } from "../../../engine/json.ts";
import { LIMITS } from "../../../engine/limits.ts";
import type { From, Subscriber, Topic, TopicMessage } from "../../../engine/topics.ts";
import { integer, PageShape, pageLimit, sessionId } from "./decode.ts";
import { isoTime } from "./encode.ts";
import { ownName } from "./templates.ts";

const seq = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
// NOTE: what a body holds is JSON: it was parsed as that, and searched for what can't be kept.
const content = z.any().refine((value) => value !== undefined, "must be given") as z.ZodType<Json>;

/** `POST /topics/{topic}/messages`. */
export const NewTopicMessageShape = z.strictObject({
  content: content.describe(`any JSON of at most ${LIMITS.topicMessageBytes} bytes`),
  session_id: sessionId
    .optional()
    .describe("the open session that it is from; left out: the one that the call is made as, or none"),
});

export const TopicMessageShape = z
  .object({
    topic: z.string(),
    seq: z.int().min(1).describe("1, 2, 3 … without gaps; what a subscriber acknowledges"),
    content,
    session_id: z.string().optional().describe("the session that it is from, as it was called"),
    session_uid: z.string().optional(),
    actor: z.string(),
    timestamp: z.iso.datetime(),
  })
  .meta({ id: "TopicMessage" });

const after = integer(0, Number.MAX_SAFE_INTEGER);

/** `GET /topics/{topic}/messages`. */
export const TopicMessagesQueryShape = z.strictObject({
  limit: PageShape.shape.limit,
  cursor: after.optional(),
  after: after.optional().describe("only those with a greater seq"),
  subscriber: ownName.optional().describe("only those that this one has not acknowledged, where after says nothing"),
});

export const TopicShape = z
  .object({
    topic: z.string(),
    messages: z.int().min(0).describe("how many were published, and so the seq of the last"),
    removed: z
      .int()
      .min(0)
      .describe("how many of the first are gone by retention; those that are there begin behind them"),
    created_at: z.iso.datetime().optional().describe("of the first message"),
    updated_at: z.iso.datetime().optional().describe("of the last message"),
  })
  .meta({ id: "Topic" });

/** `PUT /topics/{topic}/subscribers/{subscriber}`. */
export const SubscriptionShape = z.strictObject({
  after: seq
    .optional()
    .describe(
      "go on after this message, also back; left out: a new subscriber begins after the last one that there is",
    ),
});

/** `POST /topics/{topic}/subscribers/{subscriber}/ack`. */
export const AcknowledgementShape = z.strictObject({
  through: seq.describe("the last message up to which all are dealt with"),
});

export const SubscriberShape = z
  .object({
    topic: z.string(),
    subscriber: z.string(),
    acknowledged: seq.describe("the seq up to which everything is acknowledged"),
    pending: z.int().min(0).describe("how many messages came since, and are there"),
    missed: z
      .int()
      .min(0)
      .describe("how many messages that it has not acknowledged are gone by retention; it goes on behind them"),
    updated_at: z.iso.datetime().optional().describe("absent for one that never said anything"),
  })
  .meta({ id: "Subscriber" });

export function decodeTopicRange(query: z.output<typeof TopicMessagesQueryShape>): From & { readonly limit: number } {
  return {
    limit: pageLimit(query.limit),
    ...given("after", query.cursor ?? query.after, Number),
    ...given("subscriber", query.subscriber),
  };
}

export function encodeTopicMessage(message: TopicMessage): z.output<typeof TopicMessageShape> {
  const { topic, seq, publisher, actor, at } = message;
  return {
    topic,
    seq,
    content: message.content,
    ...(publisher && { session_id: publisher.sessionId, session_uid: publisher.uid }),
    actor,
    timestamp: isoTime(at),
  };
}

export function encodeTopic({ createdAtUs, updatedAtUs, ...topic }: Topic): z.output<typeof TopicShape> {
  return {
    ...topic,
    ...given("created_at", createdAtUs, isoTime),
    ...given("updated_at", updatedAtUs, isoTime),
  };
}

export function encodeSubscriber({ updatedAtUs, ...rest }: Subscriber): z.output<typeof SubscriberShape> {
  return { ...rest, ...given("updated_at", updatedAtUs, isoTime) };
}
