import type { LanguageModelV4FinishReason, LanguageModelV4Prompt, LanguageModelV4Usage } from "@ai-sdk/provider";
import { retryWithExponentialBackoff } from "@ai-sdk/provider-utils";
import { boundedFetch } from "../../language-models/bounded-fetch.ts";
import { failureOf } from "../../language-models/failure.ts";
import type { ModelName } from "../../language-models/model-choice.ts";
import { callOptions, loadModel } from "../../language-models/provider-model.ts";
import { Trouble, troubleOf } from "../../language-models/trouble.ts";
import type { Piece, Usage } from "../model.ts";
import { AnswerText } from "./answer-text.ts";
import type { ModelOptions } from "./open-model.ts";

type AskOptions = ModelOptions & ModelName;

/**
 * Sends a prompt to a model and passes on what it answers. Whichever way that ends, the request ends with it.
 *
 * @throws {SojournError} `model_failed`
 * @throws the signal's reason where that aborts
 */
export async function* ask(
  options: AskOptions,
  prompt: LanguageModelV4Prompt,
  signal: AbortSignal,
): AsyncGenerator<Piece, undefined, undefined> {
  signal.throwIfAborted();
  const over = new AbortController();
  const until = AbortSignal.any([signal, over.signal]);
  const endsAt = performance.now() + options.timeoutMs;
  const timer = setTimeout(() => over.abort(new Trouble("too_late")), options.timeoutMs);
  const fetch = boundedFetch(bytesMax(options), () => over.abort(new Trouble("too_long")));
  const attempt = async (): Promise<Begun> => {
    const rest = piecesOf({ options, prompt, fetch, signal: until });
    const { value: first } = await rest.next();
    return { first, rest };
  };
  try {
    const { first, rest } = await retrying(options, { signal: until, endsAt })(attempt);
    if (first !== undefined) yield first;
    for await (const piece of rest) {
      // What still lies in a buffer must not outlive the abort.
      until.throwIfAborted();
      yield piece;
    }
  } catch (error) {
    signal.throwIfAborted();
    const trouble = over.signal.aborted ? over.signal.reason : error;
    throw failureOf(troubleOf(trouble, { isBegun: false, secrets: [] }), options);
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

/** The pieces of an answer: the first, which has come, and those that follow it. */
interface Begun {
  readonly first: Piece | undefined;
  readonly rest: AsyncGenerator<Piece, undefined, undefined>;
}

interface Attempt {
  readonly options: AskOptions;
  readonly prompt: LanguageModelV4Prompt;
  readonly fetch: ReturnType<typeof boundedFetch>;
  readonly signal: AbortSignal;
}

/**
 * One attempt at an answer.
 *
 * @throws {Trouble}
 */
async function* piecesOf({ options, prompt, fetch, signal }: Attempt): AsyncGenerator<Piece, undefined, undefined> {
  let isBegun = false;
  try {
    const model = await loadModel(options, fetch);
    const { maxOutputTokens } = options;
    const call = { prompt, maxOutputTokens, abortSignal: signal, ...callOptions(options, prompt) };
    const { stream } = await model.doStream(call);
    const answer = new AnswerText(maxOutputTokens);
    for await (const part of stream) {
      isBegun ||= part.type !== "stream-start" && part.type !== "error";
      switch (part.type) {
        case "text-delta": {
          const text = answer.add(part.delta);
          if (text !== "") yield { piece: "text", text };
          break;
        }
        case "reasoning-delta":
        case "tool-input-delta":
          answer.addHidden(part.delta);
          break;
        case "finish":
          yield endOf(answer, part.finishReason.unified, usageOf(part.usage));
          return;
        case "error":
          throw troubleOf(part.error, { isBegun, secrets: secretsOf(options, prompt) });
      }
      if (answer.isFull) {
        yield endOf(answer, "length");
        return;
      }
    }
    throw new Trouble(isBegun ? "cut" : "garbled");
  } catch (error) {
    throw troubleOf(error, { isBegun, secrets: secretsOf(options, prompt) });
  }
}

function endOf(answer: AnswerText, reason: LanguageModelV4FinishReason["unified"], usage?: Usage): Piece {
  // What is left of an answer that was held back is no answer.
  if (reason === "content-filter") throw new Trouble("withheld");
  if (answer.isBlank) throw new Trouble(reason === "length" ? "used_up" : "empty");
  return { piece: "end", reason: reason === "length" ? "length" : "stop", ...(usage === undefined ? {} : { usage }) };
}

function usageOf({ inputTokens, outputTokens }: LanguageModelV4Usage): Usage | undefined {
  if (inputTokens.total === undefined || outputTokens.total === undefined) return undefined;
  return { inputTokens: inputTokens.total, outputTokens: outputTokens.total };
}

function secretsOf({ apiKey = "" }: AskOptions, prompt: LanguageModelV4Prompt): readonly string[] {
  return [apiKey, JSON.stringify(prompt)];
}

function retrying(
  { retries = 2, backoffMs = 500 }: AskOptions,
  { signal, endsAt }: { readonly signal: AbortSignal; readonly endsAt: number },
): ReturnType<typeof retryWithExponentialBackoff> {
  const askedToWaitMs = (error: unknown): number => (error instanceof Trouble ? (error.retryAfterMs ?? 0) : 0);
  return retryWithExponentialBackoff({
    maxRetries: retries,
    initialDelayInMs: backoffMs,
    abortSignal: signal,
    shouldRetry: (error) => {
      const isPassing = error instanceof Trouble && error.isPassing;
      // Whoever would be told too late wants to know now.
      return isPassing && !signal.aborted && performance.now() + askedToWaitMs(error) < endsAt;
    },
    // Half of it by chance, so that what failed together does not come back together.
    getDelayInMs: ({ error, exponentialBackoffDelay }) =>
      Math.max(askedToWaitMs(error), exponentialBackoffDelay * (0.5 + Math.random() / 2)),
    createRetryError: ({ errors }) => errors.at(-1),
  });
}

/** How much one answer may weigh on the wire: each token comes in an event of its own, with names and ids around it. */
function bytesMax({ maxOutputTokens }: AskOptions): number {
  return 1_048_576 + maxOutputTokens * 4_096;
}
