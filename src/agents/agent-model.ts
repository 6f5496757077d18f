import type { LanguageModelV4, LanguageModelV4CallOptions } from "@ai-sdk/provider";
import { type LanguageModel, RetryError } from "ai";
import { invalid, SojournError } from "../engine/errors.ts";
import { boundedFetch } from "../language-models/bounded-fetch.ts";
import { failureOf } from "../language-models/failure.ts";
import { chosenModel, type ModelChoice, type ModelName } from "../language-models/model-choice.ts";
import { calledTools, loadModel } from "../language-models/provider-model.ts";
import { Trouble, troubleOf } from "../language-models/trouble.ts";

/** A model of the AI SDK. */
export type ModelObject = Exclude<LanguageModel, string>;

/** Which model, and where it is reached. */
export interface ModelSettings {
  readonly model: ModelObject | string;
  readonly modelBaseUrl?: string | undefined;
  readonly modelApiKey?: string | undefined;
}

/** A model that can be asked. */
export interface AgentModel {
  /** `provider:name`. */
  readonly name: string;
  /** Loads the package of its maker, when it is first needed. */
  load(): Promise<ModelObject>;
  /** What its maker is told with each call. */
  readonly providerOptions: Exclude<LanguageModelV4CallOptions["providerOptions"], undefined>;
}

/**
 * The model that is meant. Neither connects nor loads anything.
 *
 * @throws {SojournError} `invalid`: the faults name the options
 */
export function agentModel({ model, modelBaseUrl, modelApiKey }: ModelSettings): AgentModel {
  if (typeof model !== "string") {
    const unused = [
      ...(modelBaseUrl === undefined ? [] : ["modelBaseUrl"]),
      ...(modelApiKey === undefined ? [] : ["modelApiKey"]),
    ];
    const message = "is of models that are named by a text; this one knows where it is";
    if (unused.length > 0) throw invalid(unused.map((field) => ({ field, message, type: "not_allowed" })));
    return { name: `${model.provider}:${model.modelId}`, load: async () => model, providerOptions: {} };
  }
  const endpoint = {
    ...(modelBaseUrl !== undefined && { baseUrl: modelBaseUrl }),
    ...(modelApiKey !== undefined && { apiKey: modelApiKey }),
  };
  const chosen = { ...endpoint, ...choose({ model, ...endpoint }) };
  let loaded: Promise<LanguageModelV4> | undefined;
  return {
    name: model,
    load: () => {
      loaded ??= loadModel(chosen, fetchOnce);
      return loaded;
    },
    // OpenAI keeps what it answers, unless it is told not to.
    providerOptions: chosen.provider === "openai" ? { openai: { store: false } } : {},
  };
}

/** Faults of a choice name the configuration's options, and here they have other names. */
function choose(choice: ModelChoice): ModelName {
  try {
    return chosenModel(choice);
  } catch (error) {
    if (!(error instanceof SojournError)) throw error;
    throw invalid(error.faults.map(({ field, ...rest }) => ({ ...rest, field: NAMES[field] ?? field })));
  }
}

const NAMES: Readonly<Record<string, string>> = { model_base_url: "modelBaseUrl", model_api_key: "modelApiKey" };

/** How much one answer may weigh. */
const BYTES_MAX = 64 * 1_048_576;

const fetchOnce: typeof fetch = async (address, init) => {
  const over = new AbortController();
  const signal = AbortSignal.any([over.signal, ...(init?.signal ? [init.signal] : [])]);
  return await boundedFetch(BYTES_MAX, () => over.abort(new Trouble("too_long")))(address, { ...init, signal });
};

/** A call with the tools that its conversation calls and it does not have: Anthropic refuses it without them. */
export function withCalledTools(params: LanguageModelV4CallOptions, provider: string): LanguageModelV4CallOptions {
  if (!provider.startsWith("anthropic")) return params;
  const { tools = [] } = params;
  const known = new Set(tools.map(({ name }) => name));
  const lacking = [...calledTools(params.prompt)].filter((name) => !known.has(name));
  if (lacking.length === 0) return params;
  const added = lacking.map((name) => ({ type: "function", name, inputSchema: { type: "object" } }) as const);
  return { ...params, tools: [...tools, ...added], ...(tools.length === 0 && { toolChoice: { type: "none" } }) };
}

/** The `model_failed` that says what happened to a model, of what the AI SDK threw. */
export function modelFailure(error: unknown, model: string): SojournError {
  const cause = RetryError.isInstance(error) ? error.lastError : error;
  if (cause instanceof SojournError) return cause;
  const trouble = troubleOf(cause, { isBegun: false, secrets: [] });
  const { message, retryAfterMs } = failureOf(trouble, { model, timeoutMs: 0, maxOutputTokens: 0 });
  return new SojournError("model_failed", { message, cause, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}
