import { z } from "zod";
import { STRATEGIES } from "../../../engine/conversation.ts";
import { given } from "../../../engine/given.ts";
import type { Answer } from "../../../engine/idempotency.ts";
import type { JsonObject } from "../../../engine/json.ts";
import { LIMITS } from "../../../engine/limits.ts";
import { type Message, ROLES } from "../../../engine/message.ts";
import type { MessagePage, Session } from "../../../engine/sessions.ts";
import { type ProfilePatch, STYLES } from "../../../engine/user.ts";
import type { Erased, User } from "../../../engine/users.ts";
import type { Answered, ChatRequest } from "../../../memory/chat.ts";
import { type Compacted, type CompactRequest, KEEP_RECENT_MAX } from "../../../memory/compaction.ts";
import { AtShape, integer, metadata, PageShape, pageLimit, sessionId, userId } from "./decode.ts";
import { encodeSession, encodeUsage, isoTime, SessionShape, UsageShape } from "./encode.ts";

const count = z.int().min(0);

/** `POST /chat`. */
export const ChatShape = z.strictObject({
  message: z.string().describe(`1 to ${LIMITS.chatLength} characters, not counting the white space around them`),
  session_id: sessionId.optional().describe("left out: a temporary session is made for it"),
  user_id: userId.optional().describe("whose a temporary session is; otherwise the user of the session"),
  metadata: metadata.optional().describe("kept with the message"),
  stream: z.boolean().optional().describe("true: the answer comes as events, as with Accept: text/event-stream"),
});

export const AnswerShape = z
  .object({
    response: z.string(),
    session_id: z.string(),
    execution_time: z.number().describe("seconds, to the hundredth"),
    request_id: z.string(),
    model: z.string().describe("what answered: a language model such as openai:gpt-5, or built-in"),
    is_language_model: z.boolean(),
    finish_reason: z.enum(["stop", "length"]).describe("length: the answer was cut off at the bound on output"),
    usage: UsageShape.optional(),
    temporary: z.literal(true).optional().describe("the session was made for this, and is short-lived"),
    session: SessionShape.optional(),
  })
  .meta({ id: "ChatAnswer" });

const toolCall = z.strictObject({ id: z.string(), name: z.string(), arguments: z.string().describe("JSON") });

const message = {
  role: z.enum(ROLES),
  content: z.string().describe(`1 to ${LIMITS.contentLength} characters; empty only beside tool_calls, and of a tool`),
  tool_calls: z.array(toolCall).max(LIMITS.toolCalls).optional().describe("of an assistant's message alone"),
  tool_call_id: z.string().optional().describe("of a tool's message alone: the call that it is the result of"),
  metadata: metadata.optional(),
};

export const MessageBodyShape = z.strictObject(message);

/** `POST /sessions/{id}/messages`: one message, or, as `messages`, a history. */
export const NewMessagesShape = z
  .strictObject({
    ...message,
    role: message.role.optional(),
    content: message.content.optional(),
    messages: z
      .array(MessageBodyShape)
      .min(1)
      .max(LIMITS.messagesAtOnce)
      .optional()
      .describe("a history, in its order"),
  })
  .refine(
    ({ messages, ...one }) =>
      messages === undefined ? one.role !== undefined && one.content !== undefined : isEmpty(one),
    "give either role and content, or messages",
  );

/** `GET /sessions/{id}/messages`. */
export const MessagesQueryShape = z.strictObject({
  ...AtShape.shape,
  limit: PageShape.shape.limit,
  cursor: z
    .string()
    .regex(/^[ab]\d{1,15}$/, "must be the next_cursor of a page")
    .optional(),
  after: integer(0, Number.MAX_SAFE_INTEGER)
    .optional()
    .describe("only those with a greater number, from the oldest on; left out: from the newest back"),
});

/** `POST /sessions/{id}/compact`. */
export const CompactShape = z.strictObject({
  strategy: z.enum(STRATEGIES),
  keep_recent: z
    .int()
    .min(0)
    .max(KEEP_RECENT_MAX)
    .optional()
    .describe("so many of the newest messages stay, at most; 10 where neither this nor keep_tokens is given"),
  keep_tokens: count.max(10_000_000).optional().describe("as many of the newest stay as take no more of a window"),
});

export const CompactedShape = z
  .object({
    original_count: count.describe("messages in the window before, and the summary"),
    compressed_count: count,
    compression_ratio: z.number().describe("the second by the first: 0.1 is a tenth"),
    original_tokens: count,
    compressed_tokens: count,
    summary: z.string().optional(),
    session: SessionShape.optional(),
  })
  .meta({ id: "Compacted" });

/** `PUT` and `PATCH /sessions/{id}/working-memory`. */
export const WorkingMemoryShape = z
  .looseObject({})
  .describe(`any JSON object of at most ${LIMITS.workingMemoryBytes} bytes; under "user" stands what the user told`);

/** What they answer with the session. */
export const WorkingMemoryAndSessionShape = z.object({ working_memory: WorkingMemoryShape, session: SessionShape });

const preferences = metadata.describe("merged into what is there; null removes one");

