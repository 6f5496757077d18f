import { z } from "zod";
import { SECOND } from "../../../engine/clock.ts";
import { DOLLAR } from "../../../engine/conversation.ts";
import type { NewSession } from "../../../engine/creation.ts";
import { given } from "../../../engine/given.ts";
import type { Moment } from "../../../engine/history.ts";
import type { Json } from "../../../engine/json.ts";
import { isSessionId, LIMITS, RESERVED_IDS, SESSION_ID_PATTERN } from "../../../engine/limits.ts";
import { OPERATION_KINDS } from "../../../engine/operation.ts";
import { type AddedMetrics, type SessionPatch, STATUSES } from "../../../engine/session.ts";
import type { ListQuery, TotalsQuery } from "../../../engine/sessions.ts";
import { SORTS } from "../../../engine/store.ts";
import { decodeLimits, WantedLimitsShape } from "./limits.ts";

export const sessionId = z
  .string()
  .regex(SESSION_ID_PATTERN, "must be 1 to 128 of the characters A-Z a-z 0-9 . _ : @ -")
  .refine(isSessionId, `must be none of the reserved words ${RESERVED_IDS.join(" ")}`);
export const userId = z.string().min(1).max(LIMITS.userIdLength);
export const name = z.string().max(LIMITS.nameLength);
const description = z.string().max(LIMITS.descriptionLength);
export const tag = z.string().min(1).max(LIMITS.tagLength);
export const tags = z.array(tag).max(LIMITS.tags);
// NOTE: what a body holds is JSON: it was parsed as that, and searched for what can't be kept. To do it again by a shape takes
// longer than both.
export const metadata = z.record(z.string(), z.any() as z.ZodType<Json>);
/** What something cost. */
export const usd = z.number().min(0).max(LIMITS.costUsd).describe("US dollars; kept to the billionth");

export const duration = z.number().min(1).max(LIMITS.durationSeconds).describe("seconds");
const reason = z.string().max(LIMITS.reasonLength);
const count = z.int().min(0).max(LIMITS.count);

export const apps = z
  .array(z.string().min(1).max(LIMITS.nameLength))
  .max(LIMITS.appsOfSession)
  .describe("the apps that the session may run; left out: all");

/** `POST /sessions`. */
export const NewSessionShape = z.strictObject({
  session_id: sessionId.optional().describe("minted where it is left out"),
  user_id: userId.optional().describe("default_user where it is left out"),
  name: name.optional(),
  description: description.optional(),
  tags: tags.optional(),
  metadata: metadata.optional(),
  parent_session_id: sessionId.optional(),
  idle_timeout_seconds: duration.nullable().optional().describe("seconds; null: never expires by idleness"),
  max_lifetime_seconds: duration.optional(),
  limits: WantedLimitsShape.optional().describe("beside those of the server; null takes those of a measure away"),
  apps: apps.optional(),
  if_exists: z.enum(["error", "return"]).optional(),
  template: z.string().optional().describe("the name of a template, whose defaults fill what is left out"),
});

/** `PATCH /sessions/{id}`. */
export const PatchShape = z.strictObject({
  name: name.nullable().optional(),
  description: description.nullable().optional(),
  tags: tags.optional(),
  metadata: metadata.optional().describe("merged into what is there; null removes a key"),
  idle_timeout_seconds: duration.nullable().optional().describe("seconds; null: never expires by idleness"),
  limits: WantedLimitsShape.nullable().optional().describe("those of other measures stay; null takes all away"),
  apps: apps.nullable().optional(),
});

export const ReasonShape = z.strictObject({ reason: reason.optional() });

export const EndShape = z.strictObject({
  status: z.enum(["completed", "failed", "expired"]).optional().describe("completed where it is left out"),
  reason: reason.optional(),
});

export const AddedMetricsShape = z.strictObject({
  requests: count.optional(),
  errors: count.optional(),
  processing_time_seconds: z.number().min(0).max(LIMITS.durationSeconds).optional(),
  input_tokens: count.optional().describe("of a language model"),
  output_tokens: count.optional(),
  cost_usd: usd.optional(),
});

