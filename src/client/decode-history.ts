import type { JsonObject } from "../engine/json.ts";
import type { Status } from "../engine/session.ts";
import type { Change, Checkpoint, Diff, Difference, Family, ReplayMode, ReplayReport, Side } from "./history.ts";
import type { Operation } from "./operation.ts";

/** A checkpoint on the wire. */
export interface WireCheckpoint {
  readonly name: string;
  readonly seq: number;
  readonly created_at: string;
  readonly data?: JsonObject | undefined;
}

/** What a replay found, on the wire. */
export interface WireReplayReport {
  readonly mode: ReplayMode;
  readonly from: number;
  readonly to: number;
  readonly operations_replayed: number;
  readonly equal: number;
  readonly different: number;
  readonly failed: number;
  readonly skipped: number;
  readonly differences: readonly Difference[];
  readonly stopped?: "error" | "timeout" | undefined;
  readonly fork_session_id?: string | undefined;
  readonly fork_uid?: string | undefined;
  readonly duration_ms: number;
}

/** An operation without what it carries, on the wire. */
export interface WireOperationSummary extends Pick<Operation, "seq" | "id" | "kind" | "name" | "actor" | "status"> {
  readonly timestamp: string;
}

/** One of two sessions, on the wire. */
export interface WireSide {
  readonly session_id: string;
  readonly uid: string;
  readonly version: number;
  readonly head_hash: string;
  readonly operations_since: number;
  readonly operations: readonly WireOperationSummary[];
}

/** How two sessions differ, on the wire. */
export interface WireDiff {
  readonly common: { readonly seq: number; readonly hash?: string | undefined };
  readonly a: WireSide;
  readonly b: WireSide;
  readonly changes: readonly Change[];
  readonly is_cut?: true | undefined;
}

/** A session with its descendants, on the wire. */
export interface WireFamily {
  readonly session_id: string;
  readonly uid: string;
  readonly user_id: string;
  readonly status: Status;
  readonly name?: string | undefined;
  readonly created_at: string;
  readonly children: readonly WireFamily[];
  readonly is_cut?: true | undefined;
}

/** A checkpoint in the words of the SDK. */
export function decodeCheckpoint({ name, seq, created_at: createdAt, data }: WireCheckpoint): Checkpoint {
  return { name, seq, createdAt: new Date(createdAt), data };
}

/** What a replay found, in the words of the SDK. */
export function decodeReplay(wire: WireReplayReport): ReplayReport {
  const { mode, from, to, equal, different, failed, skipped, differences, stopped } = wire;
  const { fork_session_id: sessionId, fork_uid: uid } = wire;
  return {
    mode,
    from,
    to,
    operationsReplayed: wire.operations_replayed,
    equal,
    different,
    failed,
    skipped,
    differences,
    stopped,
    fork: sessionId === undefined || uid === undefined ? undefined : { sessionId, uid },
    durationMs: wire.duration_ms,
  };
}

/** How two sessions differ, in the words of the SDK. */
export function decodeDiff({ common: { seq, hash }, a, b, changes, is_cut: isCut }: WireDiff): Diff {
  return { common: { seq, hash }, a: decodeSide(a), b: decodeSide(b), changes, isCut: isCut ?? false };
}

/** A session with its descendants, in the words of the SDK. */
export function decodeFamily(wire: WireFamily): Family {
  const { uid, status, name, children } = wire;
  return {
    sessionId: wire.session_id,
    uid,
    userId: wire.user_id,
    status,
    name,
    createdAt: new Date(wire.created_at),
    children: children.map(decodeFamily),
    isCut: wire.is_cut ?? false,
  };
}

function decodeSide(wire: WireSide): Side {
  return {
    sessionId: wire.session_id,
    uid: wire.uid,
    version: wire.version,
    headHash: wire.head_hash,
    operationsSince: wire.operations_since,
    operations: wire.operations.map(({ timestamp, ...operation }) => ({
      ...operation,
      timestamp: new Date(timestamp),
    })),
  };
}
