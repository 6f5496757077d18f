/**
 * Sojourn's chat: a turn is what a user says, answered by a model that takes no time. It is shown the newest of the
 * conversation, as much as fits into the default window, which are more than the 20 messages that the others read.
 */
import type { Context } from "../../src/memory/model.ts";
import { openChatEngine, SIGNAL } from "../chat-engine.ts";
import { CALLER } from "../engine.ts";
import { type Peer, type PeerOptions, turnOf } from "../peer.ts";
import { exchangeOf, NEWEST, numberIn } from "./exchange.ts";
import { createConversations, pragmasIn, turnsOf } from "./sojourn-conversations.ts";

export const keepsHistory = true;

/** Opens an engine as a server does. */
export async function open({ directory, callers, durability }: PeerOptions): Promise<Peer> {
  const kept = durability === "none" ? "none" : "full";
  const engine = openChatEngine({ directory, answer, durability: kept });
  const ids = await createConversations(engine, callers);
  return {
    append: async (caller, turn) => {
      const { question, answer: expected } = exchangeOf(turn);
      const request = { sessionId: ids[caller] ?? "", message: question };
      const { value } = await engine.memory.chat(CALLER, request, { signal: SIGNAL });
      if (value.response !== expected) throw new Error(`Turn ${turn.number} was answered "${value.response}"`);
    },
    turns: async (caller) => await turnsOf(engine, ids[caller] ?? ""),
    pragmas: () => pragmasIn(directory, kept),
    close: () => engine.close(),
  };
}

function answer({ messages, summary }: Context): string {
  const number = numberIn(messages.at(-1)?.content ?? "");
  // What was compacted is in the summary, and the window never has less than half of its size.
  const isWhole = messages.length > Math.min(NEWEST, 2 * (number - 1));
  if (!isWhole) throw new Error(`Turn ${number} is shown ${messages.length} messages, with a summary: ${summary}`);
  return exchangeOf(turnOf(number)).answer;
}
