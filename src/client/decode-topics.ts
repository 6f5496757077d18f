import type { Json } from "../engine/json.ts";
import type { Subscriber, Topic, TopicMessage } from "./topic.ts";

/** A topic on the wire. */
export interface WireTopic {
  readonly topic: string;
  readonly messages: number;
  readonly removed: number;
  readonly created_at?: string | undefined;
  readonly updated_at?: string | undefined;
}

/** A message of a topic on the wire. */
export interface WireTopicMessage {
  readonly topic: string;
  readonly seq: number;
  readonly content: Json;
  readonly session_id?: string | undefined;
  readonly session_uid?: string | undefined;
  readonly actor: string;
  readonly timestamp: string;
}

/** A subscriber on the wire. */
export interface WireSubscriber {
  readonly topic: string;
  readonly subscriber: string;
  readonly acknowledged: number;
  readonly pending: number;
  readonly missed: number;
  readonly updated_at?: string | undefined;
}

/** A topic in the words of the SDK. */
export function decodeTopic({ topic, messages, removed, created_at, updated_at }: WireTopic): Topic {
  return { topic, messages, removed, createdAt: dateOf(created_at), updatedAt: dateOf(updated_at) };
}

/** A message in the words of the SDK. */
export function decodeTopicMessage(wire: WireTopicMessage): TopicMessage {
  return {
    topic: wire.topic,
    seq: wire.seq,
    content: wire.content,
    sessionId: wire.session_id,
    sessionUid: wire.session_uid,
    actor: wire.actor,
    publishedAt: new Date(wire.timestamp),
  };
}

/** A subscriber in the words of the SDK. */
export function decodeSubscriber(wire: WireSubscriber): Subscriber {
  const { topic, subscriber, acknowledged, pending, missed, updated_at } = wire;
  return { topic, subscriber, acknowledged, pending, missed, updatedAt: dateOf(updated_at) };
}

function dateOf(time: string | undefined): Date | undefined {
  return time === undefined ? undefined : new Date(time);
}
