import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { jobOf, listen, writeApp } from "../../tests/small-apps.ts";
import { until } from "../../tests/until.ts";
import { ManualClock } from "../conformance/manual-clock.ts";
import { SojournError } from "../engine/errors.ts";
import type { App, Ran } from "../engine/runner.ts";
import { Stop } from "../engine/signal.ts";
import type { AppSource, Catalog } from "./app-source.ts";
import { createDescribe } from "./describe.ts";
import { openIsolation } from "./isolation.ts";
import { type OpenRunner, openRunner, type RunnerOptions } from "./runner.ts";
import { probeSandbox } from "./sandbox.ts";

const PROCESS_APP = `export const app = defineApp({ name: "worker", actions: {
  run: action({ input: z.object({}), run: () => process.pid }),
  began: action({ input: z.object({}), run: () => performance.timeOrigin }),
} });`;

const SERVER_APP = `const Dish = objectType("dish", { prefix: "dsh", data: z.object({ of: z.number() }) });
export const app = defineApp({ name: "kitchen", in: "server",
  setup: z.object({ oven: z.string().default("wood") }),
  actions: {
    run: action({ input: z.object({ pizza: z.string() }), run: async ({ input, setup, session }) => {
      session.progress(1);
      await session.memory.merge({ pizza: input.pizza });
      session.end("eaten");
      return { pid: process.pid, oven: setup.oven };
    } }),
    wait: action({ input: z.object({}), run: ({ signal }) => new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(new Error("cold")));
    }) }),
    make: action({ input: z.object({ id: idOf(Dish) }), run: async ({ input, objects, session }) => {
      const { data } = objects.get(input.id, Dish);
      const { id } = objects.make(Dish, { of: data.of + 1 });
      if (data.of === 1) throw new Error("not again");
      if (data.of === 2) return "x".repeat(4_194_304);
      setTimeout(() => {
        try { objects.make(Dish, { of: 1 }); } catch (error) { session.log(error.message); }
      }, 5);
      return id;
    } }),
    unclean: action({ input: z.object({}), run: () => "a\0b" }),
    order: action({
      input: z.object({ size: z.string().refine((size) => size.endsWith("inch"), "must be in inches"), minutes: z.int().max(30) }),
      run: () => null,
    }),
    later: action({ input: z.object({ size: z.string().refine(async () => false) }), run: () => null }),
    broken: action({ input: z.string().transform(() => { throw new Error("no"); }), run: () => null }),
  } });`;

const ANGRY_APP = `if ("isTheServer" in globalThis) throw new Error("not here");
export const app = defineApp({ name: "angry", in: "server", actions: {
  run: action({ input: z.object({}), run: () => null }),
} });`;

/** What the schemas of all apps say of all that they are given. */
const AS_DESCRIBED = [{ field: "", message: "as described", type: "described" }];

interface Opened extends AsyncDisposable {
  readonly runner: OpenRunner;
  readonly worker: App;
  readonly kitchen: App;
}

