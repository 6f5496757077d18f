import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { pastOf, ScriptedRunner, scriptedApp } from "../../tests/scripted-runner.ts";
import { type Tasking, tasksForTests } from "../../tests/tasking.ts";
import type { NewTask } from "./tasks.ts";

const start = tasksForTests();

/** Runs a task to its end, and returns what its job was. */
async function ran(on: Tasking, sessionId: string, wanted: Partial<NewTask> = {}) {
  const { done } = await on.call(sessionId, wanted);
  const job = await on.runner.next();
  job.complete();
  await done;
  return job;
}

describe("what a call means", () => {
  it("is the action that it names, or its input does, or the app's default", async () => {
    const on = start();
    await on.create("a");
    const input = { action: "look" };
    assert.equal((await ran(on, "a", { action: "add", input })).job.action, "add");
    const named = await ran(on, "a", { input });
    assert.deepEqual([named.job.action, named.job.input], ["look", input]);
    const unnamed = await ran(on, "a");
    assert.deepEqual([unnamed.job.action, unnamed.job.input], ["add", {}]);
    for (const other of [{ action: 7 }, [], "look", null]) {
      assert.equal((await ran(on, "a", { input: other })).job.action, "add", JSON.stringify(other));
    }
  });

  const refused: Readonly<Record<string, readonly [Partial<NewTask>, field: string, type: string]>> = {
    "an action that there is not": [{ action: "sub" }, "action", "invalid_action"],
    "an action of its input that there is not": [{ input: { action: "sub" } }, "action", "invalid_action"],
    "an input that does not fit": [{ input: { count: "1" } }, "input.count", "invalid_type"],
    "an input that is no JSON": [{ input: { a: [Number.NaN] } }, "input.a.0", "unsafe_number"],
    "a setup that does not fit": [{ setup: { size: "1" } }, "setup.size", "invalid_type"],
    "a time that is none": [{ timeoutMs: 0 }, "timeout_seconds", "too_small"],
    "a time that is no number": [{ timeoutMs: Number.NaN }, "timeout_seconds", "too_small"],
    "more time than there is": [{ timeoutMs: 5_001 }, "timeout_seconds", "too_big"],
  };
  for (const [what, [wanted, field, type]] of Object.entries(refused))
    it(`refuses ${what}, and records nothing`, async () => {
      const on = start();
      await on.create("a");
      const isTold = (error: { code?: string; faults?: readonly { field: string; type: string }[] }): true => {
        const told = error.faults?.map((fault) => [fault.field, fault.type]);
        assert.deepEqual([error.code, told], ["invalid", [[field, type]]]);
        return true;
      };
      await assert.rejects(on.call("a", wanted), isTold);
      await assert.rejects(on.tasks.check({ app: "tally", ...wanted }), isTold);
      assert.deepEqual([await on.kinds("a"), on.runner.jobs, on.runner.kept], [[], [], []]);
    });

  it("takes as much time as there is, and no less than a millisecond", async () => {
    const on = start();
    await on.create("a");
    for (const [wanted, timeoutMs] of [
      [{}, 5_000],
      [{ timeoutMs: 5_000 }, 5_000],
      [{ timeoutMs: 1 }, 1],
    ] as const) {
      assert.equal((await ran(on, "a", wanted)).job.timeoutMs, timeoutMs);
    }
  });

  it("needs an action where the app has no default", async () => {
    const on = start({ runner: new ScriptedRunner(scriptedApp("tally", "a", { defaultAction: undefined as never })) });
    await on.create("a");
    await assert.rejects(on.call("a"), { message: /"action" is missing; tally has add, look/ });
  });

  it("is of an app that there is", async () => {
    const on = start();
    await on.create("a");
    for (const app of ["nobody", "constructor", "__proto__", ""]) {
      await assert.rejects(on.call("a", { app }), { code: "app_not_found" });
    }
  });
});

