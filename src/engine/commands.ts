import { SECOND } from "./clock.ts";
import { DOLLAR } from "./conversation.ts";
import { invalid } from "./errors.ts";
import { assertOpen, assertTransition, expiryAt } from "./lifecycle.ts";
import { assertApps, assertLimits, assertUnderLimits, dueByTime } from "./limit-rules.ts";
import { assertSize, assertWithin, LIMITS } from "./limits.ts";
import {
  type AddedMetrics,
  type FinalStatus,
  fold,
  type SessionInputs,
  type SessionPatch,
  type SessionRecord,
  type WithReason,
} from "./session.ts";
import type { Draft, Records, StreamKind } from "./streams.ts";

/**
 * Decides what a call does to a stream: the operations to append, none if nothing is to change, or its erasure.
 *
 * Pure, so that a mailbox may decide again after a conflict. Throws what refuses the call. The record is the one at
 * `now`, after everything that was decided before.
 */
export type Command<K extends StreamKind = "session"> = (record: Records[K], now: number) => readonly Draft[] | "erase";

/** Changes what `patch` names. An empty patch counts as use. */
export function update(patch: SessionPatch, metadataBytes: number): Command {
  assertWithin(patch);
  assertDuration("idle_timeout_seconds", patch.idleTimeoutUs);
  assertLimits(patch.limits ?? {});
  assertApps(patch.apps);
  return (session, at) => {
    assertOpen(session, "update");
    const draft = { kind: "session.updated", name: "update", input: patch } as const;
    if (patch.metadata !== undefined) assertSize("metadata", fold(session, { ...draft, at }).metadata, metadataBytes);
    return [draft];
  };
}

/** Pauses an active session. */
export function suspend(input: WithReason): Command {
  assertWithin(input);
  return (session) => {
    assertTransition(session, "suspended");
    return [{ kind: "session.suspended", name: "suspend", input }];
  };
}

/** Makes a suspended session active again. */
export function resume(input: WithReason): Command {
  assertWithin(input);
  return (session, now) => {
    assertTransition(session, "active");
    assertUnderLimits(session, now, "resume");
    return [{ kind: "session.resumed", name: "resume", input }];
  };
}

/** Counts as use, and so begins the idle timeout anew. */
export function keepalive(input: WithReason): Command {
  assertWithin(input);
  return (session) => {
    assertOpen(session, "keep alive");
    return [{ kind: "session.kept_alive", name: "keepalive", input }];
  };
}

/** Ends a session. The same end again changes nothing; another is refused. */
export function end(status: FinalStatus, input: WithReason, name: "end" | "run" = "end"): Command {
  assertWithin(input);
  return (session, now) => {
    if (session.status === status) return [];
    assertTransition(session, status);
    if (status === "expired") return [expired({ ...input, endedAtUs: now }, name)];
    return [{ kind: `session.${status}`, name, input }];
  };
}

/** Adds to the counters of a session. */
export function record({
  requestCount: requests,
  errorCount: errors,
  processingTimeUs,
  ...model
}: AddedMetrics): Command {
  assertCount("requests", requests, LIMITS.count);
  assertCount("errors", errors, LIMITS.count);
  assertCount("processing_time_seconds", processingTimeUs, LIMITS.durationSeconds * SECOND);
  assertCount("input_tokens", model.inputTokens ?? 0, LIMITS.count);
  assertCount("output_tokens", model.outputTokens ?? 0, LIMITS.count);
  assertCount("cost_usd", model.costNanoUsd ?? 0, LIMITS.costUsd * DOLLAR);
  const draft = {
    kind: "metrics.recorded",
    name: "metrics",
    input: { requests, errors, processingTimeUs, ...model },
  } as const;
  return (session, at) => {
    assertOpen(session, "record metrics of");
    const total = fold(session, { ...draft, at }).metrics;
    assertCount("requests", total.requestCount);
    assertCount("errors", total.errorCount);
    assertCount("processing_time_seconds", total.processingTimeUs);
    assertCount("input_tokens", total.inputTokens);
    assertCount("output_tokens", total.outputTokens);
    assertCount("cost_usd", total.costNanoUsd ?? 0);
    return [draft];
  };
}

/** Says in the log what time alone has brought about: that a session's time is over, or that it is at a limit. */
export function expire(session: SessionRecord, now: number): readonly Draft[] {
  const expiry = expiryAt(session, now);
  return expiry === undefined ? dueByTime(session, now) : [expired(expiry, "expire")];
}

/** Expires an open session that was idle for longer than `maxIdleUs`; while a task is open, it is not idle. */
export function expireIdle(maxIdleUs: number): Command {
  return (session, now) => {
    const open = session.status === "active" || session.status === "suspended";
    if (!open || session.work.tasks.length > 0 || now - session.lastActivityUs <= maxIdleUs) return [];
    return [expired({ endedAtUs: now, reason: `Cleaned up: idle for longer than ${maxIdleUs / SECOND} s` }, "cleanup")];
  };
}

/** Removes the stream and all it holds. */
export const erase = (): "erase" => "erase";

/** Refuses a duration, in microseconds, that is not 1 second to `maxSeconds`, ten years. `undefined` and `null` pass. */
export function assertDuration(
  field: string,
  us: number | null | undefined,
  maxSeconds: number = LIMITS.durationSeconds,
): void {
  if (us === undefined || us === null) return;
  if (Number.isSafeInteger(us) && us >= SECOND && us <= maxSeconds * SECOND) return;
  const message = `must be 1 to ${maxSeconds} seconds`;
  throw invalid([{ field, message, type: us < SECOND ? "too_small" : "too_big" }]);
}

function expired(input: SessionInputs["session.expired"], name: string): Draft<"session.expired"> {
  return { kind: "session.expired", name, input };
}

function assertCount(field: string, value: number, max: number = Number.MAX_SAFE_INTEGER): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return;
  const message = value > max ? `would pass ${max}` : "must be a whole number of at least 0";
  throw invalid([{ field, message, type: value > max ? "too_big" : "too_small" }]);
}
