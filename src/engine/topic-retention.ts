import type { Clock } from "./clock.ts";
import { given } from "./given.ts";
import type { Signal } from "./signal.ts";
import type { Store, Stream, StreamRef } from "./store.ts";

/** What of a topic stays; at least one of both says it. */
export interface TopicPolicy {
  /** How many messages a topic may have; the newest stay. */
  readonly messagesMax?: number;
  readonly olderThanUs?: number;
}

/** How many messages go in one commit, so that nobody waits long behind it. */
const STRETCH = 1_000;

/** How many tenants, and how many topics of one, are looked up at a time. */
const PAGE = 100;

/** How many of the first messages of a topic are gone, and so the `seq` of the last of those. */
export async function removedFrom(store: Store, ref: StreamRef<"topic">): Promise<number> {
  const [first] = await store.operations(ref, { after: 0, limit: 1 });
  return first?.payload === "erased" ? first.operation.seq : 0;
}

/** Removes the oldest messages of topics. What is left keeps its `seq`. */
export class TopicRetention {
  readonly #ports: { readonly store: Store; readonly clock: Clock };

  constructor(ports: { readonly store: Store; readonly clock: Clock }) {
    this.#ports = ports;
  }

  /**
   * Carries out a policy in the topics of all tenants, and returns how many messages went.
   *
   * @param signal  stops it after what is in hand
   */
  async enforce(policy: TopicPolicy, signal?: Signal): Promise<number> {
    let removed = 0;
    for await (const topic of this.#topics()) {
      if (signal?.aborted) break;
      removed += await this.#enforce(topic, policy, signal);
    }
    return removed;
  }

  async *#topics(): AsyncGenerator<Stream<"topic">> {
    const { store } = this.#ports;
    const tenants = pages(
      (page) => store.tenants(page),
      (tenant) => tenant,
    );
    for await (const tenant of tenants) {
      yield* pages(
        (page) => store.streams(tenant, "topic", page),
        ({ ref }) => ref.id,
      );
    }
  }

  async #enforce({ ref, head }: Stream<"topic">, policy: TopicPolicy, signal?: Signal): Promise<number> {
    const { store, clock } = this.#ports;
    const { messagesMax = head.seq, olderThanUs } = policy;
    // Almost always nothing is to be done, which one look tells.
    const [first] = await store.operations(ref, { after: 0, limit: 1 });
    if (first === undefined) return 0;
    const from = first.payload === "erased" ? first.operation.seq : 0;
    const before = olderThanUs === undefined ? undefined : clock.now() - olderThanUs;
    const old = before === undefined ? from : await this.#lastBefore(ref, { from, to: head.seq, before });
    const target = Math.max(head.seq - messagesMax, old);
    let removed = from;
    while (removed < target && !signal?.aborted) {
      const seq = Math.min(removed + STRETCH, target);
      const [last] = await store.operations(ref, { after: seq - 1, limit: 1 });
      if (last?.operation.seq !== seq) break;
      const cut = { change: "cut", ref, through: { seq, hash: last.operation.hash } } as const;
      // Whoever deleted the topic meanwhile has removed more than that.
      if ((await store.commit({ now: clock.now(), parts: [cut] })).outcome !== "committed") break;
      removed = seq;
    }
    return removed - from;
  }

  /** The last message before a time: they are in its order, as far as clocks are. */
  async #lastBefore(
    ref: StreamRef<"topic">,
    { from, to, before }: { readonly from: number; readonly to: number; readonly before: number },
  ): Promise<number> {
    let [low, high] = [from, to];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      const [entry] = await this.#ports.store.operations(ref, { after: middle - 1, limit: 1 });
      if (entry !== undefined && entry.operation.at < before) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

async function* pages<T>(
  read: (page: { readonly after?: string; readonly limit: number }) => Promise<readonly T[]>,
  nameOf: (item: T) => string,
): AsyncGenerator<T> {
  for (let after: string | undefined; ; ) {
    const items = await read({ limit: PAGE, ...given("after", after) });
    yield* items;
    const last = items.at(-1);
    if (last === undefined || items.length < PAGE) return;
    after = nameOf(last);
  }
}
