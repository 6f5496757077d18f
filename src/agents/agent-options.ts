import type { FinishReason } from "ai";
import type { TokenUsage } from "../client/conversation.ts";
import type { NewSession } from "../client/inputs.ts";
import type { Sojourn } from "../client/sojourn.ts";
import type { Json } from "../engine/json.ts";
import type { AgentModel, ModelSettings } from "./agent-model.ts";
import type { AgentTools } from "./agent-tools.ts";
import type { Price } from "./answer.ts";

/** One answer of a model, and what came of it. */
export interface AgentStepReport {
  /** 1 for the first of the run. */
  readonly number: number;
  readonly text: string;
  readonly toolCalls: readonly { readonly id: string; readonly name: string; readonly input: unknown }[];
  readonly toolResults: readonly { readonly id: string; readonly content: string; readonly isError: boolean }[];
  /** Where the model's maker tells it. */
  readonly usage: TokenUsage | undefined;
}

/** How a model is asked. */
export interface CallSettings {
  readonly maxOutputTokens?: number | undefined;
  readonly temperature?: number | undefined;
  /** How often a call is made again that failed by what passes; default 2. */
  readonly maxRetries?: number | undefined;
  /** What a maker alone understands, by its name. */
  readonly providerOptions?: AgentModel["providerOptions"] | undefined;
}

/** What an agent is made of. */
export interface AgentOptions extends ModelSettings, CallSettings {
  /** What it is called: 1 to 255 characters. Whoever takes its runs up is called the same. */
  readonly id: string;
  /** Where its sessions are. */
  readonly sojourn: Sojourn;
  /** What it is and how it should work. */
  readonly instructions?: string | undefined;
  readonly tools?: AgentTools | undefined;
  /** How often its model may answer in one run: 1 or more, default 20. */
  readonly maxSteps?: number | undefined;
  /** How much of a tool's result is kept and shown to the model: 1,000 to 100,000 characters, default 16,000. */
  readonly maxResultCharacters?: number | undefined;
  /** What its model costs; sessions count the cost by it. */
  readonly price?: Price | undefined;
  /** How long after its last sign of life others may take up a run of it: a second to a day, default a minute. */
  readonly leaseMs?: number | undefined;
  /** How long it waits where somebody else is at work in the session; default 30,000. */
  readonly busyWaitMs?: number | undefined;
}

/** What an agent is to do. */
export interface AgentTask {
  readonly description: string;
  /** What is good to know for it. */
  readonly context?: Json | undefined;
}

/** How to watch a run, and to end it. */
export interface RunWatch {
  /** Aborting it ends the run as failed, and rejects with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told what the model says, as it comes; what it throws ends the run as failed. */
  readonly onText?: ((text: string) => unknown) | undefined;
  /** Told of each step once it is in the log, and waited for; what it throws ends the run as failed. */
  readonly onStep?: ((step: AgentStepReport) => unknown) | undefined;
}

/** Where a task is done. */
export interface TaskOptions extends RunWatch {
  /** Made on first use; where the session of that name has ended, another begins. */
  readonly sessionId: string;
  /** Whose session it is, where it is made. */
  readonly userId?: string | undefined;
  /** What the session begins with, where it is made: limits, apps, a template, tags and so on. */
  readonly newSession?: Omit<NewSession, "sessionId" | "userId" | "ifExists"> | undefined;
}

/** Which run to take up. */
export interface ResumeOptions extends RunWatch {
  readonly sessionId: string;
  /** Also where another process is still taken to work on it, which then can't go on. */
  readonly takeOver?: boolean | undefined;
}

/** What came of a task. */
export interface AgentResult {
  readonly output: string;
  readonly sessionId: string;
  readonly runId: string;
  /** How often the model answered. */
  readonly steps: number;
  /** As far as the model's maker tells. */
  readonly usage: TokenUsage;
  /** In US dollars, where the price is given. */
  readonly costUsd: number | undefined;
  /** `length`: the answer was cut off. */
  readonly finishReason: FinishReason;
}

/** How often a model answers in one run, where nobody says. */
export const MAX_STEPS = 20;

/** The lease of a run, where nobody says. */
export const LEASE_MS = 60_000;