/** `POST /sessions/{id}/metrics`. */
export const RecordQueryShape = z.strictObject({
  return: z.enum(["metrics", "session"]).optional().describe("what to answer; metrics where it is left out"),
});

export const CleanupShape = z.strictObject({
  max_idle_seconds: z.number().min(0).max(LIMITS.durationSeconds),
  dry_run: z.boolean().optional(),
});

/** A moment in ISO 8601. */
export const moment = z.union(
  [z.iso.datetime({ offset: true }), z.iso.date()],
  "must be an ISO 8601 date or date-time with its offset",
);
/** A whole number in a query. */
export const integer = (min: number, max: number): z.ZodType<string> =>
  z.string().refine((text) => isInteger(text, min, max), `must be a whole number from ${min} to ${max}`);

const FilterShape = z.strictObject({
  status: z.enum(STATUSES).optional(),
  user_id: userId.optional(),
  tag: z
    .union([tag, z.array(tag).max(LIMITS.tags)])
    .optional()
    .describe("repeatable; all must match"),
  parent_session_id: sessionId.optional(),
  temporary: z
    .enum(["true", "false"])
    .optional()
    .describe("true: those that were made for a chat without a session; false where it is left out"),
  search: z
    .string()
    .min(1)
    .max(255)
    .optional()
    .describe("part of the id, the name or the description; ASCII letters in either case"),
  created_after: moment.optional(),
  created_before: moment.optional(),
});

/** The filters of `GET /sessions/stats`. */
export const StatsQueryShape = FilterShape;

/** Which page of a list. */
export const PageShape = z.strictObject({
  limit: integer(1, 1_000).optional().describe("1 to 1000; 50 where it is left out"),
  cursor: z.string().min(1).max(2_000).optional(),
});

/** `GET /sessions`. */
export const ListQueryShape = FilterShape.extend({
  ...PageShape.shape,
  sort: z.enum(SORTS).optional().describe("created_at where it is left out; names by code point"),
  order: z.enum(["asc", "desc"]).optional().describe("desc where it is left out; asc for sort=name"),
});

export const NewestQueryShape = z.strictObject({ user_id: userId.optional() });

/** A moment of a session: a `seq`, or a checkpoint's name, which is never a number. */
export const at = z
  .string()
  .min(1)
  .max(LIMITS.checkpointNameLength)
  .refine(
    (text) => !/^\d+$/.test(text) || isInteger(text, 1, Number.MAX_SAFE_INTEGER),
    "must be a seq, or a checkpoint",
  );

/** The query of what can be read as it was. */
export const AtShape = z.strictObject({
  at: at.optional().describe("as it was just after the operation with this seq, or at the checkpoint of this name"),
});

/** What the answer of a write to what a session holds has beside the rest. */
export const ReturnQueryShape = z.strictObject({
  return: z.enum(["answer", "session"]).optional().describe("session: the answer has the session with it"),
});

/** `GET /sessions/{id}`. */
export const GetQueryShape = AtShape;

/** `GET /sessions/{id}/operations`. */
export const OperationsQueryShape = z.strictObject({
  ...PageShape.shape,
  cursor: integer(0, Number.MAX_SAFE_INTEGER).optional(),
  after: integer(0, Number.MAX_SAFE_INTEGER).optional().describe("only those with a greater seq"),
  kind: z.enum(OPERATION_KINDS).optional(),
});

export const headHash = z.string().regex(/^[0-9a-f]{64}$/, "must be a head_hash: 64 hex digits");

export const VerifyQueryShape = z.strictObject({
  head: headHash.optional().describe("a head_hash that was kept: must be part of the log"),
});

/** How many items a page has where nobody asks for a number. */
const PAGE_DEFAULT = 50;

export function decodeNewSession(body: z.output<typeof NewSessionShape>): NewSession {
  return {
    ...given("sessionId", body.session_id),
    ...given("userId", body.user_id),
    ...given("name", body.name),
    ...given("description", body.description),
    ...given("tags", body.tags),
    ...given("metadata", body.metadata),
    ...given("parentSessionId", body.parent_session_id),
    ...given("idleTimeoutUs", micros(body.idle_timeout_seconds)),
    ...given("maxLifetimeUs", micros(body.max_lifetime_seconds)),
    ...given("limits", body.limits, decodeLimits),
    ...given("apps", body.apps),
    ...given("ifExists", body.if_exists),
    ...given("template", body.template),
  };
}

