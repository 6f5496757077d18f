import type { Delivery, Json, Sojourn, Subscriber, Topic, TopicMessage } from "../client/index.ts";
import { eachOf } from "./each.ts";
import { EXIT, type ExitCode } from "./exit.ts";
import { count, moment, printJson, safeJson, shown, table } from "./print.ts";
import { wireSubscriber, wireTopic, wireTopicMessage } from "./wire-topic.ts";

/** How it is printed, and what ends it. */
interface Options {
  /** Whether programs read what is printed. */
  readonly json?: boolean;
  readonly signal: AbortSignal;
}

/** `sojourn topics list`. */
export async function listTopics(
  sojourn: Sojourn,
  { json, limit, signal }: Options & { readonly limit: number },
): Promise<ExitCode> {
  const found = await upTo(limit, sojourn.topics.list({ pageSize: pageOf(limit), signal }));
  const row = ({ topic, messages, removed, createdAt, updatedAt }: Topic) => [
    topic,
    `${messages}`,
    `${removed}`,
    `${messages - removed}`,
    moment(createdAt),
    moment(updatedAt),
  ];
  if (json) printJson(found.map(wireTopic));
  else if (found.length === 0) console.log("No topics");
  else console.log(table(["TOPIC", "MESSAGES", "REMOVED", "LEFT", "FIRST", "LAST"], found.map(row)));
  return EXIT.ok;
}

/** `sojourn topics publish`. */
export async function publishMessage(
  sojourn: Sojourn,
  topic: string,
  content: Json,
  { json, session, signal }: Options & { readonly session?: string },
): Promise<ExitCode> {
  const message = await sojourn.topics.publish(topic, content, { session, signal });
  if (json) printJson(wireTopicMessage(message));
  else console.log(`${message.topic}: message ${message.seq}`);
  return EXIT.ok;
}

/** From where on messages are read, by whom, and whether they are acknowledged. */
interface Reading {
  readonly subscriber?: string;
  readonly after?: number;
  readonly ack?: boolean;
}

/** `sojourn topics read`. */
export async function readMessages(
  sojourn: Sojourn,
  topic: string,
  { limit, subscriber, after, ack = false, ...options }: Options & Reading & { readonly limit: number },
): Promise<ExitCode> {
  const { signal } = options;
  const messages = sojourn.topics.messages(topic, { subscriber, after, pageSize: pageOf(limit), signal });
  let last: TopicMessage | undefined;
  for (const message of await upTo(limit, messages)) {
    printMessage(message, options);
    last = message;
  }
  if (last === undefined && !options.json) console.log("No messages");
  if (last !== undefined && ack && subscriber !== undefined) {
    await sojourn.topics.acknowledge(topic, subscriber, last.seq, { signal });
  }
  return EXIT.ok;
}

/** `sojourn topics follow`. */
export async function followMessages(
  sojourn: Sojourn,
  topic: string,
  {
    subscriber,
    after,
    begin,
    ack = false,
    limit = Number.POSITIVE_INFINITY,
    ...options
  }: Options & Reading & { readonly begin?: "first" | "next"; readonly limit?: number },
): Promise<ExitCode> {
  const { signal } = options;
  let printed = 0;
  if (after !== undefined || subscriber === undefined) {
    for await (const message of sojourn.topics.follow(topic, { subscriber, after, signal })) {
      printMessage(message, options);
      if (ack && subscriber !== undefined) await sojourn.topics.acknowledge(topic, subscriber, message.seq, { signal });
      if (++printed === limit) break;
    }
    return EXIT.ok;
  }
  const messages: AsyncIterable<Delivery> = sojourn.topics.subscribe(topic, { subscriber, begin, signal });
  for await (const message of messages) {
    printMessage(message, options);
    if (ack) await message.ack();
    if (++printed === limit) break;
  }
  return EXIT.ok;
}

function printMessage(message: TopicMessage, { json }: Options): void {
  const { seq, publishedAt, sessionId = "-", content } = message;
  if (json) printJson(wireTopicMessage(message));
  else console.log(shown(`${`${seq}`.padStart(6)}  ${publishedAt.toISOString()}  ${sessionId}  ${safeJson(content)}`));
}

/** `sojourn topics subscribers`. */
export async function listSubscribers(
  sojourn: Sojourn,
  topic: string,
  { json, limit, signal }: Options & { readonly limit: number },
): Promise<ExitCode> {
  const found = await upTo(limit, sojourn.topics.subscribers(topic, { pageSize: pageOf(limit), signal }));
  const row = ({ subscriber, acknowledged, pending, missed, updatedAt }: Subscriber) => [
    subscriber,
    `${acknowledged}`,
    `${pending}`,
    `${missed}`,
    moment(updatedAt),
  ];
  if (json) printJson(found.map(wireSubscriber));
  else if (found.length === 0) console.log("No subscribers");
  else console.log(table(["SUBSCRIBER", "ACKNOWLEDGED", "PENDING", "MISSED", "MOVED"], found.map(row)));
  return EXIT.ok;
}

/** `sojourn topics ack`, which has `through`, and `move`. */
export async function moveSubscriber(
  sojourn: Sojourn,
  [topic, subscriber]: readonly [topic: string, subscriber: string],
  { json, through, after, signal }: Options & { readonly through?: number; readonly after?: number },
): Promise<ExitCode> {
  const moved =
    through === undefined
      ? await sojourn.topics.moveSubscriber(topic, subscriber, { after, signal })
      : await sojourn.topics.acknowledge(topic, subscriber, through, { signal });
  if (json) printJson(wireSubscriber(moved));
  else console.log(`${subscriber}: acknowledged through ${moved.acknowledged}, ${moved.pending} pending`);
  return EXIT.ok;
}

/** `sojourn topics unsubscribe`. */
export async function unsubscribe(
  sojourn: Sojourn,
  topic: string,
  subscribers: readonly string[],
  { json, signal }: Options,
): Promise<ExitCode> {
  const forgotten: string[] = [];
  const forget = async (subscriber: string): Promise<void> => {
    await sojourn.topics.unsubscribe(topic, subscriber, { signal });
    forgotten.push(subscriber);
    if (!json) console.log(`${subscriber}: forgotten`);
  };
  const code = await eachOf(subscribers, forget, signal);
  if (json) printJson({ topic, forgotten });
  return code;
}

/** `sojourn topics delete`. */
export async function deleteTopics(
  sojourn: Sojourn,
  topics: readonly string[],
  { json, signal }: Options,
): Promise<ExitCode> {
  const deleted: object[] = [];
  const remove = async (topic: string): Promise<void> => {
    const removed = await sojourn.topics.delete(topic, { signal });
    deleted.push(removed);
    if (!json) console.log(`${removed.topic}: deleted, with ${count(removed.messages, "message")}`);
  };
  const code = await eachOf(topics, remove, signal);
  if (json) printJson(deleted);
  return code;
}

function pageOf(limit: number): number {
  return Math.min(limit + 1, 1_000);
}

/** The first so many; that there are more is told on standard error. */
async function upTo<T>(limit: number, all: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = [];
  for await (const one of all) {
    if (found.length === limit) {
      console.error("There are more; see them with --limit, or --limit all");
      break;
    }
    found.push(one);
  }
  return found;
}
