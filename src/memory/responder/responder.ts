import type { Message } from "../../engine/message.ts";
import type { Context, Model, Piece, Summary } from "../model.ts";
import { replyTo } from "./reply.ts";
import { summaryOf } from "./summary.ts";

/**
 * The responder for servers without a language model: it answers by rules, from what the session remembers, and says
 * what it is when asked.
 *
 * Pure and deterministic: the same context has the same answer. English alone.
 */
export function builtInModel(): Model {
  return { name: "built-in", isLanguageModel: false, answer, summarize };
}

async function* answer(context: Context, signal: AbortSignal): AsyncGenerator<Piece> {
  signal.throwIfAborted();
  for (const text of replyTo(context).match(/\s*\S+\s*$|\s*\S+/g) ?? []) {
    signal.throwIfAborted();
    yield { piece: "text", text };
  }
  yield { piece: "end", reason: "stop" };
}

async function summarize(
  before: string | undefined,
  messages: readonly Message[],
  signal: AbortSignal,
): Promise<Summary> {
  signal.throwIfAborted();
  return { text: summaryOf(before, messages) };
}
