import { z } from "zod";
import { type ErrorCode, type Fault, SojournError } from "../../../engine/errors.ts";
import { WRONG_OBJECT_TYPE } from "../../../engine/object.ts";
import type { TaskError } from "../../../engine/task.ts";
import type { Task } from "../../../engine/tasks.ts";
import type { JsonReply } from "../../route.ts";

/** A status, and the public code that goes with it. */
interface Shown {
  readonly status: number;
  readonly code: string;
}

/** The status and the public code of every error. */
export const HTTP_ERRORS: Record<ErrorCode, Shown> = {
  invalid: { status: 422, code: "VALIDATION_ERROR" },
  invalid_json: { status: 400, code: "INVALID_JSON" },
  invalid_content_type: { status: 415, code: "INVALID_CONTENT_TYPE" },
  payload_too_large: { status: 413, code: "PAYLOAD_TOO_LARGE" },
  not_found: { status: 404, code: "NOT_FOUND" },
  method_not_allowed: { status: 405, code: "METHOD_NOT_ALLOWED" },
  request_timeout: { status: 408, code: "REQUEST_TIMEOUT" },
  unauthorized: { status: 401, code: "UNAUTHORIZED" },
  forbidden: { status: 403, code: "FORBIDDEN" },
  rate_limited: { status: 429, code: "RATE_LIMIT_EXCEEDED" },
  session_not_found: { status: 404, code: "SESSION_NOT_FOUND" },
  no_session_found: { status: 404, code: "SESSION_NOT_FOUND" },
  invalid_session: { status: 404, code: "SESSION_NOT_FOUND" },
  artifact_not_found: { status: 404, code: "ARTIFACT_NOT_FOUND" },
  checkpoint_not_found: { status: 404, code: "CHECKPOINT_NOT_FOUND" },
  checkpoint_exists: { status: 409, code: "CHECKPOINT_EXISTS" },
  range_not_satisfiable: { status: 416, code: "RANGE_NOT_SATISFIABLE" },
  session_exists: { status: 409, code: "SESSION_EXISTS" },
  invalid_transition: { status: 409, code: "INVALID_TRANSITION" },
  precondition_failed: { status: 412, code: "PRECONDITION_FAILED" },
  app_not_found: { status: 404, code: "APP_NOT_FOUND" },
  app_broken: { status: 502, code: "APP_BROKEN" },
  object_not_found: { status: 404, code: "OBJECT_NOT_FOUND" },
  task_not_found: { status: 404, code: "TASK_NOT_FOUND" },
  // Clients tell these two of themselves.
  task_failed: { status: 500, code: "TASK_FAILED" },
  task_canceled: { status: 409, code: "TASK_CANCELED" },
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

/** The type of a fault that a query has. */
export const INVALID_QUERY = "invalid_query";

/** The type of the fault of an action that several apps have at one path. */
export const SHARED_PATH = "shared_path";

/** What is told apart by the type of an error's first fault: what is wrong with a request beside its body, and the like. */
const OWN: Readonly<Record<string, Shown>> = {
  invalid_header: { status: 400, code: "VALIDATION_ERROR" },
  invalid_url: { status: 400, code: "VALIDATION_ERROR" },
  [WRONG_OBJECT_TYPE]: { status: 400, code: "WRONG_OBJECT_TYPE" },
  [SHARED_PATH]: { status: 409, code: "APP_BROKEN" },
  timed_out: { status: 504, code: "TIMED_OUT" },
};

/** How a task that failed by itself is answered, by the code of its error; `500` for any other. */
const FAILURES: Readonly<Record<string, number>> = { timed_out: 504, canceled: 409, unknown: 502 };

const error = z.object({ code: z.string(), message: z.string() });

const DetailShape = z.object({
  loc: z.array(z.union([z.string(), z.int()])).describe("where it is: body, and the way to the field"),
  msg: z.string(),
  type: z.string(),
});

export const ErrorShape = z
  .object({
    detail: z.union([z.string(), z.array(DetailShape)]).describe("a list where fields are wrong, with status 422"),
    error,
  })
  .meta({ id: "Error" });

/** What a task failed with. */
export const TaskErrorShape = error.extend({ detail: z.array(DetailShape).optional() });

/** How many faults an answer tells, so that a small body with many of them gets no huge answer. */
const DETAILS_MAX = 100;

/** How long a text of an answer is that may repeat what the client sent. */
const TEXT_MAX = 1_000;

/** An error as FastAPI writes it, with a code beside. The fields of faults are those of the body, without a prefix. */
export function encodeError(error: SojournError): JsonReply {
  const { retryAfterMs } = error;
  const headers = retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1_000)) };
  return { status: shownOf(error).status, headers, body: bodyOf(error) };
}

function shownOf({ code, faults }: SojournError): Shown {
  return OWN[faults[0]?.type ?? ""] ?? HTTP_ERRORS[code];
}

function bodyOf(error: SojournError): z.output<typeof ErrorShape> {
  const { code, message, faults } = error;
  const [first] = faults;
  const shown = shownOf(error);
  const text = clipped(first !== undefined && code === "invalid" ? inWords(first) : message);
  const isOfFields = first !== undefined && shown === HTTP_ERRORS.invalid;
  const detail = isOfFields ? faults.slice(0, DETAILS_MAX).map(encodeFault) : text;
  return { detail, error: { code: shown.code, message: text } };
}

/** The answer of a task that failed, was canceled, or took too long: what the app says is what is told. */
export function encodeFailure({ status, error }: Task): JsonReply {
  const { code, message } = error ?? { code: status, message: `The task is ${status}` };
  return {
    status: FAILURES[code] ?? 500,
    body: { detail: clipped(message), error: encodeTaskError({ code, message }) },
  };
}

/** What a task failed with, in the words of an answer to its caller. */
export function encodeTaskError(failed: TaskError): z.output<typeof TaskErrorShape> {
  const refusal = refusalIn(failed);
  if (refusal === undefined) return { code: publicCode(failed.code), message: clipped(failed.message) };
  const { detail, error } = bodyOf(refusal);
  return typeof detail === "string" ? error : { ...error, detail };
}

/** What was wrong with a call, where that is why its task failed. */
export function refusalIn({ code, message, faults = [] }: TaskError): SojournError | undefined {
  if (code !== "invalid" && code !== "object_not_found") return undefined;
  return ofBody(new SojournError(code, { message, faults }));
}

/** What is wrong with a task's input, told of the body that it is. */
export function ofBody({ code, message, faults, cause }: SojournError): SojournError {
  const ofIt = faults.map((fault) => ({ ...fault, field: fault.field.replace(/^input(?:\.|$)/, "") }));
  return new SojournError(code, { message, faults: ofIt, cause });
}

function encodeFault({ field, message, type }: Fault): z.output<typeof DetailShape> {
  const path = field === "" ? [] : clipped(field).split(".");
  return {
    loc: [
      type === INVALID_QUERY ? "query" : "body",
      ...path.map((part) => (/^\d{1,9}$/.test(part) ? Number(part) : part)),
    ],
    msg: message,
    type,
  };
}

function publicCode(code: string): string {
  return Object.hasOwn(HTTP_ERRORS, code) ? HTTP_ERRORS[code as ErrorCode].code : code.toUpperCase();
}

function inWords({ field, message }: Fault): string {
  const isSentence = /^[A-Z]/.test(message);
  if (field === "") return isSentence ? message : `The body ${message}`;
  return `${field}${isSentence ? ":" : ""} ${message}`;
}

function clipped(text: string): string {
  return text.length <= TEXT_MAX ? text : `${text.slice(0, TEXT_MAX).toWellFormed()}…`;
}
