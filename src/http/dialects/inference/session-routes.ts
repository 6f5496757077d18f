import { z } from "zod";
import type { Session } from "../../../engine/sessions.ts";
import type { Task } from "../../../engine/tasks.ts";
import { type Call, NO_CONTENT, NOTHING, type Route, route } from "../../route.ts";
import { answered, enveloped, VERSION_HEADERS } from "./answer.ts";
import { noSuchSession, unusable } from "./errors.ts";
import { AppSessionShape, encodeSession } from "./sessions.ts";

/** How many sessions are listed at most, those that were used last. */
const LISTED_MAX = 1_000;

/** How many sessions are read at a time. */
const PAGE = 200;

/** Leases of workers: the sessions that apps run in. */
export const sessionRoutes: readonly Route[] = [
  route({
    method: "GET",
    path: "/sessions",
    operationId: "listAppSessions",
    summary: "The active sessions that have used an app, at most 1,000: those that were used last",
    scope: "apps:read",
    headers: VERSION_HEADERS,
    isWrite: false,
    answers: { 200: enveloped(z.array(AppSessionShape)) },
    refusals: [],
    handle: async (call) => answered(call, await listed(call)),
  }),
  route({
    method: "GET",
    path: "/sessions/{id}",
    operationId: "getAppSession",
    summary: "A session, whatever has become of it",
    scope: "apps:read",
    headers: VERSION_HEADERS,
    isWrite: false,
    answers: { 200: enveloped(AppSessionShape) },
    refusals: ["session_not_found"],
    handle: async (call) => answered(call, await shown(call, await found(call, call.id))),
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/keepalive",
    operationId: "keepAppSessionAlive",
    summary: "Begin the idle timeout anew",
    scope: "apps:execute",
    headers: VERSION_HEADERS,
    isWrite: false,
    answers: { 200: enveloped(AppSessionShape) },
    refusals: ["session_not_found", "invalid_transition"],
    handle: async (call) => {
      const { ref } = await usable(call, call.id);
      const { value } = await call.sessions.keepalive(call.caller, ref.id);
      return answered(call, await shown(call, value));
    },
  }),
  route({
    method: "DELETE",
    path: "/sessions/{id}",
    operationId: "endAppSession",
    summary: "End a session and let its worker go; again changes nothing. What it holds stays",
    scope: "apps:execute",
    isWrite: false,
    answers: { 204: NOTHING },
    refusals: ["session_not_found", "invalid_transition"],
    handle: async (call) => {
      const { ref, record } = await found(call, call.id);
      if (record.status !== "expired" && record.endedAtUs === undefined) await call.sessions.end(call.caller, ref.id);
      return NO_CONTENT;
    },
  }),
];

/** The session of that id, whatever has become of it. */
export async function found({ sessions, caller }: Pick<Call, "sessions" | "caller">, id: string): Promise<Session> {
  const session = await sessions.find(caller, id);
  if (session === undefined) throw noSuchSession(id);
  return session;
}

/** Like `found`, for one that is to be used. */
export async function usable(call: Pick<Call, "sessions" | "caller">, id: string): Promise<Session> {
  const session = await found(call, id);
  const refusal = unusable(session.record);
  if (refusal !== undefined) throw refusal;
  return session;
}

async function shown({ tasks, caller }: Call, session: Session): Promise<object> {
  let newest: Task | undefined;
  if (Object.keys(session.record.work.apps).length > 0) {
    [newest] = (await tasks.list(caller, session.ref.id, { limit: 1 })).items;
  }
  return encodeSession(session, newest);
}

async function listed(call: Call): Promise<readonly object[]> {
  const listed: object[] = [];
  const query = { statuses: ["active"], sort: "last_activity", order: "desc", limit: PAGE } as const;
  for (let cursor: { readonly cursor?: string } | undefined = {}; cursor !== undefined; ) {
    const { items, next } = await call.sessions.list(call.caller, { ...query, ...cursor });
    for (const session of items) {
      if (listed.length === LISTED_MAX) return listed;
      if (Object.keys(session.record.work.apps).length > 0) listed.push(await shown(call, session));
    }
    cursor = next === undefined ? undefined : { cursor: next };
  }
  return listed;
}
