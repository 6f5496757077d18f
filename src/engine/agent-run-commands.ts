import { type AgentRun, type AgentRunInputs, isCalled, isHeld, workedUs } from "./agent-run.ts";
import { assertDuration, type Command } from "./commands.ts";
import { DOLLAR, repaired, type TokenUsage } from "./conversation.ts";
import { assertMessages, assertRoomFor, type Seal } from "./conversation-commands.ts";
import { type Fault, invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import { assertActive } from "./lifecycle.ts";
import { assertUnderLimits } from "./limit-rules.ts";
import { LIMITS, textFaults } from "./limits.ts";
import type { Message } from "./message.ts";
import type { SessionRecord } from "./session.ts";
import type { Draft } from "./streams.ts";

/** A run that is to begin. */
export interface NewAgentRun {
  readonly runId: string;
  readonly agent: string;
  readonly leaseUs: number;
  /** What it is to do: 1 to 1,000. */
  readonly messages: readonly Message[];
}

/** Which run, and by which right. */
export interface HeldRun {
  readonly runId: string;
  /** As whoever works on it was told it. */
  readonly fence: number;
}

/** One step of a run. */
export interface AgentStep extends HeldRun {
  /** At most 1,000; none: it only says that the run is still worked on. */
  readonly messages: readonly Message[];
  /** What it took of a language model. */
  readonly usage?: TokenUsage;
}

/** How a run came out. */
export interface AgentEnd extends HeldRun {
  readonly status: AgentRunInputs["agent.finished"]["status"];
  readonly reason?: string;
}

/**
 * Begins a run. One that was interrupted is over with that, as failed.
 *
 * @throws {SojournError} `session_busy` while somebody works on another
 */
export function beginRun(
  { runId, agent, leaseUs, messages }: NewAgentRun,
  seal: Seal,
): (session: SessionRecord, now: number) => readonly Draft[] {
  const faults = textFaults("agent", agent, { min: 1, max: LIMITS.nameLength });
  if (faults.length > 0) throw invalid(faults);
  assertDuration("lease_seconds", leaseUs, LIMITS.leaseSeconds);
  assertMessages(messages);
  return (session, now) => {
    assertActive(session, "begin a run of an agent in");
    assertUnderLimits(session, now, "begin a run of an agent in");
    assertNobodyWorks(session, now);
    const { agentRun } = session;
    const isOpen = agentRun !== undefined && agentRun.outcome === undefined;
    // The end of the other closes its calls.
    const whole = repaired(isOpen ? [] : session.conversation.openCalls, messages);
    assertRoomFor(whole);
    const input = { runId, agent, leaseUs, messages: whole.map(seal) };
    const started: Draft = { kind: "agent.started", name: "agent", input };
    if (!isOpen) return [started];
    const end = finished(session, { status: "failed", reason: INTERRUPTED }, { now, seal });
    return [end, started];
  };
}

/**
 * Takes up a run that was interrupted. Whoever worked on it before can't go on.
 *
 * @param takesOver  also where somebody is still taken to work on it
 * @throws {SojournError} `agent_run_not_found`, `session_busy`; `invalid_transition` for one that is over
 */
export function resumeRun(
  { runId, leaseUs }: AgentRunInputs["agent.resumed"],
  { takesOver }: { readonly takesOver: boolean },
): Command {
  assertDuration("lease_seconds", leaseUs, LIMITS.leaseSeconds);
  return (session, now) => {
    assertActive(session, "take up a run of an agent in");
    const run = openRun(session, runId);
    if (isHeld(run, now) && !takesOver) throw busy(session, run, now);
    return [{ kind: "agent.resumed", name: "agent", input: { runId: run.runId, leaseUs } }];
  };
}

/**
 * Keeps one step of a run.
 *
 * @throws {SojournError} `agent_run_not_found`; `precondition_failed` where another has taken it up; `invalid_transition` for one that
 *   is over, and in a session that is not active
 */
export function stepRun(
  { messages, usage, ...held }: AgentStep,
  seal: Seal,
): (session: SessionRecord) => readonly Draft[] {
  if (messages.length > 0) assertMessages(messages);
  const faults = [
    ...countFaults("usage.input_tokens", usage?.inputTokens, LIMITS.count),
    ...countFaults("usage.output_tokens", usage?.outputTokens, LIMITS.count),
    ...countFaults("usage.cost_usd", usage?.costNanoUsd, LIMITS.costUsd * DOLLAR),
  ];
  if (faults.length > 0) throw invalid(faults);
  return (session) => {
    const { runId } = heldRun(session, held);
    assertActive(session, "go on with a run of an agent in");
    const whole = messages.length === 0 ? [] : repaired(session.conversation.openCalls, messages);
    assertRoomFor(whole);
    const input = {
      runId,
      messages: whole.map(seal),
      ...given("usage", usage),
    };
    return [{ kind: "agent.stepped", name: "agent", input }];
  };
}

/**
 * Says how a run came out, also in a session that has ended or was suspended meanwhile. The same end again changes nothing.
 *
 * @throws {SojournError} `agent_run_not_found`; `precondition_failed` where another has taken it up
 */
export function finishRun({ status, reason, ...held }: AgentEnd, seal: Seal): Command {
  const faults = textFaults("error", reason ?? "", { min: 0, max: LIMITS.reasonLength });
  if (faults.length > 0) throw invalid(faults);
  return (session, now) => {
    const { agentRun } = session;
    if (agentRun?.outcome === status && isCalled(agentRun, held.runId)) return [];
    heldRun(session, held);
    return [finished(session, { status, ...given("reason", reason) }, { now, seal })];
  };
}

/**
 * Refuses to say anything while an agent is at work, with `session_busy`: it would part the agent's calls of tools from their
 * results.
 */
export function assertNobodyWorks(session: SessionRecord, now: number): void {
  const { agentRun } = session;
  if (agentRun !== undefined && isHeld(agentRun, now)) throw busy(session, agentRun, now);
}

const INTERRUPTED = "Interrupted: another run began";

const FAILED = "The agent failed";

/** Says how the run of a session came out; one that failed has closed its calls then, and is told of in the conversation. */
function finished(
  { agentRun, conversation, endedAtUs }: SessionRecord,
  { status, reason }: Pick<AgentEnd, "status" | "reason">,
  { now, seal }: { readonly now: number; readonly seal: Seal },
): Draft<"agent.finished"> {
  if (agentRun === undefined) throw new SojournError("internal", { message: "There is no run to finish" });
  const processingTimeUs = workedUs(agentRun, now);
  const closes = status === "failed" && endedAtUs === undefined;
  const messages = closes ? repaired(conversation.openCalls, [NOTHING_CAME_OF_IT]).map(seal) : undefined;
  return {
    kind: "agent.finished",
    name: "agent",
    input: {
      runId: agentRun.runId,
      status,
      ...given("reason", reason),
      processingTimeUs,
      ...given("messages", messages),
    },
    ...(status === "failed" && { error: reason ?? FAILED }),
    durationUs: processingTimeUs,
  };
}

// Without it the next task would read as if it were one with this.
const NOTHING_CAME_OF_IT: Message = { role: "assistant", content: "(The task failed.)", metadata: { repaired: true } };

function heldRun(session: SessionRecord, { runId, fence }: HeldRun): AgentRun {
  const run = openRun(session, runId);
  if (run.fence === fence) return run;
  throw new SojournError("precondition_failed", {
    message: `Run ${runId} is not held by fence ${fence}, but by ${run.fence}: another has taken it up`,
  });
}

function openRun({ sessionId, agentRun }: SessionRecord, runId: string): AgentRun {
  if (agentRun === undefined || !isCalled(agentRun, runId)) {
    throw new SojournError("agent_run_not_found", { message: `Session "${sessionId}" knows no run ${runId} any more` });
  }
  if (agentRun.outcome === undefined) return agentRun;
  throw new SojournError("invalid_transition", {
    message: `Run ${runId} is over, as ${agentRun.outcome}${agentRun.reason === undefined ? "" : `: ${agentRun.reason}`}`,
  });
}

function busy(
  { sessionId }: SessionRecord,
  { runId, agent, updatedAtUs, leaseUs }: AgentRun,
  now: number,
): SojournError {
  return new SojournError("session_busy", {
    message: `Agent "${agent}" is at work in session "${sessionId}" (run ${runId})`,
    retryAfterMs: Math.ceil((updatedAtUs + leaseUs - now) / 1_000),
  });
}

function countFaults(field: string, value = 0, max: number): readonly Fault[] {
  if (Number.isSafeInteger(value) && value >= 0 && value <= max) return [];
  return [{ field, message: "must be a whole number, and no more than one operation may add", type: "out_of_range" }];
}
