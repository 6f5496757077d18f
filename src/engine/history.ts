import { SojournError } from "./errors.ts";
import type { Answer } from "./idempotency.ts";
import type { Json, JsonObject } from "./json.ts";
import type { Settings } from "./limits.ts";
import type { MailboxPorts } from "./mailbox.ts";
import type { StoredMessage } from "./message.ts";
import type { Operation, OperationKind } from "./operation.ts";
import type { Caller, Session, Sessions, WriteOptions } from "./sessions.ts";
import type { Page } from "./store.ts";

/** A moment of a session: just after an operation, by its `seq` or by the name of a checkpoint. */
export type Moment = number | string;

/** A name that was given to an operation. */
export interface Checkpoint {
  readonly name: string;
  readonly seq: number;
  readonly createdAtUs: number;
  readonly data?: JsonObject;
}

/** A fork to make. What is left out is as it was at that moment; the id is minted. */
export interface NewFork {
  /** Default: now. */
  readonly at?: Moment;
  readonly sessionId?: string;
  readonly name?: string;
}

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
  /** After how long it stops, with what it has; default 300 seconds. */
  readonly timeoutMs?: number;
}

/** How an operation came out otherwise than it is recorded. */
export interface Difference {
  readonly seq: number;
  readonly kind: OperationKind;
  /** It came out differently, or could not be done. */
  readonly outcome: "different" | "failed";
  /** What differs, such as `hash`, `payload`, `input.name`, `output.message.content`, `state.metadata`. */
  readonly what: string;
  readonly expected?: Json;
  readonly actual?: Json;
  /** Why it failed. */
  readonly message?: string;
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
  /** What has nothing to do again, such as an expiry; `execute` alone. */
  readonly skipped: number;
  /** The first of them. */
  readonly differences: readonly Difference[];
  /** Why it stopped before `to`. */
  readonly stopped?: "error" | "timeout";
  /** The fork that it was executed in; `execute` alone. */
  readonly fork?: { readonly uid: string; readonly sessionId: string };
  readonly durationUs: number;
}

/** What one of two sessions did since they parted. */
export interface Side {
  readonly uid: string;
  readonly sessionId: string;
  readonly head: { readonly seq: number; readonly hash: string };
  /** How many operations, and the first of them. */
  readonly since: number;
  readonly operations: readonly Operation[];
}

/** Something that two sessions do not have in common. What one of them has not is absent. */
export interface Change {
  /** Such as `metadata.plan`, `working_memory.task`, `tags`, `messages`, `artifacts.report.csv`. */
  readonly path: string;
  readonly a?: Json;
  readonly b?: Json;
}

export interface Diff {
  /** The last operation that both have; `seq` 0 where they have none in common. */
  readonly common: { readonly seq: number; readonly hash?: string };
  readonly a: Side;
  readonly b: Side;
  readonly changes: readonly Change[];
}

/** A session with those that descend from it. */
export interface Family {
  readonly session: Session;
  readonly children: readonly Family[];
}

/** The past of sessions: what they were, and what may be made of it. */
export class History {
  readonly #ports: MailboxPorts;
  readonly #sessions: Sessions;
  readonly #settings: Settings;

  constructor(ports: MailboxPorts, sessions: Sessions, settings: Settings) {
    this.#ports = ports;
    this.#sessions = sessions;
    this.#settings = settings;
  }

  /**
   * The `seq` of a moment.
   *
   * @throws {SojournError} `invalid` for a `seq` that the log does not have; `checkpoint_not_found`
   */
  async seqOf(caller: Caller, id: string, moment: Moment): Promise<number> {
    throw this.#todo(caller, id, moment);
  }

  /** The session as it was. Its id is the one that it has. */
  async at(caller: Caller, id: string, moment: Moment): Promise<Session> {
    throw this.#todo(caller, id, moment);
  }

  /** A page of the messages that there were, oldest first. */
  async messages(
    caller: Caller,
    id: string,
    moment: Moment,
    range: {
      readonly after?: number;
      readonly before?: number;
      readonly take: "oldest" | "newest";
      readonly limit: number;
    },
  ): Promise<Page<StoredMessage>> {
    throw this.#todo(caller, id, moment, range);
  }

  /**
   * Gives a name to the operation that says so, in a session of any status.
   *
   * @throws {SojournError} `checkpoint_exists`, `limit_reached`
   */
  async checkpoint(
    caller: Caller,
    id: string,
    wanted: { readonly name: string; readonly data?: JsonObject },
    options: WriteOptions = {},
  ): Promise<Answer<{ readonly session: Session; readonly checkpoint: Checkpoint }>> {
    throw this.#todo(caller, id, wanted, options);
  }

  /** A page of the session's checkpoints, oldest first; the cursor is a `seq`. */
  async checkpoints(
    caller: Caller,
    id: string,
    page: { readonly limit: number; readonly cursor?: string },
  ): Promise<Page<Checkpoint>> {
    throw this.#todo(caller, id, page);
  }

  /**
   * Begins a session with the history of another, which may have ended. Nothing of the other changes.
   *
   * @throws {SojournError} `session_exists`, `limit_reached`, and those of `seqOf`
   */
  async fork(caller: Caller, id: string, wanted: NewFork, options: WriteOptions = {}): Promise<Answer<Session>> {
    throw this.#todo(caller, id, wanted, options);
  }

  /** Goes through a session again, and tells what comes out otherwise. */
  async replay(caller: Caller, id: string, request: ReplayRequest): Promise<ReplayReport> {
    throw this.#todo(caller, id, request);
  }

  /** Where the histories of two sessions part, what each did since, and how they differ now. */
  async diff(caller: Caller, id: string, otherId: string): Promise<Diff> {
    throw this.#todo(caller, id, otherId);
  }

  /** The session with all that descend from it, oldest first. */
  async family(caller: Caller, id: string): Promise<Family> {
    throw this.#todo(caller, id);
  }

  #todo(..._: readonly unknown[]): SojournError {
    return new SojournError("internal", {
      message: `Not there yet: ${typeof this.#ports}${typeof this.#sessions}${typeof this.#settings}`,
    });
  }
}
