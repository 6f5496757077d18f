/**
 * What it costs to go back in a session of 100,000 operations: state, messages and artifacts as of then, a fork, and what
 * reads or writes all of it. Of ten operations, one is a message, one stores an artifact, and the others add to metrics.
 *
 * Ours at the middle stands beside the same question about now; the past is read from the database, and now from memory.
 * What goes through the whole log stands beside a loop over `node:sqlite` that reads the same rows, or writes as many into
 * the same schema, and does nothing else.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../src/platform/open-engine.ts";
import { databaseFile } from "../src/store/sqlite/connection.ts";
import { hash, openRaw } from "./artifact-sides.ts";
import { type Claim, compare, show } from "./claim.ts";
import { CALLER, NO_ARTIFACT_LIMITS, openBenchmarkEngine } from "./engine.ts";
import { RawLog } from "./raw-log.ts";
import { interleave, type Measure, median, progress, type Rounds } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

const OPERATIONS = 100_000;

const MIDDLE = OPERATIONS / 2;

/** A time counts with the median of so many calls, each about another operation near the middle. */
const CALLS = 25;

/** How far from each other these are; no multiple of the distance of snapshots. */
const STRIDE = 37;

const CALLERS = 256;

const ARTIFACT_BYTES = 1_024;

/** Artifacts of the session whose bundle is nearly all of contents. */
const LARGE = 16;
const LARGE_BYTES = 8 * 1_048_576;

const LIMIT = 50;

const AIM_MS = 20;

/** Rounds of what goes through the whole log. */
const WHOLE_ROUNDS = 5;

/** Time for the write-ahead log to be moved into the database. */
const SETTLE_MS = 500;

const MIB = 1_048_576;

interface Past {
  readonly engine: Engine;
  /** The uid of the session. */
  readonly id: string;
  readonly directory: string;
}

/** Measures all of it on one session. */
export async function measurePastState(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  const engine = openBenchmarkEngine({ directory: scratch.path, ...NO_ARTIFACT_LIMITS });
  try {
    const id = await fill(engine);
    await sleep(SETTLE_MS);
    const past = { engine, id, directory: scratch.path };
    return [
      ...(await measureMoments(past)),
      await measureFork(past),
      await measureVerify(past),
      ...(await measureBundle(past)),
      ...(await measureLargeBundle(engine)),
    ];
  } finally {
    await engine.close();
  }
}

/** @returns the uid of a session with that many operations */
async function fill({ sessions, memory, artifacts }: Engine): Promise<string> {
  progress(`Writing ${OPERATIONS.toLocaleString("en")} operations`);
  const { ref } = (await sessions.create(CALLER, {})).value.session;
  const rest = Array.from({ length: OPERATIONS - 1 }, (_, i) => i).values();
  const work = async (): Promise<void> => {
    for (const i of rest) {
      if (i % 10 === 1) {
        const content = `This is message ${i}: what did we decide about the orders of last week?`;
        await memory.add(CALLER, ref.id, [{ role: "user", content }]);
      } else if (i % 10 === 2) {
        const bytes = Buffer.alloc(ARTIFACT_BYTES, `artifact ${i} `);
        await artifacts.store(CALLER, ref.id, { name: `step-${i}.txt`, type: "tool_result" }, bytes);
      } else await sessions.record(CALLER, ref.id, { requestCount: 1, errorCount: 0, processingTimeUs: 1_500 });
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, work));
  const { head } = await sessions.get(CALLER, ref.id);
  if (head.seq !== OPERATIONS) throw new Error(`The session has ${head.seq} operations`);
  return ref.id;
}

