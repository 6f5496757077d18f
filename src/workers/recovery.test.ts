import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jobOf, listen, openStage, type Stage, type Wanted } from "../../tests/small-apps.ts";
import { until } from "../../tests/until.ts";
import type { App } from "../engine/runner.ts";
import { Stop } from "../engine/signal.ts";
import type { WorkerDeath } from "./pool.ts";

function counter(recovery: string): string {
  return `
export const app = defineApp({
  name: "counter",
  setup: z.object({ from: z.number().default(0) }),
  recovery: "${recovery}",
  start: ({ setup }) => ({ count: setup.from }),
  actions: {
    add: action({
      input: z.object({ by: z.number() }),
      run: async ({ state, input, session }) => {
        console.log("adding", input.by);
        if (input.by === 0) throw new Error("nothing to add");
        state.count += input.by;
        await session.memory.merge({ count: state.count });
        await session.messages.add({ role: "assistant", content: "added " + input.by });
        return state.count;
      },
    }),
    exit: action({ input: z.object({}), run: () => process.exit(1) }),
  },
  snapshot: (state) => state,
  restore: (snapshot) => ({ count: snapshot.count }),
});`;
}

/** Refuses to go on without what it remembers, and starts well or not. */
const STARTER = `
export const app = defineApp({
  name: "starter",
  setup: z.object({ how: z.string().default("well") }),
  recovery: "refuse",
  start: ({ setup, signal }) => {
    if (setup.how === "throws") throw new Error("not today");
    if (setup.how === "exits") process.exit(1);
    if (setup.how === "heeds") return new Promise((resolve) => signal.addEventListener("abort", () => resolve(null)));
    if (setup.how === "hangs") { console.log("starting"); return new Promise(() => setInterval(() => {}, 1_000)); }
    return setup;
  },
  actions: { run: action({ input: z.object({}), run: ({ state }) => state.how }) },
});`;

const SETUP = { from: 100 };

/** A session whose worker has just died. */
async function losing(stage: Stage, app: App): Promise<void> {
  await stage.pool.run(jobOf(app, { action: "add", input: { by: 1 }, setup: SETUP }));
  await stage.pool.run(jobOf(app, { action: "exit", setup: SETUP }));
}

