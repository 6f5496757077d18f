import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { memoryForTests } from "../../tests/memory.ts";
import { ScriptedRunner, scriptedApp } from "../../tests/scripted-runner.ts";
import { NO_HOST } from "../../tests/tasking.ts";
import { changeWorkingMemory } from "./conversation-commands.ts";
import { History } from "./history.ts";
import type { Json } from "./json.ts";
import { madeObject } from "./object.ts";
import { RunSlots } from "./run-slots.ts";
import { Tasks } from "./tasks.ts";

const start = memoryForTests();

describe("replay() that runs apps again", () => {
  /** A session in which an app counted, and wrote down what it counted; one task waited, and one was never begun. */
  const counted = async () => {
    const on = start();
    const { sessions, caller } = on;
    const runner = new ScriptedRunner(scriptedApp("tally", "a"), scriptedApp("pure", "b", { place: "server" }));
    const counts = new Map<string, number>();
    let bonus = 0;
    runner.answers = async (job) => {
      const worker = counts.has(job.ref.id) && !job.fresh ? "warm" : "new";
      const before = worker === "warm" ? (counts.get(job.ref.id) ?? 0) : 0;
      const { count = 1 } = job.input as { readonly count?: number };
      const total = before + count + bonus;
      if (job.app.name === "pure") return { status: "completed", output: count, staysWarm: false };
      counts.set(job.ref.id, total);
      await job.host.changeWorkingMemory({ merge: { total } });
      job.host.report({ type: "output", output: total });
      const ends = count === 9 ? { ends: {} } : {};
      return { status: "completed", output: total, worker, staysWarm: true, ...ends };
    };
    const tasks = new Tasks(
      {
        ...on.ports,
        sessions,
        runner,
        slots: new RunSlots(),
        host: (by, { ref }) => ({
          ...NO_HOST,
          changeWorkingMemory: async (change) =>
            (await sessions.change(by, ref.id, changeWorkingMemory(change))).value.record.workingMemory,
        }),
        onFailure: (error) => assert.fail(String(error)),
      },
      { timeoutMs: 1_000 },
    );
    const { ref } = (await sessions.create(caller, { sessionId: "a", idleTimeoutUs: null })).value.session;
    const run = (count: number, app = "tally") => tasks.run(caller, "a", { app, input: { count } });
    await Promise.all([run(1), run(2)]);
    await run(3, "pure");
    await tasks.run(caller, "a", { app: "tally", fresh: true, input: { count: 4 } });
    await run(9);
    const history = new History(on.ports, sessions, { outside: { ...on.memory.executors, ...tasks.executors } });
    return {
      on,
      ref,
      runner,
      execute: (from?: number) => history.replay(caller, ref.id, { mode: "execute", ...(from && { from }) }),
      cheat: () => {
        bonus = 100;
      },
    };
  };

  it("finds them equal where they do the same, and does what they did in their session once", async () => {
    const { on, ref, runner, execute } = await counted();
    const { head, record } = await on.sessions.get(on.caller, ref.id);
    const { fork, equal, different, failed, differences } = await execute();
    assert.deepEqual({ different, failed, differences }, { different: 0, failed: 0, differences: [] });
    // The session's creation, and the end of each of five tasks.
    assert.equal(equal, 6);
    assert.equal(runner.jobs.length, 10);
    const again = await on.sessions.get(on.caller, fork?.uid ?? "");
    assert.deepEqual([again.record.status, again.record.workingMemory], ["completed", { total: 13 }]);
    const changes = async (uid: string) => {
      const { items } = await on.sessions.operations(on.caller, uid, { after: 0, limit: 99 });
      return items.filter(({ operation }) => operation.kind === "working_memory.changed").length;
    };
    assert.deepEqual([await changes(again.ref.id), await changes(ref.id)], [4, 4]);
    assert.deepEqual(await on.sessions.get(on.caller, ref.id), { ref, head, record });
  });

  it("tells where they do something else", async () => {
    const { execute, cheat } = await counted();
    cheat();
    const { differences } = await execute();
    assert.deepEqual(
      differences.map(({ kind, what, expected, actual }) => [kind, what, expected, actual]),
      [
        ["task.finished", "output", 1, 101],
        ["task.finished", "output", 3, 203],
        ["task.finished", "output", 4, 104],
        ["task.finished", "output", 13, 213],
      ],
    );
  });

  it("makes objects again under the names that they had, so that later inputs find them", async () => {
    const on = start();
    const { sessions, caller } = on;
    const inputObjects = (_: string, input: Json) => {
      const { from = [] } = input as { readonly from?: readonly string[] };
      return from.map((objectId) => ({ objectId, types: ["pure:part", "tally:part"], field: "input.from" }));
    };
    const apps = [
      scriptedApp("pure", "b", { place: "server", inputFaults: () => [], inputObjects }),
      scriptedApp("tally", "a", { inputFaults: () => [], inputObjects }),
    ];
    const runner = new ScriptedRunner(...apps);
    runner.answers = (job) => {
      const made = madeObject(
        { type: "part", prefix: "prt", data: job.objects.length },
        { taskId: job.taskId, number: 1, given: job.objects },
      );
      const own = job.app.name === "pure" ? { staysWarm: false } : ({ worker: "new", staysWarm: true } as const);
      return { status: "completed", output: { id: made.objectId }, ...own, made: [made] };
    };
    const slots = new RunSlots();
    const onFailure = (error: unknown): void => assert.fail(String(error));
    const tasks = new Tasks(
      { ...on.ports, sessions, runner, slots, host: () => NO_HOST, onFailure },
      { timeoutMs: 1_000 },
    );
    await sessions.create(caller, { sessionId: "parts" });
    const ids: string[] = [];
    for (const app of ["pure", "tally", "pure", "tally"]) {
      const { value } = await tasks.run(caller, "parts", { app, input: { from: [...ids] } });
      ids.push(value.task.made?.[0]?.objectId ?? assert.fail(value.task.error?.message));
    }
    const history = new History(on.ports, sessions, { outside: { ...on.memory.executors, ...tasks.executors } });
    for (const from of [undefined, 3]) {
      const report = await history.replay(caller, "parts", { mode: "execute", ...(from && { from }) });
      assert.deepEqual(report.differences, []);
      const { items } = await on.ports.store.objects((await sessions.get(caller, report.fork?.uid ?? "")).ref, {
        limit: 10,
      });
      assert.deepEqual(
        items.map(({ objectId, data }) => [objectId, data]),
        ids.map((id, i) => [id, i]),
      );
      // What has that id here is the first of them.
      const { taskId = "" } = items[0] ?? {};
      assert.equal((await tasks.find(caller, taskId))?.session.record.sessionId, "parts");
    }
  });
});
