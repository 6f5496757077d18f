import { estimateTokenCount } from "tokenx";
import type { Seal } from "../engine/conversation-commands.ts";
import type { Message, SealedMessage } from "../engine/message.ts";

/** What a message takes beside its words: its role, and where it begins and ends. */
const OVERHEAD = 4;

/**
 * A message with about how much of a model's window it takes. Each model counts in its own way; this lies within a fifth
 * of what most of them say, and costs time in proportion to the text, whatever that is.
 */
export function seal(message: Message): SealedMessage {
  const calls = message.toolCalls?.map((call) => call.name + call.arguments).join("\n") ?? "";
  return { ...message, tokens: OVERHEAD + estimateTokenCount(message.content) + estimateTokenCount(calls) };
}

/** A `seal` that counts each message once, however often it is asked for. */
export function sealOnce(): Seal {
  const sealed = new Map<Message, SealedMessage>();
  return (message) => {
    const known = sealed.get(message) ?? seal(message);
    sealed.set(message, known);
    return known;
  };
}
