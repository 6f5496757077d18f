import type { z } from "zod";
import type { Answer } from "../../../engine/idempotency.ts";
import type { RunAndSession } from "../../../memory/agent-runs.ts";
import { type Call, type JsonReply, type Route, route } from "../../route.ts";
import * as runs from "./agent-runs.ts";
import { answered, writeRefusals } from "./answer.ts";
import { ReturnQueryShape } from "./decode.ts";
import * as encode from "./encode.ts";
import { type ReturnQuery, withSession } from "./memory-routes.ts";

const runAnswer = encode.enveloped(encode.besideSession(runs.RunShape));

/** What agents do in sessions, whose loops run elsewhere. */
export const agentRunRoutes: readonly Route[] = [
  route({
    method: "POST",
    path: "/sessions/{id}/agent-runs",
    operationId: "beginAgentRun",
    summary: "Begin a run of an agent, which works elsewhere and keeps each of its steps here; one at a time",
    scope: "sessions:write",
    query: ReturnQueryShape,
    body: runs.NewRunShape,
    isWrite: true,
    answers: { 201: runAnswer },
    refusals: [...writeRefusals, "session_busy"],
    handle: async ({ memory, caller, id, query, body, write }) => {
      const answer = await memory.agentRuns.begin(caller, id, runs.decodeNewRun(body), write);
      return { status: 201, ...replied(answer, query) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/agent-runs/{run_id}",
    operationId: "getAgentRun",
    summary: "The newest run of the session, by its id or as latest; of those before it the log tells",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(runs.RunShape) },
    refusals: ["session_not_found", "agent_run_not_found"],
    handle: async (call) => {
      const run = await call.memory.agentRuns.get(call.caller, call.id, runIdOf(call));
      return { body: encode.envelope(runs.encodeRun(run), call.now()) };
    },
  }),
  route({
    method: "GET",
    path: "/sessions/{id}/agent-runs/{run_id}/window",
    operationId: "getAgentRunWindow",
    summary: "What the model of a run is to be shown: a summary, and the newest messages that fit",
    scope: "sessions:read",
    isWrite: false,
    answers: { 200: encode.enveloped(runs.WindowShape) },
    refusals: ["session_not_found", "agent_run_not_found"],
    handle: async (call) => {
      const window = await call.memory.agentRuns.window(call.caller, call.id, runIdOf(call));
      return { body: encode.envelope(runs.encodeWindow(window), call.now()) };
    },
  }),
  onRun({
    path: "resume",
    operationId: "resumeAgentRun",
    summary: "Take up a run that was interrupted, at the step where it stopped",
    body: runs.ResumeRunShape,
    isBodyOptional: true,
    refusals: ["session_busy"],
    change: ({ memory, caller, id, body, write, runId }) =>
      memory.agentRuns.resume(caller, id, runs.decodeResume(runId, body), write),
  }),
  onRun({
    path: "steps",
    operationId: "addAgentStep",
    summary:
      "Keep a step of a run: what was said, what tools gave back, what it took; or say that it is still worked on",
    body: runs.StepShape,
    change: ({ memory, caller, id, body, write, runId }) =>
      memory.agentRuns.step(caller, id, runs.decodeStep(runId, body), write),
  }),
  onRun({
    path: "finish",
    operationId: "finishAgentRun",
    summary: "Say how a run came out; the same again changes nothing",
    body: runs.FinishShape,
    change: ({ memory, caller, id, body, write, runId }) =>
      memory.agentRuns.finish(caller, id, runs.decodeFinish(runId, body), write),
  }),
];

/** A write on one run. */
function onRun<Body extends z.ZodType>({
  path,
  change,
  refusals = [],
  ...rest
}: {
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  readonly body: Body;
  readonly isBodyOptional?: true;
  readonly refusals?: readonly "session_busy"[];
  readonly change: (
    call: Call<ReturnQuery, z.output<Body>> & { readonly runId: string },
  ) => Promise<Answer<RunAndSession>>;
}): Route {
  return route({
    ...rest,
    method: "POST",
    path: `/sessions/{id}/agent-runs/{run_id}/${path}`,
    scope: "sessions:write",
    query: ReturnQueryShape,
    isWrite: true,
    answers: { 200: runAnswer },
    refusals: [...writeRefusals, "agent_run_not_found", ...refusals],
    handle: async (call) => {
      const { query, body } = call;
      return replied(await change({ ...call, query, body, runId: runIdOf(call) }), query);
    },
  });
}

function replied(answer: Answer<RunAndSession>, query: ReturnQuery): JsonReply {
  const { run, session } = answer.value;
  return answered(answer, { ...runs.encodeRun(run), ...withSession(query, session) }, session);
}

function runIdOf({ params }: Pick<Call, "params">): string {
  return params["run_id"] ?? "";
}
