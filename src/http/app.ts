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
import type { Left, ServerScope } from "./gate.ts";
import { commonHeaders, rendered, type Sendable, sendable, toResponse } from "./reply.ts";
import {
  type Dialect,
  type Dialects,
  dialectOf,
  type EventReply,
  isBelow,
  type LateDialects,
  ownerOf,
  type Reply,
} from "./route.ts";
import { serverRoutes } from "./server-routes.ts";

type Env = { Bindings: HttpBindings };
type Handler = (c: Context<Env>, exchange: Exchange) => Promise<Reply>;

/** What a request asks for. */
type Asked = Pick<Context["req"], "method" | "path">;

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

/** All routes of the server: each dialect's, those of the server itself, and those that come and go. */
export function buildApp(context: HttpContext, dialects: Dialects, late: LateDialects): Hono<Env> {
  const app = new Hono<Env>({ getPath: (request) => canonical(dialects, getPath(request)) });
  const answeredIn = (c: Context<Env>): Dialect => dialectOf(dialects, c.req.path);
  for (const dialect of dialects) mount(app, context, dialect);
  for (const [path, { scope, handler }] of Object.entries(serverRoutes(context, dialects, late))) {
    const dialect = dialectOf(dialects, path);
    app.get(path, (c) => answer(context, dialect, { c, route: path, scope, handler: () => handler(c.env) }));
  }
  const apps = new WeakMap<Dialect, Hono<Env>>();
  const appOf = (dialect: Dialect): Hono<Env> => {
    const known = apps.get(dialect);
    if (known !== undefined) return known;
    const made = new Hono<Env>();
    mount(made, context, dialect);
    made.notFound((c) => answerUnmatched(made, context, { c, dialect }));
    made.onError((thrown, c) => answerThrown(context, dialect, { c, thrown }));
    apps.set(dialect, made);
    return made;
  };
  app.notFound(async (c) => {
    const { path } = c.req;
    const isOurs = ownerOf(dialects, path) !== undefined || methodsOf(app, path).length > 0;
    const theirs = isOurs ? undefined : await ownerOfLate(c.req);
    if (theirs !== undefined) return await appOf(theirs).fetch(c.req.raw, c.env);
    return await answerUnmatched(app, context, { c, dialect: answeredIn(c) });
  });
  const ownerOfLate = async (asked: Asked): Promise<Dialect | undefined> => {
    const server = serverAmong(await late.now(), asked);
    if (server !== undefined) return server;
    // Only what nobody has, waits for those who may.
    const settled = await late.now({ settled: true });
    return serverAmong(settled, asked) ?? ownerOf(settled, asked.path);
  };
  /** The first that has a route for what is asked; or else for its path, by another method. */
  const serverAmong = (dialects: readonly Dialect[], { method, path }: Asked): Dialect | undefined => {
    const having = dialects
      .filter((dialect) => isBelow(dialect, path))
      .map((dialect) => ({ dialect, methods: methodsOf(appOf(dialect), path) }))
      .filter(({ methods }) => methods.length > 0);
    const wanted = method === "HEAD" ? "GET" : method;
    return (having.find(({ methods }) => methods.includes(wanted)) ?? having[0])?.dialect;
  };
  app.onError((thrown, c) => answerThrown(context, answeredIn(c), { c, thrown }));
  return app;
}

function mount(app: Hono<Env>, context: HttpContext, dialect: Dialect): void {
  for (const route of dialect.routes) {
    const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    const handler: Handler = (c, exchange) => {
      const params = Object.fromEntries(names.map((name) => [name, c.req.param(name) ?? ""]));
      return callRoute(context, route, { ...exchange, env: c.env, params, line: () => lineOf(c.env, exchange) });
    };
    const path = dialect.base + route.path;
    const matched = { route: path, scope: route.scope, handler };
    app.on(route.method, path.replaceAll(/\{(\w+)\}/g, ":$1"), (c) => answer(context, dialect, { c, ...matched }));
  }
}

// Looked up only where nothing matched: a handler for all methods would make every request run through two.
function methodsOf(app: Hono<Env>, path: string): readonly string[] {
  return METHODS.filter((method) => app.router.match(method, path)[0].length > 0);
}

async function answerUnmatched(
  app: Hono<Env>,
  context: HttpContext,
  { c, dialect }: { readonly c: Context<Env>; readonly dialect: Dialect },
): Promise<Response> {
  const methods = methodsOf(app, c.req.path);
  const allow = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
  const wrongMethod: Handler = (_, { headers }) => {
    headers["allow"] = allow;
    throw new SojournError("method_not_allowed", { message: `This path takes ${allow}` });
  };
  const handler = methods.length === 0 ? noSuchPath : wrongMethod;
  return await answer(context, dialect, { c, route: "(none)", scope: "open", handler });
}

async function answerThrown(
  context: HttpContext,
  dialect: Dialect,
  { c, thrown }: { readonly c: Context<Env>; readonly thrown: unknown },
): Promise<Response> {
  return await answer(context, dialect, { c, route: "(none)", scope: "open", handler: () => Promise.reject(thrown) });
}

interface Served {
  readonly scope: ServerScope;
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
  { services: { sessions } }: HttpContext,
  {
    incoming,
    identity,
    scope,
  }: { readonly incoming: IncomingMessage; readonly identity: Identity; readonly scope: ServerScope },
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