export function decodePatch(body: z.output<typeof PatchShape>): SessionPatch {
  return {
    ...given("name", body.name),
    ...given("description", body.description),
    ...given("tags", body.tags),
    ...given("metadata", body.metadata),
    ...given("idleTimeoutUs", micros(body.idle_timeout_seconds)),
    ...given("limits", body.limits, (limits) => (limits === null ? null : decodeLimits(limits))),
    ...given("apps", body.apps),
  };
}

/** An empty body counts one request; otherwise what is left out is 0. */
export function decodeMetrics(body: z.output<typeof AddedMetricsShape>): AddedMetrics {
  if (Object.keys(body).length === 0) return { requestCount: 1, errorCount: 0, processingTimeUs: 0 };
  return {
    requestCount: body.requests ?? 0,
    errorCount: body.errors ?? 0,
    processingTimeUs: micros(body.processing_time_seconds) ?? 0,
    ...given("inputTokens", body.input_tokens),
    ...given("outputTokens", body.output_tokens),
    ...given("costNanoUsd", body.cost_usd, decodeUsd),
  };
}

export function decodeCleanup(body: z.output<typeof CleanupShape>): { maxIdleUs: number; dryRun: boolean } {
  return { maxIdleUs: micros(body.max_idle_seconds), dryRun: body.dry_run ?? false };
}

export function decodeList(query: z.output<typeof ListQueryShape>): ListQuery {
  const sort = query.sort ?? "created_at";
  return {
    ...decodeFilter(query),
    sort,
    order: query.order ?? (sort === "name" ? "asc" : "desc"),
    limit: pageLimit(query.limit),
    ...given("cursor", query.cursor),
  };
}

export function decodeFilter(query: z.output<typeof FilterShape>): TotalsQuery {
  return {
    ...given("statuses", query.status && [query.status]),
    ...given("userId", query.user_id),
    ...given("tags", query.tag === undefined ? undefined : [...new Set([query.tag].flat())]),
    ...given("parentSessionId", query.parent_session_id),
    ...given("temporary", query.temporary, (temporary) => temporary === "true"),
    ...given("search", query.search),
    ...given("createdAfterUs", query.created_after, moments),
    ...given("createdBeforeUs", query.created_before, moments),
  };
}

export function decodeRange(query: z.output<typeof OperationsQueryShape>): {
  after: number;
  limit: number;
  kind?: (typeof OPERATION_KINDS)[number];
} {
  return {
    after: Number(query.cursor ?? query.after ?? 0),
    limit: pageLimit(query.limit),
    ...given("kind", query.kind),
  };
}

/** Dollars as nano-dollars. */
export function decodeUsd(dollars: number): number {
  return Math.round(dollars * DOLLAR);
}

/** Seconds as microseconds. */
export function micros<T extends number | null | undefined>(seconds: T): T {
  // NOTE: what is no number passes as it is.
  return (typeof seconds === "number" ? Math.round(seconds * SECOND) : seconds) as T;
}

/** How many items a page is to have. */
export function pageLimit(limit: string | undefined): number {
  return Number(limit ?? PAGE_DEFAULT);
}

/** A moment of a session. */
export function decodeMoment(text: string): Moment {
  return /^\d+$/.test(text) ? Number(text) : text;
}

/** A moment in microseconds since the epoch; `Date` alone would cut off what comes after the milliseconds. */
export function moments(iso: string): number {
  const rest = /\.\d{3}(\d{1,3})/.exec(iso)?.[1] ?? "";
  return Date.parse(iso) * 1_000 + Number(rest.padEnd(3, "0"));
}

function isInteger(text: string, min: number, max: number): boolean {
  return /^\d{1,16}$/.test(text) && Number(text) >= min && Number(text) <= max;
}
