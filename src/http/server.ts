import { createServer, type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { invalid, SojournError } from "../engine/errors.ts";
import { account, buildApp, commonHeaders, type HttpContext, requestIdOf } from "./app.ts";
import { refusalAtEdge } from "./edge.ts";
import type { Dialect } from "./route.ts";

/** Where to listen. */
export interface Address {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** A server that listens. */
export interface HttpServer {
  /** Such as `http://127.0.0.1:7070`. */
  readonly url: string;
  /** Stops listening, answers the requests in hand, and cuts off what is not done after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

/** How many connections may wait to be accepted, so that a thousand clients may come at once. */
const BACKLOG = 4_096;

/** How long a client may take for a request's headers. */
const HEADERS_TIMEOUT_MS = 10_000;

/** Longer than the idle timeout of the usual proxies, so that none of them meets a connection just closed. */
const KEEP_ALIVE_MS = 65_000;

/** How often connections that became idle are closed while the server stops. */
const CLOSING_MS = 25;

/** Starts the HTTP server; rejects with Node's own error where it can't listen. */
export async function listen(context: HttpContext, dialect: Dialect, { host, port }: Address): Promise<HttpServer> {
  const server = createServer({
    requireHostHeader: false,
    headersTimeout: HEADERS_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  const refuse = refuser(context, dialect);
  const errorHandler = async (cause: unknown): Promise<Response> => {
    const { status, text, headers } = encodeFailure(context, dialect, unroutable(cause));
    context.logger.warn({ err: cause }, "request could not be routed");
    return new Response(text, { status, headers });
  };
  const route = getRequestListener(buildApp(context, dialect).fetch, { errorHandler });
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    if (!server.listening) outgoing.setHeader("connection", "close");
    context.cors(incoming, outgoing, () => {
      const refusal = refusalAtEdge(incoming);
      if (refusal === undefined) void route(incoming, outgoing);
      else refuse(incoming, outgoing, refusal);
    });
  };
  server.on("request", handle);
  // Whatever a client expects by `Expect`, it gets the answer.
  server.on("checkExpectation", handle);
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    answerParseError(context, dialect, { error, socket });
  });
  server.on("connect", (_incoming, socket: Socket) => {
    writeRaw(context, dialect, {
      socket,
      error: new SojournError("method_not_allowed", { message: "This is no proxy" }),
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port, backlog: BACKLOG }, () => {
      server.off("error", reject);
      resolve();
    });
  });
  return { url: urlOf(server), close: (graceMs) => close(server, graceMs) };
}

type Refuse = (incoming: IncomingMessage, outgoing: ServerResponse, error: SojournError) => void;

function refuser(context: HttpContext, dialect: Dialect): Refuse {
  return (incoming, outgoing, failure) => {
    const isIdGood = !failure.faults.some(({ field }) => field === "x-request-id");
    const requestId = isIdGood ? requestIdOf(incoming, context) : context.mintRequestId();
    const { status, text, headers } = encodeFailure(context, dialect, failure, requestId);
    outgoing.writeHead(status, headers);
    outgoing.end(text);
    account(context, { incoming, route: "(edge)", requestId, status, ms: 0, failure });
  };
}

interface EncodedFailure {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A refusal that no route answers. */
function encodeFailure(
  { clock, mintRequestId }: HttpContext,
  dialect: Dialect,
  error: SojournError,
  requestId: string = mintRequestId(),
): EncodedFailure {
  const { status = 400, body, headers } = dialect.encodeError(error, requestId, clock.now());
  const text = JSON.stringify(body);
  const length = { "content-length": String(Buffer.byteLength(text)) };
  return { status, text, headers: { ...commonHeaders(requestId, 0), ...length, ...headers } };
}

function unroutable(cause: unknown): SojournError {
  if (cause instanceof RequestError) {
    return invalid([{ field: "url", message: "is not a valid request target", type: "invalid_url" }]);
  }
  return new SojournError("internal", { message: "Something broke on our side; the log has more of it", cause });
}

/** What Node's parser refuses never becomes a request; its sender gets the envelope all the same. */
function answerParseError(
  context: HttpContext,
  dialect: Dialect,
  { error: cause, socket }: { readonly error: NodeJS.ErrnoException; readonly socket: Socket },
): void {
  if (cause.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  context.logger.info({ code: cause.code }, "request not understood");
  writeRaw(context, dialect, { socket, error: parseError(cause) });
}

function parseError(cause: NodeJS.ErrnoException): SojournError {
  switch (cause.code) {
    case "HPE_HEADER_OVERFLOW":
      return new SojournError("payload_too_large", { message: "The request's headers have more than 16 KiB", cause });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new SojournError("invalid", { message: "The request did not arrive in time", cause });
    default:
      return new SojournError("invalid", { message: "This is not a valid HTTP request", cause });
  }
}

function writeRaw(
  context: HttpContext,
  dialect: Dialect,
  { socket, error }: { readonly socket: Socket; readonly error: SojournError },
): void {
  const { status, text, headers } = encodeFailure(context, dialect, error);
  const lines = Object.entries({ ...headers, connection: "close" }).map(([name, value]) => `${name}: ${value}`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join("\r\n")}\r\n\r\n${text}`);
  context.meters.account({ method: "(none)", route: "(parser)", status, seconds: 0 });
}

function urlOf(server: Server): string {
  // NOTE: a server that listens on TCP has an address and a port.
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}

async function close(server: Server, graceMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  const closeIdle = setInterval(() => server.closeIdleConnections(), CLOSING_MS);
  const cutOff = setTimeout(() => server.closeAllConnections(), graceMs);
  await closed;
  clearInterval(closeIdle);
  clearTimeout(cutOff);
}
