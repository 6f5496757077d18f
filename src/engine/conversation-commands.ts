import type { Command } from "./commands.ts";
import { type ConversationInputs, repaired, type TokenUsage, type TurnOutput, withFacts } from "./conversation.ts";
import { type Fault, invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import type { JsonObject } from "./json.ts";
import { assertOpen, isFinal } from "./lifecycle.ts";
import { assertSize, jsonFaults, LIMITS, sizeFaults, textFaults } from "./limits.ts";
import type { Message, SealedMessage } from "./message.ts";
import { fold, type SessionRecord } from "./session.ts";
import type { Draft } from "./streams.ts";

/** Says how much of a model's window a message takes. */
export type Seal = (message: Message) => SealedMessage;

/** A turn that went well. */
export interface Turn {
  readonly message: Message;
  readonly answer: Message;
  readonly model: string;
  readonly reason: TurnOutput["reason"];
  readonly facts: JsonObject;
  readonly usage?: TokenUsage;
  readonly processingTimeUs: number;
}

/** Adds messages that came from elsewhere, with what their history lacks. */
export function addMessages(
  messages: readonly Message[],
  seal: Seal,
): (session: SessionRecord) => readonly Draft<"messages.added">[] {
  assertMessages(messages);
  return (session) => {
    assertOpen(session, "add messages to");
    const whole = repaired(session.conversation.openCalls, messages);
    assertRoomFor(whole);
    return [{ kind: "messages.added", name: "messages", input: { messages: whole.map(seal) } }];
  };
}

/**
 * Adds what the user said and what was answered, with all that follows from it.
 *
 * A session that ended meanwhile takes nothing of it, and the caller is told, with `invalid_session`. Facts that working
 * memory has no room for are left out.
 */
export function completeTurn(
  { message, answer, model, reason, facts, usage, processingTimeUs }: Turn,
  seal: Seal,
): Command {
  return (session) => {
    if (isFinal(session.status)) {
      const { sessionId, status } = session;
      throw new SojournError("invalid_session", {
        message: `Session "${sessionId}" became ${status} while the answer was made; nothing of it was kept`,
      });
    }
    const memory = withFacts(session.workingMemory, facts);
    const hasRoom = memory === session.workingMemory || sizeFaults("", memory, LIMITS.workingMemoryBytes).length === 0;
    const input = {
      messages: repaired(session.conversation.openCalls, [message]).map(seal),
      facts: hasRoom ? facts : {},
      ...given("usage", usage),
      processingTimeUs,
    };
    const output = { message: seal(answer), model, reason };
    return [{ kind: "turn.completed", name: "chat", input, output, durationUs: processingTimeUs }];
  };
}

/** Counts a turn that came to nothing; nothing else of it is kept. */
export function failTurn(processingTimeUs: number, error: string): Command {
  return (session) => {
    if (isFinal(session.status)) return [];
    return [{ kind: "turn.failed", name: "chat", input: { processingTimeUs }, error, durationUs: processingTimeUs }];
  };
}

/** Moves the overlay, if it still is where `from` says; otherwise nothing changes, since somebody else moved it. */
export function compact(
  input: Omit<ConversationInputs["conversation.compacted"], "tokens">,
  { from, tokensBelow }: { readonly from: number; readonly tokensBelow: number },
): Command {
  return (session) => {
    assertOpen(session, "compact");
    if (session.conversation.compactedThrough !== from) return [];
    const tokens = session.conversation.tokens - tokensBelow;
    return [{ kind: "conversation.compacted", name: "compact", input: { ...input, tokens } }];
  };
}

/** Replaces working memory, or changes members of it. */
export function changeWorkingMemory(input: ConversationInputs["working_memory.changed"]): Command {
  const faults = jsonFaults("set" in input ? input.set : input.merge, "");
  if (faults.length > 0) throw invalid(faults);
  const draft = { kind: "working_memory.changed", name: "working-memory", input } as const;
  return (session: SessionRecord, at: number) => {
    assertOpen(session, "change the working memory of");
    assertSize("working_memory", fold(session, { ...draft, at }).workingMemory, LIMITS.workingMemoryBytes);
    return [draft];
  };
}

/** Refuses, with `invalid`, more messages than one operation holds, with those that make them whole. */
export function assertRoomFor(whole: readonly Message[]): void {
  if (whole.length <= LIMITS.messagesOfOperation) return;
  const message = `would be ${whole.length} once each call has its result; at most ${LIMITS.messagesOfOperation} go at once`;
  throw invalid([{ field: "messages", message, type: "too_big" }]);
}

/** Refuses, with `invalid`, messages that nobody may add: none, too many, and those that are over a limit. */
export function assertMessages(messages: readonly Message[]): void {
  const { length } = messages;
  if (length === 0 || length > LIMITS.messagesAtOnce) {
    const message = `must be 1 to ${LIMITS.messagesAtOnce}`;
    throw invalid([{ field: "messages", message, type: length === 0 ? "too_small" : "too_big" }]);
  }
  const faults = messages.flatMap((message, i) => messageFaults(message, length === 1 ? "" : `messages.${i}.`));
  if (faults.length > 0) throw invalid(faults);
}

function messageFaults({ role, content, toolCalls, toolCallId, metadata }: Message, path: string): readonly Fault[] {
  // A result may be empty, and so may a message that calls tools.
  const mayBeEmpty = role === "tool" || (toolCalls !== undefined && toolCalls.length > 0);
  const faults = textFaults(`${path}content`, content, { min: mayBeEmpty ? 0 : 1, max: LIMITS.contentLength });
  const add = (field: string, message: string, type: string): unknown =>
    faults.push({ field: path + field, message, type });
  const id = (field: string, text: string): unknown =>
    faults.push(...textFaults(path + field, text, { min: 1, max: LIMITS.toolCallIdLength }));
  if (metadata !== undefined) {
    const field = `${path}metadata`;
    const broken = jsonFaults(metadata, field);
    faults.push(...(broken.length > 0 ? broken : sizeFaults(field, metadata, LIMITS.messageMetadataBytes)));
  }
  if (toolCalls !== undefined && role !== "assistant") add("tool_calls", "are an assistant's alone", "invalid_role");
  if (toolCalls !== undefined && toolCalls.length > LIMITS.toolCalls) {
    add("tool_calls", `must be at most ${LIMITS.toolCalls}`, "too_big");
  }
  for (const [i, call] of toolCalls?.entries() ?? []) {
    id(`tool_calls.${i}.id`, call.id);
    id(`tool_calls.${i}.name`, call.name);
    const size = { min: 0, max: LIMITS.contentLength };
    faults.push(...textFaults(`${path}tool_calls.${i}.arguments`, call.arguments, size));
  }
  if (new Set(toolCalls?.map((call) => call.id)).size < (toolCalls?.length ?? 0)) {
    add("tool_calls", "must have ids that differ", "invalid_id");
  }
  if (role === "tool" && toolCallId === undefined)
    add("tool_call_id", "is missing: which call is this of?", "required");
  if (role !== "tool" && toolCallId !== undefined) add("tool_call_id", "is a tool's alone", "invalid_role");
  if (toolCallId !== undefined) id("tool_call_id", toolCallId);
  return faults;
}
