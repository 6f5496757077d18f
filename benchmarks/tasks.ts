/**
 * Calls of an app as users get them: recorded before they run and once they have, both synced. Beside them, as raw, what
 * they are made of: a bare round trip over Node's own channel to a forked process, and two commits of the same engine.
 *
 * Then many sessions with workers at once, and sessions that misbehave beside those that do not.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Engine } from "../src/platform/open-engine.ts";
import { atMost, type Claim, compare, show } from "./claim.ts";
import { CALLER, openBenchmarkEngine } from "./engine.ts";
import { interleave, percentile, progress } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { spawnSojourn } from "./servers.ts";

const ECHO = fileURLToPath(new URL("./worker-echo.ts", import.meta.url));

const CALLERS = 64;

/** How many calls a round takes, of all callers together. */
const ROUND_CALLS = 1_024;

const CROWD = 200;

const MISBEHAVING = 10;

const INPUT = { text: "x".repeat(1_000) };

const METRICS = { requestCount: 1, errorCount: 0, processingTimeUs: 1 } as const;

const APP = `import { defineApp, z } from "sojourn/app-format";
export const app = defineApp({ name: "echo", recovery: "fresh", actions: {
  run: { input: z.object({ text: z.string() }), run: ({ input }) => input },
  memory: { input: z.object({}), run: () => process.memoryUsage().rss },
  loop: { input: z.object({}), run: () => { for (;;); } },
  hoard: { input: z.object({}), run: () => { const all = []; for (;;) all.push(Buffer.alloc(1_048_576, 1)); } },
  flood: { input: z.object({}), run: async ({ session }) => {
    for (;;) { for (let i = 0; i < 100; i++) session.log("x".repeat(10_000)); await new Promise(setImmediate); }
  } },
} });`;

/** Measures calls, a crowd of workers, and what those that misbehave cost the others. */
export async function measureTasks(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  mkdirSync(join(scratch.path, "apps", "echo"), { recursive: true });
  writeFileSync(join(scratch.path, "apps", "echo", "app.ts"), APP);
  const engine = openBenchmarkEngine({
    directory: join(scratch.path, "data"),
    apps: join(scratch.path, "apps"),
    spareWorkers: 0,
    taskTimeoutSeconds: 20,
  });
  try {
    await engine.begin();
    return [
      await measureHttp(engine, scratch.path),
      await measureCalls(engine, { callers: 1, title: "one at a time" }),
      await measureCalls(engine, { callers: CALLERS, title: `${CALLERS} sessions at once` }),
      await measureNeighbours(engine),
      await measureCrowd(engine),
    ];
  } finally {
    await engine.close();
  }
}

async function measureCalls(
  engine: Engine,
  { callers, title }: { readonly callers: number; readonly title: string },
): Promise<Claim> {
  const ids = await warmSessions(engine, callers);
  const children = ids.map(() => fork(ECHO));
  const exchanges = children.map(exchangeWith);
  try {
    const rounds = await interleave(`ms for a durable call of 1 KiB, ${title}`, {
      ours: () => perCallMs(callers, (i) => call(engine, ids[i] ?? "")),
      raw: () =>
        perCallMs(callers, async (i) => {
          const id = ids[i] ?? "";
          await engine.sessions.record(CALLER, id, METRICS);
          await exchanges[i]?.();
          await engine.sessions.record(CALLER, id, METRICS);
        }),
    });
    const aimed = `Durable warm call of 1 KiB, ${title}, beside a round trip and two commits`;
    return atMost(1.5, { title: aimed, unit: "ms", rounds });
  } finally {
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => once(child, "exit")));
    await Promise.all(ids.map((id) => engine.sessions.end(CALLER, id)));
  }
}

