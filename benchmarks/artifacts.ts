/**
 * Artifacts that are put and got a second, beside npm's `cacache`, which never syncs, and beside the raw limit of a
 * durable put. Ours goes through the engine as a server opens it: each put is an operation in the log of a session, and
 * durable when it resolves.
 *
 * All sides are given the same bytes, in turns, in one process. New bytes are put, then the same ones under other names,
 * then they are read; from memory, since they were just written. What a side has left to the system is written to the disk
 * before the next one's turn, so that nobody waits for another's.
 */
import { spawnSync } from "node:child_process";
import { randomBytes, randomFillSync } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { type ArtifactSide, isCompressed, openOurs, openRaw, type Put } from "./artifact-sides.ts";
import { atLeast, type Claim, compare, show } from "./claim.ts";
import { installPeers, peerVersion } from "./peer-install.ts";
import { inTurns } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

const KIB = 1_024;

const MIB = 1_048_576;

/** A put may take 1.3 times as long as the raw limit; this is that as a ratio of rates. */
const OF_RAW = 0.77;

/** Small puts a second that callers at once are to reach. */
const SMALL_PUTS = 1_000;

const ROUNDS = 5;

/** Time for the write-ahead log to be moved into the database. */
const SETTLE_MS = 200;

/** What is put in a round. */
interface Shape {
  readonly words: string;
  readonly size: number;
  readonly content: "JSON lines" | "random bytes";
  readonly callers: number;
  /** How many in a round, by all callers together. */
  readonly count: number;
}

const LARGE = { words: "10 MiB", size: 10 * MIB } as const;
const MIDDLE = { words: "64 KiB", size: 64 * KIB } as const;
const SMALL = { words: "1 KiB", size: KIB, content: "JSON lines" } as const;

const SHAPES: readonly Shape[] = [
  { ...SMALL, callers: 1, count: 200 },
  { ...SMALL, callers: 64, count: 1_280 },
  { ...MIDDLE, content: "JSON lines", callers: 1, count: 100 },
  { ...MIDDLE, content: "JSON lines", callers: 64, count: 640 },
  { ...MIDDLE, content: "random bytes", callers: 1, count: 100 },
  { ...MIDDLE, content: "random bytes", callers: 64, count: 640 },
  { ...LARGE, content: "JSON lines", callers: 1, count: 6 },
  { ...LARGE, content: "JSON lines", callers: 8, count: 16 },
  { ...LARGE, content: "random bytes", callers: 1, count: 6 },
  { ...LARGE, content: "random bytes", callers: 8, count: 16 },
];

/** Measures every shape. */
export async function measureArtifacts(): Promise<readonly Claim[]> {
  installPeers();
  const claims: Claim[] = [];
  for (const shape of SHAPES) claims.push(...(await measure(shape)));
  return claims;
}

async function measure(shape: Shape): Promise<readonly Claim[]> {
  const { openCacache } = await import("./peers/cacache.ts");
  using ourScratch = scratchDirectory();
  using theirScratch = scratchDirectory();
  using rawScratch = scratchDirectory();
  const compresses = shape.content === "JSON lines" && isCompressed(shape.size);
  const ours = new Turns(await openOurs(ourScratch.path, shape.callers), shape);
  const theirs = new Turns(openCacache(theirScratch.path), shape);
  const raw = new Turns({ ...(await openRaw(rawScratch.path, compresses)), get: unread, close: unread }, shape);
  try {
    return await contest(shape, { ours, theirs, raw });
  } finally {
    await ours.close();
  }
}

async function contest(
  shape: Shape,
  { ours, theirs, raw }: { readonly ours: Turns; readonly theirs: Turns; readonly raw: Turns },
): Promise<readonly Claim[]> {
  const { words, content, callers, size } = shape;
  const template = content === "random bytes" ? randomBytes(size) : jsonLines(size);
  const what = `${words} of ${content}, ${callers === 1 ? "one at a time" : `${callers} at once`}`;
  const peer = `cacache ${peerVersion("cacache")}`;
  let batch: readonly Buffer[] = [];
  const sides = {
    ours: async () => {
      batch = newBytes(template, shape);
      return await ours.put(batch);
    },
    theirs: () => theirs.put(batch),
    raw: () => raw.put(batch),
  };
  const puts = await inTurns(`New puts/s, ${what}`, sides, ROUNDS);
  const repeats = { ours: () => ours.put(batch), theirs: () => theirs.put(batch) };
  const repeated = await inTurns(`Duplicate puts/s, ${what}`, repeats, ROUNDS);
  const reads = { ours: () => ours.get(), theirs: () => theirs.get() };
  const gets = await inTurns(`Gets/s, ${what}`, reads, ROUNDS);
  const unit = "puts/s";
  const limit = { title: `Put new ${what}, beside the raw limit`, unit, rounds: puts };
  const beside = { title: `Put new ${what}, beside ${peer}`, unit, rounds: { ours: puts.ours, raw: puts.theirs } };
  const asDuplicate = { ours: repeated.ours, raw: repeated.theirs };
  return [
    atLeast(OF_RAW, limit),
    size === KIB && callers > 1 ? atRate(SMALL_PUTS, compare(beside)) : compare(beside),
    atLeast(1, { title: `Put a duplicate of ${what}, beside ${peer}`, unit, rounds: asDuplicate }),
    atLeast(1, { title: `Get ${what}, beside ${peer}`, unit: "gets/s", rounds: { ours: gets.ours, raw: gets.theirs } }),
  ];
}

