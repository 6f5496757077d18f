import type { Json } from "./json.ts";
import type { Operation, OperationKind } from "./operation.ts";

/**
 * How a session is gone through again: `verify` folds its log and looks at nothing else; `recorded` decides each call anew
 * on what was recorded, and takes what came from outside from the log; `execute` makes the calls in a fork, outside too.
 */
export const REPLAY_MODES = ["verify", "recorded", "execute"] as const;

export type ReplayMode = (typeof REPLAY_MODES)[number];

export interface ReplayRequest {
  readonly mode: ReplayMode;
  /** The first and the last operation; default: all. */
  readonly from?: number;
  readonly to?: number;
  /** Whether the first that differs or fails is the last; default false. */
  readonly stopOnError?: boolean;
  /** After how long it stops, with what it has: 1 ms to an hour; default 300 seconds. */
  readonly timeoutMs?: number;
}

/** The longest that a replay may be let take. */
export const REPLAY_TIMEOUT_MAX_MS = 3_600_000;

/** Something that came out otherwise than it is recorded. */
export interface Finding {
  /** It came out differently, or could not be done. */
  readonly outcome: "different" | "failed";
  /**
   * What differs, such as `hash`, `payload`, `input.name`, `output.message.content`, `state.metadata`. Members are called as
   * in the log and the record.
   */
  readonly what: string;
  /** As it is recorded, and as it came out. What is not there is absent; what is long is cut, as text. */
  readonly expected?: Json;
  readonly actual?: Json;
  /** Why it failed. */
  readonly message?: string;
}

/** How an operation came out otherwise than it is recorded. */
export interface Difference extends Finding {
  readonly seq: number;
  readonly kind: OperationKind;
}

export interface ReplayReport {
  readonly mode: ReplayMode;
  readonly from: number;
  readonly to: number;
  /** The sum of the three that follow. */
  readonly replayed: number;
  readonly equal: number;
  readonly different: number;
  readonly failed: number;
  /** What has nothing to do again, such as an expiry that is executed, or nothing left to decide it from. */
  readonly skipped: number;
  /** The first 100 of them; an operation may have several. */
  readonly differences: readonly Difference[];
  /** Why it stopped before `to`. */
  readonly stopped?: "error" | "timeout";
  /** The fork that it was executed in; `execute` alone. */
  readonly fork?: { readonly uid: string; readonly sessionId: string };
  readonly durationUs: number;
}

/** How an operation came out: as recorded where nothing was found. */
export type Outcome = readonly Finding[] | "skipped";

/** How many differences a report tells. */
const DIFFERENCES_MAX = 100;

/** How much of a value a report shows, in characters. */
const SHOWN_MAX = 2_000;

/** Counts how operations came out. */
export class Tally {
  readonly #counts = { equal: 0, different: 0, failed: 0, skipped: 0 };
  readonly #differences: Difference[] = [];

  /** Counts one; tells whether it came out as recorded, or was skipped. */
  add({ seq, kind }: Operation, outcome: Outcome): boolean {
    if (outcome === "skipped") this.#counts.skipped += 1;
    else if (outcome.length === 0) this.#counts.equal += 1;
    else {
      this.#counts[outcome.some((found) => found.outcome === "failed") ? "failed" : "different"] += 1;
      const room = DIFFERENCES_MAX - this.#differences.length;
      // NOTE: the log of a session has operations of its own kinds alone; another is what is found.
      const at = { seq, kind: kind as OperationKind };
      this.#differences.push(...outcome.slice(0, room).map((found) => ({ ...at, ...cut(found) })));
      return false;
    }
    return true;
  }

  get counts(): Pick<ReplayReport, "replayed" | "equal" | "different" | "failed" | "skipped" | "differences"> {
    const { equal, different, failed, skipped } = this.#counts;
    return { replayed: equal + different + failed, equal, different, failed, skipped, differences: this.#differences };
  }
}

function cut(found: Finding): Finding {
  const { expected, actual } = found;
  return {
    ...found,
    ...(expected === undefined ? {} : { expected: shown(expected) }),
    ...(actual === undefined ? {} : { actual: shown(actual) }),
  };
}

function shown(value: Json): Json {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length <= SHOWN_MAX ? value : `${text.slice(0, SHOWN_MAX).toWellFormed()}…`;
}
