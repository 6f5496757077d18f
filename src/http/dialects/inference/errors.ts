import { STATUS_CODES } from "node:http";
import { z } from "zod";
import { type ErrorCode, SojournError } from "../../../engine/errors.ts";
import type { SessionRecord } from "../../../engine/session.ts";
import type { JsonReply } from "../../route.ts";
import { clipped, FAULTS_MAX, headersOf, type ShownError } from "../../shown-error.ts";

/** The status and the public code of every error. In capitals: what the contract says of sessions. */
export const HTTP_ERRORS: Record<ErrorCode, ShownError> = {
  invalid: { status: 400, code: "invalid_request" },
  invalid_json: { status: 400, code: "invalid_request" },
  invalid_content_type: { status: 400, code: "invalid_request" },
  payload_too_large: { status: 413, code: "payload_too_large" },
  not_found: { status: 404, code: "not_found" },
  method_not_allowed: { status: 405, code: "method_not_allowed" },
  request_timeout: { status: 408, code: "request_timeout" },
  unauthorized: { status: 401, code: "unauthorized" },
  forbidden: { status: 403, code: "forbidden" },
  rate_limited: { status: 429, code: "rate_limited" },
  session_not_found: { status: 404, code: "SESSION_NOT_FOUND" },
  no_session_found: { status: 404, code: "SESSION_NOT_FOUND" },
  invalid_session: { status: 404, code: "SESSION_NOT_FOUND" },
  artifact_not_found: { status: 404, code: "not_found" },
  checkpoint_not_found: { status: 404, code: "not_found" },
  template_not_found: { status: 404, code: "not_found" },
  checkpoint_exists: { status: 409, code: "conflict" },
  range_not_satisfiable: { status: 416, code: "range_not_satisfiable" },
  session_exists: { status: 409, code: "conflict" },
  // It ended between two steps of one call.
  invalid_transition: { status: 410, code: "SESSION_ENDED" },
  precondition_failed: { status: 412, code: "precondition_failed" },
  app_not_found: { status: 404, code: "not_found" },
  app_broken: { status: 502, code: "app_broken" },
  object_not_found: { status: 404, code: "object_not_found" },
  agent_run_not_found: { status: 404, code: "not_found" },
  task_not_found: { status: 404, code: "not_found" },
  // Clients tell these two of themselves.
  task_failed: { status: 502, code: "task_failed" },
  task_canceled: { status: 409, code: "task_canceled" },
  version_mismatch: { status: 400, code: "VERSION_MISMATCH" },
  worker_lost: { status: 500, code: "WORKER_LOST" },
  sandbox_missing: { status: 412, code: "requirements_not_met" },
  session_busy: { status: 429, code: "rate_limited" },
  idempotency_mismatch: { status: 422, code: "idempotency_mismatch" },
  limit_reached: { status: 429, code: "limit_reached" },
  conflict: { status: 409, code: "conflict" },
  content_missing: { status: 409, code: "conflict" },
  content_damaged: { status: 500, code: "internal_error" },
  storage_full: { status: 507, code: "storage_full" },
  store_unavailable: { status: 503, code: "unavailable" },
  store_in_use: { status: 503, code: "unavailable" },
  store_newer: { status: 503, code: "unavailable" },
  overloaded: { status: 503, code: "overloaded" },
  model_failed: { status: 502, code: "model_failed" },
  unreachable: { status: 503, code: "unavailable" },
  internal: { status: 500, code: "internal_error" },
};

/** What only this contract tells apart, by the type of an error's first fault. */
const OWN: Readonly<Record<string, ShownError>> = {
  session_expired: { status: 410, code: "SESSION_EXPIRED" },
  session_ended: { status: 410, code: "SESSION_ENDED" },
  session_suspended: { status: 409, code: "SESSION_SUSPENDED" },
  app_mismatch: { status: 400, code: "APP_MISMATCH" },
};

const fault = z.object({ field: z.string(), message: z.string(), type: z.string() });

/** An error that clients of all generations find their part in, or what is missing before a call can be carried out. */
export const ErrorShape: z.ZodType = z.union([
  z
    .object({
      type: z.string(),
      title: z.string(),
      status: z.int(),
      detail: z.string(),
      success: z.literal(false),
      code: z.string(),
      error: z.object({ code: z.string(), message: z.string() }),
      errors: z.array(fault).optional().describe("of a request: everything that is wrong with it"),
      request_id: z.string(),
    })
    .meta({ id: "Problem" }),
  z
    .object({
      satisfied: z.literal(false),
      errors: z.array(z.object({ type: z.string(), key: z.string(), message: z.string() })),
    })
    .meta({ id: "RequirementsNotMet" }),
]);

export const PROBLEM_TYPE = "application/problem+json";

/** Clients begin a session anew after any error that has that word in it, which would not help here. */
const QUEUE_FULL = "The queue is full: as many calls as may wait already; try again when some are done";

/** An error as problem+json, with the members that older clients look for. */
export function encodeError(error: SojournError, requestId: string): JsonReply {
  const { status, code } = OWN[error.faults[0]?.type ?? ""] ?? HTTP_ERRORS[error.code];
  const headers = headersOf(error);
  const detail = clipped(error.code === "session_busy" ? QUEUE_FULL : error.message);
  if (status === 412) {
    const errors = [{ type: code, key: error.code, message: detail }];
    return { status, type: PROBLEM_TYPE, headers, body: { satisfied: false, errors } };
  }
  const faults = error.faults.slice(0, FAULTS_MAX);
  const body = {
    type: `urn:sojourn:error:${code.toLowerCase()}`,
    title: STATUS_CODES[status] ?? "",
    status,
    detail,
    success: false,
    code,
    error: { code, message: detail },
    ...(faults.length > 0 && { errors: faults.map((one) => ({ ...one, field: clipped(one.field) })) }),
    request_id: requestId,
  };
  return { status, type: PROBLEM_TYPE, headers, body };
}

/** How it is told that a session's worker is gone for good. What the native API advises beside is not in this contract. */
export function workerLost(sessionId: string, message: string): string {
  return `worker lost for session: ${sessionId} (${message.replace(", or call again with fresh: true", "")})`;
}

/** The error for a session that is not there. Clients look for these very words. */
export function noSuchSession(id: string): SojournError {
  return new SojournError("session_not_found", { message: `session not found: ${id}` });
}

/** Why a session can't be used, if it can't. One that is over is, to clients that look for the words, not found as well. */
export function unusable({ sessionId, status }: SessionRecord): SojournError | undefined {
  switch (status) {
    case "active":
      return undefined;
    case "expired":
      return refused("session_expired", `session expired: ${sessionId} (session not found)`);
    case "suspended":
      return refused("session_suspended", `session suspended: ${sessionId}; resume it first`);
    default:
      return refused("session_ended", `session ended: ${sessionId} (session not found)`);
  }
}

/** The error for a session that is another app's. */
export function anotherApp(
  sessionId: string,
  { its, wanted }: { readonly its: string; readonly wanted: string },
): SojournError {
  return refused("app_mismatch", `session ${sessionId} runs ${its}, and can't be used with ${wanted}`);
}

function refused(type: string, message: string): SojournError {
  return new SojournError("invalid_transition", { message, faults: [{ field: "session", message, type }] });
}
