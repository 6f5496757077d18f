import {
  decodeSubscriber,
  decodeTopic,
  decodeTopicMessage,
  type WireSubscriber,
  type WireTopic,
  type WireTopicMessage,
} from "./decode-topics.ts";
import { encodeBody, encodeQuery } from "./encode.ts";
import { follow } from "./feed.ts";
import { type HttpCalls, textOf } from "./http-calls.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import { mapped } from "./mapped.ts";
import type { Request } from "./request.ts";
import { backoff, isPassing, pause } from "./retry.ts";
import type { Subscriber, Topic, TopicMessage, TopicStart } from "./topic.ts";
import type { FollowedTopic, NewTopicMessage, Page, PageQuery, SubscriberPlace, TopicTransport } from "./transport.ts";

/** The way to a server's topics. */
export class HttpTopics implements TopicTransport {
  readonly #calls: HttpCalls;

  constructor(calls: HttpCalls) {
    this.#calls = calls;
  }

  async publish(topic: string, message: NewTopicMessage, options: WriteOptions): Promise<TopicMessage> {
    const request = { method: "POST", path: messagesPath(topic), body: encodeBody(message) } as const;
    // NOTE: the answer of this route; so it is with every `as` below.
    return decodeTopicMessage((await this.#calls.write(request, options)) as unknown as WireTopicMessage);
  }

  async messages(
    topic: string,
    query: TopicStart & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<TopicMessage>> {
    const answer = await this.#calls.read(messagesPath(topic), { ...query, cursor }, options);
    const items = this.#calls.itemsOf(answer["messages"]) as readonly WireTopicMessage[];
    return { items: items.map(decodeTopicMessage), next: textOf(answer["next_cursor"]) };
  }

  follow(topic: string, start: TopicStart, { signal }: CallOptions): FollowedTopic {
    const request = { method: "GET", path: messagesPath(topic), query: encodeQuery(start) } as const;
    const events = follow(this.#calls.connection, request, {
      signal,
      isLeft: async ({ id, data }, signal) => {
        const { messages } = await this.#calls.read(request.path, { after: id - 1, pageSize: 1 }, { signal });
        const [message] = this.#calls.itemsOf(messages) as readonly WireTopicMessage[];
        // By retention it may be gone, and the topic the same.
        return message?.seq !== id || JSON.stringify(message) === JSON.stringify(JSON.parse(data));
      },
    });
    return mapped(events, ({ data }) => decodeTopicMessage(JSON.parse(data) as WireTopicMessage));
  }

  async acknowledge(
    place: SubscriberPlace,
    through: number,
    { signal, isPatient = false }: CallOptions & { readonly isPatient?: boolean | undefined },
  ): Promise<Subscriber> {
    const { connection } = this.#calls;
    const ends = signal === undefined ? connection.closing : AbortSignal.any([connection.closing, signal]);
    for (let failures = 1; ; failures++) {
      try {
        const path = `${subscriberPath(place)}/ack`;
        return await this.#subscriber({ method: "POST", path, body: { through } }, { signal });
      } catch (error) {
        if (!isPatient || ends.aborted || !isPassing(error)) throw error;
        await pause(backoff(failures), ends);
      }
    }
  }

  async move(place: SubscriberPlace, after: number | undefined, options: CallOptions): Promise<Subscriber> {
    const body = encodeBody({ after });
    return await this.#subscriber({ method: "PUT", path: subscriberPath(place), body }, options);
  }

  async subscriber(place: SubscriberPlace, options: CallOptions): Promise<Subscriber> {
    return await this.#subscriber({ method: "GET", path: subscriberPath(place) }, options);
  }

  async subscribers(topic: string, query: PageQuery, options: CallOptions): Promise<Page<Subscriber>> {
    const answer = await this.#calls.read(`${topicPath(topic)}/subscribers`, query, options);
    const items = this.#calls.itemsOf(answer["subscribers"]) as readonly WireSubscriber[];
    return { items: items.map(decodeSubscriber), next: textOf(answer["next_cursor"]) };
  }

  async unsubscribe(place: SubscriberPlace, options: CallOptions): Promise<void> {
    const request = { method: "DELETE", path: subscriberPath(place) } as const;
    this.#calls.dataOf(await this.#calls.connection.read(request, options));
  }

  async get(topic: string, options: CallOptions): Promise<Topic> {
    return decodeTopic((await this.#calls.read(topicPath(topic), {}, options)) as unknown as WireTopic);
  }

  async list(query: PageQuery, options: CallOptions): Promise<Page<Topic>> {
    const { topics, next_cursor: next } = await this.#calls.read("/topics", query, options);
    const items = this.#calls.itemsOf(topics) as readonly WireTopic[];
    return { items: items.map(decodeTopic), next: textOf(next) };
  }

  async delete(topic: string, options: WriteOptions): Promise<{ readonly topic: string; readonly messages: number }> {
    const { messages } = await this.#calls.write({ method: "DELETE", path: topicPath(topic) }, options);
    return { topic, messages: Number(messages) };
  }

  // Each of them changes nothing more where it is sent again.
  async #subscriber(request: Request, options: CallOptions): Promise<Subscriber> {
    const wire = this.#calls.dataOf(await this.#calls.connection.read(request, options));
    return decodeSubscriber(wire as unknown as WireSubscriber);
  }
}

// NOTE: names of topics and subscribers have been looked at: they stand in a path as they are.
function topicPath(topic: string): string {
  return `/topics/${topic}`;
}

function messagesPath(topic: string): string {
  return `${topicPath(topic)}/messages`;
}

function subscriberPath({ topic, subscriber }: SubscriberPlace): string {
  return `${topicPath(topic)}/subscribers/${subscriber}`;
}
