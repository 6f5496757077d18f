import type { JsonObject } from "../engine/json.ts";
import type { Role, ToolCall } from "../engine/message.ts";
import type { ChatAnswer, Compacted, Message, SealedMessage, TokenUsage } from "./conversation.ts";
import type { Erased, Profile } from "./users.ts";

/** A message on the wire. */
export interface WireMessage {
  readonly role: Role;
  readonly content: string;
  readonly tokens: number;
  readonly tool_calls?: readonly ToolCall[] | undefined;
  readonly tool_call_id?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** A message in its place, on the wire. */
export interface WirePlacedMessage extends WireMessage {
  readonly number: number;
  readonly seq: number;
  readonly timestamp: string;
}

/** How much a model took in and gave out, on the wire. */
export interface WireUsage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cost_usd?: number | undefined;
}

/** An answer on the wire; the time is seconds. */
export interface WireAnswer {
  readonly response: string;
  readonly session_id: string;
  readonly execution_time: number;
  readonly request_id?: string | undefined;
  readonly model: string;
  readonly is_language_model: boolean;
  readonly finish_reason: ChatAnswer["reason"];
  readonly usage?: WireUsage | undefined;
  readonly temporary?: boolean | undefined;
}

/** What a compaction did, on the wire. */
export interface WireCompacted {
  readonly original_count: number;
  readonly compressed_count: number;
  readonly compression_ratio: number;
  readonly original_tokens: number;
  readonly compressed_tokens: number;
  readonly summary?: string | undefined;
}

/** A profile on the wire. */
export interface WireProfile extends Pick<Profile, "verbosity" | "tone" | "depth" | "origins" | "version"> {
  readonly user_id: string;
  readonly preferences: JsonObject;
  readonly updated_at?: string | undefined;
}

/** What was erased of a user, on the wire. */
export interface WireErased extends Omit<Erased, "userId" | "artifactBytes"> {
  readonly user_id: string;
  readonly artifact_bytes: number;
}

/** An answer in the words of the SDK. */
export function decodeAnswer(wire: WireAnswer): ChatAnswer {
  return {
    response: wire.response,
    sessionId: wire.session_id,
    model: wire.model,
    isLanguageModel: wire.is_language_model,
    reason: wire.finish_reason,
    usage: wire.usage && decodeUsage(wire.usage),
    executionTimeMs: Math.round(wire.execution_time * 1_000),
    requestId: wire.request_id,
    isTemporary: wire.temporary ?? false,
  };
}

/** What a compaction did, in the words of the SDK. */
export function decodeCompacted(wire: WireCompacted): Compacted {
  return {
    originalCount: wire.original_count,
    compressedCount: wire.compressed_count,
    compressionRatio: wire.compression_ratio,
    originalTokens: wire.original_tokens,
    compressedTokens: wire.compressed_tokens,
    summary: wire.summary,
  };
}

/** A profile in the words of the SDK. */
export function decodeProfile({ user_id: userId, updated_at: updatedAt, ...wire }: WireProfile): Profile {
  const { verbosity, tone, depth, preferences, origins, version } = wire;
  return {
    userId,
    verbosity,
    tone,
    depth,
    preferences,
    origins,
    version,
    updatedAt: updatedAt === undefined ? undefined : new Date(updatedAt),
  };
}

/** What was erased of a user, in the words of the SDK. */
export function decodeErased({ user_id: userId, artifact_bytes: artifactBytes, ...wire }: WireErased): Erased {
  const { sessions, operations, messages, summaries, facts, artifacts, profile } = wire;
  return { userId, sessions, operations, messages, summaries, facts, artifacts, artifactBytes, profile };
}

/** A message in the words of the SDK. */
export function decodeMessage({ number, seq, timestamp, ...wire }: WirePlacedMessage): Message {
  return { ...decodeSealed(wire), number, seq, timestamp: new Date(timestamp) };
}

/** What a model took in and gave out, in the words of the SDK. */
export function decodeUsage(wire: WireUsage): TokenUsage {
  const { input_tokens: inputTokens, output_tokens: outputTokens, cost_usd: costUsd } = wire;
  return { inputTokens, outputTokens, ...(costUsd !== undefined && { costUsd }) };
}

/** A message as the log has it, in the words of the SDK. */
export function decodeSealed({ role, content, tokens, ...wire }: WireMessage): SealedMessage {
  return {
    role,
    content,
    tokens,
    ...(wire.tool_calls && { toolCalls: wire.tool_calls }),
    ...(wire.tool_call_id !== undefined && { toolCallId: wire.tool_call_id }),
    ...(wire.metadata && { metadata: wire.metadata }),
  };
}
