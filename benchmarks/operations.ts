/**
 * Durable operations a second through the engine, beside a loop over `node:sqlite` that writes the same rows into the
 * same schema in groups of the same size: one thread, nothing to hash, nothing to encode, nothing to look up.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Sessions } from "../src/engine/sessions.ts";
import { blake3, randomIds, systemClock } from "../src/platform/ports.ts";
import { openSqliteStore } from "../src/store/sqlite/index.ts";
import { atLeast, type Claim, show } from "./claim.ts";
import { RawLog } from "./raw-log.ts";
import { interleave } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

const CALLERS = 64;

const ROUND_MS = 2_000;

/** Time for the write-ahead logs to be moved into the databases, which neither side does at the other's cost. */
const SETTLE_MS = 500;

const AIM = 0.6;

/** Measures both claims. */
export async function measureOperations(): Promise<readonly Claim[]> {
  return [
    await measure(`${CALLERS} callers on ${CALLERS} sessions`, CALLERS),
    await measure(`${CALLERS} callers on one session`, 1),
  ];
}

async function measure(title: string, sessionCount: number): Promise<Claim> {
  using ourScratch = scratchDirectory();
  using rawScratch = scratchDirectory();
  const store = openSqliteStore({ directory: ourScratch.path });
  using rawLog = new RawLog(rawScratch.path, { sessionCount, groupSize: CALLERS });
  try {
    const sessions = new Sessions({ store, clock: systemClock, ids: randomIds, digest: blake3 });
    const ids = await createSessions(sessions, sessionCount);
    const rounds = await interleave(`Durable operations/s, ${title}`, {
      ours: async () => {
        const rate = await recordForAWhile(sessions, ids);
        await sleep(SETTLE_MS);
        return rate;
      },
      raw: () => {
        const rate = rawLog.writeForAWhile(ROUND_MS);
        rawLog.checkpoint();
        return rate;
      },
    });
    return atLeast(AIM, { title: `Durable operations, ${title}`, unit: "operations/s", rounds });
  } finally {
    await store.close();
  }
}

const caller = { tenant: "local", actor: "benchmark" };

async function createSessions(sessions: Sessions, count: number): Promise<readonly string[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => (await sessions.create(caller, {})).value.session.record.sessionId),
  );
}

async function recordForAWhile(sessions: Sessions, ids: readonly string[]): Promise<number> {
  const started = performance.now();
  let operations = 0;
  const call = async (id: string): Promise<void> => {
    while (performance.now() - started < ROUND_MS) {
      await sessions.record(caller, id, { requestCount: 1, errorCount: 0, processingTimeUs: 1_500 });
      operations += 1;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, (_, i) => call(ids[i % ids.length] ?? "")));
  return (operations / (performance.now() - started)) * 1_000;
}

if (import.meta.main) await show(measureOperations);
