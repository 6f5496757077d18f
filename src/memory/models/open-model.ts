import { given } from "../../engine/given.ts";
import type { Message } from "../../engine/message.ts";
import { chosenModel, type ModelChoice, type ModelName } from "../../language-models/model-choice.ts";
import type { Context, Model, Piece, Summary, Usage } from "../model.ts";
import { renderPrompt, renderSummaryPrompt } from "../prompt.ts";

/** Which language model answers, and within which bounds. */
export interface ModelOptions extends ModelChoice {
  /** For a whole answer, with all attempts at it. */
  readonly timeoutMs: number;
  readonly maxOutputTokens: number;
  /** How often a failed request is sent again, as long as nothing of the answer has come. 2 unless given. */
  readonly retries?: number;
  /** How long the first retry waits; each further one twice as long as the one before. 500 unless given. */
  readonly backoffMs?: number;
}

/**
 * A language model of a provider. Neither connects nor loads anything before it is asked.
 *
 * @throws {SojournError} `invalid`: the faults name the options
 */
export function openModel(options: ModelOptions): Model {
  return new LanguageModel({ ...options, ...chosenModel(options) });
}

class LanguageModel implements Model {
  readonly isLanguageModel = true;
  readonly #options: ModelOptions & ModelName;

  constructor(options: ModelOptions & ModelName) {
    this.#options = options;
  }

  get name(): string {
    return this.#options.model;
  }

  async *answer(context: Context, signal: AbortSignal): AsyncGenerator<Piece, undefined, undefined> {
    const { ask } = await import("./ask.ts");
    yield* ask(this.#options, renderPrompt(context), signal);
  }

  async summarize(before: string | undefined, messages: readonly Message[], signal: AbortSignal): Promise<Summary> {
    const { ask } = await import("./ask.ts");
    let summary = "";
    let usage: Usage | undefined;
    for await (const piece of ask(this.#options, renderSummaryPrompt(before, messages), signal)) {
      if (piece.piece === "text") summary += piece.text;
      else usage = piece.usage;
    }
    return { text: shortened(summary.trim()), ...given("usage", usage) };
  }
}

/** Holds a model that does not keep to the 400 words it is asked for. */
const SUMMARY_CHARACTERS_MAX = 4_000;

function shortened(summary: string): string {
  if (summary.length <= SUMMARY_CHARACTERS_MAX) return summary;
  return `${summary.slice(0, SUMMARY_CHARACTERS_MAX - 1).replace(/\s+\S*$/, "")}…`;
}
