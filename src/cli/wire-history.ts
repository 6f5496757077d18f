import type { Checkpoint, Diff, Family, Pruned, ReplayReport, Side } from "../client/index.ts";

/** A checkpoint as the REST API shows it. */
export function wireCheckpoint({ name, seq, createdAt, data }: Checkpoint): object {
  return { name, seq, created_at: createdAt, data };
}

/** What a replay found, as the REST API tells it. */
export function wireReplay(report: ReplayReport): object {
  return {
    mode: report.mode,
    from: report.from,
    to: report.to,
    operations_replayed: report.operationsReplayed,
    equal: report.equal,
    different: report.different,
    failed: report.failed,
    skipped: report.skipped,
    differences: report.differences,
    stopped: report.stopped,
    fork_session_id: report.fork?.sessionId,
    fork_uid: report.fork?.uid,
    duration_ms: report.durationMs,
  };
}

/** How two sessions differ, as the REST API tells it. */
export function wireDiff({ common, a, b, changes, isCut }: Diff): object {
  return { common, a: wireSide(a), b: wireSide(b), changes, is_cut: isCut || undefined };
}

function wireSide({ sessionId, uid, version, headHash, operationsSince, operations }: Side): object {
  return {
    session_id: sessionId,
    uid,
    version,
    head_hash: headHash,
    operations_since: operationsSince,
    operations,
  };
}

/** A session and those that descend from it, as the REST API shows them. */
export function wireFamily({ sessionId, uid, userId, status, name, createdAt, children, isCut }: Family): object {
  return {
    session_id: sessionId,
    uid,
    user_id: userId,
    status,
    name,
    created_at: createdAt,
    children: children.map(wireFamily),
    is_cut: isCut || undefined,
  };
}

/** What was removed, as the REST API tells it. */
export function wirePruned({ deleted, sessionIds, artifactBytes }: Pruned): object {
  return { deleted, session_ids: sessionIds, artifact_bytes: artifactBytes };
}
