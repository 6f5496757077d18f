import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Committed, Guard, Stream } from "../engine/store.ts";
import { type Author, draft, nameGuard, requests } from "./author.ts";

const COMMITTED = { outcome: "committed" };
const CONFLICT = { outcome: "conflict" };
const LIMIT_REACHED = { outcome: "limit_reached" };

/** What holds of a commit's guards. */
export function guardCases(author: () => Author): void {
  describe("commit() with a name guard", () => {
    it("points a name that nobody has to the session", async () => {
      const writer = author();
      const stream = await writer.create({ sessionId: "a" });
      assert.deepEqual(await writer.store.named(writer.tenant, "a"), stream);
    });

    it("refuses a name that another session has, and one that the expected does not have", async () => {
      const writer = author();
      const [a, b] = [await writer.create({ sessionId: "a" }), await writer.create({ sessionId: "b" })];
      for (const expected of [undefined, b]) {
        const { part, stream } = writer.begin({ sessionId: "a" });
        assert.deepEqual(await writer.commit([part], { guards: [nameGuard(stream, expected)] }), CONFLICT);
        assert.equal(await writer.store.stream(stream.ref), undefined);
      }
      const { part, stream } = writer.begin({ sessionId: "c" });
      assert.deepEqual(await writer.commit([part], { guards: [nameGuard(stream, a)] }), CONFLICT);
      assert.deepEqual(await writer.store.named(writer.tenant, "a"), a);
      assert.equal(await writer.store.named(writer.tenant, "c"), undefined);
    });

    it("moves a name on; the session that had it stays", async () => {
      const writer = author();
      const old = await writer.create({ sessionId: "a" });
      const next = await writer.create({ sessionId: "a" }, old);
      assert.deepEqual(await writer.store.named(writer.tenant, "a"), next);
      assert.deepEqual(await writer.store.stream(old.ref), old);
    });

    it("frees the name of an erased session only if the name still points to it", async () => {
      const writer = author();
      const old = await writer.create({ sessionId: "a" });
      const next = await writer.create({ sessionId: "a" }, old);
      await writer.erase(old);
      assert.deepEqual(await writer.store.named(writer.tenant, "a"), next);
      const oldest = await writer.create({ sessionId: "b" });
      const newest = await writer.create({ sessionId: "b" }, oldest);
      await writer.erase(newest);
      assert.equal(await writer.store.named(writer.tenant, "b"), undefined);
      assert.deepEqual(await writer.store.stream(oldest.ref), oldest);
    });

    it("gives a name to one of many that ask at once", async () => {
      const writer = author();
      const ready = Array.from({ length: 32 }, () => writer.begin({ sessionId: "a" }));
      const outcomes = await Promise.all(
        ready.map(({ part, stream }) => writer.commit([part], { guards: [nameGuard(stream)] })),
      );
      const winners = ready.filter((_, i) => outcomes[i]?.outcome === "committed");
      assert.equal(winners.length, 1);
      assert.deepEqual(await writer.store.named(writer.tenant, "a"), winners[0]?.stream);
      assert.equal(outcomes.filter(({ outcome }) => outcome === "conflict").length, 31);
    });
  });

  describe("commit() with an active_below guard", () => {
    it("lets a session in below the limit, and none at it", async () => {
      const writer = author();
      assert.deepEqual(await enter(writer, 0), LIMIT_REACHED);
      assert.deepEqual(await enter(writer, 2), COMMITTED);
      assert.deepEqual(await enter(writer, 2), COMMITTED);
      assert.deepEqual(await enter(writer, 2), LIMIT_REACHED);
      assert.deepEqual(await enter(writer, 3), COMMITTED);
    });

    it("counts neither suspended nor ended nor erased sessions, nor another tenant's", async () => {
      const writer = author();
      const streams: Stream[] = [];
      for (const _ of [1, 2, 3, 4, 5]) streams.push(await writer.create());
      assert.deepEqual(await enter(writer, 5), LIMIT_REACHED);
      const [suspended, completed, failed, expired, erased] = streams;
      const endedAtUs = writer.clock.now();
      if (suspended) await writer.append(suspended, draft("session.suspended", {}));
      if (completed) await writer.append(completed, requests(1), draft("session.completed", {}));
      if (failed) await writer.append(failed, draft("session.failed", {}));
      if (expired) await writer.append(expired, draft("session.expired", { endedAtUs }));
      if (erased) await writer.erase(erased);
      await author().create();
      assert.deepEqual(await enter(writer, 1), COMMITTED);
      assert.deepEqual(await enter(writer, 1), LIMIT_REACHED);
    });

    it("counts a session that was resumed", async () => {
      const writer = author();
      const stream = await writer.create();
      const suspended = await writer.append(stream, draft("session.suspended", {}));
      await writer.append(suspended, draft("session.resumed", {}));
      assert.deepEqual(await enter(writer, 1), LIMIT_REACHED);
    });

    for (const field of ["idleTimeoutUs", "maxLifetimeUs"] as const) {
      it(`counts a session up to the last microsecond of its ${field}, and not after`, async () => {
        const writer = author();
        await writer.create({ [field]: 1_000_000 });
        writer.clock.advance(1_000_000);
        assert.deepEqual(await enter(writer, 1), LIMIT_REACHED);
        writer.clock.advance(1);
        assert.deepEqual(await enter(writer, 1), COMMITTED);
      });
    }

    it("does not count a suspended session whose time is over twice", async () => {
      const writer = author();
      const stream = await writer.create({ idleTimeoutUs: 1_000_000 });
      await writer.append(stream, draft("session.suspended", {}));
      await writer.create();
      writer.clock.advance(2_000_000);
      assert.deepEqual(await enter(writer, 1), LIMIT_REACHED);
    });

    it("lets in as many as there is room for, of many that ask at once", async () => {
      const writer = author();
      const outcomes = await Promise.all(Array.from({ length: 32 }, () => enter(writer, 5)));
      assert.equal(outcomes.filter(({ outcome }) => outcome === "committed").length, 5);
      assert.equal(outcomes.filter(({ outcome }) => outcome === "limit_reached").length, 27);
    });
  });
}

async function enter(writer: Author, limit: number): Promise<Committed> {
  const guard: Guard = { guard: "active_below", tenant: writer.tenant, limit };
  return await writer.commit([writer.begin().part], { guards: [guard] });
}