describe("A session whose worker is lost", () => {
  it("comes back from the newest snapshot", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("snapshot"));
    const first = await stage.pool.run(jobOf(app, { action: "add", input: { by: 1 }, setup: SETUP }));
    assert.deepEqual([first.output, first.snapshot], [101, { count: 101 }]);
    await stage.pool.run(jobOf(app, { action: "exit", setup: SETUP }));
    const past = { snapshot: { count: 42 } };
    const next = await stage.pool.run(jobOf(app, { action: "add", input: { by: 1 }, setup: SETUP, past }));
    assert.deepEqual([next.worker, next.output, next.snapshot], ["restored", 43, { count: 43 }]);
  });

  it("begins anew where there was no snapshot yet", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("snapshot"));
    const ran = await stage.pool.run(jobOf(app, { action: "add", input: { by: 1 }, setup: SETUP, past: {} }));
    assert.deepEqual([ran.worker, ran.output], ["new", 101]);
  });

  it("comes back by doing its tasks again, of which nobody hears a second time", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("replay"));
    await losing(stage, app);
    const host = listen();
    const past = {
      tasks: [5, 0, 2].map((by) => ({ taskId: `past-${by}`, action: "add", input: { by }, objects: [] })),
    };
    const ran = await stage.pool.run(jobOf(app, { action: "add", input: { by: 1 }, setup: SETUP, past, host }));
    assert.deepEqual([ran.worker, ran.output], ["restored", 108]);
    assert.deepEqual(host.said, [{ role: "assistant", content: "added 1" }]);
    assert.deepEqual(host.memory, { count: 108 });
    assert.deepEqual(
      host.reports.map((report) => report.type === "log" && report.message),
      ["adding 1"],
    );
  });

  it("is told that what the app remembered is lost, and why, where the app wants that", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("refuse"));
    await losing(stage, app);
    const job = { action: "add", input: { by: 1 }, setup: SETUP, past: {} };
    assert.deepEqual(await stage.pool.run(jobOf(app, job)), {
      status: "lost",
      error: {
        code: "worker_lost",
        message:
          'What "counter" remembered for this session is lost (its worker died: exited with code 1); ' +
          "begin a new session, or call again with fresh: true",
      },
      staysWarm: false,
    });
    const afresh = await stage.pool.run(jobOf(app, { ...job, fresh: true }));
    assert.deepEqual([afresh.worker, afresh.output], ["new", 101]);
  });

  it("is told what the app died of between two calls, and so is the platform", async () => {
    const deaths: WorkerDeath[] = [];
    await using stage = openStage({ onWorkerDied: (death) => deaths.push(death) });
    const app = await stage.app(`export const app = defineApp({ name: "bomb", recovery: "refuse", actions: {
      run: action({ input: z.object({}), run: () => {
        setTimeout(() => { throw new Error("boom later"); }, 20);
      } }),
    } });`);
    await stage.pool.run(jobOf(app));
    await until("its death is told", async () => stage.released.length > 0);
    assert.deepEqual(deaths, [
      {
        ref: { tenant: "t", kind: "session", id: "s1" },
        app: "bomb",
        message: 'The worker of "bomb" crashed: app.ts:4: boom later (exited with code 1)',
      },
    ]);
    const refused = await stage.pool.run(jobOf(app, { past: {} }));
    assert.match(refused.error?.message ?? "", /is lost \(its worker died: app\.ts:4: boom later\); begin/);
  });

  it("had nothing to lose where the app's start did not come to its end", async () => {
    await using stage = openStage();
    const app = await stage.app(STARTER);
    const canceled = new Stop();
    const host = listen(() => canceled.abort());
    const jobs: readonly Wanted[] = [
      { setup: { how: "throws" } },
      { setup: { how: "exits" } },
      { setup: { how: "hangs" }, timeoutMs: 300 },
      { setup: { how: "hangs" }, signal: canceled, host },
      { setup: { how: "heeds" }, timeoutMs: 300 },
    ];
    for (const [at, wanted] of jobs.entries()) {
      const session = `s${at}`;
      const ran = await stage.pool.run(jobOf(app, { ...wanted, session }));
      assert.notEqual(ran.status, "completed");
      assert.equal(ran.worker, undefined, "a worker that never began is none");
      // What is lost is not its fault.
      const refused = await stage.pool.run(jobOf(app, { session, past: {} }));
      assert.match(refused.error?.message ?? "", /remembered for this session is lost; begin a new session/);
      const next = await stage.pool.run(jobOf(app, { session }));
      assert.deepEqual([next.worker, next.output], ["new", "well"]);
    }
  });

  it("loses its call where its tasks can't be done again", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("replay"));
    const past = { tasks: [{ taskId: "past", action: "exit", input: {}, objects: [] }] };
    const ran = await stage.pool.run(jobOf(app, { action: "add", input: { by: 1 }, past }));
    assert.deepEqual([ran.status, ran.error?.message], ["lost", 'The worker of "counter" exited with code 1']);
  });

  it("fails where its past can't be read, and leaves no worker behind", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("snapshot"));
    const unreadable = { snapshot: () => Promise.reject(new Error("disk")), tasks: async function* () {} };
    const job = { ...jobOf(app, { action: "add", input: { by: 1 } }), past: unreadable };
    await assert.rejects(stage.pool.run(job), /disk/);
    const next = await stage.pool.run(jobOf(app, { action: "add", input: { by: 1 } }));
    assert.equal(next.worker, "new");
  });
});

describe("A call with another setup", () => {
  it("gets a fresh worker, whatever was before", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("snapshot"));
    const job = { action: "add", input: { by: 1 }, past: { snapshot: { count: 42 } } };
    await stage.pool.run(jobOf(app, { ...job, setup: SETUP }));
    const same = await stage.pool.run(jobOf(app, { ...job, setup: { from: 100 } }));
    const other = await stage.pool.run(jobOf(app, { ...job, setup: { from: 5 } }));
    assert.deepEqual([same.worker, same.output], ["warm", 44]);
    assert.deepEqual([other.worker, other.output], ["new", 6]);
    assert.deepEqual(stage.released, []);
  });

  it("is refused where that does not fit, with the name of what does not", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("fresh"));
    const ran = await stage.pool.run(jobOf(app, { action: "add", input: { by: 1 }, setup: { from: "here" } }));
    assert.deepEqual([ran.status, ran.error?.code, ran.error?.faults?.[0]?.field], ["failed", "invalid", "setup.from"]);
  });

  it("with fresh leaves behind what the app remembers", async () => {
    await using stage = openStage();
    const app = await stage.app(counter("snapshot"));
    const job = { action: "add", input: { by: 1 }, past: { snapshot: { count: 42 } } };
    await stage.pool.run(jobOf(app, job));
    const ran = await stage.pool.run(jobOf(app, { ...job, fresh: true }));
    assert.deepEqual([ran.worker, ran.output], ["new", 1]);
  });
});
