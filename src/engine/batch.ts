import { PendingLog } from "./append.ts";
import type { NewContent } from "./artifact.ts";
import type { Command } from "./commands.ts";
import type { Digest } from "./digest.ts";
import { given } from "./given.ts";
import type { Ids } from "./ids.ts";
import { isFinal } from "./lifecycle.ts";
import { assertMatches, type Precondition } from "./precondition.ts";
import type { Append, Commit, Guard, Part, Remembered, Stream } from "./store.ts";
import { type Draft, type Records, RULES, type StreamKind } from "./streams.ts";

/** Who an operation is by when nobody asked for it. */
export const SYSTEM_ACTOR = "system";

/** A call on one stream. */
export interface Order<K extends StreamKind = "session"> {
  readonly actor: string;
  readonly command: Command<K>;
  readonly precondition?: Precondition;
  /** What must hold when it is written, if it writes anything. */
  readonly guards?: readonly Guard[];
  /** What its artifacts refer to, if it writes anything. */
  readonly contents?: readonly NewContent[];
  /** What to remember of the call's outcome, in the same commit. */
  readonly remember?: (outcome: Settled<K>) => Remembered;
  /** What it writes in another stream, in the same commit; asked for anew after a conflict. */
  readonly beside?: (now: number) => Promise<Part | undefined>;
}

/** What a call did: the stream right after it, and when. */
export interface Settled<K extends StreamKind = "session"> {
  readonly stream: Stream<K>;
  /** The last operation of the call itself; what followed from it comes after that. */
  readonly seq: number;
  readonly at: number;
}

/** A call that waits for its answer. */
export interface Waiting<K extends StreamKind = "session"> extends Order<K> {
  readonly settle: (settled: Settled<K>) => void;
  readonly refuse: (error: unknown) => void;
}

/** A batch that was decided: what to write, and what to tell the first callers once it is written. */
export interface Plan {
  /** Absent where nothing is to be written. */
  readonly commit?: Commit;
  readonly replies: readonly (() => void)[];
}

/** How a batch is written. */
export interface BatchOptions {
  /** Whether the end of a session is marked as `unsettled`. */
  readonly marksEnds: boolean;
}

/** Decides calls in order, each upon the outcome of the one before, as one commit. */
export class Batch<K extends StreamKind> {
  readonly #stream: Stream<K>;
  readonly #now: number;
  readonly #log: PendingLog<K>;
  readonly #options: BatchOptions;
  readonly #beside: Part[] = [];
  readonly #guards: Guard[] = [];
  readonly #contents: NewContent[] = [];
  readonly #remember: Remembered[] = [];
  readonly #replies: (() => void)[] = [];
  #erasure: Plan | undefined;

  constructor(
    stream: Stream<K>,
    now: number,
    { options, ...ports }: { readonly ids: Ids; readonly digest: Digest; readonly options: BatchOptions },
  ) {
    this.#stream = stream;
    this.#now = now;
    this.#options = options;
    this.#log = new PendingLog(stream.ref, stream, ports);
  }

  /**
   * Decides one more call. A refused one is told so with the others, and touches none of them.
   *
   * @param beside  what the call writes in another stream, if it writes anything in this one
   */
  decide(waiting: Waiting<K>, beside?: Part): "decided" | "full" {
    if (this.#erasure !== undefined) return "full";
    try {
      return this.#apply(waiting, beside);
    } catch (error) {
      this.#replies.push(() => waiting.refuse(error));
      return "decided";
    }
  }

  get plan(): Plan {
    if (this.#erasure !== undefined) return this.#erasure;
    const parts = this.#log.isEmpty ? [] : [this.#append, ...this.#beside];
    if (parts.length === 0 && this.#remember.length === 0) return { replies: this.#replies };
    const contents = this.#contents.length === 0 ? undefined : this.#contents;
    const commit = { now: this.#now, parts, guards: this.#guards, remember: this.#remember };
    return { commit: { ...commit, ...given("contents", contents) }, replies: this.#replies };
  }

  get #append(): Append<K> {
    const append = this.#log.toAppend();
    const ends = !hasEnded(this.#stream.record) && hasEnded(append.record);
    return ends && this.#options.marksEnds ? { ...append, unsettled: true } : append;
  }

  #apply(waiting: Waiting<K>, beside: Part | undefined): "decided" | "full" {
    const version = this.#log.head.seq;
    // What is written next says first what time alone has brought about; nobody can have seen that version yet.
    for (const draft of RULES[this.#stream.ref.kind].due(this.#log.record, this.#now)) this.#push(draft, SYSTEM_ACTOR);
    assertMatches(waiting.precondition, version);
    const before = this.#log.record;
    const drafts = waiting.command(before, this.#now);
    if (drafts === "erase") return this.#erase(waiting);
    for (const draft of drafts) this.#push(draft, waiting.actor);
    const { seq } = this.#log.head;
    if (drafts.length > 0) {
      const followed = RULES[this.#stream.ref.kind].follow(before, this.#log.record, this.#now);
      for (const draft of followed) this.#push(draft, SYSTEM_ACTOR);
      this.#guards.push(...(waiting.guards ?? []));
      this.#contents.push(...(waiting.contents ?? []));
      if (beside !== undefined) this.#beside.push(beside);
    }
    const settled = {
      stream: { ref: this.#stream.ref, head: this.#log.head, record: this.#log.record },
      seq,
      at: this.#now,
    };
    if (waiting.remember !== undefined) this.#remember.push(waiting.remember(settled));
    this.#replies.push(() => waiting.settle(settled));
    return "decided";
  }

  // An erasure is a commit of its own: after what is pending, before what follows.
  #erase(waiting: Waiting<K>): "decided" | "full" {
    if (this.#replies.length > 0) return "full";
    const { ref, head } = this.#stream;
    const settled = { stream: this.#stream, seq: head.seq, at: this.#now };
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

  #push(draft: Draft, actor: string): void {
    this.#log.push(draft, { actor, at: this.#now });
  }
}

function hasEnded(record: Records[StreamKind]): boolean {
  return "status" in record && isFinal(record.status);
}
