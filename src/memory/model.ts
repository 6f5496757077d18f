import type { TokenUsage } from "../engine/conversation.ts";
import type { JsonObject } from "../engine/json.ts";
import type { Message } from "../engine/message.ts";
import type { Profile } from "../engine/user.ts";

/** What a model is given to answer from. All of it is data of one session and its user, and nobody else's. */
export interface Context {
  /** What the operator tells the model; the only instruction. */
  readonly systemPrompt: string;
  readonly profile: Profile;
  /** The facts of the task, and under `user` what the user told of themselves. */
  readonly workingMemory: JsonObject;
  /** What went before the messages, in short. */
  readonly summary?: string;
  /** The newest of the conversation, oldest first, calls and results paired; the last is the one to answer. */
  readonly messages: readonly Message[];
}

/**
 * The longest that a token of text is, on the average of an answer; prose has four characters. Whatever writes more is
 * not held by the bound that it was sent.
 */
export const CHARACTERS_PER_TOKEN_MAX = 16;

/** How much a model took in and gave out, where it says so, and what that cost, where it is known. */
export type Usage = TokenUsage;

/** A piece of an answer: some of its text, or, once and last, its end. */
export type Piece =
  | { readonly piece: "text"; readonly text: string }
  /** `length`: it was cut off at the bound on output. */
  | { readonly piece: "end"; readonly reason: "stop" | "length"; readonly usage?: Usage };

/** What messages say, in short. */
export interface Summary {
  readonly text: string;
  readonly usage?: Usage;
}

/** What answers. */
export interface Model {
  /** Such as `openai:gpt-5`, or `built-in`. Shown to clients; never holds a secret. */
  readonly name: string;
  /** False for one that answers by rules alone. */
  readonly isLanguageModel: boolean;
  /**
   * Answers the last message.
   *
   * @throws {SojournError} `model_failed` where it can't; the signal's reason where that aborts
   */
  answer(context: Context, signal: AbortSignal): AsyncIterable<Piece>;
  /**
   * Says in short what the messages say, together with what went before them.
   *
   * @throws {SojournError} like `answer`
   */
  summarize(before: string | undefined, messages: readonly Message[], signal: AbortSignal): Promise<Summary>;
}
