/**
 * Ten thousand event streams on one server, each of a session of its own; then one operation for each session, by 64
 * callers. A time is from the moment a caller sends its request until the stream has the event, and so holds the commit.
 * The server and the client, which both writes and listens, are processes of their own.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type Claim, show } from "./claim.ts";
import { median, percentile, progress, rounded } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { residentMiB, type Spawned, spawnSojourn } from "./servers.ts";

/** What the client's process is told; it holds its streams from one `open` to the next `close`. */
export type StreamOrder =
  | { readonly order: "open"; readonly url: string; readonly sessionIds: readonly string[]; readonly after: number }
  | { readonly order: "write" }
  | { readonly order: "close" };

/** What it answers: to `write`, each stream's time from request to event; errors are of streams and of writes. */
export type StreamReply = { readonly timesMs: readonly number[] } | { readonly error: string };

const STREAMS = 10_000;

/** Beside the streams: connections of writers, files, pipes. */
const OTHER_FILES = 200;

const CALLERS = 64;

/** Each opens all streams, writes once to each, and closes them; the first warms up. */
const ROUNDS = 3;

/** Measures times and memory; every stream has to get its operation, once, and no other. */
export async function measureEventStreams(): Promise<readonly Claim[]> {
  assertFiles();
  using scratch = scratchDirectory();
  await using server = await spawnSojourn(scratch.path);
  using client = new StreamClient();
  progress(`Creating ${STREAMS} sessions`);
  const sessionIds = await createSessions(server.url);
  const memory = { before: [residentMiB(server.pid)], open: [] as number[], closed: [] as number[] };
  const times: (readonly number[])[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    await client.ask({ order: "open", url: server.url, sessionIds, after: round + 1 });
    await untilStreams(server, STREAMS);
    memory.open.push(residentMiB(server.pid));
    const timesMs = await client.ask({ order: "write" });
    await client.ask({ order: "close" });
    await untilStreams(server, 0);
    memory.closed.push(residentMiB(server.pid));
    if (round > 0) times.push(timesMs);
    progress(
      `  ${round === 0 ? "warm-up" : `${round}/${ROUNDS}`}: ${timesMs.length} events, median ${rounded(median(timesMs))} ms, ` +
        `${rounded(memory.open.at(-1))} MiB with streams, ${rounded(memory.closed.at(-1))} MiB after`,
    );
  }
  const count = STREAMS.toLocaleString("en");
  const got = Math.min(...times.map((timesMs) => timesMs.length));
  return [
    {
      title: `Event streams of ${count} that got their event`,
      unit: "streams",
      ours: got,
      aim: "all",
      isMet: got === STREAMS,
    },
    { title: `Write to event, ${count} streams, median`, unit: "ms", ours: median(times.map(median)) },
    {
      title: `Write to event, ${count} streams, p99`,
      unit: "ms",
      ours: median(times.map((timesMs) => percentile(timesMs, 0.99))),
    },
    { title: `Memory before ${count} streams`, unit: "MiB", ours: median(memory.before) },
    { title: `Memory with ${count} streams`, unit: "MiB", ours: median(memory.open) },
    {
      title: `Memory after ${ROUNDS + 1} times ${count} streams`,
      unit: "MiB",
      ours: memory.closed.at(-1) ?? Number.NaN,
    },
  ];
}

/** The server and the client each need a file for every stream. Node takes all it may have; the shell may allow more. */
function assertFiles(): void {
  // NOTE: Node's report has it so; not on Windows, which has no such limit, and "unlimited" is no number.
  const { userLimits } = process.report.getReport() as { readonly userLimits?: { readonly open_files: Limit } };
  const files = Number(userLimits?.open_files.soft);
  if (files >= STREAMS + OTHER_FILES || Number.isNaN(files)) return;
  throw new Error(`${STREAMS} streams need more than the ${files} open files that are allowed; see ulimit -n`);
}

interface Limit {
  readonly soft: number | string;
}

async function createSessions(url: string): Promise<readonly string[]> {
  const ids = Array.from({ length: STREAMS }, (_, i) => `stream_${i}`);
  const remaining = ids.values();
  const call = async (): Promise<void> => {
    for (const session_id of remaining) {
      const response = await fetch(`${url}/api/v1/sessions`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ session_id }),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`Cannot create session "${session_id}": ${text}`);
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
  return ids;
}

/** How long to wait before asking again. */
const AGAIN_MS = 50;

const GIVE_UP_MS = 60_000;

/** Resolves when the server counts so many streams. */
async function untilStreams({ url }: Spawned, count: number): Promise<void> {
  const started = performance.now();
  for (;;) {
    const text = await (await fetch(`${url}/metrics`)).text();
    const open = Number(/^sojourn_http_event_streams (\d+)$/m.exec(text)?.[1]);
    if (open === count) return;
    if (performance.now() - started > GIVE_UP_MS) throw new Error(`The server has ${open} streams, not ${count}`);
    await sleep(AGAIN_MS);
  }
}

/** The client's process. */
class StreamClient implements Disposable {
  readonly #process: ChildProcess = fork(new URL("./event-stream-process.ts", import.meta.url));

  /** Rejects if a stream or a write failed. */
  async ask(order: StreamOrder): Promise<readonly number[]> {
    const replied = once(this.#process, "message");
    this.#process.send(order);
    // NOTE: the process answers each order with one reply.
    const [reply] = (await replied) as [StreamReply];
    if ("error" in reply) throw new Error(`The client of the streams failed: ${reply.error}`);
    return reply.timesMs;
  }

  [Symbol.dispose](): void {
    this.#process.disconnect();
  }
}

if (import.meta.main) await show(measureEventStreams);
