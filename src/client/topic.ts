import type { Json } from "../engine/json.ts";

/** A topic, as it was when it was asked for. */
export interface Topic {
  readonly topic: string;
  /** How many were published, and so the `seq` of the last. */
  readonly messages: number;
  /** How many of the first are gone by retention; those that are there begin behind them. */
  readonly removed: number;
  /** When the first message came; `undefined` while there is none. */
  readonly createdAt: Date | undefined;
  /** When the last message came. */
  readonly updatedAt: Date | undefined;
}

/** A message of a topic. */
export interface TopicMessage<Content = Json> {
  readonly topic: string;
  /** 1, 2, 3 … without gaps within its topic. */
  readonly seq: number;
  readonly content: Content;
  /** What the session that it is from was called; `undefined` where it is from none. */
  readonly sessionId: string | undefined;
  /** The `uid` of that session. */
  readonly sessionUid: string | undefined;
  readonly actor: string;
  readonly publishedAt: Date;
}

/** Someone who reads a topic, and how far. */
export interface Subscriber {
  readonly topic: string;
  readonly subscriber: string;
  /** The `seq` up to which everything is acknowledged. */
  readonly acknowledged: number;
  /** How many messages came since, and are there. */
  readonly pending: number;
  /** How many messages that it has not acknowledged are gone by retention; it goes on behind them. */
  readonly missed: number;
  /** When it was moved last; `undefined` for one that never said anything. */
  readonly updatedAt: Date | undefined;
}

/** From where on messages are read: after a `seq`, after what a subscriber has acknowledged, or from the first on. */
export interface TopicStart {
  readonly after?: number | undefined;
  /** Where `after` says nothing. */
  readonly subscriber?: string | undefined;
}

/** Who subscribes, and where it begins. */
export interface Subscription {
  /** By what name it is known, now and after it was started again: 1 to 128 of letters, digits and `. _ : @ -`. */
  readonly subscriber: string;
  /**
   * Where one that is not known yet begins: with the first message that there is (the default), or with the next that is
   * published.
   */
  readonly begin?: "first" | "next" | undefined;
}
