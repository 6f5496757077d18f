/**
 * Pizzas over HTTP, six calls each, each in a session of its own that the first of them makes: beside bare appends of the
 * same client to the same server. Then where the last of 10,000 objects of a session comes from.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { Author, draft } from "../src/conformance/index.ts";
import type { MadeObject } from "../src/engine/object.ts";
import type { Store, Stream } from "../src/engine/store.ts";
import { openSqliteStore } from "../src/store/sqlite/index.ts";
import { type Claim, compare, show } from "./claim.ts";
import { inTurns, interleave, median } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { spawnSojourn } from "./servers.ts";

/** What the client's process is asked to do. */
export interface PizzaLoad {
  readonly url: string;
  readonly what: "pizzas" | "appends";
  readonly connections: number;
  readonly forMs: number;
}

const CONNECTIONS = 64;

const ROUND_MS = 3_000;

const OBJECTS = 10_000;

/** How many objects a pizza is made of, itself included. */
const OBJECTS_OF_ONE = 6;

/** Under this a lineage is to be there. */
const LINEAGE_MS = 10;

/** Measures pizzas and lineages. */
export async function measurePizzas(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  return [await measureHttp(scratch.path), ...(await measureLineage(scratch.path))];
}

async function measureHttp(directory: string): Promise<Claim> {
  await using server = await spawnSojourn(directory, join(directory, "served"), ["--spare-workers", "0"]);
  for (let i = 0; i < CONNECTIONS; i++) {
    const response = await fetch(`${server.url}/api/v1/sessions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ session_id: `benchmark_${i}` }),
    });
    if (!response.ok) throw new Error(`A session can't be made: ${await response.text()}`);
  }
  const client = fork(new URL("./pizza-load-process.ts", import.meta.url));
  try {
    const run = (what: PizzaLoad["what"]) => (): Promise<number> =>
      callsPerSecond(client, { url: server.url, what, connections: CONNECTIONS, forMs: ROUND_MS });
    const rounds = await interleave(`calls/s, pizzas and appends, ${CONNECTIONS} connections`, {
      ours: run("pizzas"),
      raw: run("appends"),
    });
    const pizzas = Math.round(median(rounds.ours) / 6);
    return compare({
      title: `Calls of PizzaStack over HTTP, durable, ${CONNECTIONS} connections (${pizzas} pizzas a second), beside bare appends`,
      unit: "calls/s",
      rounds,
    });
  } finally {
    client.disconnect();
  }
}

async function callsPerSecond(client: ChildProcess, load: PizzaLoad): Promise<number> {
  const replied = once(client, "message");
  client.send(load);
  // NOTE: the process answers each load with one reply.
  const [reply] = (await replied) as [{ readonly callsPerSecond: number } | { readonly error: string }];
  if ("error" in reply) throw new Error(`The load failed: ${reply.error}`);
  return reply.callsPerSecond;
}

/** Raw is the same question in a session that has nothing but these objects. */
async function measureLineage(directory: string): Promise<readonly Claim[]> {
  const store = openSqliteStore({ directory: join(directory, "lineage") });
  try {
    const author = new Author(store);
    const small = await pizzas(author, 1);
    const many = await pizzas(author, Math.ceil(OBJECTS / OBJECTS_OF_ONE));
    const chained = await chain(author, OBJECTS);
    const rounds = await inTurns(`ms, lineage of the last of ${OBJECTS} objects`, {
      small: () => lineageMs(store, small, OBJECTS_OF_ONE),
      many: () => lineageMs(store, many, OBJECTS_OF_ONE),
      chained: () => lineageMs(store, chained, OBJECTS),
    });
    const { small: raw, many: ours, chained: deep } = rounds;
    const title = `Lineage of the last pizza in a session of ${OBJECTS} objects, beside one of ${OBJECTS_OF_ONE}`;
    const compared = compare({ title, unit: "ms", rounds: { ours, raw } });
    return [
      { ...compared, aim: `under ${LINEAGE_MS} ms`, isMet: compared.ours < LINEAGE_MS },
      { title: `Lineage that is a chain of all ${OBJECTS} objects`, unit: "ms", ours: median(deep) },
    ];
  } finally {
    await store.close();
  }
}

interface Session {
  readonly stream: Stream;
  readonly last: string;
}

async function lineageMs(store: Store, { stream, last }: Session, nodes: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const started = performance.now();
    const lineage = await store.lineage(stream.ref, last);
    times.push(performance.now() - started);
    if (lineage?.nodes.length !== nodes) throw new Error(`${lineage?.nodes.length} nodes, and not ${nodes}`);
  }
  return median(times);
}

/** Pizzas in one session: each from a tomato, its slices, its sauce, a base and what was assembled. */
async function pizzas(author: Author, count: number): Promise<Session> {
  const drafts: ReturnType<typeof made>[] = [];
  for (let i = 0; i < count; i++) {
    drafts.push(
      made(`tom_${i}`, []),
      made(`slc_${i}`, [`tom_${i}`]),
      made(`sce_${i}`, [`slc_${i}`]),
      made(`bas_${i}`, []),
      made(`asm_${i}`, [`bas_${i}`, `sce_${i}`]),
      made(`bkd_${i}`, [`asm_${i}`]),
    );
  }
  return { stream: await author.append(await author.create(), ...drafts), last: `bkd_${count - 1}` };
}

/** Objects of which each is made from the one before. */
async function chain(author: Author, count: number): Promise<Session> {
  const drafts = Array.from({ length: count }, (_, i) => made(`lnk_${i}`, i === 0 ? [] : [`lnk_${i - 1}`]));
  return { stream: await author.append(await author.create(), ...drafts), last: `lnk_${count - 1}` };
}

function made(objectId: string, used: readonly string[]) {
  const object: MadeObject = { objectId, type: objectId.slice(0, 3), data: { of: objectId } };
  const call = { taskId: `task_${objectId}`, app: "kitchen", version: "0".repeat(64), action: "make", timeoutMs: 1 };
  const performed = { ...call, input: {}, status: "completed", processingTimeUs: 1, objects: [object] } as const;
  return { ...draft("task.performed", performed), used, made: [objectId] };
}

if (import.meta.main) await show(measurePizzas);
