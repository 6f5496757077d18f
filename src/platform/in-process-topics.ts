import { decodeSubscriber, decodeTopic, decodeTopicMessage } from "../client/decode-topics.ts";
import type { CallOptions, WriteOptions } from "../client/inputs.ts";
import { mapped } from "../client/mapped.ts";
import type { Subscriber, Topic, TopicMessage, TopicStart } from "../client/topic.ts";
import type {
  FollowedTopic,
  NewTopicMessage,
  Page,
  PageQuery,
  SubscriberPlace,
  TopicTransport,
} from "../client/transport.ts";
import { given } from "../engine/given.ts";
import type { Caller } from "../engine/sessions.ts";
import type * as engine from "../engine/topics.ts";
import { PageShape, pageLimit } from "../http/dialects/native/decode.ts";
import * as shapes from "../http/dialects/native/topics.ts";
import type { InProcessCalls } from "./in-process-calls.ts";
import { bodyOf, queryOf, writing } from "./input.ts";

/** The way to the topics of this process. */
export class InProcessTopics implements TopicTransport {
  readonly #calls: InProcessCalls;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
  }

  get #topics(): engine.Topics {
    return this.#calls.engine.topics;
  }

  async publish(topic: string, message: NewTopicMessage, options: WriteOptions): Promise<TopicMessage> {
    const body = bodyOf(shapes.NewTopicMessageShape, message);
    const write = writing(`publish ${topic}`, body, options);
    const wanted = { content: body.content, ...given("sessionId", body.session_id) };
    const publish = (caller: Caller) => this.#topics.publish(caller, topic, wanted, write);
    return await this.#calls.call(options, publish, ({ value }) => messageOf(value));
  }

  async messages(
    topic: string,
    query: TopicStart & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<TopicMessage>> {
    const range = shapes.decodeTopicRange(queryOf(shapes.TopicMessagesQueryShape, { ...query, cursor }));
    const read = (caller: Caller) => this.#topics.messages(caller, topic, range);
    return await this.#calls.call(options, read, ({ items, next }) => ({ items: items.map(messageOf), next }));
  }

  async *follow(
    topic: string,
    start: TopicStart,
    { signal = new AbortController().signal }: CallOptions,
  ): FollowedTopic {
    const { limit: _, ...from } = shapes.decodeTopicRange(queryOf(shapes.TopicMessagesQueryShape, start));
    this.#calls.inHand.assertOpen();
    if (signal.aborted) return undefined;
    const caller = await this.#calls.caller();
    return yield* mapped(await this.#topics.follow(caller, topic, { ...from, signal }), messageOf);
  }

  async acknowledge(
    { topic, subscriber }: SubscriberPlace,
    through: number,
    options: CallOptions,
  ): Promise<Subscriber> {
    const body = bodyOf(shapes.AcknowledgementShape, { through });
    const acknowledge = (caller: Caller) => this.#topics.acknowledge(caller, topic, subscriber, body.through);
    return await this.#calls.call(options, acknowledge, subscriberOf);
  }

  async move(
    { topic, subscriber }: SubscriberPlace,
    after: number | undefined,
    options: CallOptions,
  ): Promise<Subscriber> {
    const body = bodyOf(shapes.SubscriptionShape, { after });
    const move = (caller: Caller) => this.#topics.subscribe(caller, topic, subscriber, body.after);
    return await this.#calls.call(options, move, subscriberOf);
  }

  async subscriber({ topic, subscriber }: SubscriberPlace, options: CallOptions): Promise<Subscriber> {
    const look = (caller: Caller) => this.#topics.subscriber(caller, topic, subscriber);
    return await this.#calls.call(options, look, subscriberOf);
  }

  async subscribers(topic: string, query: PageQuery, options: CallOptions): Promise<Page<Subscriber>> {
    const list = (caller: Caller) => this.#topics.subscribers(caller, topic, pageOf(query));
    return await this.#calls.call(options, list, ({ items, next }) => ({ items: items.map(subscriberOf), next }));
  }

  async unsubscribe({ topic, subscriber }: SubscriberPlace, options: CallOptions): Promise<void> {
    const forget = (caller: Caller) => this.#topics.unsubscribe(caller, topic, subscriber);
    await this.#calls.call(options, forget, () => undefined);
  }

  async get(topic: string, options: CallOptions): Promise<Topic> {
    return await this.#calls.call(options, (caller) => this.#topics.get(caller, topic), topicOf);
  }

  async list(query: PageQuery, options: CallOptions): Promise<Page<Topic>> {
    const list = (caller: Caller) => this.#topics.list(caller, pageOf(query));
    return await this.#calls.call(options, list, ({ items, next }) => ({ items: items.map(topicOf), next }));
  }

  async delete(topic: string, options: WriteOptions): Promise<{ readonly topic: string; readonly messages: number }> {
    const write = writing(`delete topic ${topic}`, {}, options);
    return await this.#calls.call(
      options,
      (caller) => this.#topics.delete(caller, topic, write),
      ({ value }) => value,
    );
  }
}

function pageOf(query: PageQuery): { readonly limit: number; readonly cursor?: string } {
  const { limit, cursor } = queryOf(PageShape, query);
  return { limit: pageLimit(limit), ...given("cursor", cursor) };
}

// A copy: the engine goes on with its own, and gives it to others.
function messageOf(message: engine.TopicMessage): TopicMessage {
  return decodeTopicMessage(structuredClone(shapes.encodeTopicMessage(message)));
}

function topicOf(topic: engine.Topic): Topic {
  return decodeTopic(shapes.encodeTopic(topic));
}

function subscriberOf(subscriber: engine.Subscriber): Subscriber {
  return decodeSubscriber(shapes.encodeSubscriber(subscriber));
}
