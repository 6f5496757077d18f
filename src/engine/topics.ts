import { actorOf, assertActsAs, assertActsAsNone } from "./acting.ts";
import { beforeFirst } from "./append.ts";
import type { Settled } from "./batch.ts";
import { erase } from "./commands.ts";
import { invalid, SojournError } from "./errors.ts";
import { Feeds } from "./feed.ts";
import { given } from "./given.ts";
import { type Answer, OnceOnly } from "./idempotency.ts";
import type { Json } from "./json.ts";
import { assertOpen } from "./lifecycle.ts";
import { assertName, assertSize, jsonFaults, LIMITS } from "./limits.ts";
import { logPage } from "./log-page.ts";
import { Mailboxes, type MailboxPorts } from "./mailbox.ts";
import { type Entry, payloadBody } from "./operation.ts";
import { assertMatches } from "./precondition.ts";
import type { Caller, Sessions, WriteOptions } from "./sessions.ts";
import type { Signal } from "./signal.ts";
import type { CursorChange, Page, ReaderCursor, Stream, StreamRef } from "./store.ts";
import { NEW_TOPIC, type Publisher, type TopicInputs } from "./topic.ts";
import { removedFrom } from "./topic-retention.ts";

/** A topic as its callers see it. */
export interface Topic {
  readonly topic: string;
  /** How many were published, and so the `seq` of the last. */
  readonly messages: number;
  /** How many of the first are gone, by retention. */
  readonly removed: number;
  readonly createdAtUs?: number;
  readonly updatedAtUs?: number;
}

/** A message of a topic. */
export interface TopicMessage {
  readonly topic: string;
  /** 1, 2, 3 … without gaps. */
  readonly seq: number;
  readonly content: Json;
  readonly publisher?: Publisher;
  readonly actor: string;
  /** Microseconds since the epoch. */
  readonly at: number;
}

/** Someone who reads a topic, and says how far. */
export interface Subscriber {
  readonly topic: string;
  readonly subscriber: string;
  /** Up to which `seq` everything is acknowledged. */
  readonly acknowledged: number;
  /** How many messages came since, and are there. */
  readonly pending: number;
  /** How many messages that it has not acknowledged are gone, by retention; it goes on behind them. */
  readonly missed: number;
  /** Absent for one that never said anything. */
  readonly updatedAtUs?: number;
}

/** From where on messages are read: after a `seq`, after what a subscriber has acknowledged, or from the first on. */
export interface From {
  readonly after?: number;
  /** Where `after` says nothing. */
  readonly subscriber?: string;
}

/** What topics need beside what a mailbox does. */
export interface TopicPorts extends MailboxPorts {
  readonly sessions: Sessions;
}

/**
 * Messages that the sessions of a tenant leave for each other, in order and for good. A topic is there as soon as somebody
 * names it. Whoever reads as a subscriber gets again what it has not acknowledged.
 *
 * A caller that acts as a session publishes as that session, reads, and speaks for the subscriber of its `session_id` alone.
 */
export class Topics {
  readonly #ports: TopicPorts;
  readonly #mailboxes: Mailboxes;
  readonly #once: OnceOnly;
  readonly #feeds: Feeds;

  constructor(ports: TopicPorts) {
    this.#ports = ports;
    this.#mailboxes = new Mailboxes(ports);
    this.#once = new OnceOnly(ports);
    this.#feeds = new Feeds(ports.store);
  }

