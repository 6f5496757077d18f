/** Sojourn's messages: a turn reads the newest 20 from the store, and adds two in one call, as an agent of one's own does. */
import { openChatEngine } from "../chat-engine.ts";
import { CALLER } from "../engine.ts";
import type { Peer, PeerOptions } from "../peer.ts";
import { assertNewest, exchangeOf, NEWEST } from "./exchange.ts";
import { createConversations, pragmasIn, turnsOf } from "./sojourn-conversations.ts";

export const keepsHistory = true;

/** Opens an engine as a server does. */
export async function open({ directory, callers, durability }: PeerOptions): Promise<Peer> {
  const kept = durability === "none" ? "none" : "full";
  const engine = openChatEngine({ directory, answer: () => "", durability: kept });
  const ids = await createConversations(engine, callers);
  return {
    append: async (caller, turn) => {
      const id = ids[caller] ?? "";
      const { items } = await engine.sessions.messages(CALLER, id, { take: "newest", limit: NEWEST });
      assertNewest(
        items.map(({ content }) => content),
        turn,
      );
      const { question, answer } = exchangeOf(turn);
      await engine.memory.add(CALLER, id, [
        { role: "user", content: question },
        { role: "assistant", content: answer },
      ]);
    },
    turns: async (caller) => await turnsOf(engine, ids[caller] ?? ""),
    pragmas: () => pragmasIn(directory, kept),
    close: () => engine.close(),
  };
}
