import type { TopicMessage } from "../client/index.ts";
import { ArgumentError, Fields, json, number, someText } from "./arguments.ts";
import type { CallsOf } from "./calls.ts";
import { epochSeconds } from "./epoch.ts";
import type { ScriptHost } from "./script-host.ts";
import type { Value, ValueObject } from "./value.ts";

/** How many messages come at a time, where a script does not say. */
const LIMIT = 100;

/** What `Topic` can do. A message is from the current session, where there is one. */
export const TOPIC_CALLS: CallsOf<"Topic"> = {
  "Topic.publish": async (host, [topic, content]) => {
    const name = someText(topic, "the topic");
    if (content === undefined) throw new ArgumentError("the content must be given");
    const given = json(content, "the content");
    const { signal } = host;
    const message =
      host.current === undefined
        ? await host.sojourn.topics.publish(name, given, { signal })
        : await (await host.session(undefined)).publish(name, given, { signal });
    return shownMessage(message);
  },
  "Topic.messages": async (host, [topic, options]) => {
    const fields = new Fields(options, "the options");
    const wanted = {
      after: fields.count("after"),
      subscriber: fields.text("subscriber"),
      limit: fields.count("limit"),
    };
    fields.refuseOthers();
    return await read(host, someText(topic, "the topic"), wanted);
  },
  "Topic.receive": async (host, [topic, subscriber, options]) => {
    const fields = new Fields(options, "the options");
    const [name, reader] = [someText(topic, "the topic"), someText(subscriber, "the subscriber")];
    const wanted = { subscriber: reader, limit: fields.count("limit") };
    const waitMs = (fields.number("wait_seconds", "waitSeconds") ?? 0) * 1_000;
    fields.refuseOthers();
    if (waitMs < 0) throw new ArgumentError("wait_seconds must be 0 or more");
    const received = await read(host, name, wanted);
    if (received.length > 0 || waitMs === 0) return received;
    const signal = AbortSignal.any([host.signal, AbortSignal.timeout(Math.min(waitMs, WAIT_MAX_MS))]);
    for await (const message of host.sojourn.topics.follow(name, { subscriber: reader, signal })) {
      return [shownMessage(message)];
    }
    return [];
  },
  "Topic.acknowledge": async (host, [topic, subscriber, through]) => {
    const seq = number(through, "the seq");
    if (seq === undefined)
      throw new ArgumentError("the seq must be a number, that of the last message that is dealt with");
    const [name, reader] = [someText(topic, "the topic"), someText(subscriber, "the subscriber")];
    const { pending } = await host.sojourn.topics.acknowledge(name, reader, seq, { signal: host.signal });
    return pending;
  },
};

/** The longest time that a timer can wait. */
const WAIT_MAX_MS = 2_147_483_647;

async function read(
  { sojourn, signal }: ScriptHost,
  topic: string,
  {
    limit = LIMIT,
    ...start
  }: {
    readonly after?: number | undefined;
    readonly subscriber?: string | undefined;
    readonly limit?: number | undefined;
  },
): Promise<readonly Value[]> {
  const messages: Value[] = [];
  if (limit === 0) return messages;
  const pageSize = Math.min(limit, 1_000);
  for await (const message of sojourn.topics.messages(topic, { ...start, pageSize, signal })) {
    messages.push(shownMessage(message));
    if (messages.length >= limit) break;
  }
  return messages;
}

/** A message as scripts see it. */
function shownMessage({ topic, seq, content, sessionId, publishedAt }: TopicMessage): ValueObject {
  return { topic, seq, content, session_id: sessionId, published_at: epochSeconds(publishedAt) };
}
