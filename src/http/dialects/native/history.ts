import { z } from "zod";
import { SECOND } from "../../../engine/clock.ts";
import { given } from "../../../engine/given.ts";
import {
  type Checkpoint,
  type Diff,
  type Family,
  type NewFork,
  REPLAY_MODES,
  type ReplayReport,
  type ReplayRequest,
  type Side,
} from "../../../engine/history.ts";
import type { Json } from "../../../engine/json.ts";
import { LIMITS } from "../../../engine/limits.ts";
import { OPERATION_KINDS, type Operation, type OperationKind } from "../../../engine/operation.ts";
import type { PruneRequest } from "../../../engine/retention.ts";
import { STATUSES } from "../../../engine/session.ts";
import { at, decodeMoment, headHash, metadata, name, PageShape, sessionId } from "./decode.ts";
import { isoTime, OperationShape } from "./encode.ts";

const count = z.int().min(0);
const seq = z.int().min(1);
const time = z.iso.datetime();

/** `POST …/checkpoints`. */
export const NewCheckpointShape = z.strictObject({
  name: z.string().min(1).max(LIMITS.checkpointNameLength).describe("not a number, and given once in a session"),
  data: metadata.optional().describe("kept with it"),
});

/** `GET …/checkpoints`. */
export const CheckpointsQueryShape = PageShape;

export const CheckpointShape = z
  .object({
    name: z.string(),
    seq: count.describe("the operation that gave the name, which is the moment that it stands for"),
    created_at: time,
    data: z.record(z.string(), z.json()).optional(),
  })
  .meta({ id: "Checkpoint" });

/** `POST …/fork`. */
export const NewForkShape = z.strictObject({
  at: z
    .union([seq, at], "must be a seq, or the name of a checkpoint")
    .optional()
    .describe("a seq, or the name of a checkpoint; the histories are one up to it, and up to now where it is left out"),
  session_id: sessionId.optional().describe("minted where it is left out"),
  name: name.optional(),
});

/** `POST …/replay`. */
export const ReplayShape = z.strictObject({
  mode: z
    .enum(REPLAY_MODES)
    .describe(
      "verify folds the log; recorded decides each call anew, and takes from the log what came from outside; execute makes " +
        "the calls in a fork",
    ),
  from: seq.optional().describe("the first operation; the first of all where it is left out"),
  to: seq.optional().describe("the last operation; the last of all where it is left out"),
  stop_on_error: z.boolean().optional().describe("whether the first that differs or fails is the last"),
  timeout_seconds: z.number().min(1).max(3_600).optional().describe("300 where it is left out"),
});

export const ReplayReportShape = z
  .object({
    mode: z.enum(REPLAY_MODES),
    from: count,
    to: count,
    operations_replayed: count,
    equal: count,
    different: count,
    failed: count,
    skipped: count.describe("what has nothing to do again, such as an expiry; of execute alone"),
    differences: z
      .array(
        z.object({
          seq: count,
          kind: z.enum(OPERATION_KINDS),
          outcome: z.enum(["different", "failed"]),
          what: z.string(),
          expected: z.json().optional(),
          actual: z.json().optional(),
          message: z.string().optional(),
        }),
      )
      .describe("the first of them"),
    stopped: z.enum(["error", "timeout"]).optional().describe("why it stopped before to"),
    fork_session_id: z.string().optional().describe("the fork that it was executed in"),
    fork_uid: z.string().optional(),
    duration_ms: z.number(),
  })
  .meta({ id: "ReplayReport" });

/** `GET …/diff`. */
export const DiffQueryShape = z.strictObject({ with: z.string().min(1).describe("a session_id, or a uid") });

const SideShape = z
  .object({
    session_id: z.string(),
    uid: z.string(),
    version: count,
    head_hash: z.string(),
    operations_since: count.describe("how many it has beyond those in common"),
    operations: z
      .array(
        OperationShape.pick({
          seq: true,
          id: true,
          kind: true,
          name: true,
          actor: true,
          timestamp: true,
          status: true,
        }),
      )
      .describe("the first of them"),
  })
  .meta({ id: "DiffSide" });

export const DiffShape = z
  .object({
    common: z.object({
      seq: count.describe("the last operation in common; 0 where there is none"),
      hash: z.string().optional(),
    }),
    a: SideShape,
    b: SideShape,
    changes: z.array(
      z.object({
        path: z.string().describe("such as metadata.plan, tags, artifacts.report.csv"),
        a: z.json().optional(),
        b: z.json().optional(),
      }),
    ),
    is_cut: z.literal(true).optional().describe("there may be more changes, which are left out"),
  })
  .meta({ id: "Diff" });

/** A session with those that descend from it, on the wire. */
export interface WireFamily {
  readonly session_id: string;
  readonly uid: string;
  readonly user_id: string;
  readonly status: (typeof STATUSES)[number];
  readonly name?: string | undefined;
  readonly created_at: string;
  readonly children: readonly WireFamily[];
  readonly is_cut?: true | undefined;
}

