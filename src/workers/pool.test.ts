import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jobOf, listen, openStage } from "../../tests/small-apps.ts";

const COUNTER = `
export const app = defineApp({
  name: "counter",
  setup: z.object({ from: z.number().default(0) }),
  start: ({ setup }) => ({ count: setup.from, pid: process.pid }),
  actions: {
    run: action({
      input: z.object({ by: z.number().default(1) }),
      run: ({ state, input }) => { state.count += input.by; return { count: state.count, pid: state.pid }; },
    }),
    exit: action({ input: z.object({ code: z.number() }), run: ({ input }) => process.exit(input.code) }),
  },
});`;

describe("Pool", () => {
  it("keeps a worker warm for the session, with the state that the app has", async () => {
    await using stage = openStage();
    const app = await stage.app(COUNTER);
    const first = await stage.pool.run(jobOf(app));
    const second = await stage.pool.run(jobOf(app, { input: { by: 2 } }));
    assert.deepEqual([first.status, first.worker, first.staysWarm], ["completed", "new", true]);
    const { pid } = first.output as { pid: number };
    assert.deepEqual([second.status, second.worker, second.output], ["completed", "warm", { count: 3, pid }]);
    assert.ok((second.memoryPeakBytes ?? 0) > 10_000_000, "it was seen to hold memory");
  });

  it("runs nothing that is not wanted any more, and keeps the worker", async () => {
    await using stage = openStage();
    const app = await stage.app(COUNTER);
    await stage.pool.run(jobOf(app));
    const ran = await stage.pool.run(jobOf(app, { signal: AbortSignal.abort() }));
    assert.deepEqual([ran.status, ran.staysWarm], ["canceled", true]);
    const { worker, output } = await stage.pool.run(jobOf(app));
    assert.deepEqual([worker, (output as { count: number }).count], ["warm", 2]);
  });

  it("gives each session a worker of its own", async () => {
    await using stage = openStage();
    const app = await stage.app(COUNTER);
    const runs = ["s1", "s2"].map((session) => stage.pool.run(jobOf(app, { session, input: { by: 5 } })));
    const outputs = (await Promise.all(runs)).map(({ output }) => output as { count: number; pid: number });
    assert.deepEqual(
      outputs.map(({ count }) => count),
      [5, 5],
    );
    assert.equal(new Set(outputs.map(({ pid }) => pid)).size, 2);
  });

  it("says with which code a worker exited in the middle of a call, and gives the next call another", async () => {
    await using stage = openStage();
    const app = await stage.app(COUNTER.replace('name: "counter"', 'name: "counter", recovery: "fresh"'));
    await stage.pool.run(jobOf(app));
    const lost = await stage.pool.run(jobOf(app, { action: "exit", input: { code: 7 }, host: listen() }));
    assert.deepEqual(
      [lost.status, lost.error, lost.staysWarm],
      ["lost", { code: "worker_lost", message: 'The worker of "counter" exited with code 7' }, false],
    );
    const next = await stage.pool.run(jobOf(app, { past: {} }));
    assert.deepEqual([next.worker, (next.output as { count: number }).count], ["new", 1]);
    assert.deepEqual(stage.released, []);
  });
});
