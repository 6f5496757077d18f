import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { SECOND } from "../engine/clock.ts";
import type { Limits } from "../engine/limit-rules.ts";
import type { Entry } from "../engine/operation.ts";
import type { OperationRange, StreamRef } from "../engine/store.ts";
import { type Author, draft, requests, type Written } from "./author.ts";

/** What holds of the reads of one stream's past. */
export function logCases(author: () => Author): void {
  describe("operations()", () => {
    let writer: Author;
    let log: readonly Entry[];
    let ref: StreamRef;

    before(async () => {
      writer = author();
      const first = writer.begin();
      const rest = Array.from({ length: 30 }, (_, i) => (i % 3 === 0 ? draft("session.kept_alive", {}) : requests(i)));
      const second = writer.continue(first.stream, ...rest);
      await writer.commit([first.part]);
      await writer.commit([second.part]);
      await writer.create();
      log = [...first.part.entries, ...second.part.entries];
      ref = first.stream.ref;
    });

    const read = (range: OperationRange): Promise<readonly Entry[]> => writer.store.operations(ref, range);

    it("returns a stretch of the log, oldest first", async () => {
      assert.deepEqual(await read({ after: 0, limit: 1_000 }), log);
      assert.deepEqual(await read({ after: 3, limit: 1_000 }), log.slice(3));
      assert.deepEqual(await read({ after: 3, through: 3, limit: 1_000 }), []);
      assert.deepEqual(await read({ after: 3, through: 4, limit: 1_000 }), log.slice(3, 4));
      assert.deepEqual(await read({ after: 29, through: 1_000, limit: 1_000 }), log.slice(29));
      assert.deepEqual(await read({ after: 31, limit: 1_000 }), []);
    });

    it("returns at most as many as the limit", async () => {
      for (const limit of [1, 30, 31, 32]) assert.deepEqual(await read({ after: 0, limit }), log.slice(0, limit));
    });

    it("returns only the kind that is asked for", async () => {
      const kept = log.filter(({ operation }) => operation.kind === "session.kept_alive");
      assert.deepEqual(await read({ after: 0, kind: "session.kept_alive", limit: 1_000 }), kept);
      assert.deepEqual(await read({ after: 5, kind: "session.kept_alive", limit: 2 }), kept.slice(2, 4));
      assert.deepEqual(await read({ after: 0, kind: "session.failed", limit: 10 }), []);
    });

    it("returns nothing of a stream that is not there", async () => {
      assert.deepEqual(await writer.store.operations({ ...ref, tenant: "another" }, { after: 0, limit: 10 }), []);
      assert.deepEqual(await writer.store.operations({ ...ref, id: "another" }, { after: 0, limit: 10 }), []);
    });
  });

  describe("snapshot()", () => {
    it("returns the last kept record at or before a seq", async () => {
      const writer = author();
      const kept = async ({ part, stream }: Written) => {
        assert.deepEqual(await writer.commit([{ ...part, snapshot: true }]), { outcome: "committed" });
        return stream;
      };
      const second = await kept(writer.continue(await writer.create({ tags: ["x"] }), requests(1)));
      const fifth = await kept(writer.continue(await writer.append(second, requests(2)), requests(3), requests(4)));
      const { ref } = await writer.append(fifth, requests(5));
      const found = await Promise.all([0, 1, 2, 4, 5, 6, 1_000].map((seq) => writer.store.snapshot(ref, seq)));
      const [two, five] = [
        { seq: 2, record: second.record },
        { seq: 5, record: fifth.record },
      ];
      assert.deepEqual(found, [undefined, undefined, two, two, five, five, five]);
      assert.equal(await writer.store.snapshot({ ...ref, id: "another" }, 10), undefined);
    });
  });

  describe("view()", () => {
    it("returns a collection as it was just after any seq, in the order in which its rows began", async () => {
      const writer = author();
      const steps = [["b"], ["b", "a"], ["a"], ["a", "c"], [], ["c"], ["c", "b"], ["b", "🏕️"]];
      const [first = [], ...rest] = steps;
      const stream = await writer.create({ tags: first });
      const changes = rest.map((tags) => draft("session.updated", { tags }));
      // Half of it in one commit, so that a row may begin and end within one.
      const half = await writer.append(stream, ...changes.slice(0, 4));
      const { ref } = await changes
        .slice(4)
        .reduce(async (before, change) => await writer.append(await before, change), Promise.resolve(half));
      const seen = await Promise.all(steps.map((_, i) => writer.store.view(ref, "tag", i + 1)));
      assert.deepEqual(seen, steps);
      assert.deepEqual(await writer.store.view(ref, "tag", 0), []);
      assert.deepEqual(await writer.store.view(ref, "tag", 1_000), ["b", "🏕️"]);
      assert.deepEqual(await writer.store.view({ ...ref, id: "another" }, "tag", 1), []);
    });
  });

  describe("overdue()", () => {
    it("returns open sessions whose time is over, of every tenant, the longest overdue first", async () => {
      const [one, other] = [author(), author()];
      const now = one.clock.now();
      const soon = await one.create({ idleTimeoutUs: 2 * SECOND });
      const later = await other.create({ idleTimeoutUs: 9 * SECOND, maxLifetimeUs: 3 * SECOND });
      const first = await one.append(await one.create({ idleTimeoutUs: SECOND }), draft("session.suspended", {}));
      await one.create();
      await one.append(await one.create({ idleTimeoutUs: SECOND }), draft("session.completed", {}));
      // Tests before this one left sessions behind.
      const overdue = async (us: number, limit = 1_000): Promise<readonly StreamRef[]> => {
        const refs = await one.store.overdue(now + us, limit);
        return refs.filter(({ tenant }) => tenant === one.tenant || tenant === other.tenant);
      };
      assert.deepEqual(await overdue(SECOND), []);
      assert.deepEqual(await overdue(SECOND + 1), [first.ref]);
      assert.deepEqual(await overdue(2 * SECOND), [first.ref]);
      assert.deepEqual(await overdue(9 * SECOND), [first.ref, soon.ref, later.ref]);
      const all = await one.store.overdue(now + 9 * SECOND, 1_000);
      assert.ok(all.length >= 3);
      assert.deepEqual(await one.store.overdue(now + 9 * SECOND, 2), all.slice(0, 2));
      await one.erase(first);
      assert.deepEqual(await overdue(9 * SECOND), [soon.ref, later.ref]);
    });

    it("returns those as well that time alone has brought to a limit", async () => {
      const writer = author();
      const now = writer.clock.now();
      const at = (seconds: number, action: "warn" | "pause" | "fail"): Limits => ({
        wall_seconds: [{ at: seconds, action }],
      });
      const paused = await writer.create({ limits: at(2, "pause") });
      const both = await writer.create({ limits: at(3, "fail"), idleTimeoutUs: SECOND });
      const changed = await writer.create({ limits: at(1, "warn") });
      await writer.append(changed, draft("session.updated", { limits: null }));
      const suspended = await writer.create({ limits: at(1, "pause") });
      await writer.append(suspended, draft("session.suspended", {}));
      const overdue = async (us: number): Promise<readonly StreamRef[]> =>
        (await writer.store.overdue(now + us, 1_000)).filter(({ tenant }) => tenant === writer.tenant);
      assert.deepEqual(await overdue(SECOND), []);
      assert.deepEqual(await overdue(2 * SECOND - 1), [both.ref]);
      assert.deepEqual(await overdue(2 * SECOND), [both.ref, paused.ref]);
      assert.deepEqual(await overdue(3 * SECOND), [both.ref, paused.ref]);
    });
  });
}
