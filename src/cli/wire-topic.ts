import type { Subscriber, Topic, TopicMessage } from "../client/index.ts";

/** A topic as the REST API shows it. */
export function wireTopic({ topic, messages, removed, createdAt, updatedAt }: Topic): object {
  return { topic, messages, removed, created_at: createdAt, updated_at: updatedAt };
}

/** A message as the REST API shows it. */
export function wireTopicMessage(message: TopicMessage): object {
  return {
    topic: message.topic,
    seq: message.seq,
    content: message.content,
    session_id: message.sessionId,
    session_uid: message.sessionUid,
    actor: message.actor,
    timestamp: message.publishedAt,
  };
}

/** A subscriber as the REST API shows it. */
export function wireSubscriber({ updatedAt, ...subscriber }: Subscriber): object {
  return { ...subscriber, updated_at: updatedAt };
}
