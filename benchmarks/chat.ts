/**
 * What a chat turn costs beside its model: one that answers at once, so that what is left is ours. Processor time is of
 * all threads; a turn is one call of `chat` that resolved, which is one commit that was synced.
 *
 * A long conversation has 10,000 turns behind it, a short one 10. Both have the default window; compaction is as by
 * default, or off, so that the window is full in every turn.
 */
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Message } from "../src/engine/message.ts";
import type { Engine } from "../src/platform/open-engine.ts";
import { databaseFile } from "../src/store/sqlite/connection.ts";
import { openChatEngine, SIGNAL } from "./chat-engine.ts";
import { atMost, type Claim, compare, show } from "./claim.ts";
import { CALLER } from "./engine.ts";
import { interleave, median, progress } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

const SHORT_TURNS = 10;

const LONG_TURNS = 10_000;

/** How many turns a round takes of the long conversation, or of short ones together. */
const ROUND_TURNS = 400;

const CALLERS = 64;

/** Time for the write-ahead log to be moved into the database, and for a compaction that nobody waits for. */
const SETTLE_MS = 500;

const RESTARTS = 7;

const AIM_CPU_MS = 1;

const AIM_LONG = 2;

/** What users say: 150 characters or so, one in four with something to remember. */
const SAID = [
  "What did we decide about the orders of last week? I can't find the list any more, and the supplier asks for it again, twice a day.",
  "My name is Maria and I work at the harbour office. Could you go through the open invoices with me, starting with the oldest of them?",
  "The second one is paid, since Tuesday as far as I can see. Please compare the amounts of the others with what we had agreed on in March.",
  "Then let us leave it at that for today. Write down what is still open, so that I can hand it on to a colleague before I leave at five.",
] as const;

const ANSWER =
  "There are three orders that are still open; the oldest is from the ninth, for which the supplier has not confirmed a date of delivery.";

/** Measures all that a turn costs. */
export async function measureChat(): Promise<readonly Claim[]> {
  return [...(await measureLength("on")), ...(await measureLength("off")), ...(await measureCrowd())];
}

/** What was used by a number of turns, for each of them. */
interface Cost {
  readonly cpuMs: number;
  readonly ms: number;
}

async function measureLength(autoCompact: "on" | "off"): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  let commits = 0;
  const options = { directory: scratch.path, answer: () => ANSWER, autoCompact, onCommit: () => commits++ };
  let engine = openChatEngine(options);
  try {
    const long = await conversation(engine, LONG_TURNS);
    const costs: { long: Cost[]; short: Cost[]; operation: Cost[] } = { long: [], short: [], operation: [] };
    const committed = { turns: 0, commits: 0 };
    const words = autoCompact === "on" ? "as by default" : "without compaction, window full";
    const rounds = await interleave(`ms a turn, conversations of ${LONG_TURNS} turns and of ${SHORT_TURNS}, ${words}`, {
      ours: async () => {
        const before = commits;
        const cost = await costOf(ROUND_TURNS, async (i) => await turn(engine, long, i));
        committed.commits += commits - before;
        committed.turns += ROUND_TURNS;
        costs.long.push(cost);
        return cost.ms;
      },
      raw: async () => {
        const count = ROUND_TURNS / SHORT_TURNS;
        const ids = await Promise.all(Array.from({ length: count }, () => conversation(engine, SHORT_TURNS)));
        await sleep(SETTLE_MS);
        const cost = await costOf(ROUND_TURNS, async (i) => await turn(engine, ids[i % count] ?? "", i));
        costs.short.push(cost);
        costs.operation.push(await costOf(ROUND_TURNS, async (i) => await operation(engine, ids[i % count] ?? "")));
        return cost.ms;
      },
    });
    const cpu = (which: keyof typeof costs): readonly number[] => costs[which].slice(1).map(({ cpuMs }) => cpuMs);
    const claims = [
      cpuClaim(`Processor time of a turn, conversation of ${SHORT_TURNS} turns, beside a plain operation, ${words}`, {
        ours: cpu("short"),
        raw: cpu("operation"),
      }),
      cpuClaim(`Processor time of a turn, conversation of ${LONG_TURNS} turns, beside a plain operation, ${words}`, {
        ours: cpu("long"),
        raw: cpu("operation"),
      }),
      atMost(AIM_LONG, {
        title: `Processor time of a turn, ${LONG_TURNS} turns beside ${SHORT_TURNS}, ${words}`,
        unit: "ms",
        rounds: { ours: cpu("long"), raw: cpu("short") },
      }),
      atMost(AIM_LONG, {
        title: `Time of a turn, ${LONG_TURNS} turns beside ${SHORT_TURNS}, ${words}`,
        unit: "ms",
        rounds,
      }),
      commitClaim(`Commits a turn, compactions included, ${words}`, committed),
    ];
    const other = await conversation(engine, SHORT_TURNS);
    const times: { cold: number[]; warm: number[] } = { cold: [], warm: [] };
    for (let restart = 0; restart < RESTARTS; restart++) {
      await engine.close();
      engine = openChatEngine(options);
      // The threads of the store start with what they are first asked.
      for (let i = 0; i < ROUND_TURNS / RESTARTS; i++) await turn(engine, other, i);
      await engine.sessions.messages(CALLER, other, { take: "newest", limit: 1 });
      const next = async (): Promise<number> => (await costOf(1, async (i) => await turn(engine, long, i))).ms;
      times.cold.push(await next());
      times.warm.push(await next());
    }
    const title = `Time of the first turn after a restart beside the second, conversation of ${LONG_TURNS} turns, ${words}`;
    claims.push(compare({ title, unit: "ms", rounds: { ours: times.cold, raw: times.warm } }));
    return claims;
  } finally {
    await engine.close();
  }
}

