import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { Logger } from "pino";
import { z } from "zod";
import type { Access, Identity } from "../engine/access.ts";
import type { Clock } from "../engine/clock.ts";
import { ERROR_KINDS, type ErrorCode, SojournError } from "../engine/errors.ts";
import type { Caller, Sessions } from "../engine/sessions.ts";
import type { Users } from "../engine/users.ts";
import type { Memory } from "../memory/memory.ts";
import type { Admission } from "./admission.ts";
import { type BodyRule, readBody } from "./body.ts";
import type { Cors } from "./cors.ts";
import type { EdgeLimits } from "./edge-limits.ts";
import type { Gate, RouteScope } from "./gate.ts";
import type { Meters } from "./meters.ts";
import { commonHeaders, rendered, toResponse, withoutEvents } from "./reply.ts";
import { parse, parseQuery, writeOptionsOf } from "./request.ts";
import type { Call, Dialect, EventReply, Reply, Route, Service } from "./route.ts";
import { serverRoutes } from "./server-routes.ts";

/** What the HTTP server stands on. */
export interface HttpContext {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly memory: Memory;
  readonly access: Access;
  readonly admission: Admission;
  readonly limits: EdgeLimits;
  readonly gate: Gate;
  readonly cors: Cors;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meters: Meters;
  /** Makes the id of a request that came without one. */
  readonly mintRequestId: () => string;
  readonly service: Service;
  readonly maxBodyBytes: number;
}

type Env = { Bindings: HttpBindings };
type Handler = (c: Context<Env>, exchange: Exchange) => Promise<Reply>;

/** What a handler finds out about a request, for its answer and for the log. */
interface Exchange {
  readonly requestId: string;
  /** The pattern of its path. */
  readonly route: string;
  /** Headers of the answer, also of a refusal. */
  readonly headers: Record<string, string>;
  /** Whoever calls, where that had to be known. */
  identity?: Identity;
}

const NoQuery = z.strictObject({});

