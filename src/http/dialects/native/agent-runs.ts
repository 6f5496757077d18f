import { z } from "zod";
import type { AgentEnd, AgentStep } from "../../../engine/agent-run-commands.ts";
import { given } from "../../../engine/given.ts";
import { LIMITS } from "../../../engine/limits.ts";
import type { AgentRuns, ShownRun, ShownWindow } from "../../../memory/agent-runs.ts";
import { decodeUsd, micros, usd } from "./decode.ts";
import { encodeSealed, inSeconds, isoTime, SealedShape } from "./encode.ts";
import { decodeMessage, MessageBodyShape } from "./memory.ts";

const lease = z
  .number()
  .min(1)
  .max(LIMITS.leaseSeconds)
  .optional()
  .describe("seconds after a step for which somebody is still taken to work on it; default 60");

const fence = z.int().min(1).describe("as the run told it when it was begun or taken up");

const runMessages = z.array(MessageBodyShape).max(LIMITS.messagesAtOnce);

/** `POST /sessions/{id}/agent-runs`. */
export const NewRunShape = z.strictObject({
  agent: z.string().min(1).max(LIMITS.nameLength).describe("what the agent is called"),
  messages: runMessages.min(1).describe("what it is to do"),
  lease_seconds: lease,
});

/** `POST /sessions/{id}/agent-runs/{run_id}/resume`. */
export const ResumeRunShape = z.strictObject({
  lease_seconds: lease,
  take_over: z.boolean().optional().describe("also where somebody is still taken to work on it, who then can't go on"),
});

/** `POST /sessions/{id}/agent-runs/{run_id}/steps`. */
export const StepShape = z.strictObject({
  fence,
  messages: runMessages.optional().describe("none: it is still worked on, and nothing else"),
  usage: z
    .strictObject({ input_tokens: z.int().min(0), output_tokens: z.int().min(0), cost_usd: usd.optional() })
    .optional()
    .describe("what it took of a language model"),
});

/** `POST /sessions/{id}/agent-runs/{run_id}/finish`. */
export const FinishShape = z.strictObject({
  fence,
  status: z.enum(["completed", "failed"]),
  error: z.string().max(LIMITS.reasonLength).optional().describe("of one that failed"),
});

/** A run of an agent. */
export const RunShape = z
  .object({
    run_id: z.string(),
    agent: z.string(),
    status: z
      .enum(["running", "interrupted", "completed", "failed"])
      .describe("interrupted: nobody is taken to work on it; it can be taken up"),
    steps: z.int(),
    fence: z.int().describe("what steps must come with; another, once it was taken up"),
    first_message: z.int().describe("the number of the first message that is its own"),
    began_at: z.iso.datetime(),
    updated_at: z.iso.datetime(),
    lease_until: z.iso.datetime(),
    processing_time_seconds: z
      .number()
      .describe("how long it was worked on before it was taken up; at its end, in all"),
    error: z.string().optional(),
  })
  .meta({ id: "AgentRun" });

/** What a model is shown. */
export const WindowShape = z
  .object({
    summary: z.string().optional().describe("what went before the messages, in short"),
    messages: z.array(SealedShape).describe("the newest that fit the window, oldest first"),
  })
  .meta({ id: "Window" });

export function decodeNewRun(body: z.output<typeof NewRunShape>): Parameters<AgentRuns["begin"]>[2] {
  return { agent: body.agent, messages: body.messages.map(decodeMessage), leaseUs: micros(body.lease_seconds) };
}

export function decodeResume(runId: string, body: z.output<typeof ResumeRunShape>): Parameters<AgentRuns["resume"]>[2] {
  return { runId, leaseUs: micros(body.lease_seconds), takesOver: body.take_over };
}

export function decodeStep(runId: string, body: z.output<typeof StepShape>): AgentStep {
  return {
    runId,
    fence: body.fence,
    messages: (body.messages ?? []).map(decodeMessage),
    ...given("usage", body.usage, (usage) => ({
      inputTokens: usage.input_tokens,
      outputTokens: usage.output_tokens,
      ...given("costNanoUsd", usage.cost_usd, decodeUsd),
    })),
  };
}

export function decodeFinish(runId: string, body: z.output<typeof FinishShape>): AgentEnd {
  return { runId, fence: body.fence, status: body.status, ...given("reason", body.error) };
}

export function encodeRun(run: ShownRun): z.output<typeof RunShape> {
  return {
    run_id: run.runId,
    agent: run.agent,
    status: run.status,
    steps: run.steps,
    fence: run.fence,
    first_message: run.firstMessage,
    began_at: isoTime(run.beganAtUs),
    updated_at: isoTime(run.updatedAtUs),
    lease_until: isoTime(run.updatedAtUs + run.leaseUs),
    processing_time_seconds: inSeconds(run.spentUs),
    ...given("error", run.reason),
  };
}

export function encodeWindow({ summary, messages }: ShownWindow): z.output<typeof WindowShape> {
  return { ...given("summary", summary), messages: messages.map(encodeSealed) };
}
