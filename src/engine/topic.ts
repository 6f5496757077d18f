import type { Json } from "./json.ts";

/** Who published a message, where that was a session. */
export interface Publisher {
  /** The session's `uid`. */
  readonly uid: string;
  /** What it was called. */
  readonly sessionId: string;
}

/** The folded record of a topic's log; how many messages it has is where its log ends. */
export interface TopicRecord {
  /** Microseconds since the epoch. Absent before the first message. */
  readonly createdAtUs?: number;
  readonly updatedAtUs?: number;
}

/** A topic that nobody has published to. */
export const NEW_TOPIC: TopicRecord = {};

/** What each kind of operation of a topic carries in its payload. */
export interface TopicInputs {
  readonly "message.published": { readonly content: Json; readonly publisher?: Publisher };
}

/** One operation of a topic's log as the fold sees it. */
export interface TopicChange {
  readonly kind: keyof TopicInputs;
  readonly at: number;
}

/** Applies one operation to the record of a topic. Pure. */
export function foldTopic({ createdAtUs, updatedAtUs }: TopicRecord = NEW_TOPIC, { at }: TopicChange): TopicRecord {
  return { createdAtUs: createdAtUs ?? at, updatedAtUs: Math.max(updatedAtUs ?? at, at) };
}