/** `PATCH /users/{user_id}/profile`. */
export const ProfilePatchShape = z.strictObject({
  verbosity: z.enum(STYLES.verbosity).nullable().optional(),
  tone: z.enum(STYLES.tone).nullable().optional(),
  depth: z.enum(STYLES.depth).nullable().optional(),
  preferences: preferences.optional(),
});

export const ProfileShape = z
  .object({
    user_id: z.string(),
    verbosity: z.enum(STYLES.verbosity),
    tone: z.enum(STYLES.tone),
    depth: z.enum(STYLES.depth),
    preferences: z.record(z.string(), z.json()),
    origins: z
      .record(z.string(), z.enum(["set", "learned"]))
      .describe("where each value comes from that is no default; preferences as preferences. and their name"),
    updated_at: z.iso.datetime().optional().describe("absent while nothing is known"),
    version: count.describe("how often it was changed; what If-Match takes"),
  })
  .meta({ id: "Profile" });

export const ErasedShape = z
  .object({
    user_id: z.string(),
    sessions: count,
    operations: count,
    messages: count,
    summaries: count,
    facts: count.describe("members of working memories"),
    artifacts: count,
    artifact_bytes: count.describe("before compression"),
    profile: z.boolean().describe("whether there was one"),
  })
  .meta({ id: "Erased" });

export function decodeChat(body: z.output<typeof ChatShape>): ChatRequest {
  return {
    message: body.message,
    ...given("sessionId", body.session_id),
    ...given("userId", body.user_id),
    ...given("metadata", body.metadata),
  };
}

export function decodeMessages({ messages, ...one }: z.output<typeof NewMessagesShape>): readonly Message[] {
  // NOTE: the shape has either `messages`, or `role` and `content`.
  return (messages ?? [one as z.output<typeof MessageBodyShape>]).map(decodeMessage);
}

export function decodeMessage(body: z.output<typeof MessageBodyShape>): Message {
  return {
    role: body.role,
    content: body.content,
    ...given("toolCalls", body.tool_calls),
    ...given("toolCallId", body.tool_call_id),
    ...given("metadata", body.metadata),
  };
}

/** A page from the newest back, or, behind `after`, from the oldest on; a cursor goes on as its page did. */
export function decodeMessagePage({ limit, cursor, after }: z.output<typeof MessagesQueryShape>): MessagePage {
  const page = { limit: pageLimit(limit) };
  const at = Number(cursor?.slice(1));
  if (cursor?.startsWith("b")) return { ...page, take: "newest", before: at };
  if (cursor !== undefined) return { ...page, take: "oldest", after: at };
  return after === undefined ? { ...page, take: "newest" } : { ...page, take: "oldest", after: Number(after) };
}

export function encodeMessageCursor({ take }: MessagePage, next: string | undefined): string | undefined {
  return next === undefined ? undefined : `${take === "newest" ? "b" : "a"}${next}`;
}

export function decodeCompact(body: z.output<typeof CompactShape>): CompactRequest {
  return {
    strategy: body.strategy,
    ...given("keepRecent", body.keep_recent),
    ...given("keepTokens", body.keep_tokens),
  };
}

export function decodeProfilePatch(body: z.output<typeof ProfilePatchShape>): ProfilePatch {
  return {
    ...given("verbosity", body.verbosity),
    ...given("tone", body.tone),
    ...given("depth", body.depth),
    ...given("preferences", body.preferences),
  };
}

/** An answer, with the session only where somebody wants it. */
export function encodeAnswer(
  { value }: Answer<Answered>,
  { requestId, withSession }: { readonly requestId: string; readonly withSession: boolean },
): z.output<typeof AnswerShape> {
  const { record } = value.session;
  return {
    response: value.response,
    session_id: record.sessionId,
    execution_time: Math.round(value.processingTimeUs / 10_000) / 100,
    request_id: requestId,
    model: value.model,
    is_language_model: value.isLanguageModel,
    finish_reason: value.reason,
    ...given("usage", value.usage, encodeUsage),
    ...given("temporary", record.temporary),
    ...(withSession && { session: encodeSession(value.session) }),
  };
}

export function encodeCompacted({ session, ...value }: Compacted): z.output<typeof CompactedShape> {
  const { originalCount, compressedCount } = value;
  return {
    original_count: originalCount,
    compressed_count: compressedCount,
    compression_ratio: originalCount === 0 ? 1 : compressedCount / originalCount,
    original_tokens: value.originalTokens,
    compressed_tokens: value.compressedTokens,
    ...given("summary", session.record.conversation.summary),
  };
}

export function encodeWorkingMemory({ record }: Session): JsonObject {
  return record.workingMemory;
}

export function encodeProfile({ ref, head, record }: User): z.output<typeof ProfileShape> {
  return {
    user_id: ref.id,
    verbosity: record.verbosity,
    tone: record.tone,
    depth: record.depth,
    // NOTE: preferences came in as JSON.
    preferences: record.preferences as Record<string, z.core.util.JSONType>,
    origins: { ...record.origins },
    ...given("updated_at", record.updatedAtUs, isoTime),
    version: head.seq,
  };
}

export function encodeErased({ userId, artifactBytes, ...erased }: Erased): z.output<typeof ErasedShape> {
  return { user_id: userId, artifact_bytes: artifactBytes, ...erased };
}

function isEmpty(object: object): boolean {
  return Object.values(object).every((value) => value === undefined);
}
