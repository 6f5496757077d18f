import { z } from "zod";
import { PERMISSIONS } from "../engine/artifact.ts";
import { assertDescription, checkpoint } from "../engine/artifact-commands.ts";
import { assertDuration } from "../engine/commands.ts";
import { STRATEGIES } from "../engine/conversation.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import { assertApps, assertLimits, MEASURES, REACTIONS } from "../engine/limit-rules.ts";
import { assertWithin, computedFaults, jsonFaults } from "../engine/limits.ts";
import { ROLES } from "../engine/message.ts";
import type { OperationKind } from "../engine/operation.ts";
import type { SessionInputs, SessionRecord } from "../engine/session.ts";
import type { Change } from "../engine/streams.ts";

/**
 * Refuses what no operation of its kind would carry, since the fold trusts what a log says. Members that this release does
 * not know are let be.
 *
 * @param session  before the operation; absent for the first
 * @throws {SojournError | z.ZodError}
 */
export function assertCarries(
  kind: OperationKind,
  { input, output, at }: Omit<Change, "kind" | "seq">,
  session: SessionRecord | undefined,
): void {
  SHAPES[kind].parse(input);
  if (kind === "turn.completed") turnOutput.parse(output);
  // NOTE: it has the shape of its kind.
  const { [kind]: assertFit } = FITS as Readonly<Record<string, Fit<OperationKind> | undefined>>;
  assertFit?.(input as SessionInputs[OperationKind], { session, at });
}

type Fit<K extends OperationKind> = (
  input: SessionInputs[K],
  circumstances: { readonly session: SessionRecord | undefined; readonly at: number },
) => void;

const count = z.int().nonnegative();

const text = z.string();

const uid = z.string().regex(/^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);

const artifactId = z.string().regex(/^artifact_[0-9a-f]{16}$/);

const hash = z.string().regex(/^[0-9a-f]{64}$/);

/** An object of JSON that could be kept. Nothing descends into it further than its depth may be. */
const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === "object" && value !== null && !Array.isArray(value) && jsonFaults(value, "").length === 0,
  "must be an object of JSON that can be kept",
);

const withReason = z.object({ reason: text.optional() });

const tags = z.array(text);

const message = z.object({
  role: z.enum(ROLES),
  content: text,
  toolCalls: z.array(z.object({ id: text, name: text, arguments: text })).optional(),
  toolCallId: text.optional(),
  metadata: jsonObject.optional(),
  tokens: count,
});

const usage = z.object({ inputTokens: count, outputTokens: count, costNanoUsd: count.optional() }).optional();

const turnOutput = z.object({ message, model: text, reason: z.enum(["stop", "length"]) });

const json = z.custom<Json>((value) => computedFaults(value, "").length === 0, "must be JSON that can be kept");

const taskUse = z.object({
  taskId: text,
  app: text,
  version: hash,
  action: text,
  setup: jsonObject.optional(),
  fresh: z.literal(true).optional(),
  isIdempotent: z.literal(true).optional(),
  timeoutMs: z.number().positive(),
});

const taskCall = taskUse.extend({ input: json });

const fault = z.object({ field: text, message: text, type: text });

const object = z.object({
  objectId: z.string().regex(/^[a-z]{1,16}_[0-9A-Za-z._-]{1,100}$/),
  type: text,
  data: json,
  degradation: z.object({ reason: text, objectId: text }).optional(),
});

const taskOutcome = {
  code: text.optional(),
  faults: z.array(fault).optional(),
  processingTimeUs: count,
  objects: z.array(object).min(1).optional(),
};

const report = z.discriminatedUnion("type", [
  z.object({ type: z.literal("output"), output: json }),
  z.object({ type: z.literal("progress"), fraction: z.number().optional(), message: text.optional() }),
  z.object({ type: z.literal("log"), level: z.enum(["debug", "info", "warn", "error"]), message: text }),
]);

const rules = z.array(
  z.strictObject({
    at: z.number().optional(),
    over: z.number().optional(),
    action: z.enum(REACTIONS),
    minCalls: count.optional(),
  }),
);

const limits = z.partialRecord(z.enum(MEASURES), rules);

const limitsPatch = z.partialRecord(z.enum(MEASURES), rules.nullable());

