/**
 * Turns a second that 64 callers append, each to a session of its own, beside the libraries that keep sessions in SQLite
 * as well: each in a process of its own, on the same Node, through its public API, every append one call.
 *
 * All are asked for the same: 300 bytes of JSON, in a write-ahead log that is synced before the call returns. What each
 * does when it is not asked is measured as well, and only informs: ours is durable by default. The slower the disk
 * syncs, the larger the ratio, since ours syncs once for all callers that wait.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { atLeast, type Claim, compare, show } from "./claim.ts";
import type { PeerDurability, PeerOptions, Pragmas } from "./peer.ts";
import { installPeers, peerVersion } from "./peer-install.ts";
import { interleave, progress } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";

/** What a peer's process is told. */
export type PeerOrder = { readonly order: "append"; readonly forMs: number } | { readonly order: "verify" };

/** What it answers. */
export type PeerReply = { readonly turnsPerSecond: number } | Pragmas | { readonly error: string };

const CALLERS = 64;

const ROUND_MS = 2_000;

/** Time for a write-ahead log to be moved into its database before the other's turn. */
const SETTLE_MS = 500;

/** Rounds of what only informs. */
const FEW = 3;

const AIM = 5;

const PEERS = [
  { module: "langgraph", package: "@langchain/langgraph-checkpoint-sqlite" },
  { module: "adk", package: "@google/adk" },
  { module: "express-session", package: "connect-sqlite3" },
] as const;

/** Measures ours beside each peer, at the same durability and at the peer's default. */
export async function measurePeers(): Promise<readonly Claim[]> {
  installPeers();
  const claims: Claim[] = [];
  for (const peer of PEERS) claims.push(await measure(peer, "full"), await measure(peer, "default"));
  return claims;
}

async function measure(peer: (typeof PEERS)[number], durability: PeerDurability): Promise<Claim> {
  using ourScratch = scratchDirectory();
  using theirScratch = scratchDirectory();
  using ours = new PeerProcess("sojourn", { directory: ourScratch.path, callers: CALLERS, durability });
  using theirs = new PeerProcess(peer.module, { directory: theirScratch.path, callers: CALLERS, durability });
  const name = `${peer.package} ${peerVersion(peer.package)}`;
  const rounds = await interleave(`Turns/s beside ${name}, durability ${durability}`, {
    ours: () => ours.append(),
    raw: () => theirs.append(),
    ...(durability === "default" && { count: FEW }),
  });
  const [our, their] = [wordsOf(await ours.verify()), wordsOf(await theirs.verify())];
  progress(`  every turn is there; ours ${our}, ${name} ${their}`);
  const title = `Turns of 300 bytes, ${CALLERS} callers, beside ${name} (${their}${durability === "default" ? ", its default" : ""})`;
  const contest = { title, unit: "turns/s", rounds };
  return durability === "full" ? atLeast(AIM, contest) : compare(contest);
}

function wordsOf({ journalMode, synchronous }: Pragmas): string {
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
  async verify(): Promise<Pragmas> {
    const reply = await this.#ask({ order: "verify" });
    if (!("journalMode" in reply)) throw new Error("A peer does not say how it writes");
    return reply;
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

if (import.meta.main) await show(measurePeers);
