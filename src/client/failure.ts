import { type ErrorCode, type Fault, SojournError } from "../engine/errors.ts";
import type { Late } from "./deadline.ts";

/** What each public code of the server stands for. Codes that share one come back as the first of them. */
const CODES: Readonly<Record<string, ErrorCode>> = {
  VALIDATION_ERROR: "invalid",
  INVALID_JSON: "invalid_json",
  INVALID_CONTENT_TYPE: "invalid_content_type",
  PAYLOAD_TOO_LARGE: "payload_too_large",
  NOT_FOUND: "not_found",
  METHOD_NOT_ALLOWED: "method_not_allowed",
  REQUEST_TIMEOUT: "request_timeout",
  UNAUTHORIZED: "unauthorized",
  FORBIDDEN: "forbidden",
  RATE_LIMIT_EXCEEDED: "rate_limited",
  SESSION_NOT_FOUND: "session_not_found",
  NO_SESSION_FOUND: "no_session_found",
  INVALID_SESSION: "invalid_session",
  ARTIFACT_NOT_FOUND: "artifact_not_found",
  OBJECT_NOT_FOUND: "object_not_found",
  AGENT_RUN_NOT_FOUND: "agent_run_not_found",
  CHECKPOINT_NOT_FOUND: "checkpoint_not_found",
  TEMPLATE_NOT_FOUND: "template_not_found",
  CHECKPOINT_EXISTS: "checkpoint_exists",
  RANGE_NOT_SATISFIABLE: "range_not_satisfiable",
  CONTENT_DAMAGED: "content_damaged",
  SESSION_EXISTS: "session_exists",
  INVALID_TRANSITION: "invalid_transition",
  PRECONDITION_FAILED: "precondition_failed",
  APP_NOT_FOUND: "app_not_found",
  APP_BROKEN: "app_broken",
  TASK_NOT_FOUND: "task_not_found",
  TASK_FAILED: "task_failed",
  TASK_CANCELED: "task_canceled",
  VERSION_MISMATCH: "version_mismatch",
  WORKER_LOST: "worker_lost",
  SANDBOX_MISSING: "sandbox_missing",
  SESSION_BUSY: "session_busy",
  IDEMPOTENCY_MISMATCH: "idempotency_mismatch",
  LIMIT_REACHED: "limit_reached",
  CONFLICT: "conflict",
  STORAGE_FULL: "storage_full",
  STORE_UNAVAILABLE: "store_unavailable",
  MODEL_FAILED: "model_failed",
  OVERLOADED: "overloaded",
  INTERNAL_ERROR: "internal",
};

/** What a status stands for, where a code says nothing: of a newer server, or of something between it and us. */
const STATUSES: Readonly<Record<number, ErrorCode>> = {
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  408: "request_timeout",
  409: "conflict",
  412: "precondition_failed",
  413: "payload_too_large",
  415: "invalid_content_type",
  416: "range_not_satisfiable",
  429: "rate_limited",
  502: "unreachable",
  503: "overloaded",
  504: "unreachable",
  507: "storage_full",
};

/** An answer that is no success, and its text. */
export interface Refusal {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** The error that a server at `url` answered with, or what stands between it and us. */
export function failureOf({ status, headers, text }: Refusal, url: string): SojournError {
  const retryAfterMs = retryAfter(headers.get("retry-after"));
  const told = envelopeOf(text);
  const fallback = STATUSES[status] ?? (status >= 500 ? "internal" : "invalid");
  const waiting = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (told === undefined) {
    const message = `${url} answered ${status}, and not as Sojourn does; check that this is where its server is`;
    return new SojournError(fallback, { message, ...waiting });
  }
  const known = Object.hasOwn(CODES, told.code) ? CODES[told.code] : undefined;
  return new SojournError(known ?? fallback, {
    message: known === undefined ? `${told.message} (${told.code})` : told.message,
    faults: told.faults,
    ...waiting,
    ...(told.requestId === undefined ? {} : { requestId: told.requestId }),
  });
}

/** The error for a request that got no whole answer. */
export function unreachable(url: string, cause: unknown): SojournError {
  return new SojournError("unreachable", {
    message: `Cannot reach ${url} (${causeOf(cause)}); check the url, and that the server is running (npx sojourn serve)`,
    cause,
  });
}

/** The error for a request that may be carried out, only that nobody was told of it in time. */
export function late(url: string, cause: Late): SojournError {
  return new SojournError("unreachable", {
    message: `${url} gave ${cause.message}: it took longer than timeoutMs, so raise that; if it answers no call at all, check the url`,
    cause,
  });
}

/** The error for an answer of which some came, and then no more. */
export function brokenOff(url: string, cause: unknown): SojournError {
  return new SojournError("unreachable", {
    message: `${url} broke off its answer (${causeOf(cause)}); the turn may have been kept, so look before you repeat it`,
    cause,
  });
}

/** The error for bytes of which some came, and then no more. */
export function cutShort(url: string, cause: unknown): SojournError {
  const message = `${url} broke off in the middle of the bytes (${causeOf(cause)}); read them again, or from there`;
  return new SojournError("unreachable", { message, cause });
}

/** The error for a success that is none of Sojourn's. */
export function stranger(url: string): SojournError {
  const message = `${url} answers, but not as Sojourn does; check that this is where its server is`;
  return new SojournError("not_found", { message });
}

/** The error for a redirect, which is never followed. */
export function redirected(url: string, location: string | null): SojournError {
  const target = location === null ? "elsewhere" : `to ${location}`;
  const message = `leads ${target}, where no request is taken; connect to the address of the server itself`;
  return new SojournError("invalid", {
    message: `${url} ${message}`,
    faults: [{ field: "url", message, type: "redirect" }],
  });
}

interface Envelope {
  readonly code: string;
  readonly message: string;
  readonly faults: readonly Fault[];
  readonly requestId: string | undefined;
}

function envelopeOf(text: string): Envelope | undefined {
  const body = parsed(text);
  const error = isObject(body) ? body["error"] : undefined;
  if (!isObject(body) || !isObject(error)) return undefined;
  const { code, message, details } = error;
  if (typeof code !== "string" || typeof message !== "string") return undefined;
  const { request_id: requestId } = body;
  return {
    code,
    message,
    faults: Array.isArray(details) ? details.filter(isFault) : [],
    requestId: typeof requestId === "string" ? requestId : undefined,
  };
}

function isFault(value: unknown): value is Fault {
  return isObject(value) && [value["field"], value["message"], value["type"]].every((part) => typeof part === "string");
}

/** Tells whether a value of JSON is an object, or an array. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/** What a text of JSON means; `undefined` for any other text. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A `Retry-After` in milliseconds: seconds, or a date. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

// `fetch` itself only says that it failed; why is in its cause.
function causeOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (!(cause instanceof Error)) return error.message;
  return cause.message === "" && "code" in cause ? String(cause.code) : cause.message;
}
