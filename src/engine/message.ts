import type { JsonObject } from "./json.ts";

/** Whose words a message are. */
export const ROLES = ["user", "assistant", "system", "tool"] as const;

export type Role = (typeof ROLES)[number];

/** A tool that an assistant's message calls. */
export interface ToolCall {
  readonly id: string;
  readonly name: string;
  /** JSON, as the model wrote it. */
  readonly arguments: string;
}

/** One entry of a conversation. */
export interface Message {
  readonly role: Role;
  readonly content: string;
  /** Of an assistant's message alone. */
  readonly toolCalls?: readonly ToolCall[];
  /** Of a tool's message alone: the call that it is the result of. */
  readonly toolCallId?: string;
  readonly metadata?: JsonObject;
}

/** A message as the log has it. */
export interface SealedMessage extends Message {
  /** How much of a model's window it takes. */
  readonly tokens: number;
}

/** A message in its place. */
export interface StoredMessage extends SealedMessage {
  /** 1, 2, 3 … without gaps within its session. */
  readonly number: number;
  /** The operation that brought it. */
  readonly seq: number;
  /** Microseconds since the epoch. */
  readonly at: number;
}
