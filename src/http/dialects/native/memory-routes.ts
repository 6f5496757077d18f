import { z } from "zod";
import { given } from "../../../engine/given.ts";
import type { JsonObject } from "../../../engine/json.ts";
import type { Session } from "../../../engine/sessions.ts";
import type { ChatListener } from "../../../memory/chat.ts";
import { EventQueue } from "../../event-queue.ts";
import { type Call, type JsonReply, type Reply, type Route, route } from "../../route.ts";
import { acceptsEvents, answered, entityTag, writeRefusals } from "./answer.ts";
import { AtShape, decodeMoment, ReturnQueryShape } from "./decode.ts";
import * as encode from "./encode.ts";
import { encodeError } from "./errors.ts";
import { assertUnconditional, sessionAt } from "./history-routes.ts";
import * as memory from "./memory.ts";

const chatRefusals = [
  "invalid_session",
  "session_busy",
  "model_failed",
  "limit_reached",
  "precondition_failed",
  "idempotency_mismatch",
  "conflict",
] as const;

/** One operation holds it, and is read at once by whoever looks at any of its messages. */
const HISTORY_BODY = 4 * 1_048_576;

/** Chats, and what sessions and users are remembered by. */
export const memoryRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/chat",
    operationId: "chat",
    summary: "Say something to a session; with Accept: text/event-stream the answer comes while it is made",
    scope: "sessions:write",
    query: ReturnQueryShape,
    body: memory.ChatShape,
    isWrite: true,
    stream: "answer",
    answers: { 200: encode.enveloped(memory.AnswerShape) },
    refusals: chatRefusals,
    handle: async (call) => {
      if (call.body.stream ?? acceptsEvents(call.header("accept"))) return await streamed(call);
      return await said(call, {});
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/messages",
    operationId: "listMessages",
    summary: "The conversation, the newest last; pages go from the newest back, or, with after, from the oldest on",
    scope: "sessions:read",
    query: memory.MessagesQueryShape,
    isWrite: false,
    answers: {
      200: encode.enveloped(z.object({ messages: z.array(encode.MessageShape), next_cursor: z.string().optional() })),
    },
    refusals: ["session_not_found", "checkpoint_not_found"],
    handle: async ({ sessions, history, caller, id, query, now }) => {
      const page = memory.decodeMessagePage(query);
      const { items, next } =
        query.at === undefined
          ? await sessions.messages(caller, id, page)
          : await history.messages(caller, id, decodeMoment(query.at), page);
      const cursor = memory.encodeMessageCursor(page, next);
      const data = { messages: items.map(encode.encodeMessage), ...given("next_cursor", cursor) };
      return { body: encode.envelope(data, now()) };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/messages",
    operationId: "addMessages",
    summary: "Add a message, or a history; calls without a result are closed, and results without a call get one",
    scope: "sessions:write",
    query: ReturnQueryShape,
    body: memory.NewMessagesShape,
    maxBodyBytes: HISTORY_BODY,
    isWrite: true,
    answers: {
      201: encode.enveloped(
        z.object({ messages: z.array(encode.MessageShape), session: encode.SessionShape.optional() }),
      ),
    },
    refusals: [...writeRefusals, "session_busy"],
    handle: async ({ memory: it, caller, id, query, body, write }) => {
      const answer = await it.add(caller, id, memory.decodeMessages(body), write);
      const { session, messages } = answer.value;
      const data = { messages: messages.map(encode.encodeMessage), ...withSession(query, session) };
      return { status: 201, ...answered(answer, data, session) };
    },
  }),
  route({
    method: "POST",
    path: "/sessions/{id}/compact",
    operationId: "compactConversation",
    summary:
      "Keep the newest messages in the window, and the others below it, summarized or not; the log keeps them all",
    scope: "sessions:write",
    query: ReturnQueryShape,
    body: memory.CompactShape,
    isWrite: true,
    answers: { 200: encode.enveloped(memory.CompactedShape) },
    refusals: [...writeRefusals, "session_busy", "model_failed"],
    handle: async ({ memory: it, caller, id, query, body, write, gone }) => {
      const answer = await it.compact(caller, id, memory.decodeCompact(body), { ...write, signal: gone() });
      const { session } = answer.value;
      return answered(answer, { ...memory.encodeCompacted(answer.value), ...withSession(query, session) }, session);
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/working-memory",
    operationId: "getWorkingMemory",
    summary: "The facts of the task in hand",
    scope: "sessions:read",
    query: AtShape,
    isWrite: false,
    answers: { 200: encode.enveloped(memory.WorkingMemoryShape) },
    refusals: ["session_not_found", "checkpoint_not_found"],
    handle: async (call) => {
      const { now } = call;
      const session = await sessionAt(call);
      return { body: encode.envelope(memory.encodeWorkingMemory(session), now()), headers: entityTag(session) };
    },
  }),
  workingMemory("PUT", "Replace the facts of the task in hand"),
  workingMemory("PATCH", "Change some of the facts of the task in hand; null removes one"),
  route({
    method: "GET",
    path: "/users/{user_id}/profile",
    operationId: "getProfile",
    summary: "How a user likes to be answered, in every session; what was learned says so",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(memory.ProfileShape) },
    refusals: [],
    handle: async ({ users, caller, id, now }) => {
      const user = await users.get(caller, id);
      return { body: encode.envelope(memory.encodeProfile(user), now()), headers: entityTag(user) };
    },
  }),
  route({
    method: "PATCH",
    path: "/users/{user_id}/profile",
    operationId: "updateProfile",
    summary: "Change how a user likes to be answered; null brings back the default, and removes a preference",
    scope: "sessions:write",
    body: memory.ProfilePatchShape,
    isWrite: true,
    answers: { 200: encode.enveloped(memory.ProfileShape) },
    refusals: ["precondition_failed", "idempotency_mismatch", "conflict"],
    handle: async ({ users, caller, id, body, write }) => {
      const answer = await users.update(caller, id, memory.decodeProfilePatch(body), write);
      return answered(answer, memory.encodeProfile(answer.value), answer.value);
    },
  }),
  route({
    method: "DELETE",
    path: "/users/{user_id}",
    operationId: "eraseUser",
    summary: "Erase a user: sessions, messages, facts and profile, until no file of the store has the words",
    scope: "sessions:write",
    isWrite: false,
    answers: { 200: encode.enveloped(memory.ErasedShape) },
    refusals: ["storage_full", "conflict"],
    handle: async ({ users, sessions, caller, id, header, now }) => {
      // Again finds nothing to erase; and to remember the answer would be to remember the user.
      assertUnconditional(header, "erase users");
      return { body: encode.envelope(memory.encodeErased(await users.erase(caller, id, sessions)), now()) };
    },
  }),
];

