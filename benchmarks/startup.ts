/**
 * How long the server takes from being spawned to its first 200 of /readyz with a million sessions in its store, and its
 * resident memory; beside the same server on an empty directory. It runs from the TypeScript sources, and the system
 * has the files in memory.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Claim, compare, show } from "./claim.ts";
import { manySessions, SESSIONS, sessionIdOf } from "./many-sessions.ts";
import { interleave, median } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { residentMiB, spawnSojourn } from "./servers.ts";

const STARTS = 5;

const AIM_MS = 1_000;

const GETS = 1_000;

/** How many are asked at a time. */
const CALLERS = 50;

/** Measures the time to readiness, and the memory then and after a thousand sessions were read. */
export async function measureStartup(): Promise<readonly Claim[]> {
  const data = manySessions();
  const memory = { ours: [] as number[], raw: [] as number[], read: [] as number[] };
  const rounds = await interleave(`ms until ready with ${SESSIONS} sessions, beside none`, {
    count: STARTS,
    ours: async () => {
      using scratch = scratchDirectory();
      const started = performance.now();
      await using server = await spawnSojourn(scratch.path, data);
      const readyMs = await untilReady(server.url, started);
      memory.ours.push(residentMiB(server.pid));
      await readSessions(server.url);
      memory.read.push(residentMiB(server.pid));
      return readyMs;
    },
    raw: async () => {
      using scratch = scratchDirectory();
      const started = performance.now();
      await using server = await spawnSojourn(scratch.path);
      const readyMs = await untilReady(server.url, started);
      memory.raw.push(residentMiB(server.pid));
      return readyMs;
    },
  });
  const ready = compare({ title: "Start with 1,000,000 sessions, beside none", unit: "ms", rounds });
  return [
    { ...ready, aim: `under ${AIM_MS.toLocaleString("en")} ms`, isMet: ready.ours < AIM_MS },
    compare({ title: "Memory once started, beside none", unit: "MiB", rounds: memory }),
    { title: `Memory after ${GETS.toLocaleString("en")} GETs`, unit: "MiB", ours: median(memory.read) },
  ];
}

/** How long to wait before asking again. */
const AGAIN_MS = 5;

const GIVE_UP_MS = 60_000;

/** @returns milliseconds from `started` to the first 200 */
async function untilReady(url: string, started: number): Promise<number> {
  for (;;) {
    const { status, body } = await fetch(`${url}/readyz`);
    const passedMs = performance.now() - started;
    await body?.cancel();
    if (status === 200) return passedMs;
    if (passedMs > GIVE_UP_MS) throw new Error(`The server answers ${status} for a minute`);
    await sleep(AGAIN_MS);
  }
}

/** Reads sessions from all over the store. */
async function readSessions(url: string): Promise<void> {
  const call = async (caller: number): Promise<void> => {
    for (let get = caller; get < GETS; get += CALLERS) {
      const id = sessionIdOf(get * (SESSIONS / GETS));
      const response = await fetch(`${url}/api/v1/sessions/${id}`);
      const text = await response.text();
      if (!response.ok) throw new Error(`GET of session "${id}" answers ${response.status}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, caller) => call(caller)));
}

if (import.meta.main) await show(measureStartup);
