import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Author, draft, nameGuard, requests } from "./author.ts";
import { observe } from "./observe.ts";

const COMMITTED = { outcome: "committed" };
const CONFLICT = { outcome: "conflict" };

/** What holds of every commit, whatever it writes. */
export function commitCases(author: () => Author): void {
  describe("commit()", () => {
    it("begins a stream", async () => {
      const writer = author();
      const { store } = writer;
      const { part, stream } = writer.begin({ sessionId: "a", tags: ["x", "y"] });
      assert.deepEqual(await writer.commit([part], { guards: [nameGuard(stream)] }), COMMITTED);
      assert.deepEqual(await store.stream(stream.ref), stream);
      assert.deepEqual(await store.stored(stream.ref), stream);
      assert.deepEqual(await store.named(stream.ref.tenant, "a"), stream);
      assert.deepEqual(await store.operations(stream.ref, { after: 0, limit: 10 }), part.entries);
      assert.deepEqual(await store.view(stream.ref, "tag", 1), ["x", "y"]);
    });

    it("keeps every field of a record, and drops those that are gone", async () => {
      const writer = author();
      const stream = await writer.create({
        sessionId: "all",
        userId: "someone",
        name: "A name",
        description: "What it is for",
        tags: ["one", "two"],
        metadata: { nested: { list: [1, null, true, "text"] } },
        parentSessionId: "parent",
        idleTimeoutUs: 3_000_000,
        maxLifetimeUs: 9_000_000,
      });
      assert.deepEqual(await writer.store.stream(stream.ref), stream);
      assert.deepEqual(await writer.store.stored(stream.ref), stream);
      const patch = { name: null, description: null, tags: [], metadata: { nested: null }, idleTimeoutUs: null };
      const changed = await writer.append(stream, draft("session.updated", patch), requests(3));
      const ended = await writer.append(changed, draft("session.failed", { reason: "A reason" }));
      assert.deepEqual(await writer.store.stream(stream.ref), ended);
      assert.deepEqual(await writer.store.stored(stream.ref), ended);
      assert.equal(ended.record.name, undefined);
      assert.equal(ended.record.reason, "A reason");
    });

    it("keeps texts and numbers exactly", async () => {
      const writer = author();
      const texts = [
        "",
        " ",
        "it's",
        '"',
        "\\",
        "%_",
        "\u0001\n\r\t\u2028",
        "ﬀ é e\u0301",
        "🏕️",
        "\u{10ffff}",
        "-0",
        "1e3",
      ];
      const numbers = [0, -1, 2 ** 53 - 1, 1 - 2 ** 53, 0.1, 1e-300];
      const stream = await writer.create({
        userId: "Ünï 🏕️",
        name: texts.join("|"),
        description: "",
        metadata: { texts, numbers, "": "an empty name", "1": "before others", constructor: "no prototype" },
      });
      assert.deepEqual(await writer.store.stream(stream.ref), stream);
      assert.deepEqual(await writer.store.stored(stream.ref), stream);
      const most = draft("metrics.recorded", { requests: 2 ** 53 - 1, errors: 1, processingTimeUs: 2 ** 53 - 1 });
      const counted = await writer.append(stream, most);
      assert.deepEqual(await writer.store.stream(stream.ref), counted);
      assert.deepEqual(await writer.store.stored(stream.ref), counted);
    });

    it("keeps the header and the payload of every operation as they are", async () => {
      const writer = author();
      const { part, stream } = writer.begin();
      const [first] = part.entries;
      assert.ok(first !== undefined);
      const full = { ...first.operation, durationUs: 17, outcome: "failed", used: ["a", "b"], made: ["c"] } as const;
      const payload = { salt: "00ff".repeat(8), body: '{"input":{ },"error":"as \\u0041 text"}' };
      const entries = [{ operation: full, payload }];
      assert.deepEqual(await writer.commit([{ ...part, entries }]), COMMITTED);
      assert.deepEqual(await writer.store.operations(stream.ref, { after: 0, limit: 10 }), entries);
    });

    it("refuses an expected head that is not the head", async () => {
      const writer = author();
      const first = await writer.create({ sessionId: "a" });
      const second = await writer.append(first, requests(1));
      const before = await observe(writer);
      const { part } = writer.continue(second, requests(2));
      for (const expectedHead of [0, 1, 3, 2 ** 40]) {
        assert.deepEqual(await writer.commit([{ ...part, expectedHead }]), CONFLICT, `expected ${expectedHead}`);
        assert.deepEqual(await writer.commit([{ change: "erase", ref: second.ref, expectedHead }]), CONFLICT);
      }
      assert.deepEqual(await observe(writer), before);
    });

    it("refuses to append to what is not there", async () => {
      const writer = author();
      const { stream } = writer.begin();
      assert.deepEqual(await writer.commit([writer.continue(stream, requests(1)).part]), CONFLICT);
      for (const expectedHead of [0, 1]) {
        assert.deepEqual(await writer.commit([{ change: "erase", ref: stream.ref, expectedHead }]), CONFLICT);
      }
      assert.equal(await writer.store.stream(stream.ref), undefined);
      assert.equal(await writer.store.stored(stream.ref), undefined);
    });

    it("applies all parts or none", async () => {
      const writer = author();
      const [a, b, c] = [await writer.create({ tags: ["x"] }), await writer.create(), await writer.create()];
      const before = await observe(writer, ["k"]);
      const good = [
        writer.continue(a, draft("session.updated", { tags: ["y"] }), requests(1)).part,
        writer.begin({ tags: ["x"] }).part,
        { change: "erase", ref: b.ref, expectedHead: 1 } as const,
      ];
      const remember = [writer.answer("k")];
      const stale = { ...writer.continue(c, requests(1)).part, expectedHead: 7 };
      assert.deepEqual(await writer.commit([...good, stale], { remember }), CONFLICT);
      assert.deepEqual(await writer.commit([stale, ...good], { remember }), CONFLICT);
      const full = { guard: "active_below", tenant: writer.tenant, limit: 3 } as const;
      assert.deepEqual(await writer.commit(good, { remember, guards: [full] }), { outcome: "limit_reached" });
      assert.deepEqual(await writer.commit(good, { remember, guards: [nameGuard(a, b)] }), CONFLICT);
      assert.deepEqual(await observe(writer, ["k"]), before);
      assert.deepEqual(await writer.commit(good, { remember }), COMMITTED);
      assert.equal((await writer.store.stream(a.ref))?.record.metrics.requestCount, 1);
      assert.equal(await writer.store.stream(b.ref), undefined);
      assert.equal(await writer.store.stored(b.ref), undefined);
    });

    it("erases a stream with all it holds, and nothing else", async () => {
      const writer = author();
      const kept = await writer.create({ tags: ["x"], name: "kept" });
      const before = await observe(writer);
      const gone = await writer.create({ sessionId: "gone", tags: ["x", "y"] });
      const { part, stream: longer } = writer.continue(gone, requests(1), draft("session.updated", { tags: ["z"] }));
      assert.deepEqual(await writer.commit([{ ...part, snapshot: true }]), COMMITTED);
      await writer.erase(longer);
      assert.deepEqual(await observe(writer), before);
      assert.equal(await writer.store.stream(gone.ref), undefined);
      assert.equal(await writer.store.stored(gone.ref), undefined);
      assert.equal(await writer.store.named(writer.tenant, "gone"), undefined);
      assert.deepEqual(await writer.store.operations(gone.ref, { after: 0, limit: 10 }), []);
      assert.deepEqual(await writer.store.view(gone.ref, "tag", 1), []);
      assert.equal(await writer.store.snapshot(gone.ref, 3), undefined);
      assert.deepEqual(await writer.store.stream(kept.ref), kept);
      assert.deepEqual(await writer.store.stored(kept.ref), kept);
    });

    it("begins an erased stream anew", async () => {
      const writer = author();
      const { part, stream } = writer.begin({ tags: ["x"] });
      assert.deepEqual(await writer.commit([part]), COMMITTED);
      await writer.erase(stream);
      assert.deepEqual(await writer.commit([part]), COMMITTED);
      assert.deepEqual(await writer.store.stream(stream.ref), stream);
      assert.deepEqual(await writer.store.stored(stream.ref), stream);
      assert.deepEqual(await writer.store.operations(stream.ref, { after: 0, limit: 10 }), part.entries);
    });

    it("keeps tenants apart", async () => {
      const [one, other] = [author(), author()];
      const [a, b] = [await one.create({ sessionId: "a", name: "one" }), await other.create({ sessionId: "a" })];
      assert.equal(a.ref.id, b.ref.id);
      await other.commit([], { remember: [other.answer("k")] });
      const before = await observe(other, ["k"]);
      await one.erase(await one.append(a, requests(1)));
      assert.deepEqual(await observe(other, ["k"]), before);
      assert.equal(await other.store.remembered(one.answer("k"), one.clock.now()), undefined);
    });

    it("answers each of many commits at once for itself", async () => {
      const writer = author();
      const ready = Array.from({ length: 1_000 }, (_, i) => ({ i, ...writer.begin({ name: `session ${i}` }) }));
      // Every seventh expects a head that isn't there.
      const expected = ready.map(({ i }) => (i % 7 === 0 ? CONFLICT : COMMITTED));
      const outcomes = ready.map(({ i, part }) => writer.commit([{ ...part, expectedHead: i % 7 === 0 ? 5 : 0 }]));
      assert.deepEqual(await Promise.all(outcomes), expected);
      const stored = await Promise.all(ready.map(({ stream }) => writer.store.stream(stream.ref)));
      assert.deepEqual(
        stored,
        ready.map(({ i, stream }) => (i % 7 === 0 ? undefined : stream)),
      );
    });

    it("throws for a commit that contradicts itself, and leaves its neighbours alone", async () => {
      const writer = author();
      const [before, faulty, after] = [writer.begin(), writer.begin({ tags: ["x"] }), writer.begin()];
      const twice = { ...faulty.part, entries: [...faulty.part.entries, ...faulty.part.entries] };
      const none = { ...faulty.part, entries: [] };
      const parts = [before.part, twice, none, after.part];
      const settled = await Promise.allSettled(parts.map((part) => writer.commit([part])));
      assert.deepEqual(
        settled.map(({ status }) => status),
        ["fulfilled", "rejected", "rejected", "fulfilled"],
      );
      assert.deepEqual(await writer.store.stream(before.stream.ref), before.stream);
      assert.deepEqual(await writer.store.stream(after.stream.ref), after.stream);
      assert.equal(await writer.store.stream(faulty.stream.ref), undefined);
      assert.deepEqual(await writer.store.operations(faulty.stream.ref, { after: 0, limit: 10 }), []);
      assert.deepEqual(await writer.commit([faulty.part]), COMMITTED);
    });
  });
}
