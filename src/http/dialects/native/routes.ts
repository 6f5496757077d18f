import { z } from "zod";
import { given } from "../../../engine/given.ts";
import type { Answer } from "../../../engine/idempotency.ts";
import type { Session } from "../../../engine/sessions.ts";
import { badHeader } from "../../edge.ts";
import { BYTES, type Call, type Dialect, type Reply, type Route, route } from "../../route.ts";
import { agentRunRoutes } from "./agent-run-routes.ts";
import { acceptsEvents, answered, entityTag, replayed, writeRefusals } from "./answer.ts";
import { artifactRoutes } from "./artifact-routes.ts";
import * as decode from "./decode.ts";
import * as encode from "./encode.ts";
import { encodeError, HTTP_ERRORS } from "./errors.ts";
import { eventRoutes } from "./event-routes.ts";
import { historyRoutes, sessionAt } from "./history-routes.ts";
import { keyRoutes } from "./keys.ts";
import { memoryRoutes } from "./memory-routes.ts";
import { objectRoutes } from "./object-routes.ts";
import { taskRoutes } from "./task-routes.ts";
import { templateRoutes } from "./template-routes.ts";
import { topicRoutes } from "./topic-routes.ts";
import { webhookRoutes } from "./webhook-routes.ts";

const sessionAnswer = { 200: encode.enveloped(encode.SessionShape) };

/** The bytes of a body that holds a reason, however it is escaped, or a few numbers. */
const SMALL_BODY = 16_384;

