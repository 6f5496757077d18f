import type { LanguageModelV4GenerateResult } from "@ai-sdk/provider";
import { type FinishReason, generateText, type ModelMessage, type StepResult, type ToolSet } from "ai";
import type { ConversationWindow } from "../client/agent-runs.ts";
import type { TokenUsage } from "../client/conversation.ts";
import { SojournError } from "../engine/errors.ts";
import type { ToolCall } from "../engine/message.ts";
import type { AgentModel } from "./agent-model.ts";
import type { AgentStepReport, CallSettings } from "./agent-options.ts";
import type { BoundTools } from "./agent-tools.ts";
import { CALLS_MAX, messageOf, type Price, surplusOf, usageOf } from "./answer.ts";
import { cut, shareOf } from "./kept-text.ts";
import { recordedModel } from "./recorded-model.ts";
import type { RunLog } from "./run-log.ts";
import type { Tally } from "./tally.ts";
import {
  type CallResult,
  failedResult,
  interruptedResult,
  resultMessage,
  shownResult,
  tellingTool,
} from "./tool-result.ts";
import { OwnSteps, type Prompt, promptOf } from "./window-prompt.ts";

/** What a loop works on, and with. */
export interface Loop {
  readonly agentId: string;
  readonly model: AgentModel;
  readonly settings: CallSettings;
  readonly instructions: string | undefined;
  readonly tools: BoundTools;
  readonly maxSteps: number;
  readonly maxResultCharacters: number;
  readonly price: Price | undefined;
  readonly log: RunLog;
  readonly tally: Tally;
  /** The ids of calls in the run. */
  readonly callIds: Set<string>;
  /** Calls of the last answer that are to be made now. */
  readonly openCalls: readonly ToolCall[];
  /** Holds the ids of calls that the model wants and nobody has begun. */
  readonly untouched: Set<string>;
  /** Filled with the ids of calls that an answer has beyond what a session keeps of one, which are not made. */
  readonly surplus: Set<string>;
  /** Filled with what the model threw. */
  readonly modelErrors: Set<unknown>;
  readonly signal: AbortSignal;
  readonly onText: ((text: string) => void) | undefined;
  readonly onStep: ((step: AgentStepReport) => unknown) | undefined;
}

/** How many results of a step a model is shown in whole, where all are as long as one may be. */
const RESULTS_AT_ONCE = 4;

/** How a loop ended. */
export interface Outcome {
  readonly output: string;
  readonly finishReason: FinishReason;
}

/**
 * Asks the model and makes the calls that it wants, until it answers. Everything is in the log before the next thing
 * happens: an answer before its calls are made, and their results before the model is asked again.
 *
 * @throws {SojournError} `limit_reached` past `maxSteps`; `model_failed` for an answer that is none; the log's refusal
 */
export async function runLoop(loop: Loop): Promise<Outcome> {
  const { log, tally, tools, signal, settings, model, maxSteps } = loop;
  const steps = new Steps(loop);
  const { maxRetries = 2, maxOutputTokens, temperature } = settings;
  const assertMayCall = (toolCallId: string): void => {
    if (loop.surplus.has(toolCallId)) throw new Error(`Not called: an answer may call ${CALLS_MAX} tools at most`);
  };
  let ahead: Promise<ConversationWindow> | undefined;
  const prompt = async (): Promise<Prompt> => {
    const window = await (ahead ?? log.window(signal));
    ahead = undefined;
    return promptOf(window, steps.own, loop.instructions);
  };
  const done = await generateText({
    model: recordedModel(await model.load(), {
      first: loop.openCalls.length === 0 ? undefined : answerOf(loop.openCalls),
      onText: loop.onText,
      onAnswer: async (answer) => {
        if (!(await recordAnswer(loop, answer))) return;
        // While the tools work, the window is fetched; what they give back is shown behind it.
        ahead = log.window(signal);
        ahead.catch(() => {});
      },
      onFailure: (error) => loop.modelErrors.add(error),
      callIds: loop.callIds,
    }),
    ...(await prompt()),
    tools: Object.fromEntries(
      Object.entries(tools.set).map(([name, tool]) => [name, tellingTool(tool, assertMayCall)]),
    ),
    stopWhen: () => tally.steps >= maxSteps,
    prepareStep: async ({ steps: made }) => {
      const last = made.at(-1);
      if (last === undefined) return undefined;
      await steps.settle(last);
      return await prompt();
    },
    onToolExecutionStart: ({ toolCall }) => {
      loop.untouched.delete(toolCall.toolCallId);
    },
    onToolExecutionEnd: async ({ toolOutput }) => await steps.record(toolOutput),
    abortSignal: signal,
    maxRetries,
    providerOptions: { ...model.providerOptions, ...settings.providerOptions },
    ...(maxOutputTokens !== undefined && { maxOutputTokens }),
    ...(temperature !== undefined && { temperature }),
  });
  const last = done.finalStep;
  await steps.settle(last);
  return outcomeOf(loop, last);
}

