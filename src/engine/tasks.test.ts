import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ScriptedRunner, scriptedApp } from "../../tests/scripted-runner.ts";
import { type Tasking, tasksForTests } from "../../tests/tasking.ts";
import { WAITING_MAX } from "./run-slots.ts";
import type { Task } from "./tasks.ts";

const start = tasksForTests();

/** What of the open tasks a session shows. */
async function open({ sessions, caller }: Tasking, sessionId: string): Promise<unknown> {
  const { record } = await sessions.get(caller, sessionId);
  return record.work.tasks.map(({ taskId, status }) => [taskId, status]);
}

const idsOf = (tasks: readonly Pick<Task, "taskId">[]): readonly string[] => tasks.map(({ taskId }) => taskId);

describe("begin()", () => {
  it("records a task before it runs, and once it has, as the log then tells it", async () => {
    const on = start();
    const session = await on.create("a");
    on.clock.advance(5);
    const { task, done } = await on.call("a", { input: { count: 1 } });
    const job = await on.runner.next();
    const begun = {
      taskId: task.taskId,
      uid: session.ref.id,
      sessionId: "a",
      app: "tally",
      version: "a".repeat(64),
      action: "add",
      input: { count: 1 },
      seq: 2,
      createdAtUs: on.clock.now(),
      startedAtUs: on.clock.now(),
    };
    assert.deepEqual(task, { ...begun, status: "running" });
    assert.deepEqual(await on.tasks.get(on.caller, "a", task.taskId), task);
    assert.deepEqual(await on.logged("a", task), task);
    assert.deepEqual(await on.kinds("a"), ["task.started"]);
    on.clock.advance(7);
    job.complete({ total: 1 });
    const finished = (await done).task;
    const end = { status: "completed", output: { total: 1 }, worker: "new", finishedAtUs: on.clock.now() };
    assert.deepEqual(finished, { ...begun, ...end, seq: 3, processingTimeUs: 7 });
    assert.deepEqual(await on.logged("a", task), finished);
    assert.deepEqual(await on.kinds("a"), ["task.started", "task.finished"]);
    assert.deepEqual(await open(on, "a"), []);
  });

  const outcomes = {
    "that failed": (job: Awaited<ReturnType<ScriptedRunner["next"]>>) => job.fail("No"),
    "whose worker was lost": (job: Awaited<ReturnType<ScriptedRunner["next"]>>) => job.lose(),
    "that was canceled": (job: Awaited<ReturnType<ScriptedRunner["next"]>>) => job.cancel(),
    "that ended its session": (job: Awaited<ReturnType<ScriptedRunner["next"]>>) => job.complete(1, { ends: {} }),
    "whose input was refused": (job: Awaited<ReturnType<ScriptedRunner["next"]>>) => {
      const faults = [{ field: "input.a", message: "is odd", type: "custom" }];
      job.complete(1, { status: "failed", error: { code: "invalid", message: "Odd", faults } });
    },
  };
  for (const [what, settle] of Object.entries(outcomes))
    it(`tells of a task ${what} the same as its log, whether or not it had waited`, async () => {
      const on = start();
      await on.create("a");
      const first = await on.call("a");
      const second = await on.call("a");
      for (const { done } of [first, second]) {
        const job = await on.runner.next();
        on.clock.advance(3);
        settle(job);
        const { task } = await done;
        assert.deepEqual(await on.logged("a", task), task);
        if (task.status === "completed") break;
      }
    });

  it("runs those of one session one at a time, strictly in the order in which they came", async () => {
    const on = start();
    await on.create("a");
    // One with a key is looked up first, and the first of an app has its files kept: neither lets another by.
    const calls = await Promise.all(
      [0, 1, 2, 3, 4].map((count) => {
        const idempotency = { scope: "run", key: `${count}`, request: "" };
        return on.call("a", { input: { count } }, count % 2 === 0 ? { idempotency } : {});
      }),
    );
    for (const [i, { done }] of calls.entries()) {
      const job = await on.runner.next();
      assert.deepEqual(job.job.input, { count: i });
      assert.equal(on.runner.jobs.length, i + 1);
      const ids = idsOf(calls.slice(i).map(({ task }) => task));
      assert.deepEqual(
        await open(on, "a"),
        ids.map((id, n) => [id, n === 0 ? "running" : "queued"]),
      );
      job.complete();
      await done;
    }
    const queued = Array.from({ length: 4 }, () => "task.queued");
    const kinds = await on.kinds("a");
    assert.deepEqual(kinds.slice(0, 5), ["task.started", ...queued]);
    const turns = Array.from({ length: 4 }, () => ["task.finished", "task.started"]).flat();
    assert.deepEqual(kinds.slice(5), [...turns, "task.finished"]);
  });

  it("runs those of other sessions meanwhile", async () => {
    const on = start();
    for (const sessionId of ["a", "b"]) await on.create(sessionId);
    const [a, b] = [await on.call("a"), await on.call("b")];
    const [first, second] = [await on.runner.next(), await on.runner.next()];
    second.complete("b");
    assert.equal((await b.done).task.output, "b");
    first.complete("a");
    assert.equal((await a.done).task.output, "a");
  });

  it("has as many wait as may, and refuses one more, of which nothing is recorded", async () => {
    const on = start();
    await on.create("a");
    const calls = [await on.call("a")];
    for (let i = 0; i < WAITING_MAX; i++) calls.push(await on.call("a"));
    const { head } = await on.sessions.get(on.caller, "a");
    await assert.rejects(on.call("a"), { code: "session_busy", retryAfterMs: 1_000 });
    assert.deepEqual((await on.sessions.get(on.caller, "a")).head, head);
    assert.equal(((await open(on, "a")) as unknown[]).length, WAITING_MAX + 1);
    const job = await on.runner.next();
    job.complete();
    await calls[0]?.done;
    calls.push(await on.call("a"));
    await on.tasks.close();
    await Promise.allSettled(calls.map(({ done }) => done));
  });

  it("is refused while another runs, where it would rather not wait", async () => {
    const on = start();
    await on.create("a");
    const { done } = await on.call("a");
    await assert.rejects(on.call("a", { whenBusy: "reject" }), { code: "session_busy" });
    assert.deepEqual(await on.kinds("a"), ["task.started"]);
    (await on.runner.next()).complete();
    await done;
    const next = await on.call("a", { whenBusy: "reject" });
    (await on.runner.next()).complete();
    await next.done;
  });

  it("takes the place of all before it, where it interrupts them", async () => {
    const on = start();
    await on.create("a");
    await on.create("b");
    const [running, waiting, elsewhere] = [await on.call("a"), await on.call("a"), await on.call("b")];
    const interrupting = await on.call("a", { whenBusy: "interrupt", input: { count: 9 } });
    assert.equal((await running.done).task.status, "canceled");
    assert.deepEqual((await waiting.done).task.error, { code: "canceled", message: "It was canceled before it ran" });
    const { requestCount, errorCount } = (await on.sessions.get(on.caller, "a")).record.metrics;
    assert.deepEqual([requestCount, errorCount], [1, 1], "what never began has asked for nothing");
    const [, other, last] = [await on.runner.next(), await on.runner.next(), await on.runner.next()];
    assert.deepEqual(last.job.input, { count: 9 });
    for (const job of [other, last]) job.complete();
    for (const { done } of [elsewhere, interrupting]) assert.equal((await done).task.status, "completed");
  });

  it("says of a running task that it is asked to stop, whoever asked", async () => {
    const on = start();
    on.runner.isDeaf = true;
    await on.create("a");
    const leaving = new AbortController();
    const asked = [
      ({ taskId }: Task) => on.tasks.cancel(on.caller, "a", taskId),
      () => leaving.abort(),
      () => on.call("a", { whenBusy: "interrupt" }),
    ];
    for (const ask of asked) {
      const { task, done } = await on.call("a", {}, ask === asked[1] ? { signal: leaving.signal } : {});
      const job = await on.runner.next();
      await ask(task);
      assert.equal((await on.tasks.get(on.caller, "a", task.taskId)).isCanceling, true);
      job.cancel();
      assert.equal((await done).task.isCanceling, undefined);
    }
    (await on.runner.next()).complete();
  });

  it("is nothing where its caller left before", async () => {
    const on = start();
    await on.create("a");
    await assert.rejects(on.call("a", {}, { signal: AbortSignal.abort() }), { code: "request_timeout" });
    assert.deepEqual(await on.kinds("a"), []);
  });

  it("refuses a session that is not active, or not there", async () => {
    const on = start();
    await on.create("a");
    await on.sessions.suspend(on.caller, "a");
    await assert.rejects(on.call("a"), { code: "invalid_transition", message: /it is suspended; resume it first/ });
    await on.sessions.end(on.caller, "a");
    await assert.rejects(on.call("a"), { code: "invalid_transition", message: /it is completed/ });
    await assert.rejects(on.call("nobody"), { code: "session_not_found" });
    assert.equal(on.runner.jobs.length, 0);
  });

  it("closes a task that waited until its session was suspended", async () => {
    const on = start();
    await on.create("a");
    const [first, second] = [await on.call("a"), await on.call("a")];
    await on.sessions.suspend(on.caller, "a");
    (await on.runner.next()).complete();
    assert.equal((await first.done).task.status, "completed");
    const { task } = await second.done;
    assert.equal(task.status, "canceled");
    assert.match(task.error?.message ?? "", /it is suspended/);
    assert.deepEqual(await open(on, "a"), []);
  });

  it("gives a repeated call the same task: while it waits and runs, after its end, after a restart", async () => {
    const on = start();
    await on.create("a");
    const idempotency = { scope: "run", key: "k", request: "1" };
    const again = async ({ tasks, caller } = on) => {
      const { value, replayed } = await tasks.begin(caller, "a", { app: "tally" }, { idempotency });
      return { ...value, replayed };
    };
    const [first, at, once] = await Promise.all([on.call("a"), again(), again()]);
    assert.deepEqual([at.replayed, once.replayed], [false, true]);
    assert.equal(once.task.taskId, at.task.taskId);
    assert.equal(once.task.status, "queued");
    (await on.runner.next()).complete();
    await first.done;
    const job = await on.runner.next();
    const running = await again();
    assert.deepEqual([running.task.taskId, running.task.status], [at.task.taskId, "running"]);
    job.complete(7);
    for (const { done } of [at, once, running]) assert.equal((await done).task.output, 7);
    const after = await again();
    assert.deepEqual([after.task, after.replayed], [(await at.done).task, true]);
    assert.deepEqual((await after.done).task, after.task);
    assert.deepEqual((await again(start({ beside: on }))).task, after.task);
    const other = { ...idempotency, request: "2" };
    await assert.rejects(on.call("a", {}, { idempotency: other }), { code: "idempotency_mismatch" });
    assert.equal(on.runner.jobs.length, 2);
  });

  it("holds a precondition against the session as it is when the call is recorded", async () => {
    const on = start();
    await on.create("a");
    await assert.rejects(on.call("a", {}, { precondition: [2] }), { code: "precondition_failed" });
    const settled = await Promise.allSettled([1, 2].map(() => on.call("a", {}, { precondition: [1] })));
    assert.deepEqual(
      settled.map(({ status }) => status),
      ["fulfilled", "rejected"],
    );
    assert.deepEqual(await on.kinds("a"), ["task.started"]);
    (await on.runner.next()).complete();
    assert.equal(on.runner.jobs.length, 1);
  });

  it("makes one operation of an app in the server", async () => {
    const on = start({ runner: new ScriptedRunner(scriptedApp("tally", "a", { place: "server" })) });
    await on.create("a");
    const called = on.call("a", { input: { count: 1 } });
    const job = await on.runner.next();
    assert.deepEqual(await open(on, "a"), []);
    on.clock.advance(2);
    job.complete(1, { worker: undefined as never, staysWarm: false });
    const { task, done } = await called;
    assert.deepEqual((await done).task, task);
    assert.deepEqual([task.status, task.output, task.processingTimeUs], ["completed", 1, 2]);
    assert.deepEqual(await on.logged("a", task), { ...task, createdAtUs: task.finishedAtUs });
    const failing = on.call("a");
    (await on.runner.next()).fail("No");
    const { error } = (await failing).task;
    assert.deepEqual(error, { code: "app_failed", message: "No" });
    assert.deepEqual(await on.kinds("a"), ["task.performed", "task.performed"]);
    const lost = on.call("a");
    (await on.runner.next()).lose();
    await assert.rejects(lost, { code: "worker_lost" });
    assert.deepEqual(on.runner.kept, []);
    assert.equal((await on.kinds("a")).length, 2);
    const { metrics, work } = (await on.sessions.get(on.caller, "a")).record;
    assert.deepEqual(work.usage, { calls: 2, busyUs: 2, idleUs: 0, memoryPeakBytes: 0 });
    assert.deepEqual([metrics.requestCount, metrics.errorCount, metrics.processingTimeUs], [2, 1, 2]);
  });
});
