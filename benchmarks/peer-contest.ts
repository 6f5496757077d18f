import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { atLeast, type Claim, compare } from "./claim.ts";
import type { PeerDurability, PeerOptions, Pragmas } from "./peer.ts";
import { peerVersion } from "./peer-install.ts";
import { interleave, progress } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

/** What a peer's process is told. */
export type PeerOrder = { readonly order: "append"; readonly forMs: number } | { readonly order: "verify" };

/** What it answers; no pragmas where nothing is kept on a disk. */
export type PeerReply =
  | { readonly turnsPerSecond: number }
  | { readonly pragmas: Pragmas | null }
  | { readonly error: string };

/** Two modules of `peers/` that are to do the same. */
export interface PeerContest {
  /** What is counted, such as `Turns of 300 bytes`. */
  readonly title: string;
  readonly ours: string;
  readonly theirs: string;
  /** Theirs; its version is the one of `peers/package.json`. */
  readonly package: string;
  readonly durability: PeerDurability;
  /** By how many times ours is to be quicker; left out, the numbers only inform. */
  readonly aim?: number;
}

const CALLERS = 64;

const ROUND_MS = 2_000;

/** Time for a write-ahead log to be moved into its database before the other's turn. */
const SETTLE_MS = 500;

/** Rounds of what only informs. */
const FEW = 3;

/** Has both append in turns, by 64 callers with a session each, and makes sure that every turn is there. */
export async function measurePeer({ aim, durability, ...contest }: PeerContest): Promise<Claim> {
  using ourScratch = scratchDirectory();
  using theirScratch = scratchDirectory();
  using ours = new PeerProcess(contest.ours, { directory: ourScratch.path, callers: CALLERS, durability });
  using theirs = new PeerProcess(contest.theirs, { directory: theirScratch.path, callers: CALLERS, durability });
  const name = `${contest.package} ${peerVersion(contest.package)}`;
  const rounds = await interleave(`${contest.title}, turns/s beside ${name}, durability ${durability}`, {
    ours: () => ours.append(),
    raw: () => theirs.append(),
    ...(aim === undefined && { count: FEW }),
  });
  const [our, their] = [wordsOf(await ours.verify()), wordsOf(await theirs.verify())];
  progress(`  every turn is there; ours ${our}, ${name} ${their}`);
  if (durability === "full" && [our, their].some((words) => words !== "wal, FULL")) {
    throw new Error(`They do not write alike: ours ${our}, ${name} ${their}`);
  }
  const words = durability === "default" ? `${their}, its default` : their;
  const measured = {
    title: `${contest.title}, ${CALLERS} callers, beside ${name} (${words})`,
    unit: "turns/s",
    rounds,
  };
  return aim === undefined ? compare(measured) : atLeast(aim, measured);
}

function wordsOf(pragmas: Pragmas | null): string {
  if (pragmas === null) return "in memory alone";
  const { journalMode, synchronous } = pragmas;
  return `${journalMode}, ${SYNCHRONOUS[synchronous] ?? synchronous}`;
}

/** Source: https://sqlite.org/pragma.html#pragma_synchronous */
const SYNCHRONOUS = ["OFF", "NORMAL", "FULL", "EXTRA"];

/** A peer in a process of its own. Disposing lets it close what it has open, and end. */
class PeerProcess implements Disposable {
  readonly #process: ChildProcess;

  constructor(module: string, options: PeerOptions) {
    this.#process = fork(new URL("./peer-process.ts", import.meta.url), [module, JSON.stringify(options)]);
  }

  /** @returns turns a second, over one round */
  async append(): Promise<number> {
    const reply = await this.#ask({ order: "append", forMs: ROUND_MS });
    if (!("turnsPerSecond" in reply)) throw new Error("A peer does not say how much it appended");
    await sleep(SETTLE_MS);
    return reply.turnsPerSecond;
  }

  /** Rejects if a turn that was appended is not there; resolves to how the peer writes. */
  async verify(): Promise<Pragmas | null> {
    const reply = await this.#ask({ order: "verify" });
    if (!("pragmas" in reply)) throw new Error("A peer does not say how it writes");
    return reply.pragmas;
  }

  async #ask(order: PeerOrder): Promise<PeerReply> {
    const ended = new AbortController();
    const exit = once(this.#process, "exit", { signal: ended.signal }).then(([code]) => {
      throw new Error(`A peer's process ended with ${code}`);
    });
    exit.catch(() => undefined);
    try {
      const replied = once(this.#process, "message", { signal: ended.signal });
      this.#process.send(order);
      // NOTE: the process answers each order with one reply.
      const [reply] = (await Promise.race([replied, exit])) as [PeerReply];
      if ("error" in reply) throw new Error(`A peer failed: ${reply.error}`);
      return reply;
    } finally {
      ended.abort();
    }
  }

  [Symbol.dispose](): void {
    if (this.#process.connected) this.#process.disconnect();
  }
}