function outcomeOf(
  { agentId, model, maxSteps, tally }: Loop,
  { text, toolCalls, finishReason }: Pick<StepResult<ToolSet>, "text" | "toolCalls" | "finishReason">,
): Outcome {
  if (toolCalls.some(({ providerExecuted }) => providerExecuted !== true)) {
    if (finishReason === "tool-calls" || finishReason === "stop") {
      const message = `Agent "${agentId}" has not answered after ${tally.steps} steps, of which it may make ${maxSteps}`;
      throw new SojournError("limit_reached", { message });
    }
    throw failed(model, `broke off while it called tools (${finishReason})`);
  }
  if (text.trim() === "") throw failed(model, `answered without any text (${finishReason})`);
  return { output: text, finishReason };
}

function failed({ name }: AgentModel, what: string): SojournError {
  return new SojournError("model_failed", { message: `Model "${name}" ${what}; try again` });
}

/** Records an answer; resolves with whether it calls tools, and may. */
async function recordAnswer(
  { log, tally, price, untouched, surplus }: Loop,
  answer: LanguageModelV4GenerateResult,
): Promise<boolean> {
  const message = messageOf(answer);
  const usage = usageOf(answer, price);
  tally.steps += 1;
  tally.add(usage);
  for (const { id } of message?.toolCalls ?? []) untouched.add(id);
  for (const id of surplusOf(answer)) surplus.add(id);
  await log.write({ messages: message === undefined ? [] : [message], usage });
  if (message?.toolCalls === undefined) return false;
  await log.assertGoesOn();
  return true;
}

/** An answer that calls these, and says nothing. */
function answerOf(calls: readonly ToolCall[]): LanguageModelV4GenerateResult {
  const none = { total: 0, noCache: undefined, cacheRead: undefined, cacheWrite: undefined };
  return {
    content: calls.map(({ id, name, arguments: input }) => ({
      type: "tool-call",
      toolCallId: id,
      toolName: name,
      input,
    })),
    finishReason: { unified: "tool-calls", raw: undefined },
    usage: { inputTokens: none, outputTokens: { total: 0, text: undefined, reasoning: undefined } },
    warnings: [],
  };
}

type AnyStep = StepResult<ToolSet>;
type Part = AnyStep["content"][number];
type OutputPart = Extract<Part, { readonly type: "tool-result" | "tool-error" }>;

/** The steps of one loop, and what of them is recorded. */
class Steps {
  readonly own = new OwnSteps();
  readonly #loop: Loop;
  readonly #results = new Map<string, CallResult>();

  constructor(loop: Loop) {
    this.#loop = loop;
  }

  /** Records what a call gave back. */
  async record(part: OutputPart): Promise<void> {
    const { toolCallId } = part;
    if (this.#results.has(toolCallId)) return;
    // NOTE: the tools of a loop give back nothing else.
    const result = part.type === "tool-error" ? failedResult(part.error) : (part.output as CallResult);
    this.#results.set(toolCallId, result);
    const { surplus, log, maxResultCharacters } = this.#loop;
    if (surplus.has(toolCallId)) return;
    await log.write({ messages: [resultMessage(toolCallId, result, maxResultCharacters)] });
  }

  /** Makes sure that every call of a step has a result in the log, and tells of the step. */
  async settle(step: AnyStep): Promise<void> {
    const { log, tally, openCalls, maxResultCharacters, onStep } = this.#loop;
    // Of an answer that is acted on again the log has the whole: what it said, and the calls that had their results.
    const isRepeated = step.stepNumber === 0 && openCalls.length > 0;
    const calls = step.toolCalls.filter(({ providerExecuted }) => providerExecuted !== true);
    const outputs = step.content.filter((part) => part.type === "tool-result" || part.type === "tool-error");
    for (const { toolCallId } of calls) {
      if (this.#results.has(toolCallId)) continue;
      const output = outputs.find((part) => part.toolCallId === toolCallId);
      if (output !== undefined) await this.record(output);
      else await log.write({ messages: [interruptedResult(toolCallId)] });
    }
    await log.flush();
    const results = calls.flatMap(({ toolCallId: id }) => {
      const result = this.#results.get(id);
      return result === undefined ? [] : { id, result };
    });
    if (!isRepeated) {
      // They are kept one by one, and shown together: the longest are cut first.
      const lengths = results.map(({ result: { text } }) => Math.min(text.length, maxResultCharacters));
      const share = Math.min(shareOf(lengths, maxResultCharacters * RESULTS_AT_ONCE), maxResultCharacters);
      const made = step.response.messages.map((message) => this.#asShown(message, share));
      this.own.add(
        calls.map(({ toolCallId: id }) => ({ id })),
        made,
      );
    }
    await onStep?.({
      number: tally.steps,
      text: step.text,
      toolCalls: calls.map(({ toolCallId: id, toolName: name, input }) => ({ id, name, input })),
      toolResults: results.map(({ id, result: { text, isError } }) => {
        return { id, content: cut(text, maxResultCharacters), isError };
      }),
      usage: usageTold(step.usage),
    });
  }

  #asShown(message: ModelMessage, charactersMax: number): ModelMessage {
    if (message.role !== "tool") return message;
    const content = message.content.map((part) => {
      const result = part.type === "tool-result" ? this.#results.get(part.toolCallId) : undefined;
      return part.type !== "tool-result" || result === undefined
        ? part
        : { ...part, output: shownResult(result, charactersMax) };
    });
    return { ...message, content };
  }
}

function usageTold({ inputTokens, outputTokens }: AnyStep["usage"]): TokenUsage | undefined {
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  return { inputTokens: inputTokens ?? 0, outputTokens: outputTokens ?? 0 };
}
