import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import type { Logger } from "pino";
import { z } from "zod";
import type { Clock } from "../engine/clock.ts";
import { type ErrorCode, SojournError } from "../engine/errors.ts";
import type { Caller, Sessions } from "../engine/sessions.ts";
import { readBody } from "./body.ts";
import { eventStream } from "./event-stream.ts";
import type { Meters } from "./meters.ts";
import { openApi } from "./openapi.ts";
import { parse, parseQuery, writeOptionsOf } from "./request.ts";
import type { Call, Dialect, Reply, Route, Service } from "./route.ts";

/** What the HTTP server stands on. */
export interface HttpContext {
  readonly sessions: Sessions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly meters: Meters;
  /** Makes the id of a request that came without one. */
  readonly mintRequestId: () => string;
  /** On whose behalf calls are made that show no key. */
  readonly caller: Caller;
  readonly service: Service;
  readonly maxBodyBytes: number;
}

type Env = { Bindings: HttpBindings };
type Handler = (c: Context<Env>) => Promise<Reply>;

const NoQuery = z.strictObject({});

/** All routes of the server: each dialect's, and those of the server itself. */
export function buildApp(context: HttpContext, dialect: Dialect): Hono<Env> {
  const app = new Hono<Env>();
  const on = (method: string, path: string, handler: Handler): void => {
    const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(method, pattern, (c) => answer(context, dialect, { c, route: path, handler }));
  };
  for (const route of dialect.routes) on(route.method, dialect.base + route.path, (c) => callRoute(context, route, c));
  for (const [path, handler] of Object.entries(serverRoutes(context, dialect))) on("GET", path, handler);
  app.notFound((c) => {
    // Looked up only now: a handler for all methods would make every request run through two.
    const allowed = METHODS.filter((method) => app.router.match(method, c.req.path)[0].length > 0);
    if (allowed.length === 0) return answer(context, dialect, { c, route: "(none)", handler: noSuchPath });
    const allow = allowed.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
    const handler = refuse("method_not_allowed", `This path takes ${allow}`);
    return answer(context, dialect, { c, route: "(none)", handler, headers: { allow } });
  });
  app.onError((thrown, c) => answer(context, dialect, { c, route: "(none)", handler: () => Promise.reject(thrown) }));
  return app;
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const noSuchPath = refuse("not_found", "There is no such path; GET / lists what there is");

function refuse(code: ErrorCode, message: string): Handler {
  return () => Promise.reject(new SojournError(code, { message }));
}

async function callRoute(context: HttpContext, route: Route, c: Context<Env>): Promise<Reply> {
  const { incoming, outgoing } = c.env;
  const { sessions, caller, clock, service, maxBodyBytes } = context;
  const { isBodyOptional = false } = route;
  const body = route.body && (await readBody(incoming, { maxBytes: maxBodyBytes, isOptional: isBodyOptional }));
  const call: Call = {
    sessions,
    caller,
    id: c.req.param("id") ?? "",
    query: parseQuery(route.query ?? NoQuery, incoming.url ?? ""),
    body: route.body && parse(route.body, body?.value),
    write: route.isWrite ? writeOptionsOf(incoming, body?.text ?? "") : {},
    header: (name) => incoming.headers[name]?.toString(),
    gone: () => {
      const abort = new AbortController();
      outgoing.once("close", () => abort.abort());
      return abort.signal;
    },
    now: () => clock.now(),
    service,
  };
  // NOTE: query and body were parsed with the route's own shapes.
  return await route.handle(call as Parameters<Route["handle"]>[0]);
}

function serverRoutes({ service, meters }: HttpContext, dialect: Dialect): Record<string, Handler> {
  const { version, probe } = service;
  const endpoints = dialect.routes.map(({ method, path, summary }) => ({ method, path: dialect.base + path, summary }));
  const docs = async (): Promise<Reply> => ({
    body: { service: "sojourn", version, status: "running", endpoints, openapi: "/openapi.json" },
  });
  let document: object | undefined;
  return {
    "/": docs,
    [`${dialect.base}/docs`]: docs,
    "/healthz": async () => ({ body: { status: "ok" } }),
    "/readyz": async () => {
      await probe();
      return { body: { status: "ready" } };
    },
    "/metrics": async () => ({ text: await meters.registry.metrics(), type: meters.registry.contentType }),
    "/openapi.json": async () => {
      document ??= openApi(dialect, version);
      return { body: document };
    },
  };
}

interface Matched {
  readonly c: Context<Env>;
  readonly route: string;
  readonly handler: Handler;
  /** Headers of every answer of this route. */
  readonly headers?: Readonly<Record<string, string>>;
}

async function answer(
  context: HttpContext,
  dialect: Dialect,
  { c, route, handler, headers }: Matched,
): Promise<Response> {
  const started = performance.now();
  const { incoming } = c.env;
  const requestId = requestIdOf(incoming, context);
  let failure: SojournError | undefined;
  let reply: Reply;
  try {
    reply = await handler(c);
  } catch (thrown) {
    failure = asSojournError(thrown);
    reply = dialect.encodeError(failure, requestId, context.clock.now());
  }
  const ms = performance.now() - started;
  const shown = incoming.method === "HEAD" ? withoutEvents(reply) : reply;
  const response = toResponse(shown, Object.assign(commonHeaders(requestId, ms), headers), context.meters);
  account(context, { incoming, route, requestId, status: response.status, ms, failure });
  return response;
}

/** The id that the client gave the request, or a new one. */
export function requestIdOf(
  { headers }: IncomingMessage,
  { mintRequestId }: Pick<HttpContext, "mintRequestId">,
): string {
  return headers["x-request-id"]?.toString() ?? mintRequestId();
}

/** The headers of every answer; the type is that of JSON, until an answer says otherwise. */
export function commonHeaders(requestId: string, ms: number): Record<string, string> {
  return {
    "content-type": "application/json; charset=utf-8",
    "x-request-id": requestId,
    "x-response-time": `${ms.toFixed(2)}ms`,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
  };
}

/** Nobody would read the events of a HEAD, and so nobody would end them. */
function withoutEvents(reply: Reply): Reply {
  return "events" in reply ? { text: "", type: EVENTS_TYPE } : reply;
}

const EVENTS_TYPE = "text/event-stream; charset=utf-8";

// `headers` is filled and handed on, and not copied: this runs for every request.
function toResponse(reply: Reply, headers: Record<string, string>, meters: Meters): Response {
  if ("events" in reply) {
    headers["content-type"] = EVENTS_TYPE;
    return new Response(eventStream(reply.events, meters.openStream()), { headers });
  }
  if ("text" in reply) {
    headers["content-type"] = reply.type;
    return new Response(reply.text, { headers });
  }
  Object.assign(headers, reply.headers);
  return new Response(JSON.stringify(reply.body), { status: reply.status ?? 200, headers });
}

interface Outcome {
  readonly incoming: IncomingMessage;
  readonly route: string;
  readonly requestId: string;
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
  { incoming, route, requestId, status, ms, failure }: Outcome,
): void {
  const method = incoming.method ?? "";
  meters.account({ method, route, status, seconds: ms / 1_000 });
  if (failure === undefined && !logger.isLevelEnabled("debug")) return;
  const line = { request_id: requestId, method, route, status, ms: Math.round(ms * 100) / 100 };
  if (failure === undefined) logger.debug(line, "request");
  else if (status < 500) logger.info({ ...line, code: failure.code }, "request refused");
  else logger.error({ ...line, code: failure.code, err: failure.cause ?? failure }, "request failed");
}

function asSojournError(thrown: unknown): SojournError {
  if (thrown instanceof SojournError) return thrown;
  // What broke is for the log alone.
  const message = "Something broke on our side; the log has it under this request_id";
  return new SojournError("internal", { message, cause: thrown });
}