const routes: readonly Route[] = [
  route({
    method: "POST",
    path: "/sessions",
    operationId: "createSession",
    summary: "Begin a session",
    scope: "sessions:write",
    body: decode.NewSessionShape,
    isWrite: true,
    answers: {
      201: encode.enveloped(encode.SessionShape),
      200: encode.enveloped(encode.SessionShape).describe("It was there already, and if_exists is return"),
    },
    refusals: [
      "session_exists",
      "session_not_found",
      "template_not_found",
      "limit_reached",
      "precondition_failed",
      "idempotency_mismatch",
    ],
    handle: async ({ sessions, caller, body, write }) => {
      const answer = await sessions.create(caller, decode.decodeNewSession(body), write);
      const { session, isNew } = answer.value;
      return { ...answered(answer, encode.encodeSession(session), session), status: isNew ? 201 : 200 };
    },
  }),
  route({
    method: "GET",
    path: "/sessions",
    operationId: "listSessions",
    summary: "List sessions, page by page",
    scope: "sessions:read",
    query: decode.ListQueryShape,
    isWrite: false,
    answers: {
      200: encode.enveloped(z.object({ sessions: z.array(encode.SessionShape), next_cursor: z.string().optional() })),
    },
    refusals: [],
    handle: async ({ sessions, caller, query, now }) => {
      const page = await sessions.list(caller, decode.decodeList(query));
      const data = { sessions: page.items.map(encode.encodeSession), ...given("next_cursor", page.next) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/continue",
    operationId: "continueSession",
    summary: "The active session that a user used last",
    scope: "sessions:read",
    query: decode.NewestQueryShape,
    isWrite: false,
    answers: sessionAnswer,
    refusals: ["no_session_found"],
    handle: async ({ sessions, caller, query, now }) => shown(await sessions.newest(caller, query.user_id), now()),
  }),
  route({
    method: "GET",
    path: "/sessions/stats",
    operationId: "sessionStats",
    summary: "How many sessions there are, and the sums of their metrics",
    scope: "sessions:read",
    query: decode.StatsQueryShape,
    isWrite: false,
    answers: { 200: encode.enveloped(encode.StatsShape) },
    refusals: [],
    handle: async ({ sessions, caller, query, now }) => {
      const totals = await sessions.totals(caller, decode.decodeFilter(query));
      return { body: encode.envelope(encode.encodeTotals(totals), now()) };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/cleanup",
    operationId: "cleanUpSessions",
    summary: "Expire what is idle for longer than max_idle_seconds; the data stays",
    scope: "sessions:write",
    body: decode.CleanupShape,
    maxBodyBytes: SMALL_BODY,
    isWrite: true,
    answers: { 200: encode.enveloped(z.object({ cleaned: z.int(), session_ids: z.array(z.string()) })) },
    refusals: ["precondition_failed", "idempotency_mismatch"],
    handle: async ({ sessions, caller, body, write }) => {
      const answer = await sessions.cleanup(caller, decode.decodeCleanup(body), write);
      const { sessionIds } = answer.value;
      return answered(answer, { cleaned: sessionIds.length, session_ids: sessionIds });
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}",
    operationId: "getSession",
    summary: "The newest session of that name, or the one with that uid",
    scope: "sessions:read",
    query: decode.GetQueryShape,
    isWrite: false,
    answers: sessionAnswer,
    refusals: ["session_not_found", "checkpoint_not_found"],
    handle: async (call) => shown(await sessionAt(call), call.now()),
  }),
  route({
    method: "PATCH",
    path: "/sessions/{id}",
    operationId: "updateSession",
    summary: "Change what describes a session",
    scope: "sessions:write",
    body: decode.PatchShape,
    isWrite: true,
    answers: sessionAnswer,
    refusals: writeRefusals,
    handle: async ({ sessions, caller, id, body, write }) =>
      changed(await sessions.update(caller, id, decode.decodePatch(body), write)),
  }),
  route({
    method: "DELETE",
    path: "/sessions/{id}",
    operationId: "deleteSession",
    summary: "Remove a session and all it holds",
    scope: "sessions:write",
    isWrite: true,
    answers: {
      200: z.object({
        success: z.literal(true),
        message: z.string(),
        session_id: z.string(),
        timestamp: z.iso.datetime(),
      }),
    },
    refusals: ["session_not_found", "precondition_failed", "idempotency_mismatch"],
    handle: async ({ sessions, caller, id, write }) => {
      const answer = await sessions.delete(caller, id, write);
      const { sessionId } = answer.value;
      const timestamp = encode.isoTime(answer.at);
      const body = { success: true, message: "Session deleted successfully", session_id: sessionId, timestamp };
      return { body, headers: replayed(answer) };
    },
  }),
  transition("suspend", "Pause an active session"),
  transition("resume", "Make a suspended session active again"),
  transition("keepalive", "Begin the idle timeout anew"),
  route({
    method: "POST",
    path: "/sessions/{id}/end",
    operationId: "endSession",
    summary: "End a session; the same end again changes nothing",
    scope: "sessions:write",
    body: decode.EndShape,
    maxBodyBytes: SMALL_BODY,
    isBodyOptional: true,
    isWrite: true,
    answers: sessionAnswer,
    refusals: writeRefusals,
    handle: async ({ sessions, caller, id, body, write }) =>
      changed(
        await sessions.end(caller, id, { ...given("status", body.status), ...given("reason", body.reason) }, write),
      ),
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/metrics",
    operationId: "recordMetrics",
    summary: "Add to a session's counters; an empty body counts one request",
    scope: "sessions:write",
    query: decode.RecordQueryShape,
    body: decode.AddedMetricsShape,
    maxBodyBytes: SMALL_BODY,
    isBodyOptional: true,
    isWrite: true,
    answers: { 200: encode.enveloped(z.union([encode.MetricsShape, encode.SessionShape])) },
    refusals: writeRefusals,
    handle: async ({ sessions, caller, id, query, body, write }) => {
      const answer = await sessions.record(caller, id, decode.decodeMetrics(body), write);
      if (query.return === "session") return changed(answer);
      return answered(answer, encode.encodeMetrics(answer.value.record.metrics), answer.value);
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/operations",
    operationId: "listOperations",
    summary: "The session's log, oldest first; with Accept: text/event-stream a live feed that Last-Event-ID resumes",
    scope: "sessions:read",
    query: decode.OperationsQueryShape,
    isWrite: false,
    stream: "feed",
    answers: {
      200: encode.enveloped(
        z.object({ operations: z.array(encode.OperationShape), next_cursor: z.string().optional() }),
      ),
    },
    refusals: ["session_not_found"],
    handle: async (call) => {
      const { sessions, caller, id, query, header, now } = call;
      const range = decode.decodeRange(query);
      if (acceptsEvents(header("accept"))) return await feed(call, range);
      const page = await sessions.operations(caller, id, range);
      const data = { operations: page.items.map(encode.encodeOperation), ...given("next_cursor", page.next) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/verify",
    operationId: "verifySession",
    summary: "Check the log's chain of hashes, its payloads and the views made of it",
    scope: "sessions:read",
    query: decode.VerifyQueryShape,
    isWrite: false,
    answers: { 200: encode.enveloped(encode.VerdictShape) },
    refusals: ["session_not_found"],
    handle: async ({ sessions, caller, id, query, now }) => ({
      body: encode.envelope(encode.encodeVerdict(await sessions.verify(caller, id, query.head)), now()),
    }),
  }),
  ...artifactRoutes,
  ...historyRoutes,
  ...memoryRoutes,
  ...taskRoutes,
  ...agentRunRoutes,
  ...objectRoutes,
  ...templateRoutes,
  ...topicRoutes,
  ...eventRoutes,
  ...webhookRoutes,
  ...keyRoutes,
  route({
    method: "GET",
    path: "/backup",
    operationId: "backUp",
    summary: "Everything that the server holds, of one moment, as one file; its first line says what that is",
    scope: "admin",
    isWrite: false,
    type: "application/octet-stream",
    answers: { 200: BYTES },
    refusals: ["store_in_use", "storage_full"],
    handle: async ({ service, isHead, gone, now }) => {
      // A backup is made to be read.
      if (isHead) return { text: "", type: "application/octet-stream" };
      const download = await service.backUp(gone());
      return { download, fileName: `sojourn-${encode.isoTime(now()).slice(0, 10)}.backup` };
    },
  }),
  route({
    method: "GET",
    path: "/health",
    operationId: "health",
    summary: "Whether the server can do its work",
    isVital: true,
    scope: "open",
    isWrite: false,
    answers: { 200: encode.HealthShape },
    refusals: [],
    handle: async ({ service, memory, now }) => {
      await service.probe();
      const { version, sandbox } = service;
      const { name: model, isLanguageModel: is_language_model } = memory.model;
      const timestamp = encode.isoTime(now());
      return { body: { status: "healthy", service: "sojourn", version, model, is_language_model, sandbox, timestamp } };
    },
  }),
];

/** The native dialect: ATLUS's contract, extended. */
export const nativeDialect: Dialect = {
  base: "/api/v1",
  routes,
  encodeError,
  errorShape: encode.ErrorShape,
  errors: HTTP_ERRORS,
};

function transition(verb: "suspend" | "resume" | "keepalive", summary: string): Route {
  return route({
    method: "POST",
    path: `/sessions/{id}/${verb}`,
    operationId: `${verb}Session`,
    summary,
    scope: "sessions:write",
    body: decode.ReasonShape,
    maxBodyBytes: SMALL_BODY,
    isBodyOptional: true,
    isWrite: true,
    answers: sessionAnswer,
    refusals: verb === "resume" ? [...writeRefusals, "limit_reached"] : writeRefusals,
    handle: async ({ sessions, caller, id, body, write }) =>
      changed(await sessions[verb](caller, id, given("reason", body.reason), write)),
  });
}

function shown(session: Session, now: number): Reply {
  return { body: encode.envelope(encode.encodeSession(session), now), headers: entityTag(session) };
}

function changed(answer: Answer<Session>): Reply {
  return answered(answer, encode.encodeSession(answer.value), answer.value);
}

async function feed(
  { sessions, caller, id, header, holds, gone }: Call,
  { after, kind }: ReturnType<typeof decode.decodeRange>,
): Promise<Reply> {
  const lastEventId = header("last-event-id");
  if (lastEventId !== undefined && !/^\d{1,15}$/.test(lastEventId)) {
    throw badHeader("last-event-id", "must be the id of an event of this feed: a seq");
  }
  if (lastEventId !== undefined && Number(lastEventId) > (await sessions.get(caller, id)).head.seq) {
    throw badHeader("last-event-id", "is past the end of this log: it is of an earlier session of that name");
  }
  const from = { after: lastEventId === undefined ? after : Number(lastEventId), signal: gone() };
  const entries = await sessions.follow(caller, id, from);
  return { events: events() };

  async function* events(): AsyncGenerator<string> {
    for await (const entry of entries) {
      if (kind !== undefined && entry.operation.kind !== kind) continue;
      // Its key was revoked or has ended, or there are keys by now: it hears no more.
      if (!(await holds())) return;
      const data = JSON.stringify(encode.encodeOperation(entry));
      yield `id: ${entry.operation.seq}\nevent: operation\ndata: ${data}\n\n`;
    }
  }
}
