import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Store } from "../engine/store.ts";
import { Author, requests } from "./author.ts";
import { type Driver, withOpened } from "./driver.ts";

const UNAVAILABLE = { code: "store_unavailable" };

/** What holds of `close`. */
export function closeCases(driver: Driver): void {
  describe("close()", () => {
    it("waits for the commits in hand", async () => {
      await withOpened(driver, async ({ store, reopen }) => {
        const writer = new Author(store);
        const ready = Array.from({ length: 500 }, () => writer.begin());
        const outcomes = Promise.all(ready.map(({ part }) => writer.commit([part])));
        await store.close();
        assert.ok((await outcomes).every(({ outcome }) => outcome === "committed"));
        const again = await reopen();
        for (const { stream } of ready) assert.deepEqual(await again.stream(stream.ref), stream);
        await again.close();
      });
    });

    it("may be called again, also while it is at work", async () => {
      await withOpened(driver, async ({ store }) => {
        await Promise.all([store.close(), store.close()]);
        await store.close();
      });
    });

    it("leaves every method refusing with store_unavailable", async () => {
      await withOpened(driver, async ({ store }) => {
        const writer = new Author(store);
        const { ref } = await writer.create();
        const { tenant } = writer;
        await store.close();
        const methods: Record<Exclude<keyof Store, "close">, () => Promise<unknown>> = {
          commit: () => writer.commit([writer.begin().part]),
          stream: () => store.stream(ref),
          stored: () => store.stored(ref),
          named: () => store.named(tenant, "a"),
          streams: () => store.streams(tenant, "user", { limit: 1 }),
          cursor: () => store.cursor(ref, "a"),
          cursors: () => store.cursors(ref, { limit: 1 }),
          events: () => store.events({ tenant, limit: 1 }),
          remembered: () => store.remembered(writer.answer("k"), 1),
          access: () => store.access(),
          key: () => store.key("key_1"),
          keys: () => store.keys({ limit: 1 }),
          list: () => store.list({ tenant, now: 1, sort: "name", order: "asc", limit: 1 }),
          aggregate: () => store.aggregate({ tenant, now: 1 }),
          operations: () => store.operations(ref, { after: 0, limit: 1 }),
          messages: () => store.messages(ref, { take: "oldest", limit: 1 }),
          artifact: () => store.artifact(ref, "artifact_1"),
          artifacts: () => store.artifacts(ref, { limit: 1 }),
          grants: () => store.grants(ref, "artifact_1"),
          permission: () => store.permission(ref, "artifact_1", ref.id),
          task: () => store.task(tenant, "task_1"),
          tasks: () => store.tasks(ref, { limit: 1 }),
          objectsOf: () => store.objectsOf(ref, ["made_1"]),
          objects: () => store.objects(ref, { limit: 1 }),
          lineage: () => store.lineage(ref, "made_1"),
          unfinished: () => store.unfinished({ limit: 1 }),
          versionsInUse: () => store.versionsInUse(["00"]),
          content: () => store.content(tenant, "00"),
          body: () => store.body(tenant, "00"),
          abandoned: () => store.abandoned(1),
          inUse: () => store.inUse([]),
          scrub: () => store.scrub(),
          snapshot: () => store.snapshot(ref, 1),
          view: () => store.view(ref, "tag", 1),
          ended: () => store.ended({ tenant, statuses: ["failed"], order: "oldest first", limit: 1 }),
          unsettled: () => store.unsettled(1),
          tenants: () => store.tenants({ limit: 1 }),
          overdue: () => store.overdue(1, 1),
          watch: async () => await firstNotice(store),
        };
        for (const [name, call] of Object.entries(methods)) await assert.rejects(call, UNAVAILABLE, name);
      });
    });

    it("ends a watch that waits, with store_unavailable", async () => {
      await withOpened(driver, async ({ store }) => {
        const { signal } = new AbortController();
        const next = store.watch({ signal })[Symbol.asyncIterator]().next();
        const told = assert.rejects(next, UNAVAILABLE);
        await store.close();
        await told;
      });
    });

    it("keeps all that was acknowledged for whoever opens the data again", async () => {
      await withOpened(driver, async ({ store, reopen }) => {
        const writer = new Author(store);
        const stream = await writer.append(await writer.create({ sessionId: "a", tags: ["x"] }), requests(1));
        await writer.commit([], { remember: [writer.answer("k")] });
        await store.close();
        for (const _ of [1, 2]) {
          const again = await reopen();
          assert.deepEqual(await again.named(writer.tenant, "a"), stream);
          assert.deepEqual(await again.remembered(writer.answer("k"), writer.clock.now()), writer.answer("k"));
          await again.close();
        }
      });
    });
  });
}

async function firstNotice(store: Store): Promise<unknown> {
  const { signal } = new AbortController();
  return await store.watch({ signal })[Symbol.asyncIterator]().next();
}
