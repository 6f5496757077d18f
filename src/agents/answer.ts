import type { LanguageModelV4Content, LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import type { NewMessage, TokenUsage } from "../client/conversation.ts";
import { clean, cut, shareOf, TEXT_MAX } from "./kept-text.ts";

/** What a model's tokens cost. */
export interface Price {
  readonly inputUsdPerMillion: number;
  readonly outputUsdPerMillion: number;
}

/** How many calls of an answer are kept, and made. */
export const CALLS_MAX = 64;

/** The longest name of a tool that is kept. */
const NAME_MAX = 255;

/** How long the arguments of an answer's calls may be together. */
const ARGUMENTS_MAX = 2 * TEXT_MAX;

type Content = Pick<LanguageModelV4GenerateResult, "content">;

/**
 * An answer of a model as a message, cut to what a session keeps of one; `undefined` for one that says nothing and calls
 * nothing.
 */
export function messageOf(answer: Content): NewMessage | undefined {
  const text = clean(answer.content.flatMap((part) => (part.type === "text" ? part.text : [])).join(""));
  const all = callsOf(answer);
  if (text.trim() === "" && all.length === 0) return undefined;
  const calls = all.slice(0, CALLS_MAX);
  const share = Math.min(
    shareOf(
      calls.map(({ input }) => input.length),
      ARGUMENTS_MAX,
    ),
    TEXT_MAX,
  );
  const toolCalls = calls.map(({ toolCallId, toolName, input }) => {
    return { id: toolCallId, name: cut(clean(toolName), NAME_MAX), arguments: cut(clean(input), share) };
  });
  const isCut = text.length > TEXT_MAX || all.length > CALLS_MAX || calls.some(({ input }) => input.length > share);
  return {
    role: "assistant",
    content: cut(text, TEXT_MAX),
    ...(toolCalls.length > 0 && { toolCalls }),
    ...(isCut && { metadata: { isCut } }),
  };
}

/** The ids of the calls that `messageOf` leaves out. */
export function surplusOf(answer: Content): readonly string[] {
  return callsOf(answer)
    .slice(CALLS_MAX)
    .map(({ toolCallId }) => toolCallId);
}

function callsOf({ content }: Content): readonly Extract<LanguageModelV4Content, { readonly type: "tool-call" }>[] {
  return content.flatMap((part) => (part.type === "tool-call" && part.providerExecuted !== true ? part : []));
}

/** What an answer took, where its maker tells, and what that cost at a price. */
export function usageOf(
  { usage }: Pick<LanguageModelV4GenerateResult, "usage">,
  price: Price | undefined,
): TokenUsage | undefined {
  const { total: input } = usage.inputTokens;
  const { total: output } = usage.outputTokens;
  if (input === undefined && output === undefined) return undefined;
  const tokens = { inputTokens: counted(input), outputTokens: counted(output) };
  return { ...tokens, ...(price !== undefined && { costUsd: costOf(tokens, price) }) };
}

/** As a session counts them, whatever a maker tells. */
function counted(tokens = 0): number {
  return tokens > 0 ? Math.min(Math.round(tokens), TOKENS_MAX) : 0;
}

const TOKENS_MAX = 1_000_000_000;

function costOf({ inputTokens, outputTokens }: TokenUsage, price: Price): number {
  return (inputTokens * price.inputUsdPerMillion + outputTokens * price.outputUsdPerMillion) / 1_000_000;
}
