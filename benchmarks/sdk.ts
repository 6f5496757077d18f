/**
 * What the SDK costs: in process beside the engine itself, over HTTP beside a bare `fetch` that sends the same requests
 * with the same headers and reads the answers as JSON. Both sides use the same store or server, in turns.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Session, type Sojourn } from "../src/client/index.ts";
import { Sessions } from "../src/engine/sessions.ts";
import { open } from "../src/platform/index.ts";
import { blake3, randomIds, systemClock } from "../src/platform/ports.ts";
import { openSqliteStore } from "../src/store/sqlite/index.ts";
import { atLeast, type Claim, compare, show } from "./claim.ts";
import { interleave } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { spawnSojourn } from "./servers.ts";

const CALLERS = 64;

const ROUND_MS = 2_000;

/** Time for the write-ahead log to be moved into the database, so that no side pays for the other. */
const SETTLE_MS = 500;

const ADDED = { requests: 1, errors: 0, processingTimeMs: 1.5 } as const;

const BODY = JSON.stringify({ requests: 1, errors: 0, processing_time_seconds: 0.0015 });

/** Measures the claims in process and over HTTP. */
export async function measureSdk(): Promise<readonly Claim[]> {
  return [...(await inProcess()), ...(await overHttp())];
}

async function inProcess(): Promise<readonly Claim[]> {
  using ourScratch = scratchDirectory();
  using rawScratch = scratchDirectory();
  await using sojourn = await open({ data: ourScratch.path });
  const handles = await create(sojourn);
  const store = openSqliteStore({ directory: rawScratch.path });
  try {
    const engine = new Sessions({ store, clock: systemClock, ids: randomIds, digest: blake3 });
    const caller = { tenant: "local", actor: "benchmark" };
    const made = await Promise.all(Array.from({ length: CALLERS }, () => engine.create(caller, {})));
    const ids = made.map(({ value }) => value.session.ref.id);
    const metrics = { requestCount: 1, errorCount: 0, processingTimeUs: 1_500 };
    const record = await interleave(`In process: record/s, ${CALLERS} callers`, {
      ours: () => repeat(async (i) => await handles[i]?.record(ADDED)),
      raw: () => repeat(async (i) => await engine.record(caller, ids[i] ?? "", metrics)),
    });
    const get = await interleave(`In process: get/s, ${CALLERS} callers`, {
      ours: () => repeat(async (i) => await sojourn.sessions.get(handles[i]?.sessionId ?? "")),
      raw: () => repeat(async (i) => await engine.get(caller, ids[i] ?? "")),
    });
    return [
      atLeast(0.9, { title: "SDK in process beside the engine, record", unit: "operations/s", rounds: record }),
      compare({ title: "SDK in process beside the engine, get", unit: "reads/s", rounds: get }),
    ];
  } finally {
    await store.close();
  }
}

async function overHttp(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  await using server = await spawnSojourn(scratch.path);
  await using sojourn = connect({ url: server.url });
  const handles = await create(sojourn);
  const urls = handles.map(({ uid }) => `${server.url}/api/v1/sessions/${uid}`);
  const get = await interleave(`Over HTTP: get/s, ${CALLERS} callers`, {
    ours: () => repeat(async (i) => await handles[i]?.refresh()),
    raw: () => repeat(async (i) => await answered(await fetch(urls[i] ?? ""))),
  });
  const record = await interleave(`Over HTTP: record/s, ${CALLERS} callers`, {
    ours: () => repeat(async (i) => await handles[i]?.record(ADDED)),
    raw: () =>
      repeat(async (i) => {
        const headers = { "content-type": "application/json", "idempotency-key": crypto.randomUUID() };
        await answered(await fetch(`${urls[i]}/metrics?return=session`, { method: "POST", headers, body: BODY }));
      }),
  });
  return [
    atLeast(0.85, { title: "SDK over HTTP beside a bare fetch, get", unit: "requests/s", rounds: get }),
    atLeast(0.85, { title: "SDK over HTTP beside a bare fetch, record", unit: "requests/s", rounds: record }),
  ];
}

async function create(sojourn: Sojourn): Promise<readonly Session[]> {
  return await Promise.all(Array.from({ length: CALLERS }, () => sojourn.sessions.create()));
}

async function answered(response: Response): Promise<void> {
  const body: unknown = await response.json();
  if (!response.ok) throw new Error(`${response.status}: ${JSON.stringify(body)}`);
}

/** Calls again and again, `CALLERS` at a time; returns calls a second. */
async function repeat(call: (caller: number) => Promise<unknown>): Promise<number> {
  const started = performance.now();
  let calls = 0;
  const caller = async (i: number): Promise<void> => {
    while (performance.now() - started < ROUND_MS) {
      await call(i);
      calls += 1;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, i) => caller(i)));
  const rate = (calls / (performance.now() - started)) * 1_000;
  await sleep(SETTLE_MS);
  return rate;
}

if (import.meta.main) await show(measureSdk);
