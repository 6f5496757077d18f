import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Tasking, tasksForTests } from "../../tests/tasking.ts";
import { SECOND } from "./clock.ts";
import type { TaskEvent } from "./tasks.ts";

const start = tasksForTests();

const { signal: NEVER } = new AbortController();

describe("cancel()", () => {
  it("closes a task that waits at once, and tells one that runs", async () => {
    const on = start();
    on.runner.isDeaf = true;
    await on.create("a");
    const [running, waiting] = [await on.call("a"), await on.call("a")];
    const job = await on.runner.next();
    const canceled = await on.tasks.cancel(on.caller, "a", waiting.task.taskId);
    assert.deepEqual([canceled.status, canceled.startedAtUs], ["canceled", undefined]);
    assert.deepEqual(canceled, await on.logged("a", canceled));
    const asked = await on.tasks.cancel(on.caller, "a", running.task.taskId);
    assert.deepEqual([asked.status, asked.isCanceling, job.job.signal.aborted], ["running", true, true]);
    job.cancel();
    const { task } = await running.done;
    assert.deepEqual([task.status, task.error?.code], ["canceled", "canceled"]);
    // One that is over stays as it is.
    assert.deepEqual(await on.tasks.cancel(on.caller, "a", task.taskId), task);
    assert.deepEqual(await on.kinds("a"), ["task.started", "task.queued", "task.finished", "task.finished"]);
    await assert.rejects(on.tasks.cancel(on.caller, "a", "task_0"), { code: "task_not_found" });
  });
});

describe("the outcome of a task", () => {
  it("is recorded in a session that has ended meanwhile, and leaves it ended", async () => {
    const on = start();
    await on.create("a");
    const [{ done }, waiting] = [await on.call("a"), await on.call("a")];
    const job = await on.runner.next();
    const { record } = (await on.sessions.end(on.caller, "a")).value;
    on.clock.advance(5);
    job.complete(1);
    const { task, session } = await done;
    assert.deepEqual([task.status, task.output, session.record.status], ["completed", 1, "completed"]);
    assert.deepEqual(
      [session.record.endedAtUs, session.record.work.apps["tally"]?.warmSinceUs],
      [record.endedAtUs, undefined],
    );
    assert.equal((await waiting.done).task.status, "canceled");
    const kinds = await on.kinds("a");
    assert.deepEqual(kinds, ["task.started", "task.queued", "session.completed", "task.finished", "task.finished"]);
    assert.equal((await on.sessions.verify(on.caller, "a")).ok, true);
  });

  it("is dropped with a session that was deleted, and its caller is told", async () => {
    const on = start();
    await on.create("a");
    const [{ done }, waiting] = [await on.call("a"), await on.call("a")];
    const job = await on.runner.next();
    await on.sessions.delete(on.caller, "a");
    job.complete();
    await assert.rejects(done, { code: "session_not_found" });
    await assert.rejects(waiting.done, { code: "session_not_found" });
    assert.deepEqual([on.failures, on.runner.jobs.length], [[], 1]);
  });

  it("ends the session with it, in one commit, where the app says so", async () => {
    const on = start();
    await on.create("a");
    const { done } = await on.call("a");
    (await on.runner.next()).complete(1, { ends: { reason: "all done" } });
    const { task, session } = await done;
    assert.deepEqual([session.record.status, session.record.reason], ["completed", "all done"]);
    assert.deepEqual([task.seq, session.head.seq, session.record.work.apps["tally"]?.warmSinceUs], [3, 4, undefined]);
    const { items } = await on.sessions.operations(on.caller, "a", { after: 2, limit: 9 });
    assert.deepEqual(
      items.map(({ operation: { kind, name, at } }) => [kind, name, at]),
      [
        ["task.finished", "run", on.clock.now()],
        ["session.completed", "run", on.clock.now()],
      ],
    );
    await assert.rejects(on.call("a"), { code: "invalid_transition" });
  });

  it("leaves out a reason that no session may have", async () => {
    const on = start();
    await on.create("a");
    const { done } = await on.call("a");
    (await on.runner.next()).complete(1, { ends: { reason: "x".repeat(1_025) } });
    const { record } = (await done).session;
    assert.deepEqual([record.status, record.reason], ["completed", undefined]);
  });
});

