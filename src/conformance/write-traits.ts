import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Commit, Committed, Part, Stream } from "../engine/store.ts";
import { Author, draft, nameGuard } from "./author.ts";
import { type Driver, withOpened } from "./driver.ts";
import { observe } from "./observe.ts";

/** A commit as one of several callers would make it, apart from its `now`. */
type Attempt = Pick<Commit, "parts" | "guards" | "remember">;

/** One kind of write, so that what holds of every write can be asked of each. */
interface Write {
  readonly name: string;
  /** What a second write of the kind is told that expects the state before the first. */
  readonly stale: Committed["outcome"];
  /** Makes ready what the write needs, and returns how any caller would do it; they all expect the same state. */
  prepare(author: Author): Promise<(caller: string) => Attempt>;
  /** The callers whose write is there. */
  done(author: Author, callers: readonly string[]): Promise<readonly string[]>;
}

const CREATE: Write = {
  name: "create",
  stale: "conflict",
  prepare: async (author) => (caller) => {
    const { part, stream } = author.begin({ sessionId: "raced", tags: [caller] });
    return { parts: [part], guards: [nameGuard(stream)] };
  },
  done: tagged,
};

const APPEND: Write = {
  name: "append",
  stale: "conflict",
  prepare: async (author) => {
    const stream = await author.create({ sessionId: "raced" });
    return (caller) => ({ parts: [author.continue(stream, draft("session.updated", { tags: [caller] })).part] });
  },
  done: tagged,
};

const ERASE: Write = {
  name: "erase",
  stale: "conflict",
  // Each caller also begins a session of its own, by which one sees whose erasure it was.
  prepare: async (author) => {
    const { ref, head } = await author.create({ sessionId: "erased" });
    const part: Part = { change: "erase", ref, expectedHead: head.seq };
    return (caller) => ({ parts: [part, author.begin({ tags: [caller] }).part] });
  },
  done: async (author, callers) => {
    const callersDone = await tagged(author, callers);
    const isErased = (await author.store.named(author.tenant, "erased")) === undefined;
    assert.equal(isErased, callersDone.length > 0, "the session goes with the commit that erases it");
    return callersDone;
  },
};

const REMEMBER: Write = {
  name: "remember",
  stale: "repeated",
  prepare: async (author) => (caller) => ({ parts: [], remember: [author.answer("raced", { answer: caller })] }),
  done: async (author, callers) => {
    const answer = await author.store.remembered(author.answer("raced"), author.clock.now());
    return callers.filter((caller) => caller === answer?.answer);
  },
};

/** What holds of every kind of write, in every state of the store. */
export function writeTraits(driver: Driver, author: () => Author): void {
  for (const write of [CREATE, APPEND, ERASE, REMEMBER]) {
    describe(`every write: ${write.name}`, () => {
      it("refuses a stale expectation and changes nothing", async () => {
        const writer = author();
        const attempt = await write.prepare(writer);
        assert.deepEqual(await commit(writer, attempt("first")), { outcome: "committed" });
        const before = await observe(writer, ["raced"]);
        assert.deepEqual(await commit(writer, attempt("second")), { outcome: write.stale });
        assert.deepEqual(await observe(writer, ["raced"]), before);
        assert.deepEqual(await write.done(writer, ["first", "second"]), ["first"]);
      });

      it("refuses to run again under the same idempotency key", async () => {
        const writer = author();
        const first = (await write.prepare(writer))("first");
        const keyed = (attempt: Attempt): Attempt => {
          return { ...attempt, remember: [...(attempt.remember ?? []), writer.answer("key")] };
        };
        assert.deepEqual(await commit(writer, keyed(first)), { outcome: "committed" });
        // Another write, which fits by itself.
        const next = writer.begin({ sessionId: "next" });
        const before = await observe(writer, ["raced", "key"]);
        const again = keyed({ parts: [next.part], guards: [nameGuard(next.stream)] });
        assert.deepEqual(await commit(writer, again), { outcome: "repeated" });
        assert.deepEqual(await observe(writer, ["raced", "key"]), before);
      });

      it("is done for exactly one of many callers at once", async () => {
        const writer = author();
        await assertRace(write, [writer]);
      });

      if (driver.supports.handles) {
        it("is done for exactly one of many callers of two handles", async () => {
          await withOpened(driver, async ({ store, reopen }) => {
            const other = await reopen();
            const writer = new Author(store);
            await assertRace(write, [writer, new Author(other, writer.tenant)]);
            await other.close();
          });
        });
      }

      it("throws on a closed store, and is not done", async () => {
        await withOpened(driver, async ({ store, reopen }) => {
          const writer = new Author(store);
          const attempt = (await write.prepare(writer))("late");
          const before = await observe(writer, ["raced"]);
          await store.close();
          await assert.rejects(commit(writer, attempt), { code: "store_unavailable" });
          const again = new Author(await reopen(), writer.tenant);
          assert.deepEqual(await observe(again, ["raced"]), before);
          await again.store.close();
        });
      });

      it("is there, whole, after the store was closed and opened again", async () => {
        await withOpened(driver, async ({ store, reopen }) => {
          const writer = new Author(store);
          const attempt = await write.prepare(writer);
          assert.deepEqual(await commit(writer, attempt("first")), { outcome: "committed" });
          const before = await observe(writer, ["raced"]);
          await store.close();
          const again = new Author(await reopen(), writer.tenant);
          assert.deepEqual(await observe(again, ["raced"]), before);
          assert.deepEqual(await write.done(again, ["first", "second"]), ["first"]);
          assert.deepEqual(await commit(again, attempt("second")), { outcome: write.stale });
          await again.store.close();
        });
      });
    });
  }
}

async function assertRace(write: Write, authors: readonly Author[]): Promise<void> {
  const [first] = authors;
  assert.ok(first !== undefined);
  const attempt = await write.prepare(first);
  const callers = Array.from({ length: 24 }, (_, i) => `caller-${i}`);
  const outcomes = await Promise.all(
    callers.map(async (caller, i) => await commit(authors[i % authors.length] ?? first, attempt(caller))),
  );
  const winners = callers.filter((_, i) => outcomes[i]?.outcome === "committed");
  assert.equal(winners.length, 1, "one caller is told that its write is done");
  assert.ok(outcomes.every(({ outcome }) => outcome === "committed" || outcome === write.stale));
  assert.deepEqual(await write.done(first, callers), winners);
}

async function commit(author: Author, { parts, ...more }: Attempt): Promise<Committed> {
  return await author.commit(parts, more);
}

/** The callers whose tag some session has, in its record, in its log and in the list. */
async function tagged(author: Author, callers: readonly string[]): Promise<readonly string[]> {
  const { store, tenant, clock } = author;
  const query = { tenant, now: clock.now(), sort: "created_at", order: "asc", limit: 1_000 } as const;
  const found = callers.map(async (caller) => {
    const { items } = await store.list({ ...query, tags: [caller] });
    for (const stream of items) await assertWhole(author, stream);
    return items.length > 0 ? [caller] : [];
  });
  return (await Promise.all(found)).flat();
}

async function assertWhole({ store }: Author, { ref, head, record }: Stream): Promise<void> {
  const entries = await store.operations(ref, { after: 0, limit: 1_000 });
  assert.equal(entries.length, head.seq);
  assert.equal(entries.at(-1)?.operation.hash, head.hash);
  assert.deepEqual(await store.view(ref, "tag", head.seq), record.tags);
}
