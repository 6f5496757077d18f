import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Notice, Store, Stream } from "../engine/store.ts";
import { type Author, requests } from "./author.ts";

type Told = Omit<Extract<Notice, { notice: "operation" }>, "position"> | Extract<Notice, { notice: "erased" }>;

/** What holds of `watch`. */
export function watchCases(author: () => Author): void {
  describe("watch()", () => {
    it("tells what is committed from the call on, also before the first read, in the order of each stream", async () => {
      const writer = author();
      const old = await writer.create();
      const watch = new Watch(writer.store);
      const first = await writer.append(old, requests(1), requests(2));
      const second = await writer.create();
      assert.deepEqual(await watch.take(3), [operation(first, 2), operation(first, 3), operation(second, 1)]);
      const third = watch.take(1);
      const appended = await writer.append(second, requests(1));
      assert.deepEqual(await third, [operation(appended, 2)]);
      await watch.end();
    });

    it("tells nothing of a commit that was refused", async () => {
      const writer = author();
      const stream = await writer.create();
      const watch = new Watch(writer.store);
      const { part } = writer.continue(stream, requests(1));
      await writer.commit([writer.begin().part, { ...part, expectedHead: 9 }]);
      const next = await writer.append(stream, requests(1));
      assert.deepEqual(await watch.take(1), [operation(next, 2)]);
      await watch.end();
    });

    it("starts after any position, and goes on live", async () => {
      const writer = author();
      const live = new Watch(writer.store);
      const stream = await writer.append(await writer.create(), requests(1), requests(2), requests(3));
      const told = await live.takeNotices(4);
      await live.end();
      for (const [i, notice] of told.entries()) {
        assert.equal(notice.notice, "operation");
        const watch = new Watch(writer.store, notice.position);
        const rest = Array.from({ length: 3 - i }, (_, k) => operation(stream, i + 2 + k));
        assert.deepEqual(await watch.take(3 - i), rest);
        const next = watch.take(1);
        const fresh = await writer.create();
        assert.deepEqual(await skipTo(next, watch, fresh), operation(fresh, 1));
        await watch.end();
      }
    });

    it("tells of an erased stream", async () => {
      const writer = author();
      const stream = await writer.create();
      const watch = new Watch(writer.store);
      await writer.erase(stream);
      assert.deepEqual(await watch.take(1), [{ notice: "erased", ref: stream.ref }]);
      await watch.end();
    });

    it("misses nothing of many commits at once, read by several at their own pace", async () => {
      const writer = author();
      const watches = [1, 2, 3].map(() => new Watch(writer.store));
      const [ahead, ...behind] = watches;
      const early = ahead?.take(600);
      const streams = Array.from({ length: 300 }, () => writer.begin());
      // Some of it is committed while the watchers read.
      for (const some of [streams.slice(0, 20), streams.slice(20)]) {
        const written = some.map(async ({ part, stream }) => {
          await writer.commit([part]);
          await writer.append(stream, requests(1));
        });
        await Promise.all(written);
      }
      const expected = streams.flatMap(({ stream }) => [operation(stream, 1), operation(stream, 2)]).sort(byPlace);
      assert.deepEqual((await early)?.toSorted(byPlace), expected);
      for (const watch of behind) assert.deepEqual((await watch.take(600)).toSorted(byPlace), expected);
      for (const watch of watches) await watch.end();
    });

    it("counts positions up, and reads past more than one page", async () => {
      const writer = author();
      const watch = new Watch(writer.store);
      const drafts = Array.from({ length: 1_300 }, () => requests(1));
      await writer.append(await writer.create(), ...drafts);
      const notices = await watch.takeNotices(1_301);
      const positions = notices.map((notice) => (notice.notice === "operation" ? notice.position : 0));
      assert.deepEqual(
        positions,
        [...new Set(positions)].sort((a, b) => a - b),
      );
      await watch.end();
    });

    it("ends when the signal aborts: while it waits, between reads, and before the first", async () => {
      const writer = author();
      const waiting = new Watch(writer.store);
      const next = waiting.next();
      waiting.abort();
      assert.equal((await next).done, true);
      const reading = new Watch(writer.store);
      await writer.create();
      await reading.take(1);
      reading.abort();
      assert.equal((await reading.next()).done, true);
      const never = new Watch(writer.store);
      never.abort();
      await writer.create();
      assert.equal((await never.next()).done, true);
    });
  });
}

class Watch {
  readonly #controller = new AbortController();
  readonly #notices: AsyncIterator<Notice>;

  constructor(store: Store, position?: number) {
    const { signal } = this.#controller;
    const from = { signal, ...(position === undefined ? {} : { position }) };
    this.#notices = store.watch(from)[Symbol.asyncIterator]();
  }

  next(): Promise<IteratorResult<Notice>> {
    return this.#notices.next();
  }

  async takeNotices(count: number): Promise<readonly Notice[]> {
    const notices: Notice[] = [];
    while (notices.length < count) {
      const { value, done } = await this.next();
      assert.ok(!done, `the watch ended after ${notices.length} of ${count}`);
      notices.push(value);
    }
    return notices;
  }

  /** Without positions, which are the store's to choose. */
  async take(count: number): Promise<readonly Told[]> {
    return (await this.takeNotices(count)).map((notice) => {
      return notice.notice === "erased" ? notice : { notice: "operation", ref: notice.ref, seq: notice.seq };
    });
  }

  abort(): void {
    this.#controller.abort();
  }

  async end(): Promise<void> {
    this.abort();
    assert.equal((await this.next()).done, true, "nothing was left to tell");
  }
}

function operation({ ref }: Stream, seq: number): Told {
  return { notice: "operation", ref, seq };
}

// What other rounds of the test created comes first.
async function skipTo(first: Promise<readonly Told[]>, watch: Watch, { ref }: Stream): Promise<Told | undefined> {
  let [told] = await first;
  while (told !== undefined && told.ref.id !== ref.id) [told] = await watch.take(1);
  return told;
}

function byPlace(a: Told, b: Told): number {
  const place = (told: Told): string => `${told.ref.id} ${told.notice === "operation" ? told.seq : ""}`;
  return place(a) < place(b) ? -1 : 1;
}
