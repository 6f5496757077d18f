import { encodeBody } from "../client/encode.ts";
import type {
  ChatAnswer,
  Compacted,
  Erased,
  Message,
  Operation,
  Profile,
  SessionState,
  Verdict,
} from "../client/index.ts";
import { encodeLimits } from "../client/limits.ts";
import { wireWork } from "./wire-task.ts";

/** A session as the REST API shows it, for programs that know that. */
export function wireSession({ metrics, memory, usage, work, ...session }: SessionState): object {
  return {
    session_id: session.sessionId,
    uid: session.uid,
    user_id: session.userId,
    status: session.status,
    is_active: session.isActive,
    name: session.name,
    description: session.description,
    tags: session.tags,
    metadata: session.metadata,
    parent_session_id: session.parentSessionId,
    created_at: session.createdAt,
    updated_at: session.updatedAt,
    last_activity: session.lastActivity,
    expires_at: session.expiresAt,
    ended_at: session.endedAt,
    reason: session.reason,
    idle_timeout_seconds: seconds(session.idleTimeoutMs),
    max_lifetime_seconds: seconds(session.maxLifetimeMs),
    limits: Object.keys(session.limits).length === 0 ? undefined : encodeLimits(session.limits),
    apps: session.apps,
    version: session.version,
    head_hash: session.headHash,
    temporary: session.isTemporary || undefined,
    metrics: {
      request_count: metrics.requestCount,
      error_count: metrics.errorCount,
      total_processing_time: seconds(metrics.totalProcessingTimeMs),
      average_processing_time: seconds(metrics.averageProcessingTimeMs),
      input_tokens: metrics.inputTokens,
      output_tokens: metrics.outputTokens,
      cost_usd: metrics.costUsd || undefined,
    },
    usage: {
      operation_count: usage.operationCount,
      artifact_count: usage.artifactCount,
      artifact_bytes: usage.artifactBytes,
      object_count: usage.objectCount,
    },
    work: wireWork(work),
    origin: session.origin,
    memory: {
      session_id: session.sessionId,
      has_session_memory: true,
      has_working_memory: true,
      has_behavior_profile: true,
      conversation_turns: memory.conversationTurns,
      messages: memory.messages,
      window_tokens: memory.windowTokens,
      compacted_through: memory.compactedThrough,
    },
  };
}

/** An operation as the REST API shows it. */
export function wireOperation({ durationMs, resultId, inputs, output, ...operation }: Operation): object {
  const shown = inputs === undefined ? null : encodeBody(inputs as object);
  const made = operation.kind === "turn.completed" && output !== undefined ? encodeBody(output as object) : output;
  return { ...operation, duration_ms: durationMs, inputs: shown, output: made, result_id: resultId };
}

/** A message as the REST API shows it. */
export function wireMessage(message: Message): object {
  return encodeBody(message);
}

/** An answer as the REST API gives it. */
export function wireAnswer(answer: ChatAnswer): object {
  return {
    response: answer.response,
    session_id: answer.sessionId,
    execution_time: seconds(answer.executionTimeMs),
    request_id: answer.requestId,
    model: answer.model,
    is_language_model: answer.isLanguageModel,
    finish_reason: answer.reason,
    usage: answer.usage && encodeBody(answer.usage),
    temporary: answer.isTemporary || undefined,
  };
}

/** What a compaction did, as the REST API tells it. */
export function wireCompacted(compacted: Compacted): object {
  return {
    original_count: compacted.originalCount,
    compressed_count: compacted.compressedCount,
    compression_ratio: compacted.compressionRatio,
    original_tokens: compacted.originalTokens,
    compressed_tokens: compacted.compressedTokens,
    summary: compacted.summary,
  };
}

/** A profile as the REST API shows it. */
export function wireProfile({ userId, updatedAt, version, ...profile }: Profile): object {
  return { user_id: userId, ...profile, updated_at: updatedAt, version };
}

/** What was erased of a user, as the REST API tells it. */
export function wireErased({ userId, artifactBytes, ...erased }: Erased): object {
  return { user_id: userId, ...erased, artifact_bytes: artifactBytes };
}

export function wireVerdict(sessionId: string, verdict: Verdict): object {
  return {
    session_id: sessionId,
    ok: verdict.ok,
    operations: verdict.operations,
    head_hash: verdict.headHash,
    first_bad_seq: verdict.firstBadSeq,
    fault: verdict.fault,
  };
}

// Microseconds are whole, and thousandths of a millisecond divide without a rest that would show.
function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : Math.round(ms * 1_000) / 1_000_000;
}
