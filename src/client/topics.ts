import { invalid, SojournError } from "../engine/errors.ts";
import type { Json } from "../engine/json.ts";
import { type Delivery, OpenDeliveries } from "./delivery.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import { mapped } from "./mapped.ts";
import { idOf, type SessionName } from "./session-id.ts";
import type { Subscriber, Subscription, Topic, TopicMessage, TopicStart } from "./topic.ts";
import type { Page, SubscriberPlace, TopicTransport } from "./transport.ts";

/** Options of `publish`. */
export interface PublishOptions extends WriteOptions {
  /** The open session that the message is from; left out: the one that the call is made as, or none. */
  readonly session?: SessionName | undefined;
}

/**
 * Where the sessions of a tenant leave each other messages, in order and for good. A topic is there as soon as somebody
 * names it; its name is 1 to 128 letters, digits and `. _ : @ -`.
 */
export class Topics {
  readonly #transport: TopicTransport;

  constructor(transport: TopicTransport) {
    this.#transport = transport;
  }

  /**
   * Adds a message to a topic; resolves once it is durable.
   *
   * @param content  any JSON of at most 64 KiB
   * @throws {SojournError} `session_not_found`, `invalid_transition` for a session that has ended
   */
  async publish(topic: string, content: Json, { session, ...options }: PublishOptions = {}): Promise<TopicMessage> {
    const sessionId = session === undefined ? undefined : idOf(session);
    return await this.#transport.publish(named(topic), { content, sessionId }, options);
  }

