import type { TokenUsage } from "./conversation.ts";
import type { SealedMessage } from "./message.ts";

/**
 * One task of an agent, whose loop runs where its author runs it; the session keeps what it does. The record knows the
 * newest alone; of those before it the log tells.
 */
export interface AgentRun {
  readonly runId: string;
  /** The agent's name. */
  readonly agent: string;
  /** How it came out. Absent while it is open, whether or not anybody works on it. */
  readonly outcome?: AgentOutcome;
  /** Why it failed. */
  readonly reason?: string;
  /** How many of its steps brought messages. */
  readonly steps: number;
  /** The `seq` of the operation that began it or took it up last. Whoever was told an older one has lost it to another. */
  readonly fence: number;
  /** The number of the first message that is its own. */
  readonly firstMessage: number;
  /** Microseconds since the epoch, as all times here. */
  readonly beganAtUs: number;
  /** When it was begun or taken up last. */
  readonly sinceUs: number;
  readonly updatedAtUs: number;
  /** How long after its last step somebody is still taken to work on it. */
  readonly leaseUs: number;
  /** How long it was worked on before it was taken up last; once it is over, in all. */
  readonly spentUs: number;
}

/** What the newest run of a session may be called, whatever its id is. */
export const LATEST = "latest";

/** Whether a run is called so. */
export function isCalled(run: AgentRun, runId: string): boolean {
  return runId === run.runId || runId === LATEST;
}

export type AgentOutcome = "completed" | "failed";

/** What the operations on runs carry. */
export interface AgentRunInputs {
  readonly "agent.started": {
    readonly runId: string;
    readonly agent: string;
    readonly leaseUs: number;
    /** What it is to do; results that calls before it lacked come first. */
    readonly messages: readonly SealedMessage[];
  };
  readonly "agent.resumed": { readonly runId: string; readonly leaseUs: number };
  /** Without messages it only says that the run is still worked on. */
  readonly "agent.stepped": {
    readonly runId: string;
    readonly messages: readonly SealedMessage[];
    /** What it took of a language model. */
    readonly usage?: TokenUsage;
  };
  /** `processingTimeUs`: how long it was worked on. */
  readonly "agent.finished": {
    readonly runId: string;
    readonly status: AgentOutcome;
    readonly reason?: string;
    readonly processingTimeUs: number;
    /** Of one that failed: what closes its calls, and says in the conversation that nothing came of it. */
    readonly messages?: readonly SealedMessage[];
  };
}

/** Whether somebody is taken to work on a run at `now`. */
export function isHeld({ outcome, updatedAtUs, leaseUs }: AgentRun, now: number): boolean {
  return outcome === undefined && now < updatedAtUs + leaseUs;
}

/** How long a run was worked on by `now`; what came after its lease does not count. */
export function workedUs(run: AgentRun, now: number): number {
  const until = isHeld(run, now) ? now : run.updatedAtUs;
  return run.spentUs + Math.max(0, until - run.sinceUs);
}

/** Where and when an operation of a run stands. */
interface At<K extends keyof AgentRunInputs> {
  readonly at: number;
  readonly seq: number;
  readonly input: AgentRunInputs[K];
}

/** A run that has just begun; `messages`: how many the conversation had before it. */
export function begunRun({ at, seq, input }: At<"agent.started">, messages: number): AgentRun {
  const { runId, agent, leaseUs } = input;
  const times = { beganAtUs: at, sinceUs: at, updatedAtUs: at, spentUs: 0 };
  return { runId, agent, steps: 0, fence: seq, firstMessage: messages + 1, leaseUs, ...times };
}

/** A run that was taken up. */
export function resumedRun(run: AgentRun, { at, seq, input }: At<"agent.resumed">): AgentRun {
  return { ...run, fence: seq, leaseUs: input.leaseUs, spentUs: workedUs(run, at), sinceUs: at, updatedAtUs: at };
}

/** A run after one more step. */
export function steppedRun(run: AgentRun, { at, input }: At<"agent.stepped">): AgentRun {
  return {
    ...run,
    steps: run.steps + (input.messages.length > 0 ? 1 : 0),
    updatedAtUs: Math.max(run.updatedAtUs, at),
  };
}

/** A run that is over. */
export function finishedRun(run: AgentRun, { at, input }: Omit<At<"agent.finished">, "seq">): AgentRun {
  const { status: outcome, reason, processingTimeUs: spentUs } = input;
  const updatedAtUs = Math.max(run.updatedAtUs, at);
  return { ...run, outcome, spentUs, updatedAtUs, ...(reason === undefined ? {} : { reason }) };
}

/** A run as a fork has it: it may be taken up there as well, and nobody works on it. */
export function forkedRun(run: AgentRun): AgentRun {
  return { ...run, spentUs: workedUs(run, run.updatedAtUs), sinceUs: run.updatedAtUs, leaseUs: 0 };
}
