import type { AgentRun } from "../client/agent-runs.ts";
import type { NewMessage } from "../client/conversation.ts";
import type { Session } from "../client/session.ts";
import type { ToolCall } from "../engine/message.ts";
import type { BoundTools } from "./agent-tools.ts";
import { type PastSteps, pastSteps } from "./past-steps.ts";
import type { Kept, RunLog } from "./run-log.ts";
import { interruptedResult } from "./tool-result.ts";

/** A run that is worked on. */
export interface Held {
  readonly session: Session;
  readonly run: AgentRun;
  readonly tools: BoundTools;
  readonly left: LeftRun | undefined;
}

/** Where a loop begins. */
export interface Start extends Pick<PastSteps, "tally"> {
  readonly callIds: Set<string>;
  /** Calls that are made before the model is asked. */
  readonly openCalls: readonly ToolCall[];
  /** What the model had answered already: there is nothing left to do. */
  readonly answer: string | undefined;
}

/** A run that an agent had to leave, and what its session does not know of it. */
export interface LeftRun {
  readonly runId: string;
  readonly fence: number;
  readonly unwritten: readonly Kept[];
  /** The ids of calls that the model wanted and nobody has begun. */
  readonly untouched: ReadonlySet<string>;
}

/** Where a run that was interrupted goes on. Calls that can't be made again get a result that says so. */
export async function takeUp({ session, run, tools, left }: Held, log: RunLog, signal: AbortSignal): Promise<Start> {
  const read = async (): Promise<PastSteps> => await log.reading(pastSteps(session, run), signal);
  let past = await read();
  if (log.unwritten.length > 0) {
    const { callIds, results } = past;
    log.retain(({ messages }) => !messages.some((message) => isIn({ callIds, results }, message)));
    await log.flush();
    past = await read();
  }
  const { tally, answer, callIds, open, isPausedByAnswer } = past;
  const openCalls = open.filter(({ id, name }) => {
    return isPausedByAnswer || tools.mayRepeat(name) || left?.untouched.has(id) === true;
  });
  const closed = open.filter((call) => !openCalls.includes(call));
  if (closed.length > 0) await log.write({ messages: closed.map(({ id }) => interruptedResult(id)) });
  const isAnswered = answer !== undefined && (answer.toolCalls ?? []).length === 0;
  return { tally, callIds: new Set(callIds), openCalls, answer: isAnswered ? answer.content : undefined };
}

/** Whether a message is in the log. One that calls nothing is the last of its run, which nobody takes up from it. */
function isIn({ callIds, results }: Pick<PastSteps, "callIds" | "results">, message: NewMessage): boolean {
  const { toolCalls = [], toolCallId } = message;
  return toolCalls.some(({ id }) => callIds.has(id)) || (toolCallId !== undefined && results.has(toolCallId));
}