/** All routes of the server: each dialect's, and those of the server itself. */
export function buildApp(context: HttpContext, dialect: Dialect): Hono<Env> {
  const app = new Hono<Env>();
  const on = (method: string, path: string, { scope, handler }: { scope: RouteScope; handler: Handler }): void => {
    const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(method, pattern, (c) => answer(context, dialect, { c, route: path, scope, handler }));
  };
  for (const route of dialect.routes) {
    const parameter = /\{(\w+)\}/.exec(route.path)?.[1];
    const handler: Handler = (c, exchange) => {
      return callRoute(context, { c, route, id: (parameter && c.req.param(parameter)) ?? "" }, exchange);
    };
    on(route.method, dialect.base + route.path, { scope: route.scope, handler });
  }
  for (const [path, route] of Object.entries(serverRoutes(context, dialect))) on("GET", path, route);
  app.notFound((c) => {
    // Looked up only now: a handler for all methods would make every request run through two.
    const allowed = METHODS.filter((method) => app.router.match(method, c.req.path)[0].length > 0);
    if (allowed.length === 0)
      return answer(context, dialect, { c, route: "(none)", scope: "open", handler: noSuchPath });
    const allow = allowed.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
    const handler: Handler = (_, { headers }) => {
      headers["allow"] = allow;
      throw new SojournError("method_not_allowed", { message: `This path takes ${allow}` });
    };
    return answer(context, dialect, { c, route: "(none)", scope: "open", handler });
  });
  app.onError((thrown, c) => {
    return answer(context, dialect, { c, route: "(none)", scope: "open", handler: () => Promise.reject(thrown) });
  });
  return app;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const noSuchPath: Handler = async () => {
  throw new SojournError("not_found", { message: "There is no such path; GET / lists what there is" });
};

/** Who calls an open route: someone who owns nothing. */
const NOBODY: Caller = { tenant: "", actor: "nobody" };

interface Called {
  readonly c: Context<Env>;
  readonly route: Route;
  readonly id: string;
}

async function callRoute(
  context: HttpContext,
  { c, route, id }: Called,
  { identity, requestId, route: pattern }: Exchange,
): Promise<Reply> {
  const { incoming, outgoing } = c.env;
  const { sessions, users, memory, access, clock, service } = context;
  // A file is made to be read.
  if (route.type !== undefined && incoming.method === "HEAD") return { text: "", type: route.type };
  const body = route.body && (await readBody(incoming, outgoing, bodyRule(context, route, incoming)));
  const call: Call = {
    sessions,
    users,
    memory,
    access,
    caller: identity ?? NOBODY,
    id,
    query: parseQuery(route.query ?? NoQuery, incoming.url ?? ""),
    body: route.body && parse(route.body, body?.value),
    write: route.isWrite ? writeOptionsOf(incoming, body?.text ?? "") : {},
    header: (name) => incoming.headers[name]?.toString(),
    gone: () => signalOfLeaving(c.env),
    now: () => clock.now(),
    requestId,
    fail: (thrown) => {
      const failure = asSojournError(thrown);
      const line = { request_id: requestId, method: incoming.method, route: pattern, actor: identity?.actor };
      if (isOurs(failure)) logFailure(context, line, failure);
      else context.logger.info({ ...line, code: failure.code }, "request refused");
      return failure;
    },
    service,
  };
  // NOTE: query and body were parsed with the route's own shapes.
  return await route.handle(call as Parameters<Route["handle"]>[0]);
}

/**
 * Aborts when the client has gone. One that only closes its own side may still wait, but can't be told from one that has
 * gone until something is written to it; what takes long is not done for it.
 */
function signalOfLeaving({ incoming, outgoing }: HttpBindings): AbortSignal {
  const abort = new AbortController();
  const { socket } = incoming;
  const leave = (): void => {
    abort.abort(new SojournError("request_timeout", { message: "The client went away before its answer" }));
  };
  if (socket.readableEnded || outgoing.closed) leave();
  socket.once("end", leave);
  outgoing.once("close", () => {
    socket.off("end", leave);
    leave();
  });
  return abort.signal;
}

function bodyRule({ admission, limits, maxBodyBytes }: HttpContext, route: Route, incoming: IncomingMessage): BodyRule {
  return {
    maxBytes: route.maxBodyBytes ?? maxBodyBytes,
    timeoutMs: route.bodyTimeoutMs ?? limits.bodyMs,
    isOptional: route.isBodyOptional ?? false,
    hold: (bytes) => admission.hold(incoming, bytes),
  };
}

interface Matched {
  readonly c: Context<Env>;
  readonly route: string;
  readonly scope: RouteScope;
  readonly handler: Handler;
}

async function answer(
  context: HttpContext,
  dialect: Dialect,
  { c, route, scope, handler }: Matched,
): Promise<Response> {
  const started = performance.now();
  const { incoming } = c.env;
  const requestId = requestIdOf(incoming, context);
  const exchange: Exchange = { requestId, route, headers: {} };
  let failure: SojournError | undefined;
  let reply: ReturnType<typeof rendered>;
  try {
    const identity = await context.gate.admit(incoming, scope);
    if (identity !== undefined) {
      exchange.identity = identity;
      await context.gate.count(identity, { route, isRead: isRead(incoming) }, exchange.headers);
    }
    reply = rendered(await handler(c, exchange));
    if ("text" in reply && isRead(incoming)) holdAnswer(context, c.env, reply.text.length);
  } catch (thrown) {
    failure = asSojournError(thrown);
    if (failure.code === "unauthorized") exchange.headers["www-authenticate"] = 'Bearer realm="sojourn"';
    reply = rendered(dialect.encodeError(failure, requestId, context.clock.now()));
  }
  const ms = performance.now() - started;
  const shown = incoming.method === "HEAD" ? withoutEvents(reply) : reply;
  if ("events" in shown) letStream(context.admission, c.env, shown);
  const response = toResponse(shown, Object.assign(commonHeaders(requestId, ms), exchange.headers), context.meters);
  const { status } = response;
  account(context, { incoming, route, requestId, actor: exchange.identity?.actor, status, ms, failure });
  return response;
}

/** How large an answer is that counts among what is in hand. */
const LARGE = 65_536;

/** How slowly a large answer may be taken. */
const BYTES_PER_SECOND_MIN = 65_536;

/**
 * Counts a large answer until it is taken, and gives its reader a time for that. What was written is answered in any
 * case.
 */
function holdAnswer({ admission, limits }: HttpContext, { incoming, outgoing }: HttpBindings, bytes: number): void {
  if (bytes < LARGE) return;
  admission.hold(incoming, bytes);
  const timer = setTimeout(() => outgoing.destroy(), limits.stalledMs + (bytes / BYTES_PER_SECOND_MIN) * 1_000);
  outgoing.once("close", () => clearTimeout(timer));
}

function isRead({ method }: IncomingMessage): boolean {
  return method === "GET" || method === "HEAD";
}

/** A feed is no request in hand, and whoever hangs up does not wait for a stream's end. */
function letStream(admission: Admission, { incoming, outgoing }: HttpBindings, { isAnswer = false }: EventReply): void {
  if (!isAnswer) admission.leave(incoming);
  const { socket } = incoming;
  const hangUp = (): void => void outgoing.destroy();
  if (socket.readableEnded) hangUp();
  socket.once("end", hangUp);
  outgoing.once("close", () => socket.off("end", hangUp));
}

/** The id that the client gave the request, or a new one. */
export function requestIdOf(
  { headers }: IncomingMessage,
  { mintRequestId }: Pick<HttpContext, "mintRequestId">,
): string {
  return headers["x-request-id"]?.toString() ?? mintRequestId();
}

interface Outcome {
  readonly incoming: IncomingMessage;
  readonly route: string;
  readonly requestId: string;
  /** Whoever called, where that had to be known. */
  readonly actor?: string | undefined;
  readonly status: number;
  readonly ms: number;
  readonly failure: SojournError | undefined;
}

/**
 * One line for each request; for one that went well only where the log asks for detail, since the metrics count them.
 * Paths and queries stay out of it: ids and search words are the users' own.
 */
export function account(
  { logger, meters }: Pick<HttpContext, "logger" | "meters">,
  { incoming, route, requestId, actor, status, ms, failure }: Outcome,
): void {
  const method = incoming.method ?? "";
  meters.account({ method, route, status, seconds: ms / 1_000 });
  if (failure === undefined && !logger.isLevelEnabled("debug")) return;
  const line = { request_id: requestId, method, route, actor, status, ms: Math.round(ms * 100) / 100 };
  if (failure === undefined) logger.debug(line, "request");
  else if (status < 500) logger.info({ ...line, code: failure.code }, "request refused");
  else logFailure({ logger }, line, failure);
}

function isOurs({ code }: SojournError): boolean {
  return ERROR_KINDS[code].blame === "system";
}

function logFailure({ logger }: Pick<HttpContext, "logger">, line: object, failure: SojournError): void {
  const { code } = failure;
  if (EXPECTED.includes(code)) logger.info({ ...line, code }, "request refused");
  else logger.error({ ...line, code, err: failure.cause ?? failure }, "request failed");
}

/** What ends with a status of the 500s, and is no failure of ours: somebody else was first. */
const EXPECTED: readonly ErrorCode[] = ["overloaded", "store_in_use"];

function asSojournError(thrown: unknown): SojournError {
  if (thrown instanceof SojournError) return thrown;
  // What broke is for the log alone.
  const message = "Something broke on our side; the log has it under this request_id";
  return new SojournError("internal", { message, cause: thrown });
}
