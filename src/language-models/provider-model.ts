import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4Prompt } from "@ai-sdk/provider";
import type { FetchFunction } from "@ai-sdk/provider-utils";
import type { ModelName } from "./model-choice.ts";

/** What a provider has to be told of a model. */
export interface Endpoint extends ModelName {
  readonly baseUrl?: string;
  readonly apiKey?: string;
}

/**
 * The package's model of a provider, loaded when it is first needed.
 *
 * Keys and addresses are handed over also where they are the usual ones: what is not given, the packages look up in the
 * environment.
 */
export async function loadModel(
  { provider, name, baseUrl, apiKey = "" }: Endpoint,
  fetch: FetchFunction,
): Promise<LanguageModelV4> {
  switch (provider) {
    case "anthropic": {
      const { createAnthropic } = await import("@ai-sdk/anthropic");
      return createAnthropic({ apiKey, baseURL: baseUrl ?? "https://api.anthropic.com/v1", fetch })(name);
    }
    case "google": {
      const { createGoogle } = await import("@ai-sdk/google");
      const baseURL = baseUrl ?? "https://generativelanguage.googleapis.com/v1beta";
      return createGoogle({ apiKey, baseURL, fetch })(name);
    }
    case "openai": {
      if (baseUrl === undefined) {
        const { createOpenAI } = await import("@ai-sdk/openai");
        return createOpenAI({ apiKey, baseURL: "https://api.openai.com/v1", fetch }).responses(name);
      }
      const { createOpenAICompatible } = await import("@ai-sdk/openai-compatible");
      return createOpenAICompatible({ name: "compatible", apiKey, baseURL: baseUrl, fetch, includeUsage: true })(name);
    }
  }
}

/** What a provider has to be told of a call, beside what all are. */
export function callOptions(
  { provider }: ModelName,
  prompt: LanguageModelV4Prompt,
): Pick<LanguageModelV4CallOptions, "tools" | "toolChoice" | "providerOptions"> {
  // OpenAI keeps what it answers, unless it is told not to.
  if (provider === "openai") return { providerOptions: { openai: { store: false } } };
  // Anthropic refuses calls of tools that the request does not declare.
  const names = provider === "anthropic" ? calledTools(prompt) : new Set<string>();
  if (names.size === 0) return {};
  return {
    tools: Array.from(names, (name) => ({ type: "function", name, inputSchema: { type: "object" } })),
    toolChoice: { type: "none" },
  };
}

/** The tools that a conversation calls. */
export function calledTools(prompt: LanguageModelV4Prompt): ReadonlySet<string> {
  const calls = prompt.flatMap(({ role, content }) =>
    role === "assistant" ? content.flatMap((part) => (part.type === "tool-call" ? [part.toolName] : [])) : [],
  );
  return new Set(calls);
}
