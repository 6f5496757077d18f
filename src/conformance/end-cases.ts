import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import type { EndedQuery, EndedSession, Stream, StreamRef } from "../engine/store.ts";
import { Author, draft } from "./author.ts";
import { type Driver, withOpened } from "./driver.ts";

const COMMITTED = { outcome: "committed" };

/** What holds of sessions that have ended, and of tenants. */
export function endCases(driver: Driver, author: () => Author): void {
  describe("ended()", () => {
    let writer: Author;
    /** By their end, then by their creation, then by their uid. */
    const ended: EndedSession[] = [];

    const end = async (stream: Stream, kind: "session.completed" | "session.failed"): Promise<void> => {
      const { ref, record } = await writer.append(stream, draft(kind, {}));
      const { sessionId, createdAtUs, endedAtUs = 0 } = record;
      ended.push({ ref, sessionId, createdAtUs, endedAtUs, artifactBytes: record.artifacts.bytes });
    };

    before(async () => {
      writer = author();
      const [late, early] = [await writer.create(), await writer.create({ temporary: true })];
      await writer.create();
      writer.clock.advance(10);
      const later = await writer.create();
      await end(early, "session.completed");
      writer.clock.advance(10);
      await end(late, "session.failed");
      const content = writer.content("12345");
      const { part, stream } = writer.continue(later, writer.artifact("a", content));
      await writer.commit([part], { contents: [content] });
      await end(stream, "session.completed");
      await end(await writer.create(), "session.completed");
      writer.clock.advance(10);
      // Only their uids tell these apart; they count up.
      for (const stream of [await writer.create(), await writer.create()]) await end(stream, "session.completed");
      await new Author(writer.store).create();
    });

    const read = (query: Partial<EndedQuery>): Promise<readonly EndedSession[]> =>
      writer.store.ended({
        tenant: writer.tenant,
        statuses: ["completed", "failed", "expired"],
        order: "oldest first",
        limit: 1_000,
        ...query,
      });

    it("returns those of the tenant in the order of their end, temporary ones and all others", async () => {
      assert.deepEqual(await read({}), ended);
      assert.deepEqual(await read({ order: "newest first" }), ended.toReversed());
      assert.deepEqual(
        ended.map(({ artifactBytes }) => artifactBytes),
        [0, 0, 5, 0, 0, 0],
      );
    });

    it("returns those of the statuses that are asked for, and those that ended before a time", async () => {
      assert.deepEqual(await read({ statuses: ["failed"] }), ended.slice(1, 2));
      assert.deepEqual(await read({ statuses: ["expired"] }), []);
      assert.deepEqual(await read({ statuses: [] }), []);
      const endedBeforeUs = ended[1]?.endedAtUs ?? 0;
      assert.deepEqual(await read({ endedBeforeUs }), ended.slice(0, 1));
      assert.deepEqual(await read({ endedBeforeUs: endedBeforeUs + 1 }), ended.slice(0, 4));
    });

    it("goes on after any place, in either order, also where that session is gone", async () => {
      for (const [i, after] of ended.entries()) {
        assert.deepEqual(await read({ after }), ended.slice(i + 1));
        assert.deepEqual(await read({ after, order: "newest first" }), ended.slice(0, i).reverse());
      }
      const [first, second] = ended;
      const between = { endedAtUs: 1, createdAtUs: 1, ref: { id: "" } };
      assert.deepEqual(await read({ after: between, limit: 2 }), [first, second]);
    });
  });

  describe("unsettled()", () => {
    const unsettled = async ({ store, tenant }: Author): Promise<readonly StreamRef[]> =>
      (await store.unsettled(1_000)).filter((ref) => ref.tenant === tenant);

    it("tells of a session until it is settled, or erased", async () => {
      const writer = author();
      const streams: Stream[] = [];
      for (let i = 0; i < 3; i++) {
        const { part, stream } = writer.continue(await writer.create(), draft("session.completed", {}));
        assert.deepEqual(await writer.commit([{ ...part, unsettled: true }]), COMMITTED);
        streams.push(stream);
      }
      await writer.append(await writer.create(), draft("session.completed", {}));
      const [first, second, third] = streams as [Stream, Stream, Stream];
      assert.deepEqual(await unsettled(writer), [first.ref, second.ref, third.ref]);
      assert.equal((await writer.store.unsettled(1)).length, 1);
      assert.deepEqual(await writer.commit([], { settled: [second.ref] }), COMMITTED);
      // What is settled already, or not there, is no matter.
      const missing = { ...first.ref, id: "missing" };
      assert.deepEqual(await writer.commit([], { settled: [second.ref, missing] }), COMMITTED);
      await writer.erase(third);
      assert.deepEqual(await unsettled(writer), [first.ref]);
    });

    it("tells nothing of a commit that was refused, and forgets nothing for it", async () => {
      const writer = author();
      const { part, stream } = writer.continue(await writer.create(), draft("session.completed", {}));
      assert.deepEqual(await writer.commit([{ ...part, expectedHead: 7, unsettled: true }]), { outcome: "conflict" });
      assert.deepEqual(await unsettled(writer), []);
      await writer.commit([{ ...part, unsettled: true }]);
      const refused = await writer.commit([{ ...part, unsettled: true }], { settled: [stream.ref] });
      assert.deepEqual(refused, { outcome: "conflict" });
      assert.deepEqual(await unsettled(writer), [stream.ref]);
    });
  });

  describe("tenants()", () => {
    it("returns each that has anything once, in pages", async () => {
      await withOpened(driver, async ({ store }) => {
        assert.deepEqual(await store.tenants({ limit: 10 }), []);
        const names = ["b", "a", "é", "B", "c"];
        for (const name of names) {
          const writer = new Author(store, name);
          for (let i = 0; i < 3; i++) await writer.create();
        }
        const only = new Author(store, "only a user");
        const style = { patch: { tone: "formal" }, origin: "set" } as const;
        await only.append(only.user("u"), draft("profile.changed", style));
        const all = await store.tenants({ limit: 10 });
        assert.deepEqual([...all].sort(), [...names, "only a user"].sort());
        assert.deepEqual(await store.tenants({ limit: 4 }), all.slice(0, 4));
        assert.deepEqual(await store.tenants({ limit: 4, after: all[3] ?? "" }), all.slice(4));
        await store.close();
      });
    });
  });
}
