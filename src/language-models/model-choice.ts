import { type Fault, invalid } from "../engine/errors.ts";

/** Whose API is spoken. */
export const PROVIDERS = ["openai", "anthropic", "google"] as const;

export type Provider = (typeof PROVIDERS)[number];

/** Which language model is meant, and how it is reached. */
export interface ModelChoice {
  /** `provider:name`, such as `openai:gpt-5`. */
  readonly model: string;
  /**
   * Where the API is, if not at the provider's own address. With one, `openai:` speaks the chat completions that other
   * servers offer too.
   */
  readonly baseUrl?: string;
  /** Needed, except by `openai:` with a base URL. */
  readonly apiKey?: string;
}

/** A model and its provider, as `ModelChoice.model` names them. */
export interface ModelName {
  readonly provider: Provider;
  /** As the provider calls it. */
  readonly name: string;
}

/**
 * The model that is meant.
 *
 * @throws {SojournError} `invalid`: the faults name the options
 */
export function chosenModel(choice: ModelChoice): ModelName {
  const asked = parseModelName(choice.model);
  const faults = [
    ...(asked === undefined ? [{ field: "model", message: BAD_MODEL, type: "invalid_model" }] : []),
    ...keyFaults(choice, asked),
    ...baseUrlFaults(choice.baseUrl),
  ];
  if (asked === undefined || faults.length > 0) throw invalid(faults);
  return asked;
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

/** Named for whoever starts a command; nothing here reads them. The key for the maker goes to no other address. */
const MAKERS_VARIABLES: Readonly<Record<Provider, string>> = {
  openai: "OPENAI_API_KEY",
  anthropic: "ANTHROPIC_API_KEY",
  google: "GOOGLE_GENERATIVE_AI_API_KEY",
};

function keyFaults({ baseUrl, apiKey = "" }: ModelChoice, asked: ModelName | undefined): readonly Fault[] {
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
