import type { LanguageModelV4Message } from "@ai-sdk/provider";
import type { Role, ToolCall } from "../engine/message.ts";

/** What of a message goes to a model. */
export interface Said {
  readonly role: Role;
  readonly content: string;
  readonly toolCalls?: readonly ToolCall[] | undefined;
  readonly toolCallId?: string | undefined;
}

/**
 * The messages as every provider takes them: beginning with the user's, roles alternating, no blank texts, each tool
 * call with a name and an id that are fit to send, and its result right behind it.
 *
 * A call that has no result gets one that says so; a result that has no call becomes a text of the user's.
 *
 * @param messages  without those of the role `system`
 */
export function renderMessages(messages: readonly Said[]): readonly LanguageModelV4Message[] {
  const turns = turnsOf(messages);
  if (turns[0]?.role !== "user") turns.unshift({ role: "user", texts: [EARLIER] });
  const last = turns.at(-1);
  if (last?.role === "assistant" && last.calls.length === 0) turns.push({ role: "user", texts: [GO_ON] });
  let calls = 0;
  return turns.flatMap((turn): readonly LanguageModelV4Message[] => {
    const text = turn.texts.join("\n\n");
    if (turn.role === "user") return [{ role: "user", content: [{ type: "text", text }] }];
    // Ids are made anew: those that were given need neither be unique nor please every provider.
    const numbered = turn.calls.map((call) => {
      calls += 1;
      return { ...call, toolCallId: `call_${calls}` };
    });
    const spoken: LanguageModelV4Message = {
      role: "assistant",
      content: [
        ...(text === "" ? [] : [{ type: "text" as const, text }]),
        ...numbered.map(({ toolCallId, toolName, input }) => ({
          type: "tool-call" as const,
          toolCallId,
          toolName,
          input,
        })),
      ],
    };
    const results = numbered.map(({ toolCallId, toolName, result }) => ({
      type: "tool-result" as const,
      toolCallId,
      toolName,
      output: outputOf(result),
    }));
    return results.length === 0 ? [spoken] : [spoken, { role: "tool", content: results }];
  });
}

const EARLIER = "(The conversation began earlier.)";

const GO_ON = "Please go on.";

type Turn =
  | { readonly role: "user"; readonly texts: string[] }
  | { readonly role: "assistant"; readonly texts: string[]; readonly calls: Call[] };

interface Call {
  readonly toolName: string;
  readonly input: unknown;
  result?: string;
}

function turnsOf(messages: readonly Said[]): Turn[] {
  const turns: Turn[] = [];
  const pending = new Map<string, Call>();
  for (const { role, content, toolCalls = [], toolCallId } of messages) {
    // Providers refuse blank texts.
    const text = content.trim() === "" ? "" : content.toWellFormed();
    if (role === "assistant") {
      const calls = toolCalls.map((call) => {
        const made: Call = callOf(call);
        pending.set(call.id, made);
        return made;
      });
      addAnswer(turns, text, calls);
      continue;
    }
    const call = toolCallId === undefined ? undefined : pending.get(toolCallId);
    if (role === "tool" && toolCallId !== undefined && call !== undefined) {
      call.result = text;
      pending.delete(toolCallId);
      continue;
    }
    addQuestion(turns, role === "tool" ? `(A tool gave back: ${JSON.stringify(text)})` : text);
  }
  return turns;
}

function addQuestion(turns: Turn[], text: string): void {
  if (text === "") return;
  const last = turns.at(-1);
  if (last?.role === "user") last.texts.push(text);
  else turns.push({ role: "user", texts: [text] });
}

function addAnswer(turns: Turn[], text: string, calls: readonly Call[]): void {
  const texts = text === "" ? [] : [text];
  if (texts.length === 0 && calls.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === "assistant" && last.calls.length === 0) {
    last.texts.push(...texts);
    last.calls.push(...calls);
  } else turns.push({ role: "assistant", texts, calls: [...calls] });
}

function callOf({ name, arguments: text }: ToolCall): Call {
  return { toolName: name.replaceAll(/[^\w-]/g, "_").slice(0, TOOL_NAME_MAX) || "tool", input: inputOf(text) };
}

/** The longest that every provider takes. */
const TOOL_NAME_MAX = 64;

/** The arguments as the object that providers insist on; anything else stands in one as it was written. */
function inputOf(text: string): object {
  const asWritten = { arguments: text.toWellFormed() };
  try {
    const input: unknown = JSON.parse(asWritten.arguments);
    const isObject = typeof input === "object" && input !== null && !Array.isArray(input);
    return isObject && !REFUSED.test(JSON.stringify(input)) ? input : asWritten;
  } catch {
    return asWritten;
  }
}

/** Keys that make a provider's package refuse the whole prompt, and half a character, which no server takes. */
const REFUSED = /"(?:__proto__|constructor)":|\\ud[89a-f]/i;

function outputOf(
  result: string | undefined,
): { readonly type: "text"; readonly value: string } | { readonly type: "error-text"; readonly value: string } {
  if (result === undefined) return { type: "error-text", value: "No result was recorded" };
  return { type: "text", value: result === "" ? "(nothing)" : result };
}
