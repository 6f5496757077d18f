import { z } from "zod";
import { given } from "../../../engine/given.ts";
import type { Session } from "../../../engine/sessions.ts";
import { badHeader } from "../../edge.ts";
import { BYTES, type Call, type Route, route } from "../../route.ts";
import { answered } from "./answer.ts";
import { decodeMoment, pageLimit, ReturnQueryShape } from "./decode.ts";
import * as encode from "./encode.ts";
import * as history from "./history.ts";

/** The past of sessions, and what may be made of it. */
export const historyRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/sessions/{id}/checkpoints",
    operationId: "createCheckpoint",
    summary: "Give this moment of a session a name, by which it can be read, forked and replayed later",
    scope: "sessions:write",
    query: ReturnQueryShape,
    body: history.NewCheckpointShape,
    isWrite: true,
    answers: { 201: encode.enveloped(encode.besideSession(history.CheckpointShape)) },
    refusals: [
      "session_not_found",
      "checkpoint_exists",
      "limit_reached",
      "precondition_failed",
      "idempotency_mismatch",
      "conflict",
    ],
    handle: async ({ history: it, caller, id, query, body, write }) => {
      const { name, data } = body;
      const answer = await it.checkpoint(caller, id, { name, ...given("data", data) }, write);
      const { checkpoint, session } = answer.value;
      const shown = query.return === "session" ? { session: encode.encodeSession(session) } : {};
      return { status: 201, ...answered(answer, { ...history.encodeCheckpoint(checkpoint), ...shown }, session) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/checkpoints",
    operationId: "listCheckpoints",
    summary: "The names that were given, oldest first, page by page",
    scope: "sessions:read",
    query: history.CheckpointsQueryShape,
    isWrite: false,
    answers: {
      200: encode.enveloped(
        z.object({ checkpoints: z.array(history.CheckpointShape), next_cursor: z.string().optional() }),
      ),
    },
    refusals: ["session_not_found"],
    handle: async ({ history: it, caller, id, query, now }) => {
      const page = { limit: pageLimit(query.limit), ...given("cursor", query.cursor) };
      const { items, next } = await it.checkpoints(caller, id, page);
      const data = { checkpoints: items.map(history.encodeCheckpoint), ...given("next_cursor", next) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/fork",
    operationId: "forkSession",
    summary: "Begin a session with the history of another, which stays as it is",
    scope: "sessions:write",
    body: history.NewForkShape,
    isBodyOptional: true,
    isWrite: true,
    answers: { 201: encode.enveloped(encode.SessionShape) },
    refusals: [
      "session_not_found",
      "checkpoint_not_found",
      "session_exists",
      "limit_reached",
      "precondition_failed",
      "idempotency_mismatch",
      "conflict",
    ],
    handle: async ({ history: it, caller, id, body, write }) => {
      const answer = await it.fork(caller, id, history.decodeFork(body), write);
      return { status: 201, ...answered(answer, encode.encodeSession(answer.value), answer.value) };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/replay",
    operationId: "replaySession",
    summary: "Go through a session again, and tell what comes out otherwise",
    scope: "sessions:write",
    body: history.ReplayShape,
    isWrite: false,
    answers: { 200: encode.enveloped(history.ReplayReportShape) },
    refusals: ["session_not_found"],
    handle: async ({ history: it, caller, id, body, header, now }) => {
      assertUnconditional(header, "replay");
      const report = await it.replay(caller, id, history.decodeReplay(body));
      return { body: encode.envelope(history.encodeReplay(report), now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/diff",
    operationId: "diffSessions",
    summary: "Where the histories of two sessions part, what each did since, and how they differ now",
    scope: "sessions:read",
    query: history.DiffQueryShape,
    isWrite: false,
    answers: { 200: encode.enveloped(history.DiffShape) },
    refusals: ["session_not_found"],
    handle: async ({ history: it, caller, id, query, now }) => ({
      body: encode.envelope(history.encodeDiff(await it.diff(caller, id, query.with)), now()),
    }),
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/tree",
    operationId: "sessionTree",
    summary: "The session with its children, and theirs; a fork is no child of its origin",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(history.FamilyShape) },
    refusals: ["session_not_found"],
    handle: async ({ history: it, caller, id, now }) => ({
      body: encode.envelope(history.encodeFamily(await it.family(caller, id)), now()),
    }),
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/export",
    operationId: "exportSession",
    summary: "The session as a file: its log, and the artifacts",
    scope: "sessions:read",
    isWrite: false,
    type: "application/octet-stream",
    answers: { 200: BYTES },
    refusals: ["session_not_found"],
    handle: async ({ sessions, bundles, caller, id, isHead, gone }) => {
      const { record } = await sessions.get(caller, id);
      const fileName = `${record.sessionId}.sojourn`;
      // It is made to be read.
      if (isHead) return { text: "", type: "application/octet-stream" };
      return { download: await bundles.export(caller, id, gone()), fileName };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/import",
    operationId: "importSession",
    summary: "Take in a session from a file, which is held against all that it says first",
    scope: "sessions:write",
    query: history.ImportQueryShape,
    bytes: { take: "always", limit: "bundle" },
    isWrite: true,
    answers: { 201: encode.enveloped(encode.SessionShape) },
    refusals: ["session_exists", "limit_reached", "precondition_failed", "idempotency_mismatch"],
    handle: async ({ bundles, caller, query, bytes = nothing(), gone, write }) => {
      const wanted = { ...given("head", query.head), ...given("sessionId", query.session_id), signal: gone() };
      const answer = await bundles.import(caller, bytes, wanted, write);
      return { status: 201, ...answered(answer, encode.encodeSession(answer.value), answer.value) };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/prune",
    operationId: "pruneSessions",
    summary: "Remove ended sessions, with all they hold",
    scope: "sessions:write",
    body: history.PruneShape,
    isWrite: true,
    answers: { 200: encode.enveloped(history.PrunedShape) },
    refusals: ["precondition_failed", "idempotency_mismatch"],
    handle: async ({ retention, caller, body, write }) => {
      const answer = await retention.prune(caller, history.decodePrune(body), write);
      const { deleted, sessionIds, artifactBytes } = answer.value;
      const data = { deleted, session_ids: [...sessionIds], artifact_bytes: artifactBytes };
      return answered(answer, data);
    },
  }),
];

/** The session that a call is about, as it is, or as it was. */
export async function sessionAt({
  sessions,
  history: it,
  caller,
  id,
  query,
}: Call<{ readonly at?: string | undefined }>): Promise<Session> {
  if (query.at === undefined) return await sessions.get(caller, id);
  return await it.at(caller, id, decodeMoment(query.at));
}

/** The moment that a query asks for, as a `seq`. */
export async function seqOf({
  history,
  caller,
  id,
  query,
}: Call<{
  readonly at?: string | undefined;
}>): Promise<{ readonly at?: number }> {
  if (query.at === undefined) return {};
  return { at: await history.seqOf(caller, id, decodeMoment(query.at)) };
}

/** Refuses what goes with a write where there is nothing that it could be held against, or that could be remembered. */
export function assertUnconditional(header: Call["header"], doing: string): void {
  for (const name of ["idempotency-key", "if-match"]) {
    if (header(name) !== undefined) throw badHeader(name, `can't be used to ${doing}`);
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}
