/**
 * The newest 50 of a session's artifacts, by each thing that one can ask for: in a session of 100,000 artifacts, beside one
 * of 1,000 in the same store.
 *
 * A time is that of `artifacts.list`: the query in the reader's thread, the rows decoded there and handed over. Each is
 * asked again and again, and so comes from memory on both sides. What matches often is found among the newest; what
 * matches seldom has to be looked for among all, unless there is an index of it.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ArtifactQuery } from "../src/engine/store.ts";
import type { Engine } from "../src/platform/open-engine.ts";
import { type Claim, compare, show } from "./claim.ts";
import { CALLER, NO_ARTIFACT_LIMITS, openBenchmarkEngine } from "./engine.ts";
import { interleave, median, progress } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

const ARTIFACTS = 100_000;

const FEW = 1_000;

const LIMIT = 50;

/** Calls of a round; it counts with their median. */
const CALLS = 5;

/** How many are stored at once. */
const CALLERS = 256;

/** Contents are shared by so many artifacts: it is the list that is measured. */
const CONTENTS = 200;

/** Time for the write-ahead log to be moved into the database. */
const SETTLE_MS = 1_000;

/** A session with artifacts, and when the one in its middle was stored. */
interface Filled {
  readonly id: string;
  readonly count: number;
  readonly middleUs: number;
}

interface Question {
  readonly title: string;
  readonly query: (session: Filled) => Omit<ArtifactQuery, "limit" | "grantee">;
  /** How many of the page there are; default: all of it. */
  readonly found?: number;
}

const TYPES = ["tool_result", "agent_output", "user_input", "system_generated"];

const QUESTIONS: readonly Question[] = [
  { title: "of all", query: () => ({}) },
  { title: "of a type that one in four has", query: () => ({ type: "tool_result" }) },
  { title: "of a type that only the oldest has", query: () => ({ type: "first" }), found: 1 },
  { title: "with a tag that one in ten has", query: () => ({ tags: ["tag-3"] }) },
  { title: "with a tag that only the oldest has", query: () => ({ tags: ["first"] }), found: 1 },
  { title: "of a name with one version", query: ({ count }) => ({ name: `step-${count / 2}.json` }), found: 1 },
  { title: "of a name with a version in ten", query: () => ({ name: "report.md" }) },
  { title: "by a glob that nine in ten match", query: () => ({ namePattern: "step-*.json" }) },
  { title: "by a glob that only the oldest matches", query: () => ({ namePattern: "f*t.txt" }), found: 1 },
  { title: "of a size that half of them have", query: () => ({ sizeMin: 150 }) },
  { title: "of a size that only the oldest has", query: () => ({ sizeMin: 1_000 }), found: 1 },
  { title: "stored up to the middle", query: ({ middleUs }) => ({ createdBeforeUs: middleUs }) },
  { title: "as of its middle", query: ({ count }) => ({ at: count / 2 }) },
];

/** Measures each question. */
export async function measureArtifactQuery(): Promise<readonly Claim[]> {
  using scratch = scratchDirectory();
  const engine = openBenchmarkEngine({ directory: scratch.path, ...NO_ARTIFACT_LIMITS });
  try {
    const few = await fill(engine, FEW);
    const many = await fill(engine, ARTIFACTS);
    await sleep(SETTLE_MS);
    const claims: Claim[] = [];
    for (const question of QUESTIONS) {
      const title = `List the newest ${LIMIT} ${question.title}, ${words(ARTIFACTS)} artifacts beside ${words(FEW)}`;
      const rounds = await interleave(`ms: ${title}`, {
        ours: () => pageMs(engine, many, question),
        raw: () => pageMs(engine, few, question),
      });
      claims.push(compare({ title, unit: "ms", rounds }));
    }
    return claims;
  } finally {
    await engine.close();
  }
}

/** A session of so many artifacts, stored one as any other, but for the first. */
async function fill({ sessions, artifacts }: Engine, count: number): Promise<Filled> {
  progress(`Storing ${words(count)} artifacts`);
  const { ref } = (await sessions.create(CALLER, {})).value.session;
  const store = async (name: string, type: string, tags: readonly string[], bytes: Uint8Array): Promise<number> => {
    const { value } = await artifacts.store(CALLER, ref.id, { name, type, tags }, bytes);
    return value.artifact.createdAtUs;
  };
  await store("first.txt", "first", ["first"], Buffer.alloc(1_000, "first"));
  let middleUs = 0;
  const rest = Array.from({ length: count - 1 }, (_, i) => i + 1).values();
  const work = async (): Promise<void> => {
    for (const i of rest) {
      const name = i % 10 === 0 ? "report.md" : `step-${i}.json`;
      // The middle one must not be one of `report.md`.
      const own = i === count / 2 ? `step-${i}.json` : name;
      const type = TYPES[i % TYPES.length] ?? "";
      const at = await store(own, type, [`tag-${i % 10}`, "benchmark"], contentOf(i % CONTENTS));
      if (i === count / 2) middleUs = at;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, work));
  return { id: ref.id, count, middleUs };
}

/** 50 to 249 bytes. */
function contentOf(i: number): Buffer {
  return Buffer.alloc(50 + i, `content ${i} `);
}

async function pageMs({ artifacts }: Engine, session: Filled, { query, found = LIMIT }: Question): Promise<number> {
  const wanted = { ...query(session), limit: LIMIT };
  const timesMs: number[] = [];
  for (let call = 0; call < CALLS; call++) {
    const started = performance.now();
    const { items } = await artifacts.list(CALLER, session.id, wanted);
    timesMs.push(performance.now() - started);
    if (items.length !== found) throw new Error(`${JSON.stringify(wanted)} finds ${items.length} artifacts`);
  }
  return median(timesMs);
}

function words(count: number): string {
  return count.toLocaleString("en");
}

if (import.meta.main) await show(measureArtifactQuery);
