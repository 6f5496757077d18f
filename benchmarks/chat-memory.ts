/**
 * How much memory conversations take: a process before and after 10,000 sessions had 5 turns each. What was used last is
 * kept, up to a bound for all sessions together, so that more sessions take no more.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { type Claim, compare, show } from "./claim.ts";
import { median, progress } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

/** What the process with the engine tells, in MiB. */
export interface ChatMemoryReply {
  readonly before: Used;
  readonly after: Used;
}

interface Used {
  /** All of the process, SQLite's caches of pages with it, which have a bound of their own. */
  readonly resident: number;
  /** What JavaScript keeps on the main thread. */
  readonly heap: number;
}

export const SESSIONS = 10_000;

export const TURNS = 5;

const RUNS = 3;

const KIB_PER_MIB = 1_024;

/** Measures a process of its own in each run. */
export async function measureChatMemory(): Promise<readonly Claim[]> {
  const title = `Memory of a process with ${SESSIONS} sessions of ${TURNS} turns, beside before`;
  const runs: ChatMemoryReply[] = [];
  progress(title);
  while (runs.length < RUNS) {
    runs.push(await run());
    progress(`  ${runs.length}/${RUNS}: ${JSON.stringify(runs.at(-1))}`);
  }
  const rounds = { ours: runs.map(({ after }) => after.resident), raw: runs.map(({ before }) => before.resident) };
  const each = (what: keyof Used): number =>
    median(runs.map(({ before, after }) => ((after[what] - before[what]) * KIB_PER_MIB) / SESSIONS));
  return [
    compare({ title, unit: "MiB", rounds }),
    { title: `Memory of a session of ${TURNS} turns, all told`, unit: "KiB", ours: each("resident") },
    { title: `Memory of a session of ${TURNS} turns, on the heap`, unit: "KiB", ours: each("heap") },
  ];
}

async function run(): Promise<ChatMemoryReply> {
  using scratch = scratchDirectory();
  const child = fork(new URL("./chat-memory-process.ts", import.meta.url), [scratch.path], {
    execArgv: ["--expose-gc"],
  });
  const ended = once(child, "exit");
  const failed = ended.then(([code]) => {
    throw new Error(`The process ended with ${code} before it said what it takes`);
  });
  failed.catch(() => undefined);
  // NOTE: it sends nothing else.
  const [reply] = (await Promise.race([once(child, "message"), failed])) as [ChatMemoryReply];
  await ended;
  return reply;
}

if (import.meta.main) await show(measureChatMemory);