const SHAPES: { readonly [K in OperationKind]: z.ZodType } = {
  "session.created": z.object({
    sessionId: text,
    userId: text,
    name: text.optional(),
    description: text.optional(),
    tags,
    metadata: jsonObject,
    parentSessionId: text.optional(),
    template: text.optional(),
    temporary: z.literal(true).optional(),
    idleTimeoutUs: count.optional(),
    maxLifetimeUs: count.optional(),
    limits: limits.optional(),
    apps: z.array(text).optional(),
  }),
  "session.updated": z.object({
    name: text.nullish(),
    description: text.nullish(),
    tags: tags.optional(),
    metadata: jsonObject.optional(),
    idleTimeoutUs: count.nullish(),
    limits: limitsPatch.nullish(),
    apps: z.array(text).nullish(),
  }),
  "session.suspended": withReason,
  "session.resumed": withReason,
  "session.kept_alive": withReason,
  "session.warned": z.object({ reason: text, measure: z.enum(MEASURES), value: z.number() }),
  "session.completed": withReason,
  "session.failed": withReason,
  "session.expired": withReason.extend({ endedAtUs: count }),
  "metrics.recorded": z.object({
    requests: count,
    errors: count,
    processingTimeUs: count,
    inputTokens: count.optional(),
    outputTokens: count.optional(),
    costNanoUsd: count.optional(),
  }),
  "messages.added": z.object({ messages: z.array(message) }),
  "turn.completed": z.object({ messages: z.array(message), facts: jsonObject, processingTimeUs: count, usage }),
  "turn.failed": z.object({ processingTimeUs: count }),
  "conversation.compacted": z.object({
    strategy: z.enum(STRATEGIES),
    through: count,
    summary: text.optional(),
    tokens: count,
    usage,
  }),
  "working_memory.changed": z.union([z.object({ set: jsonObject }), z.object({ merge: jsonObject })]),
  "artifact.stored": z.object({
    artifactId,
    digest: hash,
    size: count,
    name: text,
    type: text,
    mimeType: text,
    tags,
    metadata: jsonObject,
  }),
  "artifact.deleted": z.object({ artifactId, name: text, size: count }),
  "artifact.granted": z.object({ artifactId, grantee: uid, permission: z.enum(PERMISSIONS), replaces: z.boolean() }),
  "artifact.revoked": z.object({ artifactId, grantee: uid }),
  "artifact.accessed": z.object({ artifactId, by: uid, needed: z.enum(PERMISSIONS) }),
  "checkpoint.created": z.object({ name: text, data: jsonObject.optional() }),
  "session.forked": z.object({
    uid,
    sessionId: text,
    name: text.optional(),
    origin: z.object({ uid, seq: count.min(1), hash, root: uid }),
  }),
  "task.queued": taskCall,
  "task.started": taskUse.extend({ input: json.optional() }),
  "task.reported": z.object({ taskId: text, reports: z.array(report) }),
  "task.finished": z.object({
    taskId: text,
    status: z.enum(["completed", "failed", "canceled", "lost", "unknown"]),
    ...taskOutcome,
    worker: z.enum(["warm", "new", "restored"]).optional(),
    staysWarm: z.boolean(),
    neverBegan: z.literal(true).optional(),
    memoryPeakBytes: count.optional(),
    snapshot: json.optional(),
  }),
  "task.performed": taskCall.extend({ status: z.enum(["completed", "failed"]), ...taskOutcome }),
  "worker.released": z.object({
    app: text,
    reason: z.enum(["idle", "memory", "lost", "shutdown"]),
  }),
  "agent.started": z.object({ runId: text, agent: text, leaseUs: count, messages: z.array(message) }),
  "agent.resumed": z.object({ runId: text, leaseUs: count }),
  "agent.stepped": z.object({
    runId: text,
    messages: z.array(message),
    usage,
  }),
  "agent.finished": z.object({
    runId: text,
    status: z.enum(["completed", "failed"]),
    reason: text.optional(),
    processingTimeUs: count,
    messages: z.array(message).optional(),
  }),
};

/** What a call would have been refused for, too. */
const FITS: { readonly [K in OperationKind]?: Fit<K> } = {
  "session.created": (created) => {
    assertWithin(created);
    assertDuration("idle_timeout_seconds", created.idleTimeoutUs);
    assertDuration("max_lifetime_seconds", created.maxLifetimeUs);
    assertLimits(created.limits ?? {});
    assertApps(created.apps);
  },
  "session.updated": (patch) => {
    assertWithin(patch);
    assertDuration("idle_timeout_seconds", patch.idleTimeoutUs);
    assertLimits(patch.limits ?? {});
    assertApps(patch.apps);
  },
  "session.suspended": assertWithin,
  "session.resumed": assertWithin,
  "session.kept_alive": assertWithin,
  "session.completed": assertWithin,
  "session.failed": assertWithin,
  "session.expired": assertWithin,
  "artifact.stored": assertDescription,
  "checkpoint.created": ({ name, data }, { session, at }) => {
    const command = checkpoint(name, data);
    if (session !== undefined) command(session, at);
  },
  "session.forked": ({ sessionId, name = null }) => assertWithin({ sessionId, name }),
};
