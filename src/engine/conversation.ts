import { type JsonObject, merged, sameJson } from "./json.ts";
import type { Message, SealedMessage, ToolCall } from "./message.ts";
import { type Entry, type Operation, payloadBody } from "./operation.ts";
import type { RowChange } from "./store.ts";

/** What a session keeps of its conversation beside the messages themselves. */
export interface Conversation {
  /** How many messages there are; the newest has this number. */
  readonly messages: number;
  /** How many messages of the user were answered. */
  readonly turns: number;
  /** Whether the newest message of the user has no answer yet. */
  readonly isAwaiting: boolean;
  /** The calls of tools that have no result yet. */
  readonly openCalls: readonly string[];
  /** The overlay covers the messages up to this number; 0 where nothing was compacted. */
  readonly compactedThrough: number;
  /** What the messages below the overlay say, in short. */
  readonly summary?: string;
  /** How much of a window the messages above the overlay take. */
  readonly tokens: number;
}

export const EMPTY_CONVERSATION: Conversation = {
  messages: 0,
  turns: 0,
  isAwaiting: false,
  openCalls: [],
  compactedThrough: 0,
  tokens: 0,
};

/** Nano-dollars in a dollar. */
export const DOLLAR = 1_000_000_000;

/** How much a language model took in and gave out. */
export interface TokenUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** What that cost, in whole nano-dollars, where its prices are known. */
  readonly costNanoUsd?: number;
}

/** What the operations on a conversation carry. */
export interface ConversationInputs {
  readonly "messages.added": { readonly messages: readonly SealedMessage[] };
  /** The answer is the operation's output. */
  readonly "turn.completed": {
    /** The last is the one that was answered; results that calls before it lacked come first. */
    readonly messages: readonly SealedMessage[];
    /** What the message told of the user; `null` forgets. */
    readonly facts: JsonObject;
    readonly processingTimeUs: number;
    readonly usage?: TokenUsage;
  };
  readonly "turn.failed": { readonly processingTimeUs: number };
  /** The overlay now covers the messages up to this number. The log keeps them all. */
  readonly "conversation.compacted": {
    readonly strategy: Strategy;
    readonly through: number;
    readonly summary?: string;
    /** How much of a window the messages above it take. */
    readonly tokens: number;
    /** What it took to summarize. */
    readonly usage?: TokenUsage;
  };
  /** `set` replaces all, `merge` changes members, where `null` removes one. */
  readonly "working_memory.changed": { readonly set: JsonObject } | { readonly merge: JsonObject };
}

/** What a turn puts out. */
export interface TurnOutput {
  readonly message: SealedMessage;
  /** What answered, such as `openai:gpt-5`. */
  readonly model: string;
  /** `length`: the answer was cut off at the bound on output. */
  readonly reason: "stop" | "length";
}

/** How a conversation is compacted: older messages go from the window, are summarized, or both, the oldest first. */
export const STRATEGIES = ["truncate", "summarize", "hybrid"] as const;

export type Strategy = (typeof STRATEGIES)[number];

/** Under which member of working memory stands what the user told of themselves. */
export const USER_FACTS = "user";

/** The conversation after these messages. */
export function withMessages(conversation: Conversation, added: readonly SealedMessage[]): Conversation {
  let { messages, turns, isAwaiting, tokens } = conversation;
  let openCalls = conversation.openCalls;
  for (const message of added) {
    messages += 1;
    tokens += message.tokens;
    if (message.role === "user") isAwaiting = true;
    if (message.role === "assistant" && isAwaiting) {
      turns += 1;
      isAwaiting = false;
    }
    openCalls = openAfter(openCalls, message);
  }
  return { ...conversation, messages, turns, isAwaiting, openCalls, tokens };
}

/**
 * The messages, with what is missing so that every call has its result and every result its call, one right behind the
 * other: models refuse a history without that. Calls of the last message stay open, since their results may still come.
 *
 * @param openCalls  the calls before them that have no result yet
 */