export const FamilyShape: z.ZodType<WireFamily> = z
  .object({
    session_id: z.string(),
    uid: z.string(),
    user_id: z.string(),
    status: z.enum(STATUSES),
    name: z.string().optional(),
    created_at: time,
    get children() {
      return z.array(FamilyShape).describe("oldest first");
    },
    is_cut: z.literal(true).optional().describe("there may be more children: the family is too large, or too deep"),
  })
  .meta({ id: "Family" });

/** `POST /sessions/import`. */
export const ImportQueryShape = z.strictObject({
  head: headHash.optional().describe("a head_hash of the session that was kept: must be part of the log"),
  session_id: sessionId
    .optional()
    .describe("what it is to be called; it is a fork of itself then, with a uid of its own"),
});

/** `POST /sessions/prune`. */
export const PruneShape = z.strictObject({
  older_than_seconds: z
    .number()
    .min(0)
    .max(LIMITS.durationSeconds)
    .optional()
    .describe("only those that ended longer ago"),
  statuses: z
    .array(z.enum(["completed", "failed", "expired"]))
    .min(1)
    .optional()
    .describe("only those that ended so; all where it is left out"),
  keep_latest: count.optional().describe("so many of those that ended last are kept in any case"),
  max_sessions: count.optional().describe("of those that ended; the ones that ended first go beyond it"),
  max_artifact_bytes: count.optional().describe("of those that ended; the ones that ended first go beyond it"),
  dry_run: z.boolean().optional().describe("only tell which they are"),
});

export const PrunedShape = z.object({
  deleted: count,
  session_ids: z.array(z.string()).describe("those that ended first come first; at most 10000"),
  artifact_bytes: count.describe("before compression"),
});

export function decodeFork(body: z.output<typeof NewForkShape>): NewFork {
  return {
    ...given("at", body.at, (at) => (typeof at === "string" ? decodeMoment(at) : at)),
    ...given("sessionId", body.session_id),
    ...given("name", body.name),
  };
}

export function decodeReplay(body: z.output<typeof ReplayShape>): ReplayRequest {
  return {
    mode: body.mode,
    ...given("from", body.from),
    ...given("to", body.to),
    ...given("stopOnError", body.stop_on_error),
    ...given("timeoutMs", body.timeout_seconds, (seconds) => seconds * 1_000),
  };
}

export function decodePrune(body: z.output<typeof PruneShape>): PruneRequest {
  return {
    ...given("olderThanUs", body.older_than_seconds, (seconds) => Math.round(seconds * SECOND)),
    ...given("statuses", body.statuses),
    ...given("keepLatest", body.keep_latest),
    ...given("sessionsMax", body.max_sessions),
    ...given("artifactBytesMax", body.max_artifact_bytes),
    ...given("dryRun", body.dry_run),
  };
}

export function encodeCheckpoint({ name, seq, createdAtUs, data }: Checkpoint): z.output<typeof CheckpointShape> {
  // NOTE: data came in as JSON.
  const kept = data as Record<string, z.core.util.JSONType> | undefined;
  return { name, seq, created_at: isoTime(createdAtUs), ...given("data", kept) };
}

export function encodeReplay(report: ReplayReport): z.output<typeof ReplayReportShape> {
  const { mode, from, to, equal, different, failed, skipped, fork } = report;
  return {
    mode,
    from,
    to,
    operations_replayed: report.replayed,
    equal,
    different,
    failed,
    skipped,
    differences: report.differences.map(({ expected, actual, ...difference }) => ({
      ...difference,
      ...given("expected", expected, json),
      ...given("actual", actual, json),
    })),
    ...given("stopped", report.stopped),
    ...(fork && { fork_session_id: fork.sessionId, fork_uid: fork.uid }),
    duration_ms: report.durationUs / 1_000,
  };
}

export function encodeDiff({ common, a, b, changes, isCut }: Diff): z.output<typeof DiffShape> {
  return {
    common: { ...common },
    a: encodeSide(a),
    b: encodeSide(b),
    changes: changes.map(({ path, a, b }) => ({ path, ...given("a", a, json), ...given("b", b, json) })),
    ...(isCut && { is_cut: true }),
  };
}

function encodeSide({ uid, sessionId, head, since, operations }: Side): z.output<typeof SideShape> {
  return {
    session_id: sessionId,
    uid,
    version: head.seq,
    head_hash: head.hash,
    operations_since: since,
    operations: operations.map(encodeHeader),
  };
}

function encodeHeader({ seq, id, kind, name, actor, at, outcome }: Operation) {
  // NOTE: of a session's log.
  return { seq, id, kind: kind as OperationKind, name, actor, timestamp: isoTime(at), status: outcome };
}

export function encodeFamily({ uid, sessionId, userId, createdAtUs, children, isCut, ...rest }: Family): WireFamily {
  return {
    session_id: sessionId,
    uid,
    user_id: userId,
    status: rest.status,
    ...given("name", rest.name),
    created_at: isoTime(createdAtUs),
    children: children.map(encodeFamily),
    ...given("is_cut", isCut),
  };
}

function json(value: Json): z.core.util.JSONType {
  // NOTE: the engine's JSON is JSON.
  return value as z.core.util.JSONType;
}
