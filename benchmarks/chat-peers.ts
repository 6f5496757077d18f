/**
 * Turns of conversations that are kept a second, beside the memories of agent libraries: each in a process of its own,
 * through its public API, by 64 callers that have a session each.
 *
 * A turn reads the newest 20 messages and keeps two more, 300 bytes together. Ours does so by `messages`, and by a chat
 * whose model takes no time, which also looks for facts and counts tokens. At the end all turns are read back. OpenAI's
 * SDK ships no session that survives its process, so that there is none of its durability to compare; ours is held
 * against its memory with no sync, and as by default.
 */
import { type Claim, show } from "./claim.ts";
import { measurePeer } from "./peer-contest.ts";
import { installPeers } from "./peer-install.ts";

const AIM = 3;

const OURS = [
  { title: "Chat turns", ours: "sojourn-chat" },
  { title: "Turns by messages", ours: "sojourn-messages" },
] as const;

/** Measures both ways of ours beside each peer. */
export async function measureChatPeers(): Promise<readonly Claim[]> {
  installPeers();
  const mastra = { theirs: "mastra", package: "@mastra/libsql" } as const;
  const openai = { theirs: "openai-agents", package: "@openai/agents" } as const;
  const claims: Claim[] = [];
  for (const ours of OURS) {
    claims.push(await measurePeer({ ...ours, ...mastra, durability: "full", aim: AIM }));
    claims.push(await measurePeer({ ...ours, ...mastra, durability: "default" }));
    claims.push(await measurePeer({ ...ours, ...openai, durability: "none" }));
    claims.push(await measurePeer({ ...ours, ...openai, durability: "default" }));
  }
  return claims;
}

if (import.meta.main) await show(measureChatPeers);
