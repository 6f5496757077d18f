import type { Message } from "../engine/message.ts";
import type { Context, Model, Piece, Summary, Usage } from "./model.ts";

/** What a model costs: US dollars for a million tokens. */
export interface Prices {
  readonly input: number;
  readonly output: number;
}

/** The model with what it costs beside what it took. */
export function priced(model: Model, prices: Prices): Model {
  return {
    name: model.name,
    isLanguageModel: model.isLanguageModel,
    async *answer(context: Context, signal: AbortSignal): AsyncGenerator<Piece, void, undefined> {
      for await (const piece of model.answer(context, signal)) {
        yield piece.piece === "end" && piece.usage ? { ...piece, usage: withCost(piece.usage, prices) } : piece;
      }
    },
    async summarize(before: string | undefined, messages: readonly Message[], signal: AbortSignal): Promise<Summary> {
      const { usage, ...summary } = await model.summarize(before, messages, signal);
      return usage === undefined ? summary : { ...summary, usage: withCost(usage, prices) };
    },
  };
}

function withCost(usage: Usage, { input, output }: Prices): Usage {
  const costNanoUsd = Math.round((usage.inputTokens * input + usage.outputTokens * output) * NANO_USD);
  return { ...usage, costNanoUsd };
}

/** A dollar for a million tokens is so many nano-dollars for one. */
const NANO_USD = 1_000;