describe("a session while a task is open", () => {
  it("is never idle, and is right after", async () => {
    const on = start();
    await on.create("a", 10 * SECOND);
    const { done } = await on.call("a");
    const job = await on.runner.next();
    on.clock.advance(1_000 * SECOND);
    await on.sessions.sweep();
    assert.equal((await on.sessions.get(on.caller, "a")).record.status, "active");
    await on.sessions.cleanup(on.caller, { maxIdleUs: SECOND });
    assert.equal((await on.sessions.get(on.caller, "a")).record.status, "active");
    job.complete();
    assert.equal((await done).session.record.status, "active");
    on.clock.advance(10 * SECOND);
    assert.equal((await on.sessions.get(on.caller, "a")).record.status, "active");
    on.clock.advance(1);
    assert.equal((await on.sessions.get(on.caller, "a")).record.status, "expired");
    await on.sessions.sweep();
    assert.deepEqual(await on.kinds("a"), ["task.started", "task.finished", "session.expired"]);
  });

  it("ends when its lifetime is over, and has the outcome after that", async () => {
    const on = start();
    await on.sessions.create(on.caller, { sessionId: "a", maxLifetimeUs: 10 * SECOND, idleTimeoutUs: null });
    const { done } = await on.call("a");
    const job = await on.runner.next();
    on.clock.advance(11 * SECOND);
    job.complete(1);
    const { task, session } = await done;
    assert.deepEqual([task.status, session.record.status], ["completed", "expired"]);
    assert.deepEqual(await on.kinds("a"), ["task.started", "session.expired", "task.finished"]);
    assert.deepEqual(await on.logged("a", task), task);
  });
});

describe("what tasks took", () => {
  const run = async (on: Tasking, takes: number, settle: (job: Tasking["runner"]["jobs"][number]) => void) => {
    const { done } = await on.call("a");
    const job = await on.runner.next();
    on.clock.advance(takes);
    settle(job);
    return (await done).session.record;
  };
  const complete = (memoryPeakBytes: number) => (job: Tasking["runner"]["jobs"][number]) =>
    job.complete({}, { memoryPeakBytes });

  it("is calls, time busy, time idle while a worker was warm, and the largest worker", async () => {
    const on = start();
    const { ref } = await on.create("a");
    await run(on, 5, complete(100));
    on.clock.advance(20);
    const second = await run(on, 7, complete(50));
    assert.deepEqual(second.work.usage, { calls: 2, busyUs: 12, idleUs: 20, memoryPeakBytes: 100 });
    on.clock.advance(30);
    const third = await run(on, 1, (job) => job.lose());
    assert.deepEqual(third.work.usage, { calls: 3, busyUs: 13, idleUs: 50, memoryPeakBytes: 100 });
    assert.equal(third.work.apps["tally"]?.warmSinceUs, undefined);
    // Nobody was there to wait.
    on.clock.advance(1_000);
    await run(on, 1, complete(200));
    on.clock.advance(4);
    on.runner.let(ref, "tally", "idle");
    // Recorded after that.
    await on.sessions.keepalive(on.caller, "a");
    on.clock.advance(1_000);
    const last = await run(on, 1, (job) => job.fail("No"));
    assert.deepEqual(last.work.usage, { calls: 5, busyUs: 15, idleUs: 54, memoryPeakBytes: 200 });
    assert.deepEqual((await on.kinds("a")).slice(-4), [
      "worker.released",
      "session.kept_alive",
      "task.started",
      "task.finished",
    ]);
    assert.deepEqual([last.metrics.requestCount, last.metrics.errorCount, last.metrics.processingTimeUs], [5, 2, 15]);
    on.runner.let(ref, "nobody", "idle");
    on.clock.advance(6);
    const { record } = (await on.sessions.end(on.caller, "a")).value;
    assert.deepEqual([record.work.usage.idleUs, record.work.apps["tally"]?.warmSinceUs], [60, undefined]);
    assert.equal((await on.sessions.verify(on.caller, "a")).ok, true);
  });

  it("counts the time that a worker waited once, where its session ends while it runs", async () => {
    const on = start();
    await on.create("a");
    await run(on, 1, complete(1));
    on.clock.advance(10);
    const { done } = await on.call("a");
    const job = await on.runner.next();
    on.clock.advance(100);
    assert.equal((await on.sessions.end(on.caller, "a")).value.record.work.usage.idleUs, 10);
    job.complete();
    assert.deepEqual((await done).session.record.work.usage, { calls: 2, busyUs: 101, idleUs: 10, memoryPeakBytes: 1 });
  });
});

