import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { getRequestListener, RequestError } from "@hono/node-server";
import { invalid, SojournError } from "../engine/errors.ts";
import { buildApp } from "./app.ts";
import type { HttpContext } from "./context.ts";
import { refusalAtEdge } from "./edge.ts";
import { readAway } from "./linger.ts";
import { encodeRefusal, refuse, refuseConnection } from "./refusal.ts";
import { type Dialect, type Dialects, type LateDialects, ownerOf } from "./route.ts";

/** Where to listen. */
export interface Address {
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
}

/** What the server speaks. */
export interface Contracts {
  readonly dialects: Dialects;
  readonly late: LateDialects;
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

/** Longer than the idle timeout of the usual proxies, so that none of them meets a connection just closed. */
const KEEP_ALIVE_MS = 65_000;

/** How often connections that became idle are closed while the server stops. */
const CLOSING_MS = 25;

/** Starts the HTTP server; rejects with Node's own error where it can't listen. */
export async function listen(
  context: HttpContext,
  { dialects, late }: Contracts,
  { host, port }: Address,
): Promise<HttpServer> {
  const { limits, admission } = context;
  const [first] = dialects;
  const server = createServer({
    requireHostHeader: false,
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: limits.headersMs / 10,
    // Bodies have a time of their own, by route.
    requestTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
  });
  // What `cutOffStalled` listens for.
  server.timeout = limits.stalledMs;
  // Past a number of headers Node would leave the others out, without a word; their size is limited in any case.
  server.maxHeadersCount = 0;
  // Whoever sends a request and then closes its own side, as `nc -N` does, waits for the answer. Node has a switch for
  // this that its types don't know.
  Object.assign(server, { httpAllowHalfOpen: true });
  boundConnections(server, context, first);

  const errorHandler = async (cause: unknown): Promise<Response> => {
    const failure = unroutable(cause);
    const { status, text, headers } = encodeRefusal(context, first, failure);
    context.meters.account({ method: "(none)", route: "(parser)", status, seconds: 0 });
    if (failure.code === "internal") context.logger.error({ err: cause }, "request could not be routed");
    else context.logger.info({ code: failure.code }, "request not understood");
    return new Response(text, { status, headers });
  };
  const route = getRequestListener(buildApp(context, dialects, late).fetch, {
    errorHandler,
    autoCleanupIncoming: false,
  });
  const isVital = vitalPaths(dialects);
  /** The newest answer of each connection. */
  const newest = new WeakMap<Socket, ServerResponse>();
  const handle = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    newest.set(incoming.socket, outgoing);
    if (!server.listening) outgoing.setHeader("connection", "close");
    outgoing.on("timeout", cutOffStalled);
    outgoing.once("finish", () => {
      if (incoming.complete) incoming.resume();
      else readAway(incoming, limits);
    });
    context.cors(incoming, outgoing, () => {
      // While it was found out whether a page may call, its client may have gone.
      if (outgoing.closed) return;
      const overloaded = admission.enter(incoming, isVital);
      const failure = overloaded ?? refusalAtEdge(incoming);
      if (failure !== undefined) {
        const path = pathOf(incoming);
        const dialect = ownerOf([...dialects, ...late.known()], path) ?? first;
        refuse(context, dialect, { incoming, outgoing, failure });
      }
      if (overloaded !== undefined) return;
      // A handler may work on when its client has long gone.
      let holders = failure === undefined ? 2 : 1;
      const leave = (): void => {
        holders -= 1;
        if (holders === 0) admission.leave(incoming);
      };
      outgoing.once("close", leave);
      if (failure === undefined) void route(incoming, outgoing).finally(leave);
    });
  };
  server.on("request", handle);
  // The body is asked for once it is known that it is wanted.
  server.on("checkContinue", handle);
  // Whatever else a client expects by `Expect`, it gets the answer.
  server.on("checkExpectation", handle);
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
    answerParseError(context, first, { error, socket, last: newest.get(socket) });
  });
  server.on("connect", (_incoming, socket: Socket) => {
    const failure = new SojournError("method_not_allowed", { message: "This is no proxy" });
    refuseConnection(context, first, { socket, failure });
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

/** Answers a connection too many before Node's parser is set up for it; `maxConnections` of Node would just reset it. */
function boundConnections(server: Server, context: HttpContext, dialect: Dialect): void {
  const parsers = server.listeners("connection");
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    const failure = context.admission.connect(socket);
    if (failure !== undefined) refuseConnection(context, dialect, { socket, failure });
    else for (const parse of parsers) parse.call(server, socket);
  });
}

/** Tells which requests are answered under any load: a busy server must not be killed for being busy, nor be blind. */
function vitalPaths(dialects: Dialects): (incoming: IncomingMessage) => boolean {
  const ofDialects = dialects.flatMap(({ base, routes }) =>
    routes.filter(({ isVital }) => isVital === true).map(({ path }) => base + path),
  );
  const paths = new Set(["/healthz", "/readyz", "/metrics", ...ofDialects]);
  return (incoming) => paths.has(pathOf(incoming));
}

function pathOf({ url = "" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "";
}

// Node calls this when nothing was sent or received for a while. A handler that takes long is no reason to cut anyone
// off; an answer of which nothing is taken is. A connection without a request in hand is closed by Node itself.
function cutOffStalled(socket: Socket): void {
  if (socket.writableLength > 0) socket.destroy();
}

function unroutable(cause: unknown): SojournError {
  if (cause instanceof RequestError) {
    return invalid([{ field: "url", message: "is not a valid request target", type: "invalid_url" }]);
  }
  return new SojournError("internal", { message: "Something broke on our side; the log has more of it", cause });
}

interface ParseError {
  readonly error: NodeJS.ErrnoException;
  readonly socket: Socket;
  /** The newest answer of this connection, if there was any. */
  readonly last: ServerResponse | undefined;
}

/** What Node's parser refuses never becomes a request; its sender gets the envelope all the same. */
function answerParseError(context: HttpContext, dialect: Dialect, { error: cause, socket, last }: ParseError): void {
  if (cause.code === "ECONNRESET") socket.destroy();
  if (!socket.writable) return;
  context.logger.info({ code: cause.code }, "request not understood");
  const isAnswered = last === undefined || last.writableFinished;
  // It came while what is left of a refused body was read away.
  if (isAnswered && last?.req.complete === false) socket.destroy();
  // Either no request is open, or it is the open one itself that is broken, in its body.
  else if (isAnswered || (!last.req.complete && last.socket === socket && !last.headersSent)) {
    refuseConnection(context, dialect, { socket, failure: parseError(cause) });
  }
  // Requests before this one are still to be answered: nothing may be written that they could be taken to be about.
  else last.once("close", () => socket.destroySoon());
}

function parseError(cause: NodeJS.ErrnoException): SojournError {
  switch (cause.code) {
    case "HPE_HEADER_OVERFLOW":
      return new SojournError("payload_too_large", { message: "The request's headers have more than 16 KiB", cause });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new SojournError("request_timeout", { message: "The request's headers did not arrive in time", cause });
    default:
      return new SojournError("invalid", { message: "This is not a valid HTTP request", cause });
  }
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