/** Turns of many conversations at once, which share commits to the disk. */
async function measureCrowd(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  let commits = 0;
  const engine = openChatEngine({ directory: scratch.path, answer: () => ANSWER, onCommit: () => commits++ });
  try {
    const ids = await Promise.all(Array.from({ length: CALLERS }, () => conversation(engine, SHORT_TURNS)));
    const [first = ""] = ids;
    const cpuMs: number[] = [];
    const synced: number[] = [];
    const committed = { turns: 0, commits: 0 };
    const times = await interleave(`Turns/s of ${CALLERS} conversations at once, and of one`, {
      ours: async () => {
        const before = [commits, transactionsOf(scratch.path)] as const;
        const turns = ROUND_TURNS * 8;
        const cost = await costOf(turns, async (i, caller) => await turn(engine, ids[caller] ?? "", i), CALLERS);
        cpuMs.push(cost.cpuMs);
        committed.turns += turns;
        committed.commits += commits - before[0];
        synced.push(turns / (transactionsOf(scratch.path) - before[1]));
        await sleep(SETTLE_MS);
        return 1_000 / cost.ms;
      },
      raw: async () => {
        const cost = await costOf(ROUND_TURNS, async (i) => await turn(engine, first, i));
        await sleep(SETTLE_MS);
        return 1_000 / cost.ms;
      },
    });
    const title = `${CALLERS} conversations at once`;
    return [
      compare({ title: `Turns, ${title}, beside one alone`, unit: "turns/s", rounds: times }),
      cpuClaim(`Processor time of a turn, ${title}`, { ours: cpuMs.slice(1) }),
      commitClaim(`Commits a turn, compactions included, ${title}`, committed),
      { title: `Turns that share a sync of the disk, ${title}`, unit: "turns", ours: median(synced.slice(1)) },
    ];
  } finally {
    await engine.close();
  }
}

function cpuClaim(
  title: string,
  { ours, raw }: { readonly ours: readonly number[]; readonly raw?: readonly number[] },
): Claim {
  const compared =
    raw === undefined
      ? { title, unit: "ms", ours: median(ours) }
      : compare({ title, unit: "ms", rounds: { ours, raw } });
  return { ...compared, aim: `under ${AIM_CPU_MS} ms`, isMet: compared.ours < AIM_CPU_MS };
}

/** A compaction is a commit beside the turns, one for many. */
function commitClaim(title: string, { turns, commits }: { readonly turns: number; readonly commits: number }): Claim {
  const ours = commits / turns;
  progress(`  ${commits} commits for ${turns} turns`);
  return {
    title,
    unit: "commits",
    ours,
    raw: 1,
    ratio: ours,
    aim: "ratio at most 1.05",
    isMet: ours >= 1 && ours <= 1.05,
  };
}

/** Calls so many times, `callers` at once, and says what a call costs. */
async function costOf(
  calls: number,
  call: (i: number, caller: number) => Promise<unknown>,
  callers = 1,
): Promise<Cost> {
  const remaining = Array.from({ length: calls }, (_, i) => i).values();
  const work = async (_: unknown, caller: number): Promise<void> => {
    for (const i of remaining) await call(i, caller);
  };
  const used = process.cpuUsage();
  const started = performance.now();
  await Promise.all(Array.from({ length: callers }, work));
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(used);
  return { cpuMs: (user + system) / 1_000 / calls, ms: ms / calls };
}

async function turn(engine: Engine, sessionId: string, i: number): Promise<void> {
  const { value } = await engine.memory.chat(CALLER, { sessionId, message: saidAt(i) }, { signal: SIGNAL });
  if (value.response !== ANSWER) throw new Error(`The answer is another: ${value.response}`);
}

async function operation(engine: Engine, sessionId: string): Promise<void> {
  await engine.sessions.record(CALLER, sessionId, { requestCount: 1, errorCount: 0, processingTimeUs: 1_500 });
}

/** A conversation with so many turns behind it; its id. */
async function conversation(engine: Engine, turns: number): Promise<string> {
  const { session } = (await engine.sessions.create(CALLER, { userId: crypto.randomUUID() })).value;
  const pair = (i: number): readonly Message[] => [
    { role: "user", content: saidAt(i) },
    { role: "assistant", content: ANSWER },
  ];
  for (let from = 0; from < turns; from += ADDED) {
    const length = Math.min(ADDED, turns - from);
    await engine.memory.add(CALLER, session.ref.id, Array.from({ length }, (_, i) => pair(from + i)).flat());
  }
  const { record } = await engine.sessions.get(CALLER, session.ref.id);
  if (record.conversation.turns !== turns) throw new Error(`The conversation has ${record.conversation.turns} turns`);
  return session.ref.id;
}

/** How many turns are added at a time. */
const ADDED = 500;

function saidAt(i: number): string {
  return SAID[i % SAID.length] ?? SAID[0];
}

/**
 * How many transactions SQLite has committed to a directory's database, modulo 2^32: the counter in the index of its
 * write-ahead log, in the machine's order of bytes. Each is synced once.
 *
 * Source: https://sqlite.org/walformat.html
 */
function transactionsOf(directory: string): number {
  return readFileSync(`${databaseFile(directory)}-shm`).readUInt32LE(8);
}

if (import.meta.main) await show(measureChat);
