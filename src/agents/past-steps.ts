import type { AgentRun } from "../client/agent-runs.ts";
import type { SealedMessage } from "../client/conversation.ts";
import type { OperationOf } from "../client/operation.ts";
import type { Session } from "../client/session.ts";
import type { ToolCall } from "../engine/message.ts";
import { Tally } from "./tally.ts";

/** What a run did before it is taken up. */
export interface PastSteps {
  readonly tally: Tally;
  /** The ids of all calls. */
  readonly callIds: ReadonlySet<string>;
  /** The ids of those that have a result. */
  readonly results: ReadonlySet<string>;
  /** The last answer of the model, if there was one. */
  readonly answer: SealedMessage | undefined;
  /** Calls of that answer that have no result. */
  readonly open: readonly ToolCall[];
  /** Whether the session was paused with the answer itself, so that none of its calls was begun. */
  readonly isPausedByAnswer: boolean;
}

/** Reads from the log what a run did. */
export async function pastSteps(session: Session, run: AgentRun): Promise<PastSteps> {
  const tally = new Tally();
  const callIds = new Set<string>();
  const results = new Set<string>();
  let answer: SealedMessage | undefined;
  let open: readonly ToolCall[] = [];
  let answered: OperationOf<"agent.stepped"> | undefined;
  for await (const step of session.operations({ kind: "agent.stepped", after: await beginningOf(session, run) })) {
    const { runId, messages = [], usage } = step.inputs ?? {};
    if (runId !== run.runId) continue;
    tally.add(usage);
    for (const message of messages) {
      if (message.toolCallId !== undefined) results.add(message.toolCallId);
      open = open.filter(({ id }) => !results.has(id));
      if (message.role !== "assistant" || message.metadata?.["repaired"] === true) continue;
      tally.steps += 1;
      answer = message;
      open = message.toolCalls ?? [];
      answered = step;
      for (const { id } of open) callIds.add(id);
    }
  }
  const isPausedByAnswer = answered !== undefined && open.length > 0 && (await wasPausedBy(session, answered));
  return { tally, callIds, results, answer, open, isPausedByAnswer };
}

/** After which operation the steps of a run are. */
async function beginningOf(session: Session, run: AgentRun): Promise<number> {
  const after = run.toJSON().firstMessage - 1;
  for await (const { seq } of session.messages.list({ after, pageSize: 1 })) return seq - 1;
  return 0;
}

/** A limit that is reached pauses the session in the commit of what reached it. */
async function wasPausedBy(session: Session, { seq, timestamp }: OperationOf<"agent.stepped">): Promise<boolean> {
  for await (const next of session.operations({ after: seq, pageSize: 1 })) {
    const isSame = next.name === "limit" && next.timestamp.getTime() === timestamp.getTime();
    if (!isSame || next.kind === "session.suspended") return isSame;
  }
  return false;
}
