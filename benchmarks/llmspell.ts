/**
 * A session created and an artifact stored, beside what rs-llmspell publishes of itself: 24.5 µs and under 1 ms. Those are
 * single samples of a store in memory, on a machine that is not named; nothing of it was durable, and it is not run here.
 *
 * Ours are the median of calls, one after the other, through the engine as a server opens it: with a log, with hashes, in
 * a database. Once with nothing durable, in a directory that is memory where the machine has one; and once as by default,
 * where each call waits until the disk has it. Then by 64 callers at once, who share the syncs: time by call.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Engine } from "../src/platform/open-engine.ts";
import { type Claim, show } from "./claim.ts";
import { CALLER, NO_ARTIFACT_LIMITS, openBenchmarkEngine } from "./engine.ts";
import { interleave, median } from "./rounds.ts";
import { type Scratch, scratchDirectory } from "./scratch.ts";

/** What is published, in µs; of the second only that it is less. Source: its changelog of release 0.6.0. */
const PUBLISHED = { create: 24.5, store: 1_000 } as const;

const CALLS = 500;

const CALLERS = 64;

/** Calls of a round by all callers together. */
const CALLS_AT_ONCE = 6_400;

const ARTIFACT_BYTES = 1_024;

/** Time for the write-ahead logs to be moved into the databases. */
const SETTLE_MS = 200;

const MEMORY = "/dev/shm";

type Durability = "none" | "full";

/** What is measured, with what it costs when the engine is asked for it once. */
interface Act {
  readonly title: string;
  readonly published: number;
  readonly call: (engine: Engine, id: string) => Promise<unknown>;
}

let stored = 0;

const ACTS: readonly Act[] = [
  {
    title: "Create a session",
    published: PUBLISHED.create,
    call: ({ sessions }) => sessions.create(CALLER, {}),
  },
  {
    title: "Store an artifact of 1 KiB",
    published: PUBLISHED.store,
    call: ({ artifacts }, id) => {
      const bytes = Buffer.alloc(ARTIFACT_BYTES, `artifact ${++stored} `);
      return artifacts.store(CALLER, id, { name: `artifact-${stored}.txt`, type: "tool_result" }, bytes);
    },
  },
];

/** Measures both acts, one at a time and by callers at once, with nothing durable and as by default. */
export async function measureLlmspell(): Promise<readonly Claim[]> {
  using memory = memoryDirectory();
  using disk = scratchDirectory();
  await using inMemory = opened(memory.path, "none");
  await using durable = opened(disk.path, "full");
  const where = existsSync(MEMORY) ? "in memory" : "nothing durable";
  const claims: Claim[] = [];
  for (const act of ACTS) {
    const one = await interleave(`µs: ${act.title}, ${where}, beside durable`, {
      ours: () => timeUs(inMemory, act),
      raw: () => timeUs(durable, act),
    });
    const many = await interleave(`µs: ${act.title}, ${where}, beside durable, ${CALLERS} at once`, {
      ours: () => shareUs(inMemory, act),
      raw: () => shareUs(durable, act),
    });
    claims.push(
      beside(act, where, one.ours),
      beside(act, `${where}, ${CALLERS} at once`, many.ours),
      beside(act, "durable", one.raw),
      beside(act, `durable, ${CALLERS} at once`, many.raw),
    );
  }
  return claims;
}

function beside({ title, published }: Act, how: string, values: readonly number[]): Claim {
  const ours = median(values);
  const raw = published;
  return { title: `${title}, ${how}, beside rs-llmspell as published`, unit: "µs", ours, raw, ratio: ours / raw };
}

/** Calls one after the other; the median of their times. */
async function timeUs(engine: Engine, { call }: Act): Promise<number> {
  const id = await created(engine);
  const timesUs: number[] = [];
  for (let i = 0; i < CALLS; i++) {
    const started = performance.now();
    await call(engine, id);
    timesUs.push((performance.now() - started) * 1_000);
  }
  await sleep(SETTLE_MS);
  return median(timesUs);
}

/** Calls by callers with a session each; the time of the round by call. */
async function shareUs(engine: Engine, { call }: Act): Promise<number> {
  const ids = await Promise.all(Array.from({ length: CALLERS }, () => created(engine)));
  const started = performance.now();
  const work = async (id: string): Promise<void> => {
    for (let i = 0; i < CALLS_AT_ONCE / CALLERS; i++) await call(engine, id);
  };
  await Promise.all(ids.map(work));
  const shareUs = ((performance.now() - started) * 1_000) / CALLS_AT_ONCE;
  await sleep(SETTLE_MS);
  return shareUs;
}

async function created({ sessions }: Engine): Promise<string> {
  return (await sessions.create(CALLER, {})).value.session.ref.id;
}

function opened(directory: string, durability: Durability): Engine & AsyncDisposable {
  const engine = openBenchmarkEngine({ directory, durability, ...NO_ARTIFACT_LIMITS });
  return { ...engine, [Symbol.asyncDispose]: () => engine.close() };
}

/** A directory in memory, or on a disk where the machine has none. */
function memoryDirectory(): Scratch {
  if (!existsSync(MEMORY)) return scratchDirectory();
  const path = mkdtempSync(join(MEMORY, "sojourn-benchmark-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

if (import.meta.main) await show(measureLlmspell);
