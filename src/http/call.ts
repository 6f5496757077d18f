import type { HttpBindings } from "@hono/node-server";
import { z } from "zod";
import type { Identity } from "../engine/access.ts";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import type { Caller } from "../engine/sessions.ts";
import { accountLate } from "./account.ts";
import { type BodyRule, isJson, readBody } from "./body.ts";
import type { HttpContext } from "./context.ts";
import { rawBody } from "./raw-body.ts";
import { originOf, parse, parseQuery, writeOptionsOf } from "./request.ts";
import type { Call, Reply, Route } from "./route.ts";

/** What is known of a request by the time that its route is called. */
export interface Called {
  readonly env: HttpBindings;
  readonly params: Readonly<Record<string, string>>;
  readonly requestId: string;
  /** Headers of the answer, also of a refusal. */
  readonly headers: Record<string, string>;
  /** What the log says of it. */
  readonly line: () => object;
  /** Whoever calls, where that had to be known. */
  readonly identity?: Identity | undefined;
  /** The uid of the session that the call is made as. */
  readonly actingAs?: string | undefined;
}

/** Who calls an open route: someone who owns nothing. */
const NOBODY: Caller = { tenant: "", actor: "nobody" };

const NoQuery = z.strictObject({});

/** Parses what came with a request, and has its route answer it. */
export async function callRoute(context: HttpContext, route: Route, called: Called): Promise<Reply> {
  const { env, params, requestId, headers, line, identity, actingAs } = called;
  const { incoming } = env;
  const { services, clock } = context;
  const { access } = services;
  const body = await bodyOf(context, route, env);
  const call: Call = {
    ...services,
    caller: callerOf(identity, actingAs),
    id: Object.values(params)[0] ?? "",
    params,
    query: parseQuery(route.query ?? NoQuery, incoming.url ?? ""),
    body: route.body && body?.bytes === undefined ? parse(route.body, body?.value) : undefined,
    ...given("bytes", body?.bytes),
    write: route.isWrite ? writeOptionsOf(incoming, { body: body?.text ?? "", actingAs }) : {},
    isHead: incoming.method === "HEAD",
    header: (name) => incoming.headers[name]?.toString(),
    setHeader: (name, value) => {
      headers[name] = value;
    },
    holds: async () => identity === undefined || (await access.holds(identity)),
    gone: () => signalOfLeaving(env),
    now: () => clock.now(),
    origin: () => originOf(incoming),
    requestId,
    fail: (thrown) => accountLate(context, line(), thrown),
  };
  // NOTE: query and body were parsed with the route's own shapes.
  return await route.handle(call as Parameters<Route["handle"]>[0]);
}

function callerOf(identity: Identity | undefined, actingAs: string | undefined): Caller {
  if (identity === undefined) return NOBODY;
  if (actingAs === undefined) return identity;
  return { tenant: identity.tenant, actor: `session:${actingAs}`, actingAs };
}

/** What came as a body: JSON, or its bytes as they come, with what stands for them in the idempotency record. */
interface Came {
  readonly text: string;
  readonly value?: unknown;
  readonly bytes?: AsyncIterable<Uint8Array>;
}

async function bodyOf(
  context: HttpContext,
  { body, bytes, ...route }: Route,
  { incoming, outgoing }: HttpBindings,
): Promise<Came | undefined> {
  const { admission, limits } = context;
  const rule = {
    timeoutMs: route.bodyTimeoutMs ?? limits.bodyMs,
    hold: (bytes: number) => admission.hold(incoming, bytes),
  };
  if (bytes !== undefined && (bytes.take === "always" || !isJson(incoming))) {
    const maxBytes = bytes.limit === "artifact" ? context.maxArtifactBytes : context.maxBundleBytes;
    // Whoever reads the bytes adds their digest.
    const text = incoming.headers["content-type"] ?? "";
    const hold = (bytes: number): void => admission.hold(incoming, bytes, { isLasting: true });
    return { text, bytes: rawBody(incoming, outgoing, { ...rule, maxBytes, hold }) };
  }
  if (body === undefined) return undefined;
  const isOptional = route.isBodyOptional ?? false;
  const isNullable = route.isBodyNullable ?? false;
  const jsonRule: BodyRule = { ...rule, maxBytes: route.maxBodyBytes ?? context.maxBodyBytes, isOptional, isNullable };
  return await readBody(incoming, outgoing, jsonRule);
}

/**
 * Aborts when the client has gone. One that only closes its own side may still wait, but can't be told from one that has
 * gone until something is written to it; what takes long is not done for it.
 */
export function signalOfLeaving({ incoming, outgoing }: HttpBindings): AbortSignal {
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
