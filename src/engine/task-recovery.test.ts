import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pastOf, ScriptedRunner, scriptedApp } from "../../tests/scripted-runner.ts";
import { type Tasking, tasksForTests } from "../../tests/tasking.ts";
import { faulty } from "../conformance/index.ts";
import { SojournError } from "./errors.ts";
import type { Store } from "./store.ts";
import type { Begun } from "./tasks.ts";

const start = tasksForTests();

/** A runner of another process, which has the same apps. */
const elsewhere = (): ScriptedRunner => new ScriptedRunner(scriptedApp("tally", "a"));

const statusOf = async ({ tasks, caller }: Tasking, taskId: string) => (await tasks.get(caller, "a", taskId)).status;

describe("recover()", () => {
  it("says of a task that ran that nobody knows how far it came, and runs those that waited, in order", async () => {
    const on = start();
    await on.create("a");
    const calls: Begun[] = [];
    for (let count = 0; count < 4; count++) calls.push(await on.call("a", { input: { count } }));
    const [running, ...waiting] = calls;
    const after = start({ beside: on, runner: elsewhere() });
    on.clock.advance(100);
    assert.equal(await after.tasks.recover(), 4);
    const unknown = await after.tasks.get(on.caller, "a", running?.task.taskId ?? "");
    assert.deepEqual([unknown.status, unknown.error?.code], ["unknown", "unknown"]);
    assert.deepEqual([unknown.startedAtUs, unknown.finishedAtUs], [running?.task.startedAtUs, on.clock.now()]);
    for (const [i, { task }] of waiting.entries()) {
      const job = await after.runner.next();
      assert.deepEqual([job.job.taskId, job.job.input], [task.taskId, { count: i + 1 }]);
      assert.equal(after.runner.jobs.length, i + 1);
      job.complete(i);
      const { value } = await after.tasks.begin(on.caller, "a", { app: "tally" });
      await after.tasks.cancel(on.caller, "a", value.task.taskId);
      assert.equal(await statusOf(after, task.taskId), "completed");
    }
    assert.equal(await after.tasks.recover(), 0);
  });

  it("runs a task again that may be run twice, with the past that it had", async () => {
    const on = start();
    await on.create("a");
    const first = await on.call("a", { input: { count: 1 } });
    const fresh = await on.call("a", { fresh: true, input: { count: 2 } });
    const twice = await on.call("a", { action: "look", input: { count: 3 } });
    for (const { done } of [first, fresh]) {
      (await on.runner.next()).complete();
      await done;
    }
    await on.runner.next();
    const after = start({ beside: on, runner: elsewhere() });
    assert.equal(await after.tasks.recover(), 1);
    const job = await after.runner.next();
    assert.deepEqual([job.job.input, job.job.fresh, await pastOf(job)], [{ count: 3 }, false, [["add", { count: 2 }]]]);
    const events = Array.fromAsync(after.tasks.follow(on.caller, "a", twice.task.taskId, new AbortController().signal));
    job.complete("again");
    await events;
    const task = await after.tasks.get(on.caller, "a", twice.task.taskId);
    assert.deepEqual([task.status, task.output, task.worker], ["completed", "again", "restored"]);
    const starts = (await on.kinds("a")).filter((kind) => kind === "task.started");
    assert.equal(starts.length, 3);
  });

  it("closes what can't run any more, and says why", async () => {
    const on = start();
    await on.create("a");
    const [first, second] = [await on.call("a"), await on.call("a")];
    const after = start({ beside: on, runner: new ScriptedRunner() });
    assert.equal(await after.tasks.recover(), 2);
    assert.equal(await statusOf(after, first.task.taskId), "unknown");
    // It is not waited for: an app may take its time to be found.
    const { signal } = new AbortController();
    await Array.fromAsync(after.tasks.follow(on.caller, "a", second.task.taskId, signal));
    const gone = await after.tasks.get(on.caller, "a", second.task.taskId);
    assert.deepEqual(
      [gone.status, gone.error],
      ["canceled", { code: "canceled", message: 'There is no app "tally" of that version' }],
    );
  });

  it("lets those be that run here, however often and at once it is called", async () => {
    const on = start();
    await on.create("a");
    const [first, second] = [await on.call("a", { action: "look" }), await on.call("a")];
    assert.deepEqual(await Promise.all([on.tasks.recover(), on.tasks.recover()]), [0, 0]);
    const after = start({ beside: on, runner: elsewhere() });
    const recovered = await Promise.all([after.tasks.recover(), after.tasks.recover()]);
    assert.equal(
      recovered.reduce((sum, count) => sum + count),
      2,
    );
    const job = await after.runner.next();
    assert.equal(after.runner.jobs.length, 1);
    job.complete();
    const next = await after.runner.next();
    assert.deepEqual([job.job.taskId, next.job.taskId], [first.task.taskId, second.task.taskId]);
    next.complete();
  });

  it("closes a task whose outcome could not be recorded", async () => {
    let isDown = false;
    const around = (store: Store): Store => ({
      ...faulty(store, { seed: 1, delays: 0 }),
      commit: async (commit) => {
        if (isDown) throw new SojournError("store_unavailable", { message: "It is down" });
        return await store.commit(commit);
      },
    });
    const on = start({ around });
    await on.create("a");
    const [{ task, done }, waiting] = [await on.call("a"), await on.call("a")];
    const job = await on.runner.next();
    isDown = true;
    job.complete();
    await assert.rejects(done, { code: "store_unavailable" });
    await assert.rejects(waiting.done, { code: "store_unavailable" });
    assert.equal(on.failures.length, 2);
    await assert.rejects(on.call("a"), { code: "store_unavailable" });
    isDown = false;
    assert.equal(await on.tasks.recover(), 2);
    assert.equal(await statusOf(on, task.taskId), "unknown");
    (await on.runner.next()).complete();
    const next = await on.call("a");
    (await on.runner.next()).complete();
    await next.done;
    assert.equal(await statusOf(on, waiting.task.taskId), "completed");
  });

  it("refuses a call that could not be recorded, whether it would have waited or not", async () => {
    let isDown = false;
    const around = (store: Store): Store => ({
      ...faulty(store, { seed: 1, delays: 0 }),
      commit: async (commit) => {
        if (isDown) throw new SojournError("storage_full", { message: "It is full" });
        return await store.commit(commit);
      },
    });
    const on = start({ around });
    await on.create("a");
    isDown = true;
    const settled = await Promise.allSettled([on.call("a"), on.call("a"), on.call("a")]);
    const codes = settled.map((one) => one.status === "rejected" && (one.reason as SojournError).code);
    assert.deepEqual(codes, ["storage_full", "storage_full", "storage_full"]);
    isDown = false;
    const { done } = await on.call("a");
    (await on.runner.next()).complete();
    await done;
    assert.equal(on.runner.jobs.length, 1);
  });
});

describe("close()", () => {
  it("loses what runs, leaves what waits for the next process, and takes no more", async () => {
    const on = start();
    await on.create("a");
    const [running, waiting] = [await on.call("a"), await on.call("a")];
    await on.runner.next();
    const told = assert.rejects(waiting.done, { code: "overloaded" });
    await on.tasks.close();
    assert.equal((await running.done).task.status, "lost");
    await told;
    await assert.rejects(on.call("a"), { code: "overloaded" });
    assert.equal((await on.logged("a", waiting.task)).status, "queued");
    const after = start({ beside: on, runner: elsewhere() });
    assert.equal(await after.tasks.recover(), 1);
    const job = await after.runner.next();
    assert.deepEqual([job.job.taskId, job.worker], [waiting.task.taskId, "restored"]);
    job.complete();
  });
});
