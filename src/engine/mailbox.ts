import { beforeFirst } from "./append.ts";
import { Batch, type BatchOptions, type Order, type Plan, type Settled, type Waiting } from "./batch.ts";
import type { Clock } from "./clock.ts";
import type { Digest } from "./digest.ts";
import { SojournError } from "./errors.ts";
import type { Ids } from "./ids.ts";
import type { Committed, Store, Stream, StreamRef } from "./store.ts";
import { RULES, type StreamKind } from "./streams.ts";

/** What a mailbox needs of the engine's ports. */
export interface MailboxPorts {
  readonly store: Store;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly digest: Digest;
}

/** How many calls one commit takes at most, so that none of them waits long. */
const BATCH_MAX = 256;

/** Another node won this often in a row: give up. */
const CONFLICTS_MAX = 16;

/**
 * One mailbox for each stream with calls in hand.
 *
 * While a commit is under way, calls wait. Then all that wait are decided in order, each upon the outcome of the one
 * before, and written as one commit. So concurrent calls of one stream are exact and share an fsync, and conflicts
 * arise only between nodes. A refused call does not touch its neighbours.
 */
export class Mailboxes {
  readonly #ports: MailboxPorts;
  readonly #options: BatchOptions;
  readonly #queues = new Map<string, unknown[]>();

  constructor(ports: MailboxPorts, options: BatchOptions = { marksEnds: false }) {
    this.#ports = ports;
    this.#options = options;
  }

  /**
   * Puts a call into the stream's mailbox; resolves once what it did is durable.
   *
   * @param known  the stream as just read, which saves the first batch the read; a stale one costs a conflict
   * @throws {SojournError} what the command throws; `session_not_found`, `precondition_failed`, `limit_reached`,
   *   `conflict`, and what `Store.commit` throws
   */
  submit<K extends StreamKind>(ref: StreamRef<K>, order: Order<K>, known?: Stream<K>): Promise<Settled<K>> {
    return new Promise((settle, refuse) => {
      const key = `${ref.kind}\n${ref.tenant}\n${ref.id}`;
      const waiting: Waiting<K> = { ...order, settle, refuse };
      const queue = this.#queues.get(key);
      if (queue !== undefined) {
        queue.push(waiting);
        return;
      }
      const fresh = [waiting];
      this.#queues.set(key, fresh);
      void this.#work(ref, key, fresh, known);
    });
  }

  async #work<K extends StreamKind>(
    ref: StreamRef<K>,
    key: string,
    queue: Waiting<K>[],
    known?: Stream<K>,
  ): Promise<void> {
    let fresh = known;
    let batchMax = BATCH_MAX;
    let conflicts = 0;
    while (queue.length > 0) {
      const batch = queue.slice(0, batchMax);
      const { outcome, answered } = await this.#attempt(ref, batch, fresh);
      fresh = undefined;
      queue.splice(0, answered);
      conflicts = outcome === "conflict" ? conflicts + 1 : 0;
      if (outcome === "committed" || (outcome === "conflict" && conflicts <= CONFLICTS_MAX)) continue;
      // The guard or the key of one call refused them all: take them one at a time.
      if (outcome !== "conflict" && batch.length > 1) batchMax = 1;
      else queue.shift()?.refuse(refusal(ref, outcome));
    }
    // In the same turn as the check that nothing waits, so that no call is left behind.
    this.#queues.delete(key);
  }

  /** Decides and writes a batch; unless it was refused, its first `answered` calls have their answers. */
  async #attempt<K extends StreamKind>(
    ref: StreamRef<K>,
    batch: readonly Waiting<K>[],
    known: Stream<K> | undefined,
  ): Promise<{ readonly outcome: Committed["outcome"]; readonly answered: number }> {
    try {
      const { commit, replies } = await this.#decide(ref, batch, known);
      const { outcome } =
        commit === undefined ? { outcome: "committed" as const } : await this.#ports.store.commit(commit);
      if (outcome !== "committed") return { outcome, answered: 0 };
      for (const reply of replies) reply();
      return { outcome, answered: replies.length };
    } catch (error) {
      for (const { refuse } of batch) refuse(error);
      return { outcome: "committed", answered: batch.length };
    }
  }

  async #decide<K extends StreamKind>(
    ref: StreamRef<K>,
    waiting: readonly Waiting<K>[],
    known: Stream<K> | undefined,
  ): Promise<Plan> {
    const stream = known ?? (await this.#ports.store.stream(ref)) ?? this.#blank(ref);
    const now = this.#ports.clock.now();
    const batch = new Batch(stream, now, { ...this.#ports, options: this.#options });
    for (const one of waiting) if (batch.decide(one, await one.beside?.(now)) === "full") break;
    return batch.plan;
  }

  #blank<K extends StreamKind>(ref: StreamRef<K>): Stream<K> {
    const { blank } = RULES[ref.kind];
    if (blank !== undefined) return { ref, head: beforeFirst(ref, this.#ports.digest), record: blank };
    throw new SojournError("session_not_found", { message: `Session ${ref.id} not found` });
  }
}

function refusal(ref: StreamRef, outcome: Exclude<Committed["outcome"], "committed">): SojournError {
  if (outcome === "limit_reached") {
    return new SojournError(outcome, {
      message: `Cannot write ${ref.kind} ${ref.id}: a limit of its tenant is reached`,
    });
  }
  if (outcome === "content_missing") {
    return new SojournError(outcome, { message: `Cannot write ${ref.kind} ${ref.id}: a content has gone meanwhile` });
  }
  return new SojournError("conflict", {
    message: `Cannot write ${ref.kind} ${ref.id}: others wrote it first, again and again`,
  });
}