/** A runner over one app of each place. */
async function open(options: Partial<RunnerOptions> = {}): Promise<Opened> {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-runner-"));
  const isolation = openIsolation({ sandbox: "process", directory, memoryMiB: 256, dataFolders: [], environment: {} });
  const sources: Readonly<Record<string, AppSource>> = {
    worker: writeApp(join(directory, "worker"), PROCESS_APP),
    kitchen: writeApp(join(directory, "kitchen"), SERVER_APP),
    angry: writeApp(join(directory, "angry"), ANGRY_APP),
  };
  const described = createDescribe({ isolation });
  const [worker, kitchen, angry] = await Promise.all(
    ["worker", "kitchen", "angry"].map(async (name): Promise<App> => {
      const description = await described(sources[name] as AppSource);
      return {
        ...description,
        version: name.padEnd(64, "0"),
        inputFaults: () => AS_DESCRIBED,
        inputObjects: () => [],
        setupFaults: () => AS_DESCRIBED,
      };
    }),
  );
  assert.ok(worker !== undefined && kitchen !== undefined && angry !== undefined);
  const apps = [angry, kitchen, worker];
  const catalog: Catalog = {
    apps: () => apps,
    settled: async () => {},
    broken: () => [],
    app: async (name) => {
      const app = apps.find((one) => one.name === name);
      if (app === undefined) throw new SojournError("app_not_found", { message: `There is no app "${name}"` });
      return app;
    },
    keep: async () => {},
    source: ({ name }) => sources[name] as AppSource,
    close: async () => {},
  };
  const runner = openRunner({
    ...{ catalog, isolation, clock: new ManualClock(), trusted: ["angry", "kitchen"], spares: 0, idleMs: 60_000 },
    ...{ memoryBytes: 1_073_741_824, cancelGraceMs: 200, ...options },
  });
  return {
    ...{ runner, worker, kitchen },
    [Symbol.asyncDispose]: async () => {
      await runner.close();
      await isolation.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

describe("openRunner()", () => {
  it("runs an app in a process of its own, or in the server, as the app says", async () => {
    await using opened = await open();
    const { runner, worker, kitchen } = opened;
    assert.deepEqual((await runner.apps()).slice(1), [kitchen, worker]);
    assert.equal(await runner.app("worker"), worker);
    await assert.rejects(runner.app("none"), { code: "app_not_found" });
    const apart = await runner.run(jobOf(worker));
    assert.notEqual(apart.output, process.pid);
    const host = listen();
    const within = await runner.run(jobOf(kitchen, { action: "run", input: { pizza: "funghi" }, host }));
    assert.deepEqual(within, {
      status: "completed",
      output: { pid: process.pid, oven: "wood" },
      ends: { reason: "eaten" },
      staysWarm: false,
    });
    assert.deepEqual([host.memory, host.reports], [{ pizza: "funghi" }, [{ type: "progress", fraction: 1 }]]);
  });

  it("asks an app in the server itself what is wrong with an input, where its schema tells at once", async () => {
    await using opened = await open();
    const { runner } = opened;
    const kitchen = await runner.app("kitchen");
    assert.deepEqual(kitchen.inputFaults("order", { size: "9", minutes: 31 }), [
      { field: "size", message: "must be in inches", type: "custom" },
      { field: "minutes", message: "Too big: expected number to be <=30", type: "too_big" },
    ]);
    assert.deepEqual(kitchen.inputFaults("order", { size: "9inch", minutes: 30 }), []);
    for (const action of ["later", "broken", "later"]) {
      assert.deepEqual(kitchen.inputFaults(action, action === "later" ? { size: "9" } : "9"), AS_DESCRIBED, action);
    }
    assert.deepEqual(kitchen.inputFaults("none", {}), []);
    assert.deepEqual(kitchen.setupFaults({ oven: 7 }), [
      { field: "oven", message: "Invalid input: expected string, received number", type: "invalid_type" },
    ]);
    assert.equal(await runner.app("kitchen"), kitchen);
    assert.equal((await runner.app("worker")).inputFaults, opened.worker.inputFaults);
  });

  it("tells that an app can't be loaded in the server", async () => {
    await using opened = await open();
    Object.assign(globalThis, { isTheServer: true });
    try {
      await assert.rejects(opened.runner.app("angry"), { code: "app_broken", message: /in the server: not here$/ });
    } finally {
      Reflect.deleteProperty(globalThis, "isTheServer");
    }
  });

  it("holds an app in the server to its schemas, its deadline, and what a store can keep", async () => {
    await using opened = await open();
    const { runner, kitchen } = opened;
    const bad = await runner.run(jobOf(kitchen, { action: "run", input: {} }));
    assert.deepEqual(
      [bad.status, bad.error?.code, bad.error?.faults?.[0]?.field],
      ["failed", "invalid", "input.pizza"],
    );
    const setup = await runner.run(jobOf(kitchen, { action: "run", input: { pizza: "x" }, setup: { oven: 1 } }));
    assert.equal(setup.error?.faults?.[0]?.field, "setup.oven");
    const late = await runner.run(jobOf(kitchen, { action: "wait", timeoutMs: 20 }));
    assert.deepEqual(late, {
      status: "lost",
      error: { code: "timed_out", message: "Timed out: the task took longer than 0.02 s" },
      staysWarm: false,
    });
    const signal = new Stop();
    const canceled = runner.run(jobOf(kitchen, { action: "wait", signal }));
    signal.abort();
    assert.equal((await canceled).status, "canceled");
    const unclean = await runner.run(jobOf(kitchen, { action: "unclean" }));
    assert.match(unclean.error?.message ?? "", /^What the app made can't be kept: "output" must hold neither NUL/);
  });

  it("gives an app in the server its objects, and takes what it makes of them", async () => {
    await using opened = await open();
    const { runner, kitchen } = opened;
    const make = (of: number, host = listen()): Promise<Ran> => {
      const bad = { reason: "burnt", objectId: "dsh_0" };
      const objects = [{ objectId: "dsh_1", app: "kitchen", type: "dish", data: { of }, degradation: bad }];
      const input = { id: "dsh_1" };
      return runner.run(jobOf(kitchen, { action: "make", taskId: "task_a", input, objects, host }));
    };
    const host = listen();
    assert.deepEqual(await make(3, host), {
      status: "completed",
      output: "dsh_a",
      made: [{ objectId: "dsh_a", type: "dish", data: { of: 4 }, degradation: { reason: "burnt", objectId: "dsh_0" } }],
      staysWarm: false,
    });
    await until("it makes more", async () => host.reports.length > 0);
    assert.deepEqual(host.reports, [
      { type: "log", level: "info", message: "The task is over; only while it runs it may make objects" },
    ]);
    for (const [of, code] of [
      [1, "app_failed"],
      [2, "output_too_large"],
    ] as const) {
      const ran = await make(of);
      assert.deepEqual([ran.status, ran.error?.code, ran.made], ["failed", code, undefined]);
    }
  });

  it("runs no app in the server that is not trusted, and says which option does that", async () => {
    await using opened = await open({ trusted: [] });
    const { runner, kitchen } = opened;
    const refusal = { code: "app_broken", message: /"kitchen" asks to run in the server itself.*trusted_apps/ };
    await assert.rejects(runner.app("kitchen"), refusal);
    await assert.rejects(runner.run(jobOf(kitchen)), refusal);
  });

  it("runs no worker in a sandbox below the least that is wanted", async () => {
    await using opened = await open({ minimum: "bubblewrap" });
    const { runner, worker } = opened;
    const refusal = {
      code: "sandbox_missing",
      message: /only in the sandbox "bubblewrap", and this machine has "process": it is configured so/,
    };
    await assert.rejects(runner.app("worker"), refusal);
    await assert.rejects(runner.run(jobOf(worker)), refusal);
  });

  it("starts workers ahead, for the apps that were called last", async () => {
    await using opened = await open({ spares: 1 });
    const { runner, worker } = opened;
    // The first was started for the apps of the catalog, the next since one was called.
    for (const [session, kept] of [
      ["a", 1],
      ["b", 2],
    ] as const) {
      await until("a spare is ready", async () => runner.workers.spare === 1);
      const calledAt = Date.now();
      const ran = await runner.run(jobOf(worker, { session, action: "began" }));
      assert.deepEqual([ran.status, ran.worker], ["completed", "new"]);
      assert.ok(Number(ran.output) < calledAt, "its process was there before it was called");
      assert.equal(runner.workers.kept, kept);
    }
  });
});

describe("openIsolation()", () => {
  it("removes what servers left behind that were killed", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sojourn-leftovers-"));
    const allowance = { memoryMiB: 64, dataFolders: [], environment: {} };
    // No process has this number.
    mkdirSync(join(directory, "sojourn-workers-4194305-abc"));
    mkdirSync(join(directory, `sojourn-workers-${process.ppid}-abc`));
    const isolation = openIsolation({ sandbox: "process", directory, ...allowance });
    const [first, second] = readdirSync(directory)
      .map((name) => name.replace(/-[^-]+$/, ""))
      .sort();
    assert.deepEqual(
      [first, second].toSorted(),
      [`sojourn-workers-${process.pid}`, `sojourn-workers-${process.ppid}`].toSorted(),
    );
    assert.equal(isolation.sandbox.hasSetpriv, probeSandbox("process").hasSetpriv);
    await isolation.close();
    assert.equal(readdirSync(directory).length, 1);
    rmSync(directory, { recursive: true, force: true });
  });
});
