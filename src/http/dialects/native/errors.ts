import type { ErrorCode, SojournError } from "../../../engine/errors.ts";
import type { JsonReply } from "../../route.ts";
import { COMMON_ERRORS, clipped, FAULTS_MAX, headersOf, type ShownError } from "../../shown-error.ts";
import { isoTime } from "./encode.ts";

/** The status and the public code of every error. */
export const HTTP_ERRORS: Readonly<Record<ErrorCode, ShownError>> = COMMON_ERRORS;

/** An error in ATLUS's envelope. */
export function encodeError(error: SojournError, requestId: string, now: number): JsonReply {
  const { status, code } = HTTP_ERRORS[error.code];
  const faults = error.faults.slice(0, FAULTS_MAX);
  const details = faults.map(({ field, ...rest }) => ({ field: clipped(field), ...rest }));
  return {
    status,
    body: {
      success: false,
      error: { code, message: clipped(error.message), status, ...(details.length > 0 && { details }) },
      timestamp: isoTime(now),
      request_id: requestId,
    },
    headers: headersOf(error),
  };
}
