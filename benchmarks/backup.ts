/**
 * The 99th percentile of durable writes while a backup is taken, saved and checked, beside the same writes without one; in
 * a store of 200,000 sessions with two operations each. A round is of whole seconds, so that the moments after a backup
 * count as well, in which the write-ahead log has to be caught up with.
 */
import { randomBytes } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Sessions } from "../src/engine/sessions.ts";
import { blake3, randomIds, systemClock } from "../src/platform/ports.ts";
import { databaseFile } from "../src/store/sqlite/connection.ts";
import { backUp, openSqliteStore, saveBackup } from "../src/store/sqlite/index.ts";
import { atMost, type Claim, show } from "./claim.ts";
import { interleave, median, percentile, progress } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

const SESSIONS = 200_000;

const CALLERS = 64;

/** How long writes go on where no backup says when to end. */
const ROUND_MS = 5_000;

/** How long writes go on after a backup. */
const AFTER_MS = 1_000;

/** Time for the write-ahead log to be moved into the database. */
const SETTLE_MS = 500;

const ROUNDS = 5;

const AIM = 2;

const MIB = 1_048_576;

/** Measures the writes, how fast a backup is taken beside them, and how small it is. */
export async function measureBackup(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  const directory = join(scratch.path, "data");
  const file = join(scratch.path, "backup");
  const store = openSqliteStore({ directory });
  try {
    const sessions = new Sessions({ store, clock: systemClock, ids: randomIds, digest: blake3 });
    const ids = await fill(sessions);
    const speeds: number[] = [];
    const shares: number[] = [];
    const rounds = await interleave("ms at the 99th percentile, with a backup beside", {
      count: ROUNDS,
      ours: async () => {
        const taken = new AbortController();
        const writing = writeUntil(taken.signal, sessions, ids);
        const started = performance.now();
        await using backup = await backUp({ directory, release: "benchmark" });
        const [{ bytes }] = backup.manifest.files;
        speeds.push(bytes / MIB / ((performance.now() - started) / 1_000));
        await saveBackup(file, backup);
        await sleep(AFTER_MS);
        taken.abort();
        const p99 = await writing;
        shares.push(statSync(file).size / bytes);
        rmSync(file);
        await sleep(SETTLE_MS);
        return p99;
      },
      raw: async () => {
        const p99 = await writeUntil(AbortSignal.timeout(ROUND_MS), sessions, ids);
        await sleep(SETTLE_MS);
        return p99;
      },
    });
    const size = `${Math.round(statSync(databaseFile(directory)).size / MIB).toLocaleString("en")} MiB`;
    return [
      atMost(AIM, { title: `Durable write, 99th percentile, beside a backup of ${size}`, unit: "ms", rounds }),
      { title: "Backup under these writes", unit: "MiB/s of store", ours: median(speeds) },
      { title: "Size of the backup beside its store", unit: "", ours: median(shares) },
    ];
  } finally {
    await store.close();
  }
}

const caller = { tenant: "local", actor: "benchmark" };

/** Creates the sessions, with metadata half of which can't be compressed; returns those that are written to. */
async function fill(sessions: Sessions): Promise<readonly string[]> {
  progress(`Creating ${SESSIONS} sessions`);
  const ids: string[] = [];
  let created = 0;
  const create = async (): Promise<void> => {
    while (created++ < SESSIONS) {
      const metadata = {
        plan: "free",
        note: "Written by a benchmark. ".repeat(8),
        token: randomBytes(96).toString("hex"),
      };
      const { session } = (await sessions.create(caller, { metadata, tags: ["benchmark"] })).value;
      await sessions.record(caller, session.record.sessionId, USE);
      if (ids.length < CALLERS) ids.push(session.record.sessionId);
    }
  };
  await Promise.all(Array.from({ length: 512 }, create));
  return ids;
}

const USE = { requestCount: 1, errorCount: 0, processingTimeUs: 1_500 };

/** @returns the 99th percentile of the writes' times, in milliseconds */
async function writeUntil(signal: AbortSignal, sessions: Sessions, ids: readonly string[]): Promise<number> {
  const timesMs: number[] = [];
  const call = async (id: string): Promise<void> => {
    while (!signal.aborted) {
      const started = performance.now();
      await sessions.record(caller, id, USE);
      timesMs.push(performance.now() - started);
    }
  };
  await Promise.all(ids.map(call));
  return percentile(timesMs, 0.99);
}

if (import.meta.main) await show(measureBackup);
