import type { Strategy } from "../engine/conversation.ts";
import type { JsonObject } from "../engine/json.ts";
import type { Role, ToolCall } from "../engine/message.ts";

export type { Strategy };

/** How much a language model took in and gave out. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What that cost, in US dollars, where its prices are known. */
  readonly costUsd?: number | undefined;
}

/** A message to add to a conversation. */
export interface NewMessage {
  readonly role: Role;
  /** 1 to 100,000 characters; empty only beside `toolCalls`, and of a tool. */
  readonly content: string;
  /** Of an assistant's message alone. */
  readonly toolCalls?: readonly ToolCall[] | undefined;
  /** Of a tool's message alone: the call that it is the result of. */
  readonly toolCallId?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** A message as the log has it. */
export interface SealedMessage extends NewMessage {
  /** About how much of a model's window it takes. */
  readonly tokens: number;
}

/** A message of a conversation, in its place. */
export interface Message extends SealedMessage {
  /** 1, 2, 3 … without gaps within its session. */
  readonly number: number;
  /** The operation that brought it. */
  readonly seq: number;
  readonly timestamp: Date;
}

/** Which messages of a conversation, from the oldest on. */
export interface MessageQuery {
  /** Only those with a greater number; default 0. */
  readonly after?: number | undefined;
  /** How many are fetched at a time: 1 to 1000, default 50. */
  readonly pageSize?: number | undefined;
}

/** An answer, with what is to be known of it. */
export interface ChatAnswer {
  readonly response: string;
  readonly sessionId: string;
  /** What answered: a language model such as `openai:gpt-5`, or `built-in`, which is none. */
  readonly model: string;
  readonly isLanguageModel: boolean;
  /** `length`: it was cut off at the bound on output. */
  readonly reason: "stop" | "length";
  /** Where the model tells it. */
  readonly usage: TokenUsage | undefined;
  /** To the hundredth of a second. */
  readonly executionTimeMs: number;
  /** Under which the server's log has the request; `undefined` in process. */
  readonly requestId: string | undefined;
  /** Whether the session was made for a chat without one, and is short-lived. */
  readonly isTemporary: boolean;
}

/** How to compact a conversation. */
export interface Compaction {
  /** What becomes of older messages: `truncate` drops them, `summarize` says in short what they say, `hybrid` does both, the oldest first. */
  readonly strategy: Strategy;
  /** So many of the newest messages stay, at most: 0 to 10,000; 10 where neither this nor `keepTokens` is given. */
  readonly keepRecent?: number | undefined;
  /** As many of the newest messages stay as take no more of a model's window than this. */
  readonly keepTokens?: number | undefined;
}

/** What a compaction did to the window; the log keeps every message. */
export interface Compacted {
  readonly originalCount: number;
  /** With the summary, if there is one. */
  readonly compressedCount: number;
  /** The second by the first: 0.1 is a tenth. */
  readonly compressionRatio: number;
  readonly originalTokens: number;
  readonly compressedTokens: number;
  readonly summary: string | undefined;
}