function workingMemory(method: "PUT" | "PATCH", summary: string): Route {
  return route({
    method,
    path: "/sessions/{id}/working-memory",
    operationId: method === "PUT" ? "replaceWorkingMemory" : "updateWorkingMemory",
    summary,
    scope: "sessions:write",
    query: ReturnQueryShape,
    body: memory.WorkingMemoryShape,
    isWrite: true,
    answers: { 200: encode.enveloped(z.union([memory.WorkingMemoryShape, memory.WorkingMemoryAndSessionShape])) },
    refusals: writeRefusals,
    handle: async ({ memory: it, caller, id, query, body, write }) => {
      // NOTE: a body is JSON.
      const change = body as JsonObject;
      const answer = await it.changeWorkingMemory(
        caller,
        id,
        method === "PUT" ? { set: change } : { merge: change },
        write,
      );
      const facts = memory.encodeWorkingMemory(answer.value);
      const session = withSession(query, answer.value);
      return answered(answer, session === undefined ? facts : { working_memory: facts, ...session }, answer.value);
    },
  });
}

export type ReturnQuery = z.output<typeof ReturnQueryShape>;

export function withSession(
  { return: wanted }: ReturnQuery,
  session: Session,
): { readonly session: object } | undefined {
  return wanted === "session" ? { session: encode.encodeSession(session) } : undefined;
}

type ChatCall = Call<ReturnQuery, z.output<typeof memory.ChatShape>>;

async function said(call: ChatCall, listener: ChatListener): Promise<JsonReply> {
  const { memory: it, caller, query, body, write, gone, requestId } = call;
  const answer = await it.chat(caller, memory.decodeChat(body), { ...write, ...listener, signal: gone() });
  const data = memory.encodeAnswer(answer, { requestId, withSession: query.return === "session" });
  return answered(answer, data, answer.value.session);
}

/**
 * The answer as events: `start`, a `token` for each piece, and, once it is durable, `done` with what would have been the
 * body; or `error` with the body of the refusal. What fails before the first piece is refused as without a stream.
 */
async function streamed(call: ChatCall): Promise<Reply> {
  const { requestId, fail, now } = call;
  const events = new EventQueue();
  const tell = (event: string, data: object): void => events.push(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  const first = Promise.withResolvers<undefined>();
  let hasText = false;
  const onBegin = ({ record }: Session): void => {
    tell("start", { session_id: record.sessionId, request_id: requestId, ...given("temporary", record.temporary) });
  };
  const onText = (text: string): void => {
    hasText = true;
    tell("token", { text });
    first.resolve(undefined);
  };
  const turn = said(call, { onBegin, onText });
  const told = turn.then(
    ({ body }) => {
      // A repeated answer comes at once, and whole.
      const { data } = body as { readonly data: z.output<typeof memory.AnswerShape> };
      if (!hasText) {
        tell("start", { session_id: data.session_id, request_id: requestId });
        tell("token", { text: data.response });
      }
      tell("done", body);
    },
    (thrown: unknown) => {
      if (hasText) tell("error", encodeError(fail(thrown), requestId, now()).body);
    },
  );
  void told.finally(() => events.end());
  const reply = await Promise.race([first.promise, turn]);
  return { events, isAnswer: true, ...given("headers", reply?.headers) };
}
