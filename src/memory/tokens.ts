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
  return { ...message, tokens: OVERHEAD + tokensOf(message.content) + tokensOf(calls) };
}

/** About how many tokens a text has. */
export function tokensOf(text: string): number {
  let tokens = estimateTokenCount(text);
  // What has no blanks for long is no prose: base64, hashes and the like, of which a token has two characters or so.
  for (const [run] of text.matchAll(/[!-~]{64,}/g)) tokens += Math.max(0, run.length / 2 - estimateTokenCount(run));
  return Math.ceil(tokens);
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
