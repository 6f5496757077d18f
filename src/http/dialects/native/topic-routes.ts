import { z } from "zod";
import { given } from "../../../engine/given.ts";
import type { TopicMessage } from "../../../engine/topics.ts";
import { badHeader } from "../../edge.ts";
import { type Call, type Reply, type Route, route } from "../../route.ts";
import { acceptsEvents, answered } from "./answer.ts";
import { PageShape, pageLimit } from "./decode.ts";
import * as encode from "./encode.ts";
import { assertUnconditional } from "./history-routes.ts";
import * as topics from "./topics.ts";

const subscriberAnswer = { 200: encode.enveloped(topics.SubscriberShape) };

/** What the sessions of a tenant leave for each other. */
export const topicRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/topics/{topic}/messages",
    operationId: "publishMessage",
    summary: "Add a message to a topic, which is there as soon as somebody names it",
    scope: "sessions:write",
    body: topics.NewTopicMessageShape,
    isWrite: true,
    answers: { 201: encode.enveloped(topics.TopicMessageShape) },
    refusals: ["session_not_found", "invalid_transition", "precondition_failed", "idempotency_mismatch", "conflict"],
    handle: async ({ topics: it, caller, id, body, write }) => {
      const message = { content: body.content, ...given("sessionId", body.session_id) };
      const answer = await it.publish(caller, id, message, write);
      return { status: 201, ...answered(answer, topics.encodeTopicMessage(answer.value)) };
    },
  }),
  route({
    method: "GET",
    path: "/topics/{topic}/messages",
    operationId: "listTopicMessages",
    summary:
      "A topic's messages, oldest first; with Accept: text/event-stream a live feed that Last-Event-ID resumes. A subscriber gets again what it has not acknowledged",
    scope: "sessions:read",
    query: topics.TopicMessagesQueryShape,
    isWrite: false,
    stream: "feed",
    answers: {
      200: encode.enveloped(
        z.object({ messages: z.array(topics.TopicMessageShape), next_cursor: z.string().optional() }),
      ),
    },
    refusals: [],
    handle: async (call) => {
      const { topics: it, caller, id, query, header, now } = call;
      const range = topics.decodeTopicRange(query);
      if (acceptsEvents(header("accept"))) return await feed(call, range);
      const page = await it.messages(caller, id, range);
      const data = { messages: page.items.map(topics.encodeTopicMessage), ...given("next_cursor", page.next) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "GET",
    path: "/topics",
    operationId: "listTopics",
    summary: "The topics that have messages, by their names, page by page",
    scope: "sessions:read",
    query: PageShape,
    isWrite: false,
    answers: {
      200: encode.enveloped(z.object({ topics: z.array(topics.TopicShape), next_cursor: z.string().optional() })),
    },
    refusals: [],
    handle: async ({ topics: it, caller, query, now }) => {
      const page = await it.list(caller, { limit: pageLimit(query.limit), ...given("cursor", query.cursor) });
      const data = { topics: page.items.map(topics.encodeTopic), ...given("next_cursor", page.next) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "GET",
    path: "/topics/{topic}",
    operationId: "getTopic",
    summary: "How many messages a topic has",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(topics.TopicShape) },
    refusals: [],
    handle: async ({ topics: it, caller, id, now }) => ({
      body: encode.envelope(topics.encodeTopic(await it.get(caller, id)), now()),
    }),
  }),
  route({
    method: "PUT",
    path: "/topics/{topic}/subscribers/{subscriber}",
    operationId: "subscribe",
    summary: "Have a subscriber go on after a message; without one, begin after the last, or stay where it is",
    scope: "sessions:write",
    body: topics.SubscriptionShape,
    isBodyOptional: true,
    isWrite: false,
    answers: subscriberAnswer,
    refusals: ["limit_reached", "conflict"],
    handle: async ({ topics: it, caller, id, params, body, header, now }) => {
      assertUnconditional(header, "subscribe");
      const subscriber = await it.subscribe(caller, id, params["subscriber"] ?? "", body.after);
      return { body: encode.envelope(topics.encodeSubscriber(subscriber), now()) };
    },
  }),
  route({
    method: "POST",
    path: "/topics/{topic}/subscribers/{subscriber}/ack",
    operationId: "acknowledge",
    summary: "Say that a subscriber has dealt with all messages up to one; less than before changes nothing",
    scope: "sessions:write",
    body: topics.AcknowledgementShape,
    isWrite: false,
    answers: subscriberAnswer,
    refusals: ["limit_reached", "conflict"],
    handle: async ({ topics: it, caller, id, params, body, header, now }) => {
      assertUnconditional(header, "acknowledge");
      const subscriber = await it.acknowledge(caller, id, params["subscriber"] ?? "", body.through);
      return { body: encode.envelope(topics.encodeSubscriber(subscriber), now()) };
    },
  }),
  route({
    method: "GET",
    path: "/topics/{topic}/subscribers",
    operationId: "listSubscribers",
    summary: "Who reads a topic, and how far, by their names, page by page",
    scope: "sessions:read",
    query: PageShape,
    isWrite: false,
    answers: {
      200: encode.enveloped(
        z.object({ subscribers: z.array(topics.SubscriberShape), next_cursor: z.string().optional() }),
      ),
    },
    refusals: [],
    handle: async ({ topics: it, caller, id, query, now }) => {
      const page = await it.subscribers(caller, id, {
        limit: pageLimit(query.limit),
        ...given("cursor", query.cursor),
      });
      const data = { subscribers: page.items.map(topics.encodeSubscriber), ...given("next_cursor", page.next) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "GET",
    path: "/topics/{topic}/subscribers/{subscriber}",
    operationId: "getSubscriber",
    summary: "How far a subscriber has come, and how many messages are left",
    scope: "sessions:read",
    isWrite: false,
    answers: subscriberAnswer,
    refusals: [],
    handle: async ({ topics: it, caller, id, params, now }) => {
      const subscriber = await it.subscriber(caller, id, params["subscriber"] ?? "");
      return { body: encode.envelope(topics.encodeSubscriber(subscriber), now()) };
    },
  }),
  route({
    method: "DELETE",
    path: "/topics/{topic}/subscribers/{subscriber}",
    operationId: "unsubscribe",
    summary: "Forget a subscriber, if it is known",
    scope: "sessions:write",
    isWrite: false,
    answers: { 200: encode.enveloped(z.object({ topic: z.string(), subscriber: z.string() })) },
    refusals: [],
    handle: async ({ topics: it, caller, id, params, header, now }) => {
      assertUnconditional(header, "unsubscribe");
      const subscriber = params["subscriber"] ?? "";
      await it.unsubscribe(caller, id, subscriber);
      return { body: encode.envelope({ topic: id, subscriber }, now()) };
    },
  }),
  route({
    method: "DELETE",
    path: "/topics/{topic}",
    operationId: "deleteTopic",
    summary: "Remove a topic with its messages and subscribers",
    scope: "sessions:write",
    isWrite: true,
    answers: {
      200: encode.enveloped(z.object({ topic: z.string(), messages: z.int().describe("how many there were") })),
    },
    refusals: ["precondition_failed", "idempotency_mismatch", "conflict"],
    handle: async ({ topics: it, caller, id, write }) => {
      const answer = await it.delete(caller, id, write);
      return answered(answer, answer.value);
    },
  }),
];

async function feed(
  { topics: it, caller, id, header, holds, gone }: Call,
  { limit: _, ...from }: ReturnType<typeof topics.decodeTopicRange>,
): Promise<Reply> {
  const lastEventId = header("last-event-id");
  if (lastEventId !== undefined && !/^\d{1,15}$/.test(lastEventId)) {
    throw badHeader("last-event-id", "must be the id of an event of this feed: a seq");
  }
  const messages = await it.follow(caller, id, {
    ...from,
    ...given("after", lastEventId, Number),
    signal: gone(),
  });
  return { events: events() };

  async function* events(): AsyncGenerator<string> {
    try {
      for (;;) {
        const { done, value } = await messages.next();
        // Its key was revoked or has ended, or there are keys by now: it hears no more.
        if (!(await holds())) return;
        if (done !== true) yield eventOf(value);
        else if (value === "deleted") return yield `event: deleted\n${dataOf({ topic: id })}`;
        else return;
      }
    } finally {
      await messages.return(undefined);
    }
  }
}

/** Those who follow a topic share its messages, so that each is written as an event once. */
const EVENTS = new WeakMap<TopicMessage, string>();

function eventOf(message: TopicMessage): string {
  const known = EVENTS.get(message);
  if (known !== undefined) return known;
  const event = `id: ${message.seq}\nevent: message\n${dataOf(topics.encodeTopicMessage(message))}`;
  EVENTS.set(message, event);
  return event;
}

function dataOf(event: object): string {
  return `data: ${JSON.stringify(event)}\n\n`;
}