async function measureMoments({ engine, id }: Past): Promise<readonly Claim[]> {
  const { sessions, history, artifacts } = engine;
  const aim = { aim: `under ${AIM_MS} ms` };
  const messages = { take: "newest", limit: LIMIT } as const;
  const state = await moments("State", {
    past: (seq) => history.at(CALLER, id, seq),
    now: () => history.at(CALLER, id, OPERATIONS),
  });
  const said = await moments(`The newest ${LIMIT} messages`, {
    past: async (seq) => assertPage(await history.messages(CALLER, id, seq, messages)),
    now: async () => assertPage(await sessions.messages(CALLER, id, messages)),
  });
  const stored = await moments(`The newest ${LIMIT} artifacts`, {
    past: async (seq) => assertPage(await artifacts.list(CALLER, id, { at: seq, limit: LIMIT })),
    now: async () => assertPage(await artifacts.list(CALLER, id, { limit: LIMIT })),
  });
  return [{ ...state, ...aim, isMet: state.ours < AIM_MS }, said, stored];
}

function assertPage({ items }: { readonly items: readonly unknown[] }): void {
  if (items.length !== LIMIT) throw new Error(`A page has ${items.length} items`);
}

async function moments(
  what: string,
  { past, now }: { readonly past: (seq: number) => Promise<unknown>; readonly now: () => Promise<unknown> },
): Promise<Claim> {
  const title = `${what} at the middle of ${OPERATIONS.toLocaleString("en")} operations, beside now`;
  const rounds = await interleave(`ms: ${title}`, {
    ours: () => callMs((i) => past(MIDDLE + i * STRIDE)),
    raw: () => callMs(now),
  });
  return compare({ title, unit: "ms", rounds });
}

async function callMs(call: (i: number) => Promise<unknown>): Promise<number> {
  const timesMs: number[] = [];
  for (let i = 0; i < CALLS; i++) {
    const started = performance.now();
    await call(i);
    timesMs.push(performance.now() - started);
  }
  return median(timesMs);
}

/** A fork of the middle has that many operations of its origin; one of the beginning has one. */
async function measureFork({ engine, id }: Past): Promise<Claim> {
  const { history, sessions } = engine;
  const forkMs = async (at: number): Promise<number> => {
    const started = performance.now();
    const { value } = await history.fork(CALLER, id, { at });
    const tookMs = performance.now() - started;
    await sessions.delete(CALLER, value.ref.id);
    await sleep(SETTLE_MS);
    return tookMs;
  };
  const title = `Fork at the middle of ${OPERATIONS.toLocaleString("en")} operations, beside at the first`;
  const rounds = await whole(`ms: ${title}`, { ours: () => forkMs(MIDDLE), raw: () => forkMs(1) });
  return compare({ title, unit: "ms", rounds });
}

async function measureVerify({ engine, id, directory }: Past): Promise<Claim> {
  const rounds = await whole("Operations/s verified, beside their rows read", {
    ours: async () => {
      const tookS = await seconds(async () => {
        const { ok, operations } = await engine.sessions.verify(CALLER, id);
        if (!ok || operations !== OPERATIONS) throw new Error("The session is not as it was written");
      });
      return OPERATIONS / tookS;
    },
    raw: () => readRows(directory, id),
  });
  return compare({ title: "Verify, beside its rows read by node:sqlite", unit: "operations/s", rounds });
}

/** Exports the session, and imports it into another store. */
async function measureBundle({ engine, id, directory }: Past): Promise<readonly Claim[]> {
  using rawScratch = scratchDirectory();
  using rawLog = new RawLog(rawScratch.path, { sessionCount: 1, groupSize: 1_000 });
  using there = scratchDirectory();
  const other = openBenchmarkEngine({ directory: there.path, ...NO_ARTIFACT_LIMITS });
  try {
    let bundle: Buffer = Buffer.alloc(0);
    const exported = await whole("Operations/s exported, beside their rows read", {
      ours: async () => {
        const tookS = await seconds(async () => {
          bundle = await bytesOf(await engine.bundles.export(CALLER, id));
        });
        return OPERATIONS / tookS;
      },
      raw: () => readRows(directory, id),
    });
    const imported = await whole("Operations/s imported, beside a loop that writes as many rows", {
      ours: async () => OPERATIONS / (await importS(other, bundle)),
      raw: () => rawLog.writeForAWhile(1_000),
    });
    const unit = "operations/s";
    return [
      compare({ title: "Export, beside its rows read by node:sqlite", unit, rounds: exported }),
      compare({ title: "Import, beside a loop that writes such rows", unit, rounds: imported }),
      { title: "Size of the bundle", unit: "MiB", ours: bundle.length / MIB },
    ];
  } finally {
    await other.close();
  }
}

