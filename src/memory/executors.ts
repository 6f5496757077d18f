import { asGiven } from "../engine/decide-again.ts";
import { SojournError } from "../engine/errors.ts";
import type { OutsideExecutors } from "../engine/execute-again.ts";
import { given } from "../engine/given.ts";
import type { Message } from "../engine/message.ts";
import type { Caller, Session } from "../engine/sessions.ts";
import type { ChatRequest } from "./chat.ts";
import type { CompactRequest } from "./compaction.ts";

/** The calls that are made again. The signal ends them. */
export interface MemoryCalls {
  readonly say: (caller: Caller, request: ChatRequest, signal: AbortSignal) => Promise<unknown>;
  readonly add: (caller: Caller, uid: string, messages: readonly Message[]) => Promise<unknown>;
  /** Up to exactly that message. */
  readonly compact: (caller: Caller, fork: Session, request: CompactRequest, signal: AbortSignal) => Promise<unknown>;
}

/** What of a replay concerns what sessions remember. */
export type MemoryExecutors = Pick<OutsideExecutors, "messages.added" | "turn.completed" | "conversation.compacted">;

/** How what a replay executes is said, added and compacted again; models are asked anew. */
export function executors({ say, add, compact }: MemoryCalls): MemoryExecutors {
  return {
    "messages.added": ({ caller, fork, input }) => add(caller, fork.ref.id, asGiven(input.messages)),
    "turn.completed": ({ caller, fork, input, timeoutMs }) =>
      within(timeoutMs, (signal) => {
        const { content = "", metadata } = input.messages.at(-1) ?? {};
        return say(caller, { sessionId: fork.ref.id, message: content, ...given("metadata", metadata) }, signal);
      }),
    "conversation.compacted": ({ caller, fork, input: { strategy, through }, timeoutMs }) =>
      within(timeoutMs, (signal) => {
        const keepRecent = Math.max(0, fork.record.conversation.messages - through);
        return compact(caller, fork, { strategy, keepRecent }, signal);
      }),
  };
}

/** @throws {SojournError} `request_timeout` where the time was too short */
async function within(timeoutMs: number, call: (signal: AbortSignal) => Promise<unknown>): Promise<unknown> {
  const signal = AbortSignal.timeout(timeoutMs);
  try {
    return await call(signal);
  } catch (error) {
    if (!signal.aborted) throw error;
    throw new SojournError("request_timeout", { message: `Not done within ${timeoutMs} ms`, cause: error });
  }
}
