import { encodeBody } from "../client/encode.ts";
import type { Operation, SessionState, Verdict } from "../client/index.ts";

/** A session as the REST API shows it, for programs that know that. */
export function wireSession({ metrics, ...session }: SessionState): object {
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
    version: session.version,
    head_hash: session.headHash,
    metrics: {
      request_count: metrics.requestCount,
      error_count: metrics.errorCount,
      total_processing_time: seconds(metrics.totalProcessingTimeMs),
      average_processing_time: seconds(metrics.averageProcessingTimeMs),
    },
  };
}

/** An operation as the REST API shows it. */
export function wireOperation({ durationMs, resultId, inputs, ...operation }: Operation): object {
  const shown = inputs === undefined ? null : encodeBody(inputs as object);
  return { ...operation, duration_ms: durationMs, inputs: shown, result_id: resultId };
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
