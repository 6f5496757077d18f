import type { Strategy, TokenUsage } from "../engine/conversation.ts";
import type { JsonObject } from "../engine/json.ts";
import type { Role, ToolCall } from "../engine/message.ts";

export type { Strategy, TokenUsage };

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

/** What an answer brings beside its text. */
export interface ChatAnswer {
  readonly response: string;
  readonly sessionId: string;
  /** What answered: a language model such as `openai:gpt-5`, or `built-in`, which is none. */
  readonly model: string;
  /** `length`: it was cut off at the bound on output. */
  readonly reason: "stop" | "length";
  /** Where the model tells it. */
  readonly usage: TokenUsage | undefined;
  readonly executionTimeMs: number;
  readonly requestId: string;
  /** Whether the session was made for this chat, and is short-lived. */
  readonly temporary: boolean;
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
