/**
 * Calls of an app in a warm worker, without the log, beside a bare round trip over Node's own channel; the first call from
 * a spare, beside a cold fork and beside no spare; and the memory of an idle worker.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { App, Host, Job } from "../src/engine/runner.ts";
import { Stop } from "../src/engine/signal.ts";
import type { AppSource } from "../src/workers/app-source.ts";
import { createDescribe } from "../src/workers/describe.ts";
import { openIsolation } from "../src/workers/isolation.ts";
import { Pool } from "../src/workers/pool.ts";
import { atMost, type Claim, compare, show } from "./claim.ts";
import { installPeers, peerVersion } from "./peer-install.ts";
import { interleave } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { residentMiB } from "./servers.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const ECHO = fileURLToPath(new URL("./worker-echo.ts", import.meta.url));

const CALLS = 5_000;

const INPUT = { text: "x".repeat(1_000) };

const FIRST_CALLS = 5;

const APP = `import { action, defineApp, z } from "sojourn/app-format";
export const app = defineApp({ name: "echo", recovery: "fresh", actions: {
  run: action({ input: z.object({ text: z.string() }), run: ({ input }) => input }),
  pid: action({ input: z.object({}), run: () => process.pid }),
} });`;

const HOST: Host = {
  session: { sessionId: "s", userId: "u" },
  report: () => {},
  ...{ workingMemory: none, changeWorkingMemory: none, messages: none, addMessages: none, chat: none },
  ...{ storeArtifact: none, readArtifact: none, artifacts: none },
};

/** Measures warm calls, first calls, and memory. */
export async function measureWorkers(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  const home = join(scratch.path, "app");
  mkdirSync(home);
  writeFileSync(join(home, "app.ts"), APP);
  const source: AppSource = { directory: home, entry: "app.ts", packageRoots: [ROOT] };
  const isolation = openIsolation({
    ...{
      sandbox: "process",
      directory: join(scratch.path, "scratch"),
      memoryMiB: 512,
      dataFolders: [],
      environment: {},
    },
  });
  const described = await createDescribe({ isolation })(source);
  const app: App = {
    ...described,
    version: "0".repeat(64),
    inputFaults: () => [],
    inputObjects: () => [],
    setupFaults: () => [],
  };
  const pools = [1, 0].map(
    (spares) =>
      new Pool({
        ...{ isolation, spares, clock: { now: () => Date.now() * 1_000 }, sourceOf: () => source, idleMs: 600_000 },
        ...{ memoryBytes: 4 * 1_073_741_824, onReleased: () => {} },
      }),
  );
  try {
    const [spared, bare] = pools;
    if (spared === undefined || bare === undefined) throw new Error("There are two pools");
    return [
      await measureWarm(bare, app),
      await measureThreads(bare, app),
      await measureFresh(bare, app),
      ...(await measureFirst({ spared, bare }, app)),
      await measureMemory(bare, app),
    ];
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
    await isolation.close();
  }
}

async function measureWarm(pool: Pool, app: App): Promise<Claim> {
  const child = fork(ECHO);
  let answered: (() => void) | undefined;
  child.on("message", () => answered?.());
  const roundTrip = () =>
    new Promise<void>((resolve) => {
      answered = resolve;
      child.send({ type: "run", input: INPUT });
    });
  const rounds = await interleave("µs for a warm call of 1 KiB, beside a bare round trip", {
    ours: () => perCallUs(() => run(pool, { ...jobOf(app), input: INPUT })),
    raw: () => perCallUs(roundTrip),
  });
  child.kill();
  await once(child, "exit");
  return atMost(1.5, { title: "Warm call, 1 KiB in and out, beside Node's own channel", unit: "µs", rounds });
}

async function measureThreads(pool: Pool, app: App): Promise<Claim> {
  installPeers();
  const { openPiscina } = await import("./peers/piscina.ts");
  const threads = openPiscina(fileURLToPath(new URL("./peers/echo.ts", import.meta.url)));
  try {
    const rounds = await interleave("µs for a warm call of 1 KiB, beside piscina", {
      ours: () => perCallUs(() => run(pool, { ...jobOf(app), input: INPUT })),
      raw: () => perCallUs(() => threads.run(INPUT)),
    });
    const peer = `a thread of piscina ${peerVersion("piscina")}`;
    return compare({ title: `Warm call, 1 KiB in and out, beside ${peer}`, unit: "µs", rounds });
  } finally {
    await threads.close();
  }
}

async function measureFresh(pool: Pool, app: App): Promise<Claim> {
  const rounds = await interleave("µs for a warm call of 1 KiB, beside a fresh process for each", {
    ours: () => perCallUs(() => run(pool, { ...jobOf(app), input: INPUT })),
    raw: async () => (await coldFork()) * 1_000,
    count: FIRST_CALLS,
  });
  return compare({ title: "Warm call, 1 KiB in and out, beside a fresh process for each", unit: "µs", rounds });
}

/** The time of a call that forks a process for itself, in milliseconds. */
async function coldFork(): Promise<number> {
  const started = performance.now();
  const child = fork(ECHO);
  child.send({ type: "run", input: INPUT });
  await once(child, "message");
  const tookMs = performance.now() - started;
  child.kill();
  await once(child, "exit");
  return tookMs;
}

async function measureFirst(
  { spared, bare }: { readonly spared: Pool; readonly bare: Pool },
  app: App,
): Promise<readonly Claim[]> {
  let session = 0;
  const first = async (pool: Pool): Promise<number> => {
    const started = performance.now();
    const id = `first-${++session}`;
    await run(pool, { ...jobOf(app, id), input: INPUT });
    const tookMs = performance.now() - started;
    pool.release({ tenant: "t", kind: "session", id });
    return tookMs;
  };
  const fromSpare = async (): Promise<number> => {
    spared.prepare(app);
    while (spared.count.spare === 0) await new Promise((resolve) => setTimeout(resolve, 20));
    return await first(spared);
  };
  const counted = { count: FIRST_CALLS };
  const fork5 = await interleave("ms for a first call from a spare, beside a cold fork", {
    ...{ ours: fromSpare, raw: coldFork, ...counted },
  });
  const none = await interleave("ms for a first call from a spare, beside one without", {
    ...{ ours: fromSpare, raw: () => first(bare), ...counted },
  });
  return [
    atMost(0.2, { title: "First call from a spare, beside a cold fork", unit: "ms", rounds: fork5 }),
    compare({ title: "First call from a spare, beside one without", unit: "ms", rounds: none }),
  ];
}

async function measureMemory(pool: Pool, app: App): Promise<Claim> {
  const { output } = await run(pool, { ...jobOf(app, "memory"), action: "pid" });
  return { title: "Memory of an idle worker", unit: "MiB", ours: residentMiB(Number(output)) };
}

async function perCallUs(call: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  for (let i = 0; i < CALLS; i++) await call();
  return ((performance.now() - started) * 1_000) / CALLS;
}

async function run(pool: Pool, job: Job): ReturnType<Pool["run"]> {
  const ran = await pool.run(job);
  if (ran.status !== "completed") throw new Error(`A call is ${ran.status}: ${ran.error?.message}`);
  return ran;
}

function jobOf(app: App, session = "s"): Job {
  return {
    ...{
      app,
      taskId: "task",
      action: "run",
      input: {},
      objects: [],
      fresh: false,
      timeoutMs: 30_000,
      host: HOST,
      signal: new Stop(),
    },
    ref: { tenant: "t", kind: "session", id: session },
  };
}

function none(): Promise<never> {
  return Promise.reject(new Error("The app asks for nothing"));
}

if (import.meta.main) await show(measureWorkers);
