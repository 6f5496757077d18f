/**
 * Turns a second that 64 callers append, each to a session of its own, beside the libraries that keep sessions in SQLite
 * as well: each in a process of its own, on the same Node, through its public API, every append one call.
 *
 * All are asked for the same: 300 bytes of JSON, in a write-ahead log that is synced before the call returns. What each
 * does when it is not asked is measured as well, and only informs: ours is durable by default. The slower the disk
 * syncs, the larger the ratio, since ours syncs once for all callers that wait.
 */
import { type Claim, show } from "./claim.ts";
import { measurePeer } from "./peer-contest.ts";
import { installPeers } from "./peer-install.ts";

const AIM = 5;

const PEERS = [
  { theirs: "langgraph", package: "@langchain/langgraph-checkpoint-sqlite" },
  { theirs: "adk", package: "@google/adk" },
  { theirs: "express-session", package: "connect-sqlite3" },
] as const;

/** Measures ours beside each peer, at the same durability and at the peer's default. */
export async function measurePeers(): Promise<readonly Claim[]> {
  installPeers();
  const claims: Claim[] = [];
  for (const peer of PEERS) {
    const contest = { title: "Turns of 300 bytes", ours: "sojourn", ...peer } as const;
    claims.push(await measurePeer({ ...contest, durability: "full", aim: AIM }));
    claims.push(await measurePeer({ ...contest, durability: "default" }));
  }
  return claims;
}

if (import.meta.main) await show(measurePeers);
