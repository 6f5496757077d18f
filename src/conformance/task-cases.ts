import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Stream, StreamRef, TaskPlace } from "../engine/store.ts";
import type { TaskUse } from "../engine/task.ts";
import { Author, draft, nameGuard } from "./author.ts";
import { type Driver, withOpened } from "./driver.ts";

const VERSION = "a".repeat(64);

/** A call of an app, and its end. */
function use(taskId: string, more: Partial<TaskUse> = {}): TaskUse {
  return { taskId, app: "tally", version: VERSION, action: "add", timeoutMs: 1, ...more };
}

const queued = (taskId: string) => draft("task.queued", { ...use(taskId), input: {} });

const started = (taskId: string, more: Partial<TaskUse> = {}) =>
  draft("task.started", { ...use(taskId, more), input: {} });

const finished = (taskId: string) =>
  draft("task.finished", { taskId, status: "completed", staysWarm: false, processingTimeUs: 1 });

/** What holds of tasks: where their log has them, and which are open. */
export function taskCases(driver: Driver, author: () => Author): void {
  /** A session of seven operations, with tasks that finished at once, later, and not at all. */
  const worked = async (
    writer: Author,
  ): Promise<{ readonly stream: Stream; readonly places: readonly TaskPlace[] }> => {
    const performed = draft("task.performed", { ...use("once"), input: {}, status: "completed", processingTimeUs: 1 });
    const drafts = [
      started("first"),
      queued("second"),
      finished("first"),
      performed,
      draft("task.started", use("second")),
      queued("third"),
    ];
    const stream = await writer.append(await writer.create(), ...drafts);
    const { ref } = stream;
    const places = [
      { ref, id: "third", seq: 7 },
      { ref, id: "once", seq: 5, goneSeq: 5 },
      { ref, id: "second", seq: 3 },
      { ref, id: "first", seq: 2, goneSeq: 4 },
    ];
    return { stream, places };
  };

  describe("task() and tasks()", () => {
    it("tell where the log has each, the newest first, in pages", async () => {
      const writer = author();
      const { store, tenant } = writer;
      const { stream, places } = await worked(writer);
      const { ref } = stream;
      assert.deepEqual(await store.tasks(ref, { limit: 9 }), { items: places });
      const seen: TaskPlace[] = [];
      for (let cursor: string | undefined, i = 0; i < 2; i++) {
        const page = await store.tasks(ref, { limit: 2, ...(cursor !== undefined && { cursor }) });
        seen.push(...page.items);
        cursor = page.next;
        assert.equal(cursor === undefined, i === 1);
      }
      assert.deepEqual(seen, places);
      const open = places.filter(({ goneSeq }) => goneSeq === undefined);
      assert.deepEqual(await store.tasks(ref, { limit: 2, isOpen: true }), { items: open });
      for (const place of places) {
        assert.deepEqual(await store.task(tenant, place.id, ref.id), place);
        assert.deepEqual(await store.task(tenant, place.id), place);
      }
      await assert.rejects(store.tasks(ref, { limit: 1, cursor: "no cursor" }), { code: "invalid" });
    });

    it("tell nothing of another session, or another tenant", async () => {
      const writer = author();
      const { store, tenant } = writer;
      const { stream } = await worked(writer);
      const other = await writer.create();
      assert.deepEqual(await store.tasks(other.ref, { limit: 9 }), { items: [] });
      assert.equal(await store.task(tenant, "first", other.ref.id), undefined);
      assert.equal(await store.task("another", "first"), undefined);
      assert.equal(await store.task(tenant, "fourth", stream.ref.id), undefined);
    });

    it("have in a fork what there was by then, and its own end of what was open", async () => {
      const writer = author();
      const { store, tenant } = writer;
      const { stream } = await worked(writer);
      const entries = await store.operations(stream.ref, { after: 0, limit: 3 });
      const fork = writer.fork(stream, entries, `fork-of-${stream.record.sessionId}`);
      const rows = [
        { view: "task", change: "end", id: "first", seq: 4 },
        { view: "task", change: "end", id: "second", seq: 4 },
      ] as const;
      assert.deepEqual(fork.part.change === "append" && fork.part.rows, rows);
      assert.deepEqual(await writer.commit([fork.part], { guards: [nameGuard(fork.stream)] }), {
        outcome: "committed",
      });
      const { ref } = fork.stream;
      const items = [
        { ref, id: "second", seq: 3, goneSeq: 4 },
        { ref, id: "first", seq: 2, goneSeq: 4 },
      ];
      assert.deepEqual(await store.tasks(ref, { limit: 9 }), { items });
      assert.deepEqual(await store.task(tenant, "second", ref.id), items[0]);
      // Whoever names no session means the one that had it first.
      assert.deepEqual(await store.task(tenant, "second"), { ref: stream.ref, id: "second", seq: 3 });
      await writer.erase(stream);
      assert.deepEqual(await store.tasks(ref, { limit: 9 }), { items });
    });

    it("go with their session", async () => {
      const writer = author();
      const { store, tenant } = writer;
      const { stream } = await worked(writer);
      await writer.erase(stream);
      assert.deepEqual(await store.tasks(stream.ref, { limit: 9 }), { items: [] });
      assert.equal(await store.task(tenant, "second"), undefined);
    });
  });

  describe("unfinished()", () => {
    it("tells of each session with open tasks once, in pages, until they are finished or erased", async () => {
      await withOpened(driver, async ({ store }) => {
        const writers = [new Author(store, "one"), new Author(store, "two")];
        const streams: Stream[] = [];
        for (const writer of [...writers, ...writers, ...writers]) streams.push((await worked(writer)).stream);
        await writers[0]?.create();
        const read = async (limit: number): Promise<readonly StreamRef[]> => {
          const seen: StreamRef[] = [];
          for (let after: StreamRef<"session"> | undefined; ; ) {
            const page = await store.unfinished({ limit, ...(after && { after }) });
            seen.push(...page);
            after = page.at(-1);
            if (after === undefined) return seen;
          }
        };
        const byId = (refs: readonly StreamRef[]): readonly string[] =>
          refs.map(({ tenant, id }) => `${tenant} ${id}`).sort();
        const all = await read(100);
        assert.deepEqual(byId(all), byId(streams.map(({ ref }) => ref)));
        assert.deepEqual(await read(4), all);
        const [first, second, ...rest] = streams;
        assert.ok(first && second);
        await writers[0]?.append(first, finished("second"), finished("third"));
        await writers[1]?.erase(second);
        const left = await read(3);
        assert.deepEqual(byId(left), byId(rest.map(({ ref }) => ref)));
      });
    });
  });

  describe("versionsInUse()", () => {
    it("tells which of these versions any session uses, until the last is erased", async () => {
      const writer = author();
      const { store } = writer;
      const [own, other, unused] = ["1", "2", "3"].map((digit) => digit.repeat(63) + (writer.tenant.length % 10));
      assert.ok(own && other && unused);
      const version = own;
      const stream = await writer.append(
        await writer.create(),
        started("a", { version }),
        started("b", { app: "b", version: other }),
      );
      const again = await writer.append(
        await writer.create(),
        started("c", { version }),
        finished("c"),
        draft("session.completed", {}),
      );
      assert.deepEqual(new Set(await store.versionsInUse([own, other, unused])), new Set([own, other]));
      assert.deepEqual(await store.versionsInUse([]), []);
      await writer.erase(stream);
      assert.deepEqual(await store.versionsInUse([own, other, unused]), [own]);
      await writer.erase(again);
      assert.deepEqual(await store.versionsInUse([own, other, unused]), []);
    });
  });
}