/** The same call by REST, by one client that waits for each. */
async function measureHttp(engine: Engine, directory: string): Promise<Claim> {
  const apps = ["--apps", join(directory, "apps"), "--spare-workers", "0"];
  await using server = await spawnSojourn(directory, join(directory, "served"), apps);
  const post = async (path: string, body: object): Promise<void> => {
    const headers = { "content-type": "application/json" };
    const response = await fetch(`${server.url}/api/v1${path}`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${text}`);
  };
  await post("/sessions", { session_id: "called" });
  const [id = ""] = await warmSessions(engine, 1);
  const served = (): Promise<void> => post("/sessions/called/run", { app: "echo", action: "run", input: INPUT });
  await served();
  const rounds = await interleave("ms for a durable call of 1 KiB over HTTP, beside one in process", {
    ours: () => perCallMs(1, served),
    raw: () => perCallMs(1, () => call(engine, id)),
  });
  return compare({
    title: "Durable warm call of 1 KiB over HTTP, one at a time, beside in process",
    unit: "ms",
    rounds,
  });
}

/** What the 99th percentile of a call is while others misbehave, beside what it is while those do nothing. */
async function measureNeighbours(engine: Engine): Promise<Claim> {
  const [good, bad] = [await warmSessions(engine, 4), await warmSessions(engine, MISBEHAVING)];
  const kinds = ["loop", "hoard", "flood"];
  const p99 = async (): Promise<number> => {
    const times: number[] = [];
    const caller = async (id: string): Promise<void> => {
      for (let i = 0; i < 100; i++) {
        const started = performance.now();
        await call(engine, id);
        times.push(performance.now() - started);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await Promise.all(good.map(caller));
    return percentile(times, 0.99);
  };
  const rounds = await interleave("ms, 99th percentile, with and without those that misbehave", {
    ours: async () => {
      const abort = new AbortController();
      const { signal } = abort;
      const misbehaving = bad.map((id, i) =>
        engine.tasks.run(CALLER, id, { app: "echo", action: kinds[i % kinds.length] ?? "" }, { signal }),
      );
      const measured = await p99();
      abort.abort();
      await Promise.allSettled(misbehaving);
      // Those that were lost get new workers, which is no part of the next round.
      await Promise.all(bad.map((id) => call(engine, id)));
      return measured;
    },
    raw: p99,
    count: 3,
  });
  await Promise.all([...good, ...bad].map((id) => engine.sessions.end(CALLER, id)));
  const title = `99th percentile of a call, beside ${MISBEHAVING} sessions that loop, hoard and flood`;
  return atMost(2, { title, unit: "ms", rounds });
}

/** Many sessions with a worker each. */
async function measureCrowd(engine: Engine): Promise<Claim> {
  const started = performance.now();
  const ids = await warmSessions(engine, CROWD);
  progress(`${CROWD} sessions with workers in ${Math.round((performance.now() - started) / 1_000)} s`);
  let bytes = 0;
  for (const id of ids)
    bytes += Number((await engine.tasks.run(CALLER, id, { app: "echo", action: "memory" })).value.task.output);
  const rounds = await interleave(`calls/s, ${CROWD} sessions with workers, and ${CALLERS} of them`, {
    ours: () => rate(engine, ids),
    raw: () => rate(engine, ids.slice(0, CALLERS)),
    count: 3,
  });
  progress(`  ${Math.round(bytes / 1_048_576 / CROWD)} MiB a worker`);
  await Promise.all(ids.map((id) => engine.sessions.end(CALLER, id)));
  return compare({
    title: `Durable calls of ${CROWD} sessions with workers at once, beside ${CALLERS}`,
    unit: "calls/s",
    rounds,
  });
}

async function rate(engine: Engine, ids: readonly string[]): Promise<number> {
  const started = performance.now();
  await Promise.all(
    ids.map(async (id) => {
      for (let i = 0; i < 5; i++) await call(engine, id);
    }),
  );
  return (ids.length * 5 * 1_000) / (performance.now() - started);
}

/** Sessions whose workers are warm. */
async function warmSessions(engine: Engine, count: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) {
    const { session } = (await engine.sessions.create(CALLER, {})).value;
    ids.push(session.record.sessionId);
  }
  // A few at a time: a hundred processes that start at once are slow, and measure nothing of ours.
  for (let i = 0; i < count; i += 4) await Promise.all(ids.slice(i, i + 4).map((id) => call(engine, id)));
  return ids;
}

async function call(engine: Engine, id: string): Promise<void> {
  const { task } = (await engine.tasks.run(CALLER, id, { app: "echo", action: "run", input: INPUT })).value;
  if (task.status !== "completed") throw new Error(`A call is ${task.status}: ${task.error?.message}`);
}

async function perCallMs(callers: number, once: (caller: number) => Promise<void>): Promise<number> {
  const started = performance.now();
  const each = Math.ceil(ROUND_CALLS / Math.max(4, callers));
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let i = 0; i < each; i++) await once(caller);
    }),
  );
  return (performance.now() - started) / each;
}

/** One round trip at a time. */
function exchangeWith(child: ChildProcess): () => Promise<void> {
  let answered: (() => void) | undefined;
  child.on("message", () => answered?.());
  return () =>
    new Promise((resolve) => {
      answered = resolve;
      child.send({ type: "run", input: INPUT });
    });
}

if (import.meta.main) await show(measureTasks);
