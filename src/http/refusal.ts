import { type IncomingMessage, type ServerResponse, STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import type { SojournError } from "../engine/errors.ts";
import { account, requestIdOf } from "./account.ts";
import type { HttpContext } from "./context.ts";
import { sayGoodbye } from "./linger.ts";
import { commonHeaders, rendered } from "./reply.ts";
import type { Dialect } from "./route.ts";

/** A refusal in a dialect's envelope. */
export interface EncodedRefusal {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Encodes a refusal that no route answers. */
export function encodeRefusal(
  { clock, mintRequestId }: HttpContext,
  dialect: Dialect,
  error: SojournError,
  requestId: string = mintRequestId(),
): EncodedRefusal {
  const { status = 400, text, type, headers } = rendered(dialect.encodeError(error, requestId, clock.now()));
  const length = { "content-length": String(Buffer.byteLength(text)) };
  return { status, text, headers: { ...commonHeaders(requestId, 0), "content-type": type, ...length, ...headers } };
}

/** Answers a request that no route gets to see. */
export function refuse(
  context: HttpContext,
  dialect: Dialect,
  {
    incoming,
    outgoing,
    failure,
  }: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse; readonly failure: SojournError },
): void {
  const isIdGood = !failure.faults.some(({ field }) => field === "x-request-id");
  const requestId = isIdGood ? requestIdOf(incoming, context) : context.mintRequestId();
  const { status, text, headers } = encodeRefusal(context, dialect, failure, requestId);
  outgoing.writeHead(status, headers);
  outgoing.end(text);
  account(context, { incoming, route: "(edge)", requestId, status, ms: 0, failure });
}

/** Answers what never became a request, and closes the connection. */
export function refuseConnection(
  context: HttpContext,
  dialect: Dialect,
  { socket, failure }: { readonly socket: Socket; readonly failure: SojournError },
): void {
  const { status, text, headers } = encodeRefusal(context, dialect, failure);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}`);
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("\r\n")}`;
  sayGoodbye(socket, `${head}\r\n\r\n${text}`, context.limits);
  context.meters.account({ method: "(none)", route: "(connection)", status, seconds: 0 });
}
