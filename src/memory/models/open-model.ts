import { type Fault, invalid } from "../../engine/errors.ts";
import { given } from "../../engine/given.ts";
import type { Message } from "../../engine/message.ts";
import type { Context, Model, Piece, Summary, Usage } from "../model.ts";
import { renderPrompt, renderSummaryPrompt } from "../prompt.ts";

/** Whose API is spoken. */
export const PROVIDERS = ["openai", "anthropic", "google"] as const;

export type Provider = (typeof PROVIDERS)[number];

/** Which language model answers, and within which bounds. */
export interface ModelOptions {
  /** `provider:name`, such as `openai:gpt-5`. */
  readonly model: string;
  /**
   * Where the API is, if not at the provider's own address. With one, `openai:` speaks the chat completions that other
   * servers offer too.
   */
  readonly baseUrl?: string;
  /** Needed, except by `openai:` with a base URL. */
  readonly apiKey?: string;
  /** For a whole answer, with all attempts at it. */
  readonly timeoutMs: number;
  readonly maxOutputTokens: number;
  /** How often a failed request is sent again, as long as nothing of the answer has come. 2 unless given. */
  readonly retries?: number;
  /** How long the first retry waits; each further one twice as long as the one before. 500 unless given. */
  readonly backoffMs?: number;
}

/** A model and its provider, as `ModelOptions.model` names them. */
export interface ModelName {
  readonly provider: Provider;
  /** As the provider calls it. */
  readonly name: string;
}

/**
 * A language model of a provider. Neither connects nor loads anything before it is asked.
 *
 * @throws {SojournError} `invalid`: the faults name the options
 */
export function openModel(options: ModelOptions): Model {
  const asked = parseModelName(options.model);
  const faults = [
    ...(asked === undefined ? [{ field: "model", message: BAD_MODEL, type: "invalid_model" }] : []),
    ...keyFaults(options, asked),
    ...baseUrlFaults(options.baseUrl),
  ];
  if (asked === undefined || faults.length > 0) throw invalid(faults);
  return new LanguageModel({ ...options, ...asked });
}

/** Reads `provider:name`; `undefined` for what is none. */
export function parseModelName(text: string): ModelName | undefined {
  const [, prefix, name] = NAME.exec(text) ?? [];
  const provider = PROVIDERS.find((known) => known === prefix);
  return provider === undefined || name === undefined ? undefined : { provider, name };
}

/** Names of models have colons of their own: `openai:llama3:8b`. */
const NAME = /^([a-z]+):([^\s\p{C}]{1,200})$/u;

const BAD_MODEL = `must be a provider and its model, such as "openai:gpt-5"; the providers are ${PROVIDERS.join(", ")}`;

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

/** Named for whoever starts a command; nothing here reads them. The key for the maker goes to no other address. */
const MAKERS_VARIABLES: Readonly<Record<Provider, string>> = {
  openai: "OPENAI_API_KEY",
  anthropic: "ANTHROPIC_API_KEY",
  google: "GOOGLE_GENERATIVE_AI_API_KEY",
};

function keyFaults({ baseUrl, apiKey = "" }: ModelOptions, asked: ModelName | undefined): readonly Fault[] {
  const field = "model_api_key";
  if (apiKey === "") {
    if (asked === undefined || (asked.provider === "openai" && baseUrl !== undefined)) return [];
    const variables = ["SOJOURN_MODEL_API_KEY", ...(baseUrl === undefined ? [MAKERS_VARIABLES[asked.provider]] : [])];
    const message = `is missing: ${asked.provider} answers nobody without one; commands take it from ${variables.join(" or ")}`;
    return [{ field, message, type: "missing" }];
  }
  if (/^[\x21-\x7e]+$/.test(apiKey)) return [];
  return [{ field, message: "must be printable ASCII characters without blanks", type: "invalid_key" }];
}

function baseUrlFaults(baseUrl: string | undefined): readonly Fault[] {
  if (baseUrl === undefined) return [];
  const url = URL.parse(baseUrl);
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}` === "";
  if (isPlain && !/[?#]/.test(baseUrl)) return [];
  const message = "must be an http or https address without a user, a query or a fragment";
  return [{ field: "model_base_url", message, type: "invalid_url" }];
}