/** Exports a session whose artifacts are what takes the time, and imports it into another store. */
async function measureLargeBundle(engine: Engine): Promise<readonly Claim[]> {
  using rawScratch = scratchDirectory();
  const raw = await openRaw(rawScratch.path, false);
  using there = scratchDirectory();
  const other = openBenchmarkEngine({ directory: there.path, ...NO_ARTIFACT_LIMITS });
  try {
    const { ref } = (await engine.sessions.create(CALLER, {})).value.session;
    const puts = Array.from({ length: LARGE }, (_, i) => ({ name: `large-${i}`, bytes: randomBytes(LARGE_BYTES) }));
    for (const { name, bytes } of puts) {
      await engine.artifacts.store(CALLER, ref.id, { name, type: "tool_result" }, bytes);
    }
    const rate = (tookS: number): number => (LARGE * LARGE_BYTES) / 1e6 / tookS;
    let files: string[] = [];
    let bundle: Buffer = Buffer.alloc(0);
    const putAll = async (): Promise<void> => {
      files = [];
      for (const put of puts) files.push(await raw.put(0, put));
    };
    await putAll();
    const exported = await whole("MB/s exported, beside files read and hashed", {
      ours: async () =>
        rate(
          await seconds(async () => {
            bundle = await bytesOf(await engine.bundles.export(CALLER, ref.id));
          }),
        ),
      raw: async () =>
        rate(
          await seconds(async () => {
            for (const file of files) hash(await readFile(file));
          }),
        ),
    });
    const imported = await whole("MB/s imported, beside files hashed, written and synced", {
      ours: async () => rate(await importS(other, bundle)),
      raw: async () => rate(await seconds(putAll)),
    });
    const what = `${LARGE} artifacts of ${LARGE_BYTES / MIB} MiB of random bytes`;
    const unit = "MB/s";
    return [
      compare({ title: `Export ${what}, beside such files read and hashed`, unit, rounds: exported }),
      compare({ title: `Import ${what}, beside such files hashed, written and synced`, unit, rounds: imported }),
    ];
  } finally {
    await other.close();
  }
}

/** How many seconds an import takes; the session is removed again. */
async function importS({ bundles, sessions }: Engine, bundle: Buffer): Promise<number> {
  let uid = "";
  const tookS = await seconds(async () => {
    uid = (await bundles.import(CALLER, piecesOf(bundle))).value.ref.id;
  });
  await sessions.delete(CALLER, uid);
  await sleep(SETTLE_MS);
  return tookS;
}

async function* piecesOf(bundle: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bundle.length; at += 65_536) yield bundle.subarray(at, at + 65_536);
}

async function bytesOf(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source));
}

async function seconds(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1_000;
}

/** Reads every entry of the log with its payload, as the least that goes through it; returns operations a second. */
function readRows(directory: string, id: string): number {
  using db = new DatabaseSync(databaseFile(directory), { readOnly: true });
  const rows = db.prepare(`SELECT o.*, p.salt, p.body FROM streams t JOIN operations o ON o.stream = t.n
    JOIN payloads p ON p.n = o.payload WHERE t.kind = 'session' AND t.id = ? ORDER BY o.seq`);
  const started = performance.now();
  let count = 0;
  for (const _ of rows.iterate(id)) count += 1;
  if (count !== OPERATIONS) throw new Error(`The log has ${count} rows`);
  return (OPERATIONS / (performance.now() - started)) * 1_000;
}

async function whole(title: string, sides: { readonly ours: Measure; readonly raw: Measure }): Promise<Rounds> {
  return await interleave(title, { ...sides, count: WHOLE_ROUNDS });
}

if (import.meta.main) await show(measurePastState);