describe("the version of an app", () => {
  it("stays the one that its session began with, whose files are kept once", async () => {
    const on = start();
    await on.create("a");
    await on.create("b");
    await ran(on, "a");
    on.runner.change(scriptedApp("tally", "b"));
    assert.equal((await ran(on, "a")).job.app.version, "a".repeat(64));
    assert.equal((await ran(on, "b")).job.app.version, "b".repeat(64));
    assert.deepEqual(on.runner.kept, ["a".repeat(64), "b".repeat(64)]);
    assert.equal((await on.tasks.app("tally")).version, "b".repeat(64));
  });

  it("may be asked for, by its beginning; another one is refused", async () => {
    const on = start();
    await on.create("a");
    await ran(on, "a", { version: "aaaaaaaa" });
    for (const version of ["aaaaaaaa", "a".repeat(64)]) await ran(on, "a", { version });
    on.runner.change(scriptedApp("tally", "b"));
    for (const version of ["bbbbbbbb", "aaaaaaab", "b".repeat(64)]) {
      await assert.rejects(on.call("a", { version }), { code: "version_mismatch" }, version);
    }
    await assert.rejects(on.tasks.check({ app: "tally", version: "c".repeat(64) }), { code: "app_not_found" });
  });

  it("is another one where it is here no more, and the call begins anew", async () => {
    const on = start();
    await on.create("a");
    await ran(on, "a");
    on.runner.remove("tally");
    on.runner.change(scriptedApp("tally", "b"));
    const advised = {
      code: "app_not_found",
      message: /with fresh: true the session begins anew with the version that is$/,
    };
    await assert.rejects(on.call("a"), advised);
    const { job } = await ran(on, "a", { fresh: true });
    assert.deepEqual([job.app.version, job.fresh, job.past], ["b".repeat(64), true, undefined]);
    assert.equal((await ran(on, "a")).job.app.version, "b".repeat(64));
    assert.deepEqual(on.runner.kept, ["a".repeat(64), "b".repeat(64)]);
  });
});

describe("the setup of an app", () => {
  const usesOf = async ({ sessions, caller }: Tasking) => (await sessions.get(caller, "a")).record.work.apps["tally"];

  it("stays what it was, and another one begins anew", async () => {
    const on = start();
    await on.create("a");
    await ran(on, "a", { setup: { size: 1 } });
    const again = await ran(on, "a");
    assert.deepEqual([again.job.setup, again.job.fresh, again.worker], [{ size: 1 }, false, "warm"]);
    const same = await ran(on, "a", { setup: { size: 1 } });
    assert.deepEqual([same.job.fresh, same.worker], [false, "warm"]);
    const other = await ran(on, "a", { setup: { size: 2 } });
    assert.deepEqual(
      [other.job.setup, other.job.fresh, other.worker, other.job.past],
      [{ size: 2 }, true, "new", undefined],
    );
    assert.deepEqual((await usesOf(on))?.setup, { size: 2 });
    const fresh = await ran(on, "a", { fresh: true });
    assert.deepEqual([fresh.job.setup, fresh.job.fresh, fresh.job.past], [{ size: 2 }, true, undefined]);
  });

  it("is that of the call before, also where that has not run yet", async () => {
    const on = start();
    await on.create("a");
    const calls = [
      await on.call("a", { setup: { size: 1 } }),
      await on.call("a", { setup: { size: 2 } }),
      await on.call("a"),
      await on.call("a", { setup: { size: 2 } }),
    ];
    const seen: unknown[] = [];
    for (const { done } of calls) {
      const job = await on.runner.next();
      seen.push([job.job.setup, job.worker]);
      job.complete();
      await done;
    }
    assert.deepEqual(seen, [
      [{ size: 1 }, "new"],
      [{ size: 2 }, "new"],
      [{ size: 2 }, "warm"],
      [{ size: 2 }, "warm"],
    ]);
  });

  it("is set where the call that was to set it never ran", async () => {
    const on = start();
    await on.create("a");
    const first = await on.call("a", { setup: { size: 1 } });
    const second = await on.call("a", { setup: { size: 2 } });
    const third = await on.call("a");
    await on.tasks.cancel(on.caller, "a", second.task.taskId);
    (await on.runner.next()).complete();
    await first.done;
    const job = await on.runner.next();
    assert.deepEqual([job.job.setup, job.worker, job.job.past], [{ size: 2 }, "new", undefined]);
    job.complete();
    await third.done;
    assert.deepEqual((await usesOf(on))?.setup, { size: 2 });
  });
});