  /**
   * The messages that there are, oldest first, fetched page by page as they are read. Nothing is acknowledged by being
   * read.
   *
   * @throws {SojournError} `invalid` past the last message
   */
  messages<Content = Json>(
    topic: string,
    { signal, ...query }: TopicStart & { readonly pageSize?: number | undefined } & CallOptions = {},
  ): AsyncGenerator<TopicMessage<Content>, void, undefined> {
    const pages = paged((cursor) => this.#transport.messages(named(topic), query, cursor, { signal }));
    // NOTE: whoever names a type of content knows what is published; so it is below.
    return pages as AsyncGenerator<TopicMessage<Content>, void, undefined>;
  }

  /**
   * The messages from there on, and then whatever is published, each once and in order; a lost connection is taken up again.
   * Ends when the topic is deleted, or the signal aborts. Nothing is acknowledged by being read.
   *
   * @throws {SojournError} `invalid` past the last message
   */
  async *follow<Content = Json>(
    topic: string,
    { signal, ...start }: TopicStart & CallOptions = {},
  ): AsyncGenerator<TopicMessage<Content>, void, undefined> {
    yield* this.#transport.follow(named(topic), start, { signal }) as AsyncIterable<TopicMessage<Content>>;
  }

  /**
   * Like `follow`, for a subscriber that is known by its name: it begins behind what it has acknowledged, so that it goes on
   * there after it was started again. Each message comes at least once, until it is acknowledged by its `ack`. Where the
   * topic is deleted it goes on with the first message of the next topic of that name; it ends when the signal aborts.
   *
   * One at a time reads as a subscriber: of two, each is given everything.
   *
   * @throws {SojournError} `forbidden` for the name of another, where a call is made as a session
   */
  async *subscribe<Content = Json>(
    topic: string,
    options: Subscription & CallOptions,
  ): AsyncGenerator<Delivery<Content>, void, undefined> {
    // Whoever writes JavaScript may leave them out.
    const { subscriber, begin = "first", signal }: Partial<Subscription> & CallOptions = options ?? {};
    if (begin !== "first" && begin !== "next") {
      throw invalid([{ field: "begin", message: "must be first or next", type: "invalid_option" }]);
    }
    const place = { topic: named(topic), subscriber: named(subscriber, "subscriber") };
    if (begin === "next") await this.#transport.move(place, undefined, { signal });
    // What was acknowledged while nobody had noticed that the topic is another one says nothing of that.
    for (let start: TopicStart = { subscriber: place.subscriber }; ; start = { ...start, after: 0 }) {
      const open = new OpenDeliveries((through) => this.#acknowledgeLeft(place, through, signal));
      const messages = this.#transport.follow(topic, start, { signal });
      const end = yield* mapped(messages, (message) => open.deliver(message) as Delivery<Content>);
      if (end !== "deleted") return;
      open.close();
    }
  }

  /** Acknowledges messages that were delivered, unless their topic was deleted since. */
  async #acknowledgeLeft(place: SubscriberPlace, through: number, signal: AbortSignal | undefined): Promise<void> {
    try {
      await this.#transport.acknowledge(place, through, { signal, isPatient: true });
    } catch (error) {
      // Past the last message: it is another topic.
      if (!(error instanceof SojournError && error.code === "invalid")) throw error;
    }
  }

  /**
   * Says that a subscriber has dealt with all messages up to one. What it has said before, or more than that, changes
   * nothing.
   *
   * @throws {SojournError} `invalid` past the last message; `limit_reached` where the topic has 1,000 subscribers
   */
  async acknowledge(
    topic: string,
    subscriber: string,
    through: number,
    options: CallOptions = {},
  ): Promise<Subscriber> {
    return await this.#transport.acknowledge(placed(topic, subscriber), through, options);
  }

  /**
   * Has a subscriber go on after a message, also back. Without `after` a new one begins behind the last message that there is,
   * and one that is known stays where it is.
   *
   * @throws {SojournError} those of `acknowledge`
   */
  async moveSubscriber(
    topic: string,
    subscriber: string,
    { after, ...options }: { readonly after?: number | undefined } & CallOptions = {},
  ): Promise<Subscriber> {
    return await this.#transport.move(placed(topic, subscriber), after, options);
  }

  /** How far a subscriber has come; one that is not known is before the first message. */
  async subscriber(topic: string, subscriber: string, options: CallOptions = {}): Promise<Subscriber> {
    return await this.#transport.subscriber(placed(topic, subscriber), options);
  }

  /** All who have said anything, by their names, fetched page by page as they are read. */
  subscribers(
    topic: string,
    { signal, ...query }: { readonly pageSize?: number | undefined } & CallOptions = {},
  ): AsyncGenerator<Subscriber, void, undefined> {
    return paged((cursor) => this.#transport.subscribers(named(topic), { ...query, cursor }, { signal }));
  }

  /** Forgets a subscriber, if it is known; it would begin with the first message again. */
  async unsubscribe(topic: string, subscriber: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.unsubscribe(placed(topic, subscriber), options);
  }

  /** One that nobody has published to has no messages. */
  async get(topic: string, options: CallOptions = {}): Promise<Topic> {
    return await this.#transport.get(named(topic), options);
  }

  /** The topics that have messages, by their names, fetched page by page as they are read. */
  list({
    signal,
    ...query
  }: { readonly pageSize?: number | undefined } & CallOptions = {}): AsyncGenerator<Topic, void, undefined> {
    return paged((cursor) => this.#transport.list({ ...query, cursor }, { signal }));
  }

  /** Removes a topic with its messages and subscribers, and tells how many messages there were. Whoever follows it has read all. */
  async delete(
    topic: string,
    options: WriteOptions = {},
  ): Promise<{ readonly topic: string; readonly messages: number }> {
    return await this.#transport.delete(named(topic), options);
  }
}

async function* paged<T>(read: (cursor: string | undefined) => Promise<Page<T>>): AsyncGenerator<T, void, undefined> {
  for (let cursor: string | undefined; ; ) {
    const page = await read(cursor);
    yield* page.items;
    if (page.next === undefined) return;
    cursor = page.next;
  }
}

function placed(topic: string, subscriber: string): { readonly topic: string; readonly subscriber: string } {
  return { topic: named(topic), subscriber: named(subscriber, "subscriber") };
}

// What can't be such a name could be another path.
function named(name: string | undefined, field = "topic"): string {
  if (typeof name === "string" && /^[A-Za-z0-9._:@-]{1,128}$/.test(name) && !NO_NAMES.has(name)) return name;
  const message = `must be 1 to 128 of the characters A-Z a-z 0-9 . _ : @ - and none of ${[...NO_NAMES].join(" ")}`;
  throw invalid([{ field, message, type: "invalid_name" }]);
}

const NO_NAMES: ReadonlySet<string> = new Set([".", "..", "__proto__"]);
