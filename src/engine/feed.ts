import type { Entry } from "./operation.ts";
import { RecentEntries } from "./recent-entries.ts";
import { type Signal, Stop } from "./signal.ts";
import type { Notice, Store, StreamRef } from "./store.ts";
import { WakeUp } from "./wake-up.ts";

/**
 * Live logs. One watch over the store wakes whoever follows a stream, and each follower goes on from its own cursor, in what those
 * of the stream share: so a slow one holds nobody up, and nothing is kept for it in memory.
 */
export class Feeds {
  readonly #store: Store;
  readonly #followers = new Map<string, Followed>();
  #isClosed = false;
  #watch: { readonly stop: Stop; readonly over: Promise<void> } | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Yields the entries after `after`, then waits for more; ends when the stream is erased, which it returns, or the signal
   * aborts.
   *
   * @param waits  also for a stream that is not there yet, where that needs no creation
   */
  async *follow(
    ref: StreamRef,
    { after, signal, waits = false }: { readonly after: number; readonly signal: Signal; readonly waits?: boolean },
  ): AsyncGenerator<Entry, "erased" | undefined> {
    const follower = new Follower();
    const { followed, release } = this.#enlist(keyOf(ref), follower, signal, ref);
    try {
      // It may have been erased before this follower could be told.
      if (!(waits && after === 0) && (await this.#store.stream(ref)) === undefined) return "erased";
      for (let seq = after; !follower.isOver; ) {
        const { entries, isEnd } = await followed.recent.after(seq);
        // What was read may be of another that began anew under its name.
        if (follower.isErased) return "erased";
        for (const entry of entries) {
          yield entry;
          seq = entry.operation.seq;
        }
        if (!isEnd) continue;
        if (follower.isErased) return "erased";
        if (!follower.isOver) await follower.next();
      }
      if (follower.failure !== undefined) throw follower.failure;
      return undefined;
    } finally {
      release();
    }
  }

  /** Yields at once, and then whenever something of the tenant may have been committed. */
  async *wakes(tenant: string, signal: Signal): AsyncGenerator<void> {
    const follower = new Follower();
    const { release } = this.#enlist(keyOfAll(tenant), follower, signal);
    try {
      while (!follower.isOver) {
        yield;
        if (!follower.isOver) await follower.next();
      }
      if (follower.failure !== undefined) throw follower.failure;
    } finally {
      release();
    }
  }

  /** Ends every follower. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const { followers } of this.#followers.values()) for (const follower of followers) follower.end();
    this.#watch?.stop.abort();
    await this.#watch?.over;
  }

  #enlist(
    key: string,
    follower: Follower,
    signal: Signal,
    ref?: StreamRef,
  ): { readonly followed: Followed; readonly release: () => void } {
    const followed = this.#followers.get(key) ?? new Followed(this.#store, ref);
    const { followers } = followed;
    this.#followers.set(key, followed);
    followers.add(follower);
    const end = (): void => follower.end();
    signal.addEventListener("abort", end);
    if (signal.aborted || this.#isClosed) end();
    this.#watch ??= this.#startWatch();
    const release = (): void => {
      signal.removeEventListener("abort", end);
      followers.delete(follower);
      if (followers.size === 0 && this.#followers.get(key) === followed) this.#followers.delete(key);
      if (this.#followers.size > 0) return;
      this.#watch?.stop.abort();
      this.#watch = undefined;
    };
    return { followed, release };
  }

  #startWatch(): { readonly stop: Stop; readonly over: Promise<void> } {
    const stop = new Stop();
    const over = this.#wakeFollowers(stop).catch((error: unknown) => {
      if (stop.aborted) return;
      // The store failed. Followers fail with it, their clients come back, and the first of them starts a new watch.
      this.#watch = undefined;
      for (const { followers } of this.#followers.values()) for (const follower of followers) follower.fail(error);
    });
    return { stop, over };
  }

  async #wakeFollowers(signal: Signal): Promise<void> {
    for await (const notice of this.#store.watch({ signal })) {
      this.#followers.get(keyOf(notice.ref))?.tell(notice);
      if (notice.notice !== "erased") this.#followers.get(keyOfAll(notice.ref.tenant))?.tell(notice);
    }
  }
}

/** What is followed, and by whom. */
class Followed {
  readonly followers = new Set<Follower>();
  readonly recent: RecentEntries;

  /** @param ref  left out for all streams of a tenant, of which nothing is read here */
  constructor(store: Store, ref: StreamRef | undefined) {
    this.recent = new RecentEntries(async (range) => (ref === undefined ? [] : await store.operations(ref, range)));
  }

  tell({ notice }: Notice): void {
    if (notice === "erased") this.recent.erase();
    else this.recent.change();
    for (const follower of this.followers) {
      if (notice === "erased") follower.erase();
      else follower.wake();
    }
  }
}

/** Someone who follows a stream, until it is erased or the feed ends. */
class Follower extends WakeUp {
  #isOver = false;
  #isErased = false;
  #failure: unknown;

  /** Why the feed failed, if it did. */
  get failure(): unknown {
    return this.#failure;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  get isErased(): boolean {
    return this.#isErased;
  }

  erase(): void {
    this.#isErased = true;
    this.wake();
  }

  fail(failure: unknown): void {
    this.#failure = failure;
    this.end();
  }

  end(): void {
    this.#isOver = true;
    this.wake();
  }
}

/** Of those who follow all streams of a tenant; no stream has a kind like that. */
function keyOfAll(tenant: string): string {
  return `*\n${tenant}`;
}

function keyOf({ kind, tenant, id }: StreamRef): string {
  return `${kind}\n${tenant}\n${id}`;
}
