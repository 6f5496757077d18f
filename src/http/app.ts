import type { IncomingMessage } from "node:http";
import type { HttpBindings } from "@hono/node-server";
import { type Context, Hono } from "hono";
import { getPath } from "hono/utils/url";
import type { Identity } from "../engine/access.ts";
import { SojournError } from "../engine/errors.ts";
import { account, accountLate, asSojournError, requestIdOf } from "./account.ts";
import type { Admission } from "./admission.ts";
import { callRoute } from "./call.ts";
import type { HttpContext } from "./context.ts";
import type { Left, RouteScope } from "./gate.ts";
import { commonHeaders, rendered, type Sendable, sendable, toResponse } from "./reply.ts";
import { type Dialect, type Dialects, dialectOf, type EventReply, type Reply } from "./route.ts";
import { serverRoutes } from "./server-routes.ts";

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
  /** The uid of the session that the call is made as. */
  actingAs?: string | undefined;
}

/** All routes of the server: each dialect's, and those of the server itself. */
export function buildApp(context: HttpContext, dialects: Dialects): Hono<Env> {
  const app = new Hono<Env>({ getPath: (request) => canonical(dialects, getPath(request)) });
  const on = (dialect: Dialect, method: string, path: string, { scope, handler }: Served): void => {
    const pattern = path.replaceAll(/\{(\w+)\}/g, ":$1");
    app.on(method, pattern, (c) => answer(context, dialect, { c, route: path, scope, handler }));
  };
  for (const dialect of dialects) {
    for (const route of dialect.routes) {
      const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
      const handler: Handler = (c, exchange) => {
        const params = Object.fromEntries(names.map((name) => [name, c.req.param(name) ?? ""]));
        return callRoute(context, route, { ...exchange, env: c.env, params, line: () => lineOf(c.env, exchange) });
      };
      on(dialect, route.method, dialect.base + route.path, { scope: route.scope, handler });
    }
  }
  for (const [path, route] of Object.entries(serverRoutes(context, dialects))) {
    on(dialectOf(dialects, path), "GET", path, route);
  }
  app.notFound((c) => {
    const dialect = dialectOf(dialects, c.req.path);
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
    const dialect = dialectOf(dialects, c.req.path);
    return answer(context, dialect, { c, route: "(none)", scope: "open", handler: () => Promise.reject(thrown) });
  });
  return app;
}

interface Served {
  readonly scope: RouteScope;
  readonly handler: Handler;
}

/** A path as its dialect means it. */
function canonical(dialects: Dialects, path: string): string {
  const { base, canonical: mean } = dialectOf(dialects, path);
  return mean === undefined || !path.startsWith(`${base}/`) ? path : base + mean(path.slice(base.length));
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

const noSuchPath: Handler = async () => {
  throw new SojournError("not_found", { message: "There is no such path; GET / lists what there is" });
};

interface Matched extends Served {
  readonly c: Context<Env>;
  readonly route: string;
}

async function answer(
  context: HttpContext,
  dialect: Dialect,
  { c, route, scope, handler }: Matched,
): Promise<Response> {
  const started = performance.now();
  const { incoming, outgoing } = c.env;
  const requestId = requestIdOf(incoming, context);
  const exchange: Exchange = { requestId, route, headers: {} };
  let failure: SojournError | undefined;
  let reply: Sendable;
  try {
    const identity = await context.gate.admit(incoming, scope);
    if (identity !== undefined) {
      exchange.identity = identity;
      const tell = dialect.limitHeaders && ((left: Left) => dialect.limitHeaders?.(left, context.clock.now()) ?? {});
      await context.gate.count(identity, { route, isRead: isRead(incoming), tell }, exchange.headers);
      exchange.actingAs = await actedAs(context, { incoming, identity, scope });
    }
    reply = await sendable(await handler(c, exchange), {
      isHead: incoming.method === "HEAD",
      patienceMs: (bytes) => patienceMs(context, bytes),
      onBroken: (thrown) => {
        accountLate(context, lineOf(c.env, exchange), thrown);
        outgoing.destroy();
      },
    });
    if (isRead(incoming)) await holdAnswer(context, c.env, reply);
  } catch (thrown) {
    failure = asSojournError(thrown);
    if (failure.code === "unauthorized") exchange.headers["www-authenticate"] = 'Bearer realm="sojourn"';
    reply = rendered(dialect.encodeError(failure, requestId, context.clock.now()));
  }
  const ms = performance.now() - started;
  if ("events" in reply) letStream(context.admission, c.env, reply);
  const response = toResponse(reply, Object.assign(commonHeaders(requestId, ms), exchange.headers), context.meters);
  const { status } = response;
  const { identity, actingAs } = exchange;
  account(context, { incoming, route, requestId, actor: identity?.actor, actingAs, status, ms, failure });
  return response;
}

/**
 * The uid of the session that a call is made as, if it is made as one.
 *
 * @throws {SojournError} `session_not_found`; `forbidden` for what operators do, which no session has a right to
 */
async function actedAs(
  { sessions }: HttpContext,
  {
    incoming,
    identity,
    scope,
  }: { readonly incoming: IncomingMessage; readonly identity: Identity; readonly scope: RouteScope },
): Promise<string | undefined> {
  const named = incoming.headers["x-act-as-session"];
  if (named === undefined) return undefined;
  const { ref } = await sessions.get(identity, String(named));
  if (scope !== "admin") return ref.id;
  throw new SojournError("forbidden", { message: "A caller that acts as a session can't do what operators do" });
}

/** What the log says of a request while it is answered. */
function lineOf({ incoming: { method } }: HttpBindings, { requestId, route, identity, actingAs }: Exchange): object {
  return { request_id: requestId, method, route, actor: identity?.actor, acting_as: actingAs };
}

/** How large an answer is that counts among what is in hand. */
const LARGE = 65_536;

/** Of an answer that is read while it is taken, so much counts: what waits, and what is on its way. */
const STREAMED = 2 * 1_048_576;

/** How slowly a large answer may be taken. */
const BYTES_PER_SECOND_MIN = 65_536;

/**
 * Counts a large answer until it is taken, and gives its reader a time for that; one that is read meanwhile has its own.
 * What was written is answered in any case.
 */
async function holdAnswer(context: HttpContext, { incoming, outgoing }: HttpBindings, reply: Sendable): Promise<void> {
  if ("stream" in reply) {
    try {
      context.admission.hold(incoming, Math.min(reply.bytes ?? STREAMED, STREAMED), { isLasting: true });
    } catch (refusal) {
      await reply.stream.cancel();
      throw refusal;
    }
  } else if ("text" in reply && reply.text.length >= LARGE) {
    const { length } = reply.text;
    context.admission.hold(incoming, length);
    const timer = setTimeout(() => outgoing.destroy(), patienceMs(context, length));
    outgoing.once("close", () => clearTimeout(timer));
  }
}

/** How long a client may take for so many bytes. */
function patienceMs({ limits }: HttpContext, bytes: number): number {
  return limits.stalledMs + (bytes / BYTES_PER_SECOND_MIN) * 1_000;
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