describe("what an app comes back from", () => {
  it("is every task that its worker did, in their order, since it began anew", async () => {
    const on = start();
    await on.create("a");
    const first = await ran(on, "a", { input: { count: 1 } });
    assert.equal(first.job.past, undefined);
    const failing = await on.call("a", { input: { count: 2 } });
    (await on.runner.next()).fail("No");
    await failing.done;
    const lost = await on.call("a", { input: { count: 3 } });
    (await on.runner.next()).lose();
    await lost.done;
    const canceled = await on.call("a", { input: { count: 4 } });
    (await on.runner.next()).cancel();
    await canceled.done;
    const back = await ran(on, "a", { input: { count: 5 } });
    const past = [
      ["add", { count: 1 }],
      ["add", { count: 2 }],
    ];
    assert.deepEqual(await pastOf(back), past);
    const [begun, waiting] = [
      await on.call("a", { input: { count: 6 } }),
      await on.call("a", { fresh: true, input: { count: 7 } }),
    ];
    (await on.runner.next()).complete();
    await begun.done;
    const fresh = await on.runner.next();
    assert.equal(fresh.job.past, undefined);
    fresh.complete();
    await waiting.done;
    // The input of the one that began anew stands before it did.
    assert.deepEqual(await pastOf(await ran(on, "a")), [["add", { count: 7 }]]);
  });

  it("is nothing where none of its tasks came to a worker yet", async () => {
    const on = start();
    await on.create("a");
    const failed = await on.call("a");
    (await on.runner.next()).failToStart("No licence");
    assert.equal((await failed.done).task.status, "failed");
    const second = await ran(on, "a");
    assert.deepEqual([second.job.past, second.worker], [undefined, "new"]);
    assert.notEqual((await ran(on, "a")).job.past, undefined);
  });

  it("is its newest snapshot", async () => {
    const on = start();
    await on.create("a");
    const first = await on.call("a");
    (await on.runner.next()).complete({}, { snapshot: { total: 1 } });
    await first.done;
    const second = await ran(on, "a");
    assert.deepEqual(await second.job.past?.snapshot(), { total: 1 });
    const third = await on.call("a");
    (await on.runner.next()).complete({}, { snapshot: { total: 3 } });
    await third.done;
    assert.deepEqual(await (await ran(on, "a")).job.past?.snapshot(), { total: 3 });
    await ran(on, "a", { fresh: true });
    assert.equal(await (await ran(on, "a")).job.past?.snapshot(), undefined);
  });

  it("is there in a fork too, as of then", async () => {
    const on = start();
    await on.create("a");
    await ran(on, "a", { input: { count: 1 } });
    const open = await on.call("a", { input: { count: 2 } });
    const job = await on.runner.next();
    const fork = (await on.history.fork(on.caller, "a", { name: "b" })).value;
    assert.deepEqual(fork.record.work.tasks, []);
    job.complete();
    await open.done;
    const task = await on.tasks.get(on.caller, fork.ref.id, open.task.taskId);
    assert.deepEqual([task.status, task.uid, task.finishedAtUs], ["unknown", fork.ref.id, on.clock.now()]);
    const there = await ran(on, fork.ref.id);
    assert.deepEqual([await pastOf(there), there.worker], [[["add", { count: 1 }]], "restored"]);
  });
});
