import { z } from "zod";
import { invalid } from "../../../engine/errors.ts";
import { isSessionId, RESERVED_IDS } from "../../../engine/limits.ts";
import { badHeader } from "../../edge.ts";
import type { Call } from "../../route.ts";
import { INVALID_QUERY } from "./errors.ts";

/** What goes with every call of an action. */
export const SESSION_HEADERS: z.ZodObject = z.object({
  "X-Session-ID": z
    .string()
    .describe(
      "The session that the call is made in, which begins with its first call: 1 to 128 of A-Z a-z 0-9 . _ : @ -",
    ),
});

/** What a query may hold beside what is known; it is passed over, as these clients expect it. */
export const AnyQueryShape: z.ZodObject = z.object({});

const text = z.union([z.string(), z.array(z.string())]);

/** `GET <base>/session/{id}/log`. */
export const LogQueryShape = z.object({
  limit: text.optional().describe("how many operations: 1 to 10000, which is the default"),
  cursor: text.optional().describe("the next_cursor of an answer: what came after it"),
});

/** How many operations a log tells at once. */
export const LOG_MAX = 10_000;

/** The session that a call names. */
export function sessionIdOf({ header }: Pick<Call, "header">): string {
  const id = header("x-session-id") ?? "";
  if (id === "") throw badHeader("X-Session-ID", "is missing: name the session, such as by a UUID");
  if (isSessionId(id)) return id;
  const wanted = "must be 1 to 128 of the characters A-Z a-z 0-9 . _ : @ -";
  throw badHeader("X-Session-ID", `${wanted}, and none of the reserved words ${RESERVED_IDS.join(" ")}`);
}

/** Which part of a log is asked for. */
export function decodeLog({ limit = String(LOG_MAX), cursor = "0" }: z.output<typeof LogQueryShape>): {
  readonly limit: number;
  readonly after: number;
} {
  return { limit: numberOf("limit", limit, [1, LOG_MAX]), after: numberOf("cursor", cursor, [0, 999_999_999_999_999]) };
}

function numberOf(field: string, value: string | readonly string[], [min, max]: readonly [number, number]): number {
  const number = Number(value);
  if (typeof value === "string" && /^\d{1,15}$/.test(value) && number >= min && number <= max) return number;
  throw invalid([{ field, message: `must be a whole number from ${min} to ${max}`, type: INVALID_QUERY }]);
}