describe("what a task tells", () => {
  const log = (message: string) => ({ type: "log", level: "info", message }) as const;

  it("is gathered into few operations, and whole at its end", async () => {
    const on = start();
    await on.create("a");
    const { task, done } = await on.call("a");
    const job = await on.runner.next();
    for (let i = 0; i < 10; i++) job.report(log(`${i}`));
    on.clock.advance(250_000);
    job.report(log("10"));
    for (let i = 11; i < 20; i++) job.report(log(`${i}`));
    job.complete();
    await done;
    const told = await on.tasks.reports(on.caller, "a", task.taskId);
    assert.deepEqual(
      told.map(({ report }) => report),
      Array.from({ length: 20 }, (_, i) => log(`${i}`)),
    );
    assert.deepEqual(await on.kinds("a"), ["task.started", "task.reported", "task.reported", "task.finished"]);
  });

  it("is no more once it is over", async () => {
    const on = start();
    await on.create("a");
    const { task, done } = await on.call("a");
    const job = await on.runner.next();
    job.report(log("in time"));
    job.complete();
    await done;
    on.clock.advance(SECOND);
    job.report(log("late"));
    on.clock.advance(SECOND);
    job.report(log("later"));
    await on.sessions.keepalive(on.caller, "a");
    const told = await on.tasks.reports(on.caller, "a", task.taskId);
    assert.deepEqual(
      told.map(({ report }) => report),
      [log("in time")],
    );
    assert.deepEqual((await on.kinds("a")).slice(-2), ["task.finished", "session.kept_alive"]);
  });

  it("is told to all who follow, from when they come, up to the end", async () => {
    const on = start();
    await on.create("a");
    const { task, done } = await on.call("a");
    const job = await on.runner.next();
    const follow = async (signal: AbortSignal = NEVER) => {
      const events = on.tasks.follow(on.caller, "a", task.taskId, signal);
      const first = await events.next();
      return async () => [first.value as TaskEvent, ...(await Array.fromAsync(events))].map(shapeOf);
    };
    const early = await follow();
    job.report(log("1"));
    const late = await follow();
    assert.deepEqual(
      (await on.tasks.reports(on.caller, "a", task.taskId)).map(({ report }) => report),
      [log("1")],
    );
    const leaving = new AbortController();
    const leaver = await follow(leaving.signal);
    job.report(log("2"));
    leaving.abort();
    job.report(log("3"));
    job.complete();
    await done;
    assert.deepEqual(await early(), ["running", [1, "1"], [2, "2"], [3, "3"], "completed"]);
    assert.deepEqual(await late(), ["running", [2, "2"], [3, "3"], "completed"]);
    assert.deepEqual((await leaver()).slice(0, 2), ["running", [2, "2"]]);
    assert.deepEqual(await (await follow())(), ["completed"]);
  });

  it("is told to whoever follows a task that waits", async () => {
    const on = start();
    await on.create("a");
    const [first, second] = [await on.call("a"), await on.call("a")];
    const events = Array.fromAsync(on.tasks.follow(on.caller, "a", second.task.taskId, NEVER));
    (await on.runner.next()).complete();
    await first.done;
    (await on.runner.next()).complete();
    const seen = (await events).map(shapeOf);
    assert.deepEqual([...new Set(seen)], ["queued", "running", "completed"]);
  });
});

describe("list() and find()", () => {
  it("have pages that end where they grow large, and miss none", async () => {
    const on = start();
    await on.create("large");
    const text = "x".repeat(1_000_000);
    on.runner.answers = () => ({ status: "completed", output: text, staysWarm: true, worker: "new" });
    const ids: string[] = [];
    for (let i = 0; i < 7; i++) {
      const { task } = await (await on.call("large", { input: { text } })).done;
      ids.unshift(task.taskId);
    }
    const pages: string[][] = [];
    for (let cursor: string | undefined; ; ) {
      const page = await on.tasks.list(on.caller, "large", { limit: 1_000, ...(cursor && { cursor }) });
      pages.push(page.items.map(({ taskId }) => taskId));
      cursor = page.next;
      if (cursor === undefined) break;
    }
    assert.deepEqual(pages.flat(), ids);
    assert.deepEqual(
      pages.map(({ length }) => length),
      [3, 3, 1],
    );
  });

  it("tells the tasks of a session, newest first, in pages; of the open ones alone where asked", async () => {
    const on = start();
    await on.create("a");
    const ids: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { task, done } = await on.call("a");
      (await on.runner.next()).complete();
      await done;
      ids.unshift(task.taskId);
    }
    const open = [await on.call("a"), await on.call("a")];
    ids.unshift(...open.map(({ task }) => task.taskId).reverse());
    const seen: string[] = [];
    for (let cursor: string | undefined, i = 0; i < 3; i++) {
      const page = await on.tasks.list(on.caller, "a", { limit: 2, ...(cursor && { cursor }) });
      seen.push(...page.items.map(({ taskId }) => taskId));
      cursor = page.next;
      assert.equal(cursor === undefined, i === 2);
    }
    assert.deepEqual(seen, ids);
    const { items } = await on.tasks.list(on.caller, "a", { limit: 9, open: true });
    assert.deepEqual(
      items.map(({ status }) => status),
      ["queued", "running"],
    );
    await assert.rejects(on.tasks.list(on.caller, "a", { limit: 1, cursor: "x" }), { code: "invalid" });
    const [oldest = ""] = ids.slice(-1);
    const found = await on.tasks.find(on.caller, oldest);
    assert.deepEqual([found?.task.taskId, found?.session.record.sessionId], [oldest, "a"]);
    assert.equal(await on.tasks.find({ ...on.caller, tenant: "another" }, oldest), undefined);
    assert.equal(await on.tasks.find(on.caller, "task_0"), undefined);
    await on.create("b");
    await assert.rejects(on.tasks.get(on.caller, "b", oldest), { code: "task_not_found" });
    await on.tasks.close();
  });
});

/** What of an event is seen at a glance. */
function shapeOf(event: TaskEvent): unknown {
  if (event.event === "task") return event.task.status;
  return [event.number, event.report.type === "log" && event.report.message];
}
