import type { IncomingMessage } from "node:http";
import { ERROR_KINDS, type ErrorCode, SojournError } from "../engine/errors.ts";
import type { HttpContext } from "./context.ts";

/** What became of a request. */
export interface Outcome {
  readonly incoming: IncomingMessage;
  readonly route: string;
  readonly requestId: string;
  /** Whoever called, where that had to be known. */
  readonly actor?: string | undefined;
  /** The uid of the session that the call was made as. */
  readonly actingAs?: string | undefined;
  readonly status: number;
  readonly ms: number;
  readonly failure: SojournError | undefined;
}

/** The id that the client gave the request, or a new one. */
export function requestIdOf(
  { headers }: IncomingMessage,
  { mintRequestId }: Pick<HttpContext, "mintRequestId">,
): string {
  return headers["x-request-id"]?.toString() ?? mintRequestId();
}

/**
 * One line for each request; for one that went well only where the log asks for detail, since the metrics count them.
 * Paths and queries stay out of it: ids and search words are the users' own.
 */
export function account(
  { logger, meters }: Pick<HttpContext, "logger" | "meters">,
  { incoming, route, requestId, actor, actingAs, status, ms, failure }: Outcome,
): void {
  const method = incoming.method ?? "";
  meters.account({ method, route, status, seconds: ms / 1_000 });
  if (failure === undefined && !logger.isLevelEnabled("debug")) return;
  const rounded = Math.round(ms * 100) / 100;
  const line = { request_id: requestId, method, route, actor, acting_as: actingAs, status, ms: rounded };
  if (failure === undefined) logger.debug(line, "request");
  else if (status < 500) logger.info({ ...line, code: failure.code }, "request refused");
  else logFailure({ logger }, line, failure);
}

/** Puts into the log what failed after the answer has begun, and returns it as its client may see it. */
export function accountLate({ logger }: Pick<HttpContext, "logger">, line: object, thrown: unknown): SojournError {
  const failure = asSojournError(thrown);
  if (ERROR_KINDS[failure.code].blame === "system") logFailure({ logger }, line, failure);
  else logger.info({ ...line, code: failure.code }, "request refused");
  return failure;
}

/** What was thrown, as a client may see it. */
export function asSojournError(thrown: unknown): SojournError {
  if (thrown instanceof SojournError) return thrown;
  // What broke is for the log alone.
  const message = "Something broke on our side; the log has it under this request_id";
  return new SojournError("internal", { message, cause: thrown });
}

function logFailure({ logger }: Pick<HttpContext, "logger">, line: object, failure: SojournError): void {
  const { code } = failure;
  if (EXPECTED.includes(code)) logger.info({ ...line, code }, "request refused");
  else logger.error({ ...line, code, err: failure.cause ?? failure }, "request failed");
}

/** What ends with a status of the 500s, and is no failure of ours: somebody else was first. */
const EXPECTED: readonly ErrorCode[] = ["overloaded", "store_in_use"];
