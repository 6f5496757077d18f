import { randomUUID } from "node:crypto";
import type { LanguageModelV4, LanguageModelV4Content, LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import { wrapLanguageModel } from "ai";
import { troubleOf } from "../language-models/trouble.ts";
import { type ModelObject, withCalledTools } from "./agent-model.ts";
import { gathered } from "./streamed-answer.ts";

/** What is done around the answers of a model. */
export interface AnswerHooks {
  /** An answer that was given before, which comes first, without the model being asked or `onAnswer` called. */
  readonly first?: LanguageModelV4GenerateResult | undefined;
  /** Told each piece of text as it comes. */
  readonly onText?: ((text: string) => void) | undefined;
  /** Whatever is made of an answer is made once this is done; where it throws, nothing is. */
  readonly onAnswer: (answer: LanguageModelV4GenerateResult) => Promise<void>;
  /** Told what the model, or the way to it, threw. */
  readonly onFailure: (error: unknown) => void;
  /** Ids of calls that are taken. */
  readonly callIds: Set<string>;
}

/** A model whose answers are recorded before anybody acts on them. Each call of a tool has an id of its own. */
export function recordedModel(model: ModelObject, hooks: AnswerHooks): LanguageModelV4 {
  const { onText, onAnswer, onFailure, callIds } = hooks;
  let { first } = hooks;
  return wrapLanguageModel({
    model,
    middleware: {
      transformParams: async ({ params, model: { provider } }) => withCalledTools(params, provider),
      wrapGenerate: async ({ doGenerate, doStream }) => {
        if (first !== undefined) {
          const given = first;
          first = undefined;
          return given;
        }
        let answer: LanguageModelV4GenerateResult;
        let isBegun = false;
        try {
          answer =
            onText === undefined
              ? await doGenerate()
              : await gathered(await doStream(), (text) => {
                  isBegun = true;
                  onText(text);
                });
        } catch (error) {
          // What was shown of an answer can't be taken back by asking again.
          const failure = isBegun ? troubleOf(error, { isBegun, secrets: [] }) : error;
          onFailure(failure);
          throw failure;
        }
        const named = { ...answer, content: answer.content.map((part) => withOwnId(part, callIds)) };
        await onAnswer(named);
        return named;
      },
    },
  });
}

/** Some servers count the calls of each answer anew, or give them no id. */
function withOwnId(part: LanguageModelV4Content, taken: Set<string>): LanguageModelV4Content {
  if (part.type !== "tool-call" || part.providerExecuted === true) return part;
  const isFit = /^[\w-]{1,64}$/.test(part.toolCallId) && !taken.has(part.toolCallId);
  const toolCallId = isFit ? part.toolCallId : `call_${randomUUID()}`;
  taken.add(toolCallId);
  return { ...part, toolCallId };
}
