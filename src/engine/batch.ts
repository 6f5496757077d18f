import { PendingLog } from "./append.ts";
import { type Command, expire } from "./commands.ts";
import type { Digest } from "./digest.ts";
import type { Ids } from "./ids.ts";
import { assertMatches, type Precondition } from "./precondition.ts";
import type { Commit, Guard, Remembered, Stream } from "./store.ts";

/** Who an operation is by when nobody asked for it. */
export const SYSTEM_ACTOR = "system";

/** A call on one session. */
export interface Order {
  readonly actor: string;
  readonly command: Command;
  readonly precondition?: Precondition;
  /** What must hold when it is written, if it writes anything. */
  readonly guards?: readonly Guard[];
  /** What to remember of the call's outcome, in the same commit. */
  readonly remember?: (outcome: Settled) => Remembered;
}

/** What a call did: the session right after it, and when. */
export interface Settled {
  readonly stream: Stream;
  readonly at: number;
}

/** A call that waits for its answer. */
export interface Waiting extends Order {
  readonly settle: (settled: Settled) => void;
  readonly refuse: (error: unknown) => void;
}

/** A batch that was decided: what to write, and what to tell the first callers once it is written. */
export interface Plan {
  /** Absent where nothing is to be written. */
  readonly commit?: Commit;
  readonly replies: readonly (() => void)[];
}

/** Decides calls in order, each upon the outcome of the one before, as one commit. */
export class Batch {
  readonly #stream: Stream;
  readonly #now: number;
  readonly #log: PendingLog;
  readonly #guards: Guard[] = [];
  readonly #remember: Remembered[] = [];
  readonly #replies: (() => void)[] = [];
  #erasure: Plan | undefined;

  constructor(stream: Stream, now: number, ports: { readonly ids: Ids; readonly digest: Digest }) {
    this.#stream = stream;
    this.#now = now;
    this.#log = new PendingLog(stream.ref, stream, ports);
  }

  /** Decides one more call. A refused one is told so with the others, and touches none of them. */
  decide(waiting: Waiting): "decided" | "full" {
    if (this.#erasure !== undefined) return "full";
    try {
      return this.#apply(waiting);
    } catch (error) {
      this.#replies.push(() => waiting.refuse(error));
      return "decided";
    }
  }

  get plan(): Plan {
    if (this.#erasure !== undefined) return this.#erasure;
    const parts = this.#log.isEmpty ? [] : [this.#log.toAppend()];
    if (parts.length === 0 && this.#remember.length === 0) return { replies: this.#replies };
    const commit = { now: this.#now, parts, guards: this.#guards, remember: this.#remember };
    return { commit, replies: this.#replies };
  }

  #apply(waiting: Waiting): "decided" | "full" {
    const version = this.#log.head.seq;
    // What is written next says first that the session's time is over; nobody can have seen that version yet.
    for (const draft of expire(this.#log.record, this.#now)) this.#push(draft, SYSTEM_ACTOR);
    assertMatches(waiting.precondition, version);
    const drafts = waiting.command(this.#log.record, this.#now);
    if (drafts === "erase") return this.#erase(waiting);
    for (const draft of drafts) this.#push(draft, waiting.actor);
    if (drafts.length > 0) this.#guards.push(...(waiting.guards ?? []));
    const settled = {
      stream: { ref: this.#stream.ref, head: this.#log.head, record: this.#log.record },
      at: this.#now,
    };
    if (waiting.remember !== undefined) this.#remember.push(waiting.remember(settled));
    this.#replies.push(() => waiting.settle(settled));
    return "decided";
  }

  // An erasure is a commit of its own: after what is pending, before what follows.
  #erase(waiting: Waiting): "decided" | "full" {
    if (this.#replies.length > 0) return "full";
    const { ref, head } = this.#stream;
    const settled = { stream: this.#stream, at: this.#now };
    this.#erasure = {
      commit: {
        now: this.#now,
        parts: [{ change: "erase", ref, expectedHead: head.seq }],
        remember: waiting.remember === undefined ? [] : [waiting.remember(settled)],
      },
      replies: [() => waiting.settle(settled)],
    };
    return "decided";
  }

  #push(draft: Parameters<PendingLog["push"]>[0], actor: string): void {
    this.#log.push(draft, { actor, at: this.#now });
  }
}
