import type { ErrorCode, SojournError } from "../engine/errors.ts";

/** A status, and the public code that goes with it. */
export interface ShownError {
  readonly status: number;
  readonly code: string;
}

/** The status and the public code of every error, as they are where a contract does not say otherwise. */
export const COMMON_ERRORS: Readonly<Record<ErrorCode, ShownError>> = {
  invalid: { status: 400, code: "VALIDATION_ERROR" },
  invalid_json: { status: 400, code: "INVALID_JSON" },
  invalid_content_type: { status: 400, code: "INVALID_CONTENT_TYPE" },
  payload_too_large: { status: 413, code: "PAYLOAD_TOO_LARGE" },
  not_found: { status: 404, code: "NOT_FOUND" },
  method_not_allowed: { status: 405, code: "METHOD_NOT_ALLOWED" },
  request_timeout: { status: 408, code: "REQUEST_TIMEOUT" },
  unauthorized: { status: 401, code: "UNAUTHORIZED" },
  forbidden: { status: 403, code: "FORBIDDEN" },
  rate_limited: { status: 429, code: "RATE_LIMIT_EXCEEDED" },
  session_not_found: { status: 404, code: "SESSION_NOT_FOUND" },
  no_session_found: { status: 404, code: "NO_SESSION_FOUND" },
  invalid_session: { status: 404, code: "INVALID_SESSION" },
  artifact_not_found: { status: 404, code: "ARTIFACT_NOT_FOUND" },
  checkpoint_not_found: { status: 404, code: "CHECKPOINT_NOT_FOUND" },
  template_not_found: { status: 404, code: "TEMPLATE_NOT_FOUND" },
  checkpoint_exists: { status: 409, code: "CHECKPOINT_EXISTS" },
  range_not_satisfiable: { status: 416, code: "RANGE_NOT_SATISFIABLE" },
  session_exists: { status: 409, code: "SESSION_EXISTS" },
  invalid_transition: { status: 409, code: "INVALID_TRANSITION" },
  precondition_failed: { status: 412, code: "PRECONDITION_FAILED" },
  app_not_found: { status: 404, code: "APP_NOT_FOUND" },
  app_broken: { status: 502, code: "APP_BROKEN" },
  task_failed: { status: 502, code: "TASK_FAILED" },
  task_canceled: { status: 409, code: "TASK_CANCELED" },
  object_not_found: { status: 404, code: "OBJECT_NOT_FOUND" },
  agent_run_not_found: { status: 404, code: "AGENT_RUN_NOT_FOUND" },
  task_not_found: { status: 404, code: "TASK_NOT_FOUND" },
  version_mismatch: { status: 409, code: "VERSION_MISMATCH" },
  worker_lost: { status: 502, code: "WORKER_LOST" },
  sandbox_missing: { status: 503, code: "SANDBOX_MISSING" },
  session_busy: { status: 409, code: "SESSION_BUSY" },
  idempotency_mismatch: { status: 422, code: "IDEMPOTENCY_MISMATCH" },
  limit_reached: { status: 429, code: "LIMIT_REACHED" },
  conflict: { status: 409, code: "CONFLICT" },
  content_missing: { status: 409, code: "CONFLICT" },
  content_damaged: { status: 500, code: "CONTENT_DAMAGED" },
  storage_full: { status: 507, code: "STORAGE_FULL" },
  store_unavailable: { status: 503, code: "STORE_UNAVAILABLE" },
  store_in_use: { status: 503, code: "STORE_UNAVAILABLE" },
  store_newer: { status: 503, code: "STORE_UNAVAILABLE" },
  overloaded: { status: 503, code: "OVERLOADED" },
  model_failed: { status: 502, code: "MODEL_FAILED" },
  unreachable: { status: 503, code: "STORE_UNAVAILABLE" },
  internal: { status: 500, code: "INTERNAL_ERROR" },
};

/** How many faults an answer tells, so that a small body with many of them gets no huge answer. */
export const FAULTS_MAX = 100;

/** How long a text of an answer is that may repeat what the client sent. */
const TEXT_MAX = 1_000;

/** A text that may repeat what the client sent, as long as an answer may have it. */
export function clipped(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX).toWellFormed()}…`;
}

/** The headers of an error: when to come again, in whole seconds, where that is known. */
export function headersOf({ retryAfterMs }: Pick<SojournError, "retryAfterMs">): Readonly<Record<string, string>> {
  return retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
}
