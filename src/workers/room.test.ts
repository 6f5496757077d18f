import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { jobOf, listen, openStage } from "../../tests/small-apps.ts";
import { until } from "../../tests/until.ts";
import { Stop } from "../engine/signal.ts";

const HOLDER = `
import { appendFileSync } from "node:fs";
export const app = defineApp({
  name: "holder",
  recovery: "fresh",
  setup: z.object({ mib: z.number().default(0) }),
  start: ({ setup }) => ({ pid: process.pid, held: Buffer.alloc(setup.mib * 1_048_576, 1) }),
  actions: {
    run: action({ input: z.object({}), run: ({ state }) => state.pid }),
    wait: action({ input: z.object({}), run: ({ session, signal }) => new Promise((resolve) => {
      session.progress(0);
      signal.addEventListener("abort", () => resolve("over"));
    }) }),
  },
  stop: () => { console.log("stopping"); },
});`;

const MIB = 1_048_576;

describe("The memory of all workers", () => {
  it("makes the one go that was used least recently, and its session goes on with another", async () => {
    // There is room for two, of somewhat more than 100 MiB each.
    await using stage = openStage({ memoryBytes: 300 * MIB });
    const app = await stage.app(HOLDER);
    const setup = { mib: 100 };
    const run = (session: string) => stage.pool.run(jobOf(app, { session, setup, past: {} }));
    await run("a");
    await run("b");
    await run("a");
    await run("c");
    // Whether there was no room for it, or there is too little with it, which is seen a moment later.
    await until("one has gone", async () => stage.released.length > 0);
    assert.deepEqual(stage.released, [["holder", "memory"]]);
    assert.deepEqual((await run("a")).worker, "warm");
    assert.deepEqual((await run("b")).worker, "new");
  });

  it("lets a call wait where all are busy, until there is room", async () => {
    await using stage = openStage({ memoryBytes: 40 * MIB });
    const app = await stage.app(HOLDER);
    const signal = new Stop();
    const holds = Promise.withResolvers<void>();
    const holding = stage.pool.run(
      jobOf(app, { session: "a", action: "wait", host: listen(() => holds.resolve()), signal }),
    );
    await holds.promise;
    const order: string[] = [];
    const waiting = ["b", "c"].map(async (session) => {
      const ran = await stage.pool.run(jobOf(app, { session }));
      order.push(session);
      return ran.status;
    });
    assert.deepEqual(order, []);
    signal.abort();
    assert.equal((await holding).status, "canceled");
    assert.deepEqual(await Promise.all(waiting), ["completed", "completed"]);
    assert.deepEqual(order, ["b", "c"]);
  });

  it("lets a call wait up to its deadline, and no longer", async () => {
    await using stage = openStage({ memoryBytes: 40 * MIB });
    const app = await stage.app(HOLDER);
    const signal = new Stop();
    const holds = Promise.withResolvers<void>();
    const holding = stage.pool.run(
      jobOf(app, { session: "a", action: "wait", host: listen(() => holds.resolve()), signal }),
    );
    await holds.promise;
    const ran = await stage.pool.run(jobOf(app, { session: "b", timeoutMs: 50 }));
    assert.deepEqual(ran, {
      status: "lost",
      error: {
        code: "timed_out",
        message: "Timed out: the task took longer than 0.05 s, and found no room for a worker",
      },
      staysWarm: false,
    });
    signal.abort();
    assert.equal((await holding).status, "canceled");
  });
});

describe("An idle worker", () => {
  it("goes when it had nothing to do for too long, and not a moment sooner", async () => {
    await using stage = openStage({ idleMs: 60_000 });
    const app = await stage.app(HOLDER);
    await stage.pool.run(jobOf(app));
    stage.clock.advance(60_000_000);
    stage.pool.sweep();
    assert.equal((await stage.pool.run(jobOf(app))).worker, "warm");
    stage.clock.advance(60_000_001);
    stage.pool.sweep();
    assert.deepEqual(stage.released, [["holder", "idle"]]);
    assert.equal((await stage.pool.run(jobOf(app, { past: {} }))).worker, "new");
  });

  it("stays however long a call takes", async () => {
    await using stage = openStage({ idleMs: 60_000 });
    const app = await stage.app(HOLDER);
    const signal = new Stop();
    const holds = Promise.withResolvers<void>();
    const running = stage.pool.run(jobOf(app, { action: "wait", host: listen(() => holds.resolve()), signal }));
    await holds.promise;
    stage.clock.advance(3_600_000_000);
    stage.pool.sweep();
    signal.abort();
    assert.deepEqual([(await running).staysWarm, stage.released], [true, []]);
  });

  it("goes with its session, of which nobody is told", async () => {
    await using stage = openStage();
    const app = await stage.app(HOLDER);
    const { output: pid } = await stage.pool.run(jobOf(app));
    stage.pool.release({ tenant: "t", kind: "session", id: "s1" });
    const next = await stage.pool.run(jobOf(app));
    assert.equal(next.worker, "new");
    assert.notEqual(next.output, pid);
    assert.deepEqual(stage.released, []);
  });
});

describe("Pool.close()", () => {
  it("lets apps put their things away, and leaves no process and no file", async () => {
    let directory = "";
    let pids: number[] = [];
    {
      await using stage = openStage();
      directory = join(stage.directory, "scratch");
      const app = await stage.app(`
        import { writeFileSync } from "node:fs";
        export const app = defineApp({
          name: "tidy",
          permissions: { childProcesses: true },
          actions: { run: action({ input: z.object({ file: z.string() }), run: () => process.pid }) },
          stop: async () => { await new Promise((resolve) => setTimeout(resolve, 50)); },
        });`);
      const runs = await Promise.all(
        ["a", "b"].map((session) => stage.pool.run(jobOf(app, { session, input: { file: "x" } }))),
      );
      pids = runs.map(({ output }) => output as number);
      await stage.pool.close();
      assert.deepEqual(stage.released.toSorted(), [
        ["tidy", "shutdown"],
        ["tidy", "shutdown"],
      ]);
      const late = await stage.pool.run(jobOf(app, { input: { file: "x" } }));
      assert.deepEqual([late.status, late.error?.code], ["lost", "worker_lost"]);
    }
    assert.ok(pids.every((pid) => !isRunning(pid)));
    assert.ok(!existsSync(directory));
  });

  it("loses the jobs in hand", async () => {
    await using stage = openStage();
    const app = await stage.app(HOLDER);
    const holds = Promise.withResolvers<void>();
    const running = stage.pool.run(jobOf(app, { action: "wait", host: listen(() => holds.resolve()) }));
    await holds.promise;
    await stage.pool.close();
    const { status, error } = await running;
    assert.deepEqual(
      [status, error?.code, error?.message],
      ["lost", "worker_lost", 'The worker of "holder" was stopped with the server (SIGKILL)'],
    );
  });
});

/** Whether a process is there, and not only waits to be struck off. */
function isRunning(pid: number): boolean {
  try {
    return !/^\S+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
