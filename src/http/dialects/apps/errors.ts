import { z } from "zod";
import { type ErrorCode, type Fault, SojournError } from "../../../engine/errors.ts";
import { WRONG_OBJECT_TYPE } from "../../../engine/object.ts";
import type { TaskError } from "../../../engine/task.ts";
import type { Task } from "../../../engine/tasks.ts";
import type { JsonReply } from "../../route.ts";
import { COMMON_ERRORS, clipped, FAULTS_MAX, headersOf, type ShownError } from "../../shown-error.ts";

/** The status and the public code of every error. */
export const HTTP_ERRORS: Readonly<Record<ErrorCode, ShownError>> = {
  ...COMMON_ERRORS,
  invalid: { status: 422, code: "VALIDATION_ERROR" },
  invalid_content_type: { status: 415, code: "INVALID_CONTENT_TYPE" },
  no_session_found: COMMON_ERRORS.session_not_found,
  invalid_session: COMMON_ERRORS.session_not_found,
  // Clients tell this one of themselves.
  task_failed: { status: 500, code: "TASK_FAILED" },
};

/** The type of a fault that a query has. */
export const INVALID_QUERY = "invalid_query";

/** The type of the fault of an action that several apps have at one path. */
export const SHARED_PATH = "shared_path";

/** What is told apart by the type of an error's first fault: what is wrong with a request beside its body, and the like. */
const OWN: Readonly<Record<string, ShownError>> = {
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

/** An error as FastAPI writes it, with a code beside. The fields of faults are those of the body, without a prefix. */
export function encodeError(error: SojournError): JsonReply {
  return { status: shownOf(error).status, headers: headersOf(error), body: bodyOf(error) };
}

function shownOf({ code, faults }: SojournError): ShownError {
  return OWN[faults[0]?.type ?? ""] ?? HTTP_ERRORS[code];
}

function bodyOf(error: SojournError): z.output<typeof ErrorShape> {
  const { code, message, faults } = error;
  const [first] = faults;
  const shown = shownOf(error);
  const text = clipped(first !== undefined && code === "invalid" ? inWords(first) : message);
  const isOfFields = first !== undefined && shown === HTTP_ERRORS.invalid;
  const detail = isOfFields ? faults.slice(0, FAULTS_MAX).map(encodeFault) : text;
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
