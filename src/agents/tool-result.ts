import type { ToolModelMessage, ToolSet } from "ai";
import type { NewMessage } from "../client/conversation.ts";
import { clean, cut } from "./kept-text.ts";

/** How much of a result is kept and shown, where nobody says: half of what a model is shown by default. */
export const RESULT_CHARACTERS = 16_000;

/** What a tool gave back, as the AI SDK hands it to a model. */
export type ToolOutput = Extract<ToolModelMessage["content"][number], { readonly type: "tool-result" }>["output"];

/** What a call gave back. */
export interface CallResult {
  /** What of it is kept. */
  readonly text: string;
  readonly isError: boolean;
  /** What a model is shown in place of the text, where that is not all: pictures and the like. */
  readonly content?: ContentOutput;
}

type ContentOutput = Extract<ToolOutput, { readonly type: "content" }>;

/**
 * A tool that gives back a `CallResult`. What can't be told to a model, such as a circle, is a failure of the tool.
 *
 * @param assertMayCall  what it throws is one as well
 */
export function tellingTool(tool: ToolSet[string], assertMayCall: (toolCallId: string) => void): ToolSet[string] {
  if (tool.execute === undefined) return tool;
  // NOTE: the tool is handed what the model gave for its own schema, and its own output.
  const own = tool as unknown as OwnTool;
  const telling = {
    ...own,
    execute: async (input: unknown, options: { readonly toolCallId: string }): Promise<CallResult> => {
      const { toolCallId } = options;
      assertMayCall(toolCallId);
      const output = await lastOf(own.execute(input, options));
      if (own.toModelOutput !== undefined) return resultOf(await own.toModelOutput({ toolCallId, input, output }));
      return { text: clean(typeof output === "string" ? output : jsonOf(output)), isError: false };
    },
    toModelOutput: ({ output }: { readonly output: CallResult }) => shownResult(output, Number.POSITIVE_INFINITY),
  };
  return telling as unknown as ToolSet[string];
}

interface OwnTool {
  execute(input: unknown, options: object): unknown;
  toModelOutput?(of: { readonly toolCallId: string; readonly input: unknown; readonly output: unknown }): ToolOutput;
}

/** What is told of a call that failed. */
export function failedResult(error: unknown): CallResult {
  return { text: clean(error instanceof Error ? error.message : String(error)), isError: true };
}

/** The message that has the result of a call. What is too long for one is cut, and says so. */
export function resultMessage(toolCallId: string, { text, isError }: CallResult, charactersMax: number): NewMessage {
  const isCut = text.length > charactersMax;
  const metadata = { ...(isError && { isError }), ...(isCut && { isCut }) };
  return { role: "tool", toolCallId, content: cut(text, charactersMax), ...((isError || isCut) && { metadata }) };
}

/** What a model is shown of a result. */
export function shownResult({ text, isError, content }: CallResult, charactersMax: number): ToolOutput {
  if (content !== undefined && text.length <= charactersMax) return content;
  return { type: isError ? "error-text" : "text", value: cut(text, charactersMax) };
}

/** The result of a call that nobody knows the end of. */
export function interruptedResult(toolCallId: string): NewMessage {
  return { role: "tool", toolCallId, content: INTERRUPTED, metadata: { isError: true, isInterrupted: true } };
}

const INTERRUPTED =
  "(interrupted: it may or may not have been done; find that out before you call it again, if it must not be done twice)";

function resultOf(output: ToolOutput): CallResult {
  switch (output.type) {
    case "text":
    case "error-text":
      return { text: clean(output.value), isError: output.type === "error-text" };
    case "json":
    case "error-json":
      return { text: clean(jsonOf(output.value)), isError: output.type === "error-json" };
    case "execution-denied":
      return { text: clean(output.reason ?? "(it was not allowed)"), isError: false };
    case "content": {
      const value = output.value.map((part) => (part.type === "text" ? { ...part, text: clean(part.text) } : part));
      const text = value.map((part) => (part.type === "text" ? part.text : `(${part.type})`)).join("\n");
      return { text, isError: false, content: { ...output, value } };
    }
  }
}

function jsonOf(value: unknown): string {
  return JSON.stringify(value) ?? "null";
}

/** Of tools that give their output bit by bit, the last is the whole. */
async function lastOf(output: unknown): Promise<unknown> {
  if (typeof output !== "object" || output === null || !(Symbol.asyncIterator in output)) return await output;
  let last: unknown;
  // NOTE: it says of itself that it can be iterated.
  for await (const one of output as AsyncIterable<unknown>) last = one;
  return last;
}
