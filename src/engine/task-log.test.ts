import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ScriptedRunner, scriptedApp } from "../../tests/scripted-runner.ts";
import { tasksForTests } from "../../tests/tasking.ts";
import type { LoggedTask } from "./task-log.ts";
import type { Begun } from "./tasks.ts";

const start = tasksForTests();

const withoutUse = ({ used: _, ...task }: LoggedTask): object => task;

describe("ended()", () => {
  it("tells the tasks that came to their end as their own calls tell them, in pages of any size", async () => {
    const on = start();
    await on.create("a");
    const begun: Begun[] = [];
    for (const count of [1, 2, 3]) begun.push(await on.call("a", { input: { count } }));
    on.clock.advance(3);
    (await on.runner.next()).complete({ total: 1 });
    await begun[0]?.done;
    await on.sessions.update(on.caller, "a", { name: "in between" });
    (await on.runner.next()).fail("No");
    await begun[1]?.done;
    (await on.runner.next()).lose();
    await begun[2]?.done;
    const open = await on.call("a", { input: { count: 4 } });
    const logged = await Promise.all(begun.map(({ task }) => on.logged("a", task)));
    for (const limit of [1, 2, 3, 10]) {
      const told: LoggedTask[] = [];
      for (let after = 0; ; ) {
        const { items, next } = await on.tasks.ended(on.caller, "a", { after, limit });
        assert.ok(items.length <= limit);
        told.push(...items);
        if (next === undefined) break;
        after = Number(next);
      }
      assert.deepEqual(told.map(withoutUse), logged, `${limit} at a time`);
    }
    assert.deepEqual(
      logged.map(({ input, status }) => [input, status]),
      [
        [{ count: 1 }, "completed"],
        [{ count: 2 }, "failed"],
        [{ count: 3 }, "lost"],
      ],
    );
    (await on.runner.next()).complete();
    await open.done;
  });

  it("tells with each what it made, and the ids of what it was given", async () => {
    const uses = (_: string, input: unknown) => {
      const { id } = input as { readonly id?: string };
      return id === undefined ? [] : [{ objectId: id, types: ["sum"], field: "input.id" }];
    };
    const on = start({ runner: new ScriptedRunner(scriptedApp("tally", "a", { inputObjects: uses })) });
    await on.create("b");
    const made = { objectId: "sum_1", type: "sum", data: { total: 1 } };
    const first = await on.call("b", {});
    (await on.runner.next()).complete({}, { made: [made] });
    await first.done;
    const second = await on.call("b", { input: { id: "sum_1" } });
    (await on.runner.next()).complete({});
    await second.done;
    const { items } = await on.tasks.ended(on.caller, "b", { after: 0, limit: 10 });
    assert.deepEqual(
      items.map(({ used, made }) => [used, made]),
      [
        [[], [made]],
        [["sum_1"], undefined],
      ],
    );
  });

  it("ends a page where it has become large", async () => {
    const on = start();
    await on.create("c");
    for (let i = 0; i < 3; i++) {
      const { done } = await on.call("c", {});
      (await on.runner.next()).complete("x".repeat(10 * 1_048_576));
      await done;
    }
    const first = await on.tasks.ended(on.caller, "c", { after: 0, limit: 10 });
    assert.equal(first.items.length, 2);
    const { items, next } = await on.tasks.ended(on.caller, "c", { after: Number(first.next), limit: 10 });
    assert.deepEqual([items.length, next], [1, undefined]);
  });
});