function atRate(aim: number, claim: Claim): Claim {
  return { ...claim, aim: `at least ${aim.toLocaleString("en")} ${claim.unit}`, isMet: claim.ours >= aim };
}

/** One side, in its turns. */
class Turns {
  readonly #side: ArtifactSide;
  readonly #shape: Shape;
  /** What was put last, by its place in the batch. */
  #keys: readonly string[] = [];
  #names = 0;

  constructor(side: ArtifactSide, shape: Shape) {
    this.#side = side;
    this.#shape = shape;
  }

  /** Puts all of a batch, under new names. @returns puts a second */
  async put(batch: readonly Buffer[]): Promise<number> {
    const puts = batch.map((bytes): Put => ({ name: `file-${this.#names++}`, bytes }));
    const keys: string[] = [];
    const rate = await this.#all(async (i, caller) => {
      const put = puts[i];
      if (put !== undefined) keys[i] = await this.#side.put(caller, put);
    });
    this.#keys = keys;
    return rate;
  }

  /** Reads what was put last. @returns gets a second */
  async get(): Promise<number> {
    const { size } = this.#shape;
    return await this.#all(async (i, caller) => {
      const length = await this.#side.get(caller, this.#keys[i] ?? "");
      if (length !== size) throw new Error(`What has ${size} bytes came back with ${length}`);
    });
  }

  async close(): Promise<void> {
    await this.#side.close();
  }

  /** Calls for each of a batch, by all callers at once. */
  async #all(call: (i: number, caller: number) => Promise<void>): Promise<number> {
    const { callers, count } = this.#shape;
    const started = performance.now();
    const work = async (caller: number): Promise<void> => {
      // A caller asks for what it put itself.
      for (let i = caller; i < count; i += callers) await call(i, caller);
    };
    await Promise.all(Array.from({ length: callers }, (_, caller) => work(caller)));
    const rate = (count / (performance.now() - started)) * 1_000;
    spawnSync("sync");
    await sleep(SETTLE_MS);
    return rate;
  }
}

/** Different bytes, each a copy of the template but for some at its beginning. */
function newBytes(template: Buffer, { count }: Shape): readonly Buffer[] {
  return Array.from({ length: count }, () => {
    const bytes = Buffer.from(template);
    bytes.write(randomBytes(ID_BYTES).toString("hex"), ID_AT);
    return bytes;
  });
}

const ID_AT = '{"run":"'.length;
const ID_BYTES = 16;

/** What an agent's tools may have said, as JSON lines of so many bytes. */
function jsonLines(size: number): Buffer {
  const lines = [`{"run":"${"0".repeat(2 * ID_BYTES)}"}`];
  const random = randomFillSync(new Uint32Array(size / 16)).values();
  const any = <T>(values: readonly T[]): T | undefined => values[(random.next().value ?? 0) % values.length];
  for (let length = lines[0]?.length ?? 0, step = 1; length < size; step++) {
    const text = Array.from({ length: 12 }, () => any(WORDS)).join(" ");
    const line = JSON.stringify({ step, tool: any(TOOLS), ms: (random.next().value ?? 0) % 5_000, text });
    lines.push(line);
    length += line.length + 1;
  }
  return Buffer.from(
    lines
      .join("\n")
      .slice(0, size - 1)
      .concat("\n"),
  );
}

const TOOLS = ["search", "read_file", "run_tests", "fetch", "query"];

const WORDS =
  "the order of last week was sent to nobody who had asked for it and so we keep a list of what is open with its date".split(
    " ",
  );

async function unread(): Promise<never> {
  throw new Error("The raw limit is not read");
}

if (import.meta.main) await show(measureArtifacts);
