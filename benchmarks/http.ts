/**
 * Requests a second of the server as it comes (log at level info into a file, durability full), beside a Hono app on the
 * same adapter that does nothing but answer the same bodies. Each server and the load generator is a process of its own.
 */
import { atLeast, type Claim, show } from "./claim.ts";
import { type Load, LoadGenerator } from "./load.ts";
import { interleave } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { type Spawned, spawnRaw, spawnSojourn } from "./servers.ts";

const CONNECTIONS = 64;

const ROUND_MS = 2_000;

const METRICS = '{"requests":1,"errors":0,"processing_time_seconds":0.0015}';

/** Measures both claims. */
export async function measureHttp(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  await using ours = await spawnSojourn(scratch.path);
  using generator = new LoadGenerator();
  const ids = await createSessions(ours.url);
  const get = { method: "GET", paths: ids.map((id) => `/api/v1/sessions/${id}`) } as const;
  const post = { method: "POST", paths: ids.map((id) => `/api/v1/sessions/${id}/metrics`), body: METRICS } as const;
  await using raw = await spawnRaw({ get: await sample(ours.url, get), post: await sample(ours.url, post) });
  return [
    await measure(0.6, { title: `GET a session, ${CONNECTIONS} connections`, load: get, ours, raw, generator }),
    await measure(0.4, {
      title: `POST metrics, durable, ${CONNECTIONS} connections`,
      load: post,
      ours,
      raw,
      generator,
    }),
  ];
}

type Requests = Pick<Load, "method" | "paths" | "body">;

interface Contest {
  readonly title: string;
  readonly load: Requests;
  readonly ours: Spawned;
  readonly raw: Spawned;
  readonly generator: LoadGenerator;
}

async function measure(aim: number, { title, load, ours, raw, generator }: Contest): Promise<Claim> {
  const against =
    ({ url }: Spawned) =>
    async (): Promise<number> =>
      await generator.run({ ...load, url, connections: CONNECTIONS, forMs: ROUND_MS });
  const rounds = await interleave(`Requests/s, ${title}`, { ours: against(ours), raw: against(raw) });
  return atLeast(aim, { title, unit: "requests/s", rounds });
}

async function createSessions(url: string): Promise<readonly string[]> {
  return await Promise.all(
    Array.from({ length: CONNECTIONS }, async (_, i) => {
      const id = `benchmark_${i}`;
      const body = { session_id: id, name: "A session", tags: ["benchmark"], metadata: { plan: "free", seats: 3 } };
      const response = await fetch(`${url}/api/v1/sessions`, jsonRequest(JSON.stringify(body)));
      if (!response.ok) throw new Error(`Cannot create session "${id}": ${await response.text()}`);
      return id;
    }),
  );
}

/** A body that our server answers, for the raw one to answer as well. */
async function sample(url: string, { method, paths, body }: Requests): Promise<string> {
  const response = await fetch(url + paths[0], method === "GET" ? {} : jsonRequest(body ?? ""));
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${paths[0]} answers ${response.status}: ${text}`);
  return text;
}

function jsonRequest(body: string): RequestInit {
  return { method: "POST", headers: { "content-type": "application/json" }, body };
}

if (import.meta.main) await show(measureHttp);
