import type { AgentRunState, ConversationWindow } from "./agent-runs.ts";
import { decodeSealed, type WireMessage } from "./decode-memory.ts";
import { exactMs } from "./duration.ts";

/** A run on the wire. */
export interface WireAgentRun {
  readonly run_id: string;
  readonly agent: string;
  readonly status: AgentRunState["status"];
  readonly steps: number;
  readonly fence: number;
  readonly first_message: number;
  readonly began_at: string;
  readonly updated_at: string;
  readonly lease_until: string;
  readonly processing_time_seconds: number;
  readonly error?: string | undefined;
}

/** A window on the wire. */
export interface WireWindow {
  readonly summary?: string | undefined;
  readonly messages: readonly WireMessage[];
}

/** A run in the words of the SDK. */
export function decodeAgentRun(wire: WireAgentRun): AgentRunState {
  return {
    runId: wire.run_id,
    agent: wire.agent,
    status: wire.status,
    steps: wire.steps,
    fence: wire.fence,
    firstMessage: wire.first_message,
    beganAt: new Date(wire.began_at),
    updatedAt: new Date(wire.updated_at),
    leaseUntil: new Date(wire.lease_until),
    processingTimeMs: exactMs(wire.processing_time_seconds),
    error: wire.error,
  };
}

/** A window in the words of the SDK. */
export function decodeWindow({ summary, messages }: WireWindow): ConversationWindow {
  return { summary, messages: messages.map(decodeSealed) };
}