  /**
   * Adds a message to a topic.
   *
   * @param sessionId  the session that it is from, which must be open; left out: the one that the caller acts as, or none
   * @throws {SojournError} `session_not_found`, `invalid_transition`
   */
  async publish(
    caller: Caller,
    topic: string,
    { content, sessionId = caller.actingAs }: { readonly content: Json; readonly sessionId?: string },
    { idempotency, precondition }: WriteOptions = {},
  ): Promise<Answer<TopicMessage>> {
    assertName("topic", topic);
    const faults = jsonFaults(content, "content");
    if (faults.length > 0) throw invalid(faults);
    assertSize("content", content, LIMITS.topicMessageBytes);
    const actor = actorOf(caller);
    return await this.#once.run<TopicMessage>(caller.tenant, idempotency, async (remember) => {
      const publisher = sessionId === undefined ? undefined : await this.#publisher(caller, sessionId);
      const input = { content, ...given("publisher", publisher) };
      const told = ({ stream: { head }, at }: Settled<"topic">): TopicMessage => {
        return { topic, seq: head.seq, ...input, actor, at };
      };
      const settled = await this.#mailboxes.submit(topicRef(caller.tenant, topic), {
        actor,
        command: () => [{ kind: "message.published", name: "publish", input }],
        ...given("precondition", precondition),
        ...given(
          "remember",
          remember && ((settled: Settled<"topic">) => remember(told(settled), settled.at, settled.stream.ref)),
        ),
      });
      return { value: told(settled), at: settled.at };
    });
  }

  /** A page of a topic's messages, oldest first; of large ones it has fewer than `limit`, and then a `next`. */
  async messages(caller: Caller, topic: string, range: From & { readonly limit: number }): Promise<Page<TopicMessage>> {
    const { limit } = range;
    const read = async (after: number): Promise<Page<Entry>> =>
      await logPage(this.#ports, topicRef(caller.tenant, topic), { after, limit });
    const page = await read(await this.#start(caller, topic, range));
    const [first] = page.items;
    // Behind what retention has removed, whose last header is there.
    const left = first !== undefined && isRemoved(first) ? await read(first.operation.seq) : page;
    return { ...left, items: left.items.map((entry) => toMessage(topic, entry)) };
  }

  /**
   * A topic's messages from there on, and then whatever is published. Ends when the topic is deleted, which it returns, the
   * signal aborts, or the engine closes. Nothing is acknowledged by being read.
   *
   * @throws {SojournError} `invalid` where `after` is past the end: it is of an earlier topic of that name
   */
  async follow(
    caller: Caller,
    topic: string,
    { signal, ...from }: From & { readonly signal: Signal },
  ): Promise<AsyncGenerator<TopicMessage, "deleted" | undefined>> {
    const after = await this.#start(caller, topic, from);
    const entries = this.#feeds.follow(topicRef(caller.tenant, topic), { after, signal, waits: true });
    return messagesOf(topic, entries);
  }

  /**
   * Says that a subscriber has dealt with everything up to `through`. What it has said before, or more than that, changes
   * nothing.
   *
   * @throws {SojournError} `invalid` past the last message; `limit_reached`
   */
  async acknowledge(caller: Caller, topic: string, subscriber: string, through: number): Promise<Subscriber> {
    return await this.#move(caller, { topic, subscriber, field: "through", position: through, change: "advance" });
  }

  /**
   * Has a subscriber go on after that message, also back. Left out: a new one begins after the last message that there is,
   * and one that is known stays where it is.
   *
   * @throws {SojournError} `invalid` past the last message; `limit_reached`
   */
  async subscribe(caller: Caller, topic: string, subscriber: string, after?: number): Promise<Subscriber> {
    const change = after === undefined ? "begin" : "set";
    return await this.#move(caller, { topic, subscriber, field: "after", position: after, change });
  }

  /** Forgets a subscriber, if it is known; it would begin with the first message again. */
  async unsubscribe(caller: Caller, topic: string, subscriber: string): Promise<void> {
    const ref = await this.#spokenFor(caller, topic, subscriber);
    await this.#moved({ change: "drop", ref, reader: subscriber });
  }

  async subscriber(caller: Caller, topic: string, subscriber: string): Promise<Subscriber> {
    const ref = await this.#spokenFor(caller, topic, subscriber);
    const cursor = await this.#ports.store.cursor(ref, subscriber);
    return toSubscriber(await this.#counted(ref), cursor ?? { reader: subscriber, position: 0 });
  }

  /** A page of those who have said anything, by their names. */
  async subscribers(
    caller: Caller,
    topic: string,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ): Promise<Page<Subscriber>> {
    assertActsAsNone(caller, "list subscribers");
    assertName("topic", topic);
    const ref = topicRef(caller.tenant, topic);
    const known = await this.#ports.store.cursors(ref, { limit: limit + 1, ...given("after", cursor) });
    const counts = await this.#counted(ref);
    const items = known.slice(0, limit).map((one) => toSubscriber(counts, one));
    return { items, ...given("next", known.length > limit ? items.at(-1)?.subscriber : undefined) };
  }

  async get(caller: Caller, topic: string): Promise<Topic> {
    assertActsAsNone(caller, "read topics as a whole");
    assertName("topic", topic);
    const stream = await this.#stream(topicRef(caller.tenant, topic));
    return toTopic(stream, await this.#removed(stream));
  }

  /** A page of the topics that have messages, by their names. */
  async list(
    caller: Caller,
    { limit, cursor }: { readonly limit: number; readonly cursor?: string },
  ): Promise<Page<Topic>> {
    assertActsAsNone(caller, "list topics");
    const page = { limit: limit + 1, ...given("after", cursor) };
    const streams = await this.#ports.store.streams(caller.tenant, "topic", page);
    const shown = streams.slice(0, limit).map(async (stream) => toTopic(stream, await this.#removed(stream)));
    const items = await Promise.all(shown);
    return { items, ...given("next", streams.length > limit ? items.at(-1)?.topic : undefined) };
  }

  /** Removes a topic with its messages and subscribers, and returns how many messages there were. */
  async delete(
    caller: Caller,
    topic: string,
    { idempotency, precondition }: WriteOptions = {},
  ): Promise<Answer<{ readonly topic: string; readonly messages: number }>> {
    assertActsAsNone(caller, "delete topics");
    assertName("topic", topic);
    const ref = topicRef(caller.tenant, topic);
    return await this.#once.run(caller.tenant, idempotency, async (remember) => {
      if ((await this.#ports.store.stream(ref)) === undefined) {
        assertMatches(precondition, undefined);
        await this.#moved({ change: "drop", ref });
        return await this.#once.answer({ topic, messages: 0 }, remember);
      }
      const told = ({ stream: { head } }: Settled<"topic">) => ({ topic, messages: head.seq });
      const settled = await this.#mailboxes.submit(ref, {
        actor: caller.actor,
        command: erase,
        ...given("precondition", precondition),
        ...given("remember", remember && ((settled: Settled<"topic">) => remember(told(settled), settled.at))),
      });
      return { value: told(settled), at: settled.at };
    });
  }

  /** Ends the feeds. */
  async close(): Promise<void> {
    await this.#feeds.close();
  }

  async #publisher(caller: Caller, id: string): Promise<Publisher> {
    const { ref, record } = await this.#ports.sessions.get(caller, id);
    assertOpen(record, "publish from");
    return { uid: ref.id, sessionId: record.sessionId };
  }

  async #start(caller: Caller, topic: string, { after, subscriber }: From): Promise<number> {
    assertName("topic", topic);
    const ref = topicRef(caller.tenant, topic);
    if (subscriber !== undefined) await this.#spokenFor(caller, topic, subscriber);
    if (after === undefined) {
      return subscriber === undefined ? 0 : ((await this.#ports.store.cursor(ref, subscriber))?.position ?? 0);
    }
    assertReached("after", after, (await this.#stream(ref)).head.seq);
    return after;
  }

  async #move(
    caller: Caller,
    {
      topic,
      subscriber,
      field,
      position,
      change,
    }: {
      readonly topic: string;
      readonly subscriber: string;
      readonly field: string;
      readonly position: number | undefined;
      readonly change: "begin" | "advance" | "set";
    },
  ): Promise<Subscriber> {
    const ref = await this.#spokenFor(caller, topic, subscriber);
    const { head } = await this.#stream(ref);
    const to = position ?? head.seq;
    assertReached(field, to, head.seq);
    await this.#moved({ change, ref, reader: subscriber, position: to, headMin: to });
    return await this.subscriber(caller, topic, subscriber);
  }

  async #moved(change: CursorChange): Promise<void> {
    const { store, clock } = this.#ports;
    const { ref, reader } = change;
    const limit = LIMITS.subscribers;
    const guards =
      change.change === "drop" || reader === undefined ? [] : [{ guard: "readers_below", ref, reader, limit } as const];
    const { outcome } = await store.commit({ now: clock.now(), parts: [], guards, cursors: [change] });
    if (outcome === "committed") return;
    if (outcome === "limit_reached") {
      throw new SojournError(outcome, { message: `Topic ${ref.id} has ${limit} subscribers, as many as one may have` });
    }
    throw new SojournError("conflict", { message: `Topic ${ref.id} was deleted meanwhile` });
  }

  /** Refuses whoever acts as a session and speaks for another subscriber, with `forbidden`. */
  async #spokenFor(caller: Caller, topic: string, subscriber: string): Promise<StreamRef<"topic">> {
    assertName("topic", topic);
    assertName("subscriber", subscriber);
    if (caller.actingAs !== undefined) {
      const own = await this.#ports.sessions.get(caller, caller.actingAs);
      assertActsAs(caller, own);
      if (own.record.sessionId !== subscriber) {
        throw new SojournError("forbidden", {
          message: `Session "${own.record.sessionId}" is its own subscriber alone, and not "${subscriber}"`,
        });
      }
    }
    return topicRef(caller.tenant, topic);
  }

  async #counted(ref: StreamRef<"topic">): Promise<Counted> {
    const stream = await this.#stream(ref);
    return { ref, last: stream.head.seq, removed: await this.#removed(stream) };
  }

  async #removed({ ref, head }: Stream<"topic">): Promise<number> {
    return head.seq === 0 ? 0 : await removedFrom(this.#ports.store, ref);
  }

  async #stream(ref: StreamRef<"topic">): Promise<Stream<"topic">> {
    const stream = await this.#ports.store.stream(ref);
    return stream ?? { ref, head: beforeFirst(ref, this.#ports.digest), record: NEW_TOPIC };
  }
}

function topicRef(tenant: string, topic: string): StreamRef<"topic"> {
  return { tenant, kind: "topic", id: topic };
}

function assertReached(field: string, seq: number, last: number): void {
  if (Number.isSafeInteger(seq) && seq >= 0 && seq <= last) return;
  throw invalid([{ field, message: `must be 0 to ${last}, the last message of the topic`, type: "out_of_range" }]);
}

/** Those who follow a topic share its entries, so that each is parsed once. */
const MESSAGES = new WeakMap<Entry, TopicMessage>();

function toMessage(topic: string, entry: Entry): TopicMessage {
  const known = MESSAGES.get(entry);
  if (known !== undefined) return known;
  const message = parsedMessage(topic, entry);
  MESSAGES.set(entry, message);
  return message;
}

function parsedMessage(topic: string, entry: Entry): TopicMessage {
  const { seq, actor, at } = entry.operation;
  // NOTE: a topic has operations of this kind alone. A payload that is lost has no content.
  const input = payloadBody(entry)?.input as TopicInputs["message.published"] | undefined;
  return { topic, seq, content: input?.content ?? null, ...given("publisher", input?.publisher), actor, at };
}

async function* messagesOf(
  topic: string,
  entries: AsyncGenerator<Entry, "erased" | undefined>,
): AsyncGenerator<TopicMessage, "deleted" | undefined> {
  try {
    for (;;) {
      const { done, value } = await entries.next();
      if (done === true) return value && "deleted";
      if (!isRemoved(value)) yield toMessage(topic, value);
    }
  } finally {
    await entries.return(undefined);
  }
}

/** Whether an entry is what retention leaves of the last message that it has removed. */
function isRemoved({ payload }: Entry): boolean {
  return payload === "erased";
}

function toTopic({ ref, head, record }: Stream<"topic">, removed: number): Topic {
  return { topic: ref.id, messages: head.seq, removed, ...record };
}

/** How many messages a topic has had, and how many of the first are gone. */
interface Counted {
  readonly ref: StreamRef<"topic">;
  readonly last: number;
  readonly removed: number;
}

function toSubscriber(
  { ref, last, removed }: Counted,
  { reader, position, updatedAtUs }: Pick<ReaderCursor, "reader" | "position"> & Partial<ReaderCursor>,
): Subscriber {
  return {
    topic: ref.id,
    subscriber: reader,
    acknowledged: position,
    pending: last - Math.max(position, removed),
    missed: Math.max(0, removed - position),
    ...given("updatedAtUs", updatedAtUs),
  };
}
