import type { Status } from "../engine/session.ts";
import type { SessionMetrics } from "./session-state.ts";

/** How many sessions there are, and the sums of their metrics. */
export interface SessionStats extends SessionMetrics {
  readonly sessions: number;
  readonly byStatus: Readonly<Record<Status, number>>;
  /** Errors per request; 0 without requests. */
  readonly errorRate: number;
}

/** What a cleanup expired, or would expire. */
export interface Cleaned {
  readonly cleaned: number;
  readonly sessionIds: readonly string[];
}

/** What `verify` found. */
export interface Verdict {
  readonly ok: boolean;
  /** How many operations the log has. */
  readonly operations: number;
  readonly headHash: string;
  /** The first operation that is missing, or is not what was hashed. */
  readonly firstBadSeq: number | undefined;
  readonly fault: "chain" | "payload" | "head" | "view" | "known_head" | undefined;
}

/** The state of whoever answers. */
export interface Health {
  readonly status: "healthy";
  readonly version: string;
  /** What answers chats: a language model such as `openai:gpt-5`, or `built-in`, which is none. */
  readonly model: string;
  readonly isLanguageModel: boolean;
  readonly timestamp: Date;
}