export function repaired(openCalls: readonly string[], messages: readonly Message[]): readonly Message[] {
  const whole: Message[] = [];
  let open = openCalls;
  const push = (message: Message): void => {
    whole.push(message);
    open = openAfter(open, message);
  };
  for (const message of messages) {
    if (message.role !== "tool") for (const call of open) push(resultOf(call));
    else if (!open.includes(message.toolCallId ?? "")) {
      for (const call of open) push(resultOf(call));
      push(callOf(message));
    }
    push(message);
  }
  return whole;
}

/** The messages that an entry of a session's log brought, in their order; none once they were erased. */
export function messagesOf(
  entry: Pick<Entry, "payload"> & { readonly operation: Pick<Operation, "kind"> },
): readonly SealedMessage[] {
  const body = payloadBody(entry);
  if (body === undefined) return [];
  // NOTE: a payload has the shape of its operation's kind.
  if (BRINGS_MESSAGES.includes(entry.operation.kind)) {
    return (body.input as unknown as Partial<ConversationInputs["messages.added"]>).messages ?? [];
  }
  if (entry.operation.kind !== "turn.completed") return [];
  const { messages } = body.input as unknown as ConversationInputs["turn.completed"];
  return [...messages, (body.output as unknown as TurnOutput).message];
}

/** The kinds of operations that have messages in their input, and nowhere else. */
const BRINGS_MESSAGES: readonly string[] = ["messages.added", "agent.started", "agent.stepped", "agent.finished"];

/** The rows of the messages that an entry brought, which are those past `before`. */
export function messageRows(before: number, after: number, seq: number): readonly RowChange[] {
  return Array.from({ length: after - before }, (_, place) => {
    return { view: "message", change: "begin", number: before + place + 1, place, seq } as const;
  });
}

/** Working memory with what a message told of the user. What somebody else keeps there, and is no text, stays. */
export function withFacts(memory: JsonObject, facts: JsonObject): JsonObject {
  const { [USER_FACTS]: known = {} } = memory;
  if (typeof known !== "object" || known === null || Array.isArray(known)) return memory;
  // NOTE: an object that is no array is a JsonObject.
  const told = known as JsonObject;
  const news = Object.entries(facts).filter(([key]) => told[key] === undefined || typeof told[key] === "string");
  return news.length === 0 ? memory : { ...memory, [USER_FACTS]: merged(told, Object.fromEntries(news)) };
}

/** A message without what a model has no use for. */
export function plain({ role, content, toolCalls, toolCallId }: Message): Message {
  return {
    role,
    content,
    ...(toolCalls === undefined ? {} : { toolCalls }),
    ...(toolCallId === undefined ? {} : { toolCallId }),
  };
}

/** Whether a message is like one that `repaired` adds. */
export function isRepair({ role, content, metadata }: Message): boolean {
  const added = (role === "tool" && content === NO_RESULT) || (role === "assistant" && content === "");
  return added && metadata !== undefined && sameJson(metadata, REPAIRED);
}

const REPAIRED: JsonObject = { repaired: true };

const NO_RESULT = "(no result was recorded)";

function openAfter(open: readonly string[], message: Message): readonly string[] {
  if (message.role === "tool") return open.filter((id) => id !== message.toolCallId);
  const calls: readonly ToolCall[] = message.toolCalls ?? [];
  if (open.length === 0 && calls.length === 0) return open;
  return calls.map(({ id }) => id);
}

function resultOf(toolCallId: string): Message {
  return { role: "tool", toolCallId, content: NO_RESULT, metadata: REPAIRED };
}

function callOf({ toolCallId = "" }: Message): Message {
  const toolCalls = [{ id: toolCallId, name: "unknown", arguments: "{}" }];
  return { role: "assistant", content: "", toolCalls, metadata: REPAIRED };
}
