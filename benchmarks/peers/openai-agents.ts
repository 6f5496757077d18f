/**
 * The session of OpenAI's Agents SDK: a turn reads the newest 20 items and adds two.
 *
 * The SDK for JavaScript ships no session that keeps them on a disk, only this one in memory, which it says is for demos
 * and tests (and one that keeps them at OpenAI).
 */
import { type AgentInputItem, MemorySession } from "@openai/agents";
import type { Peer, PeerOptions } from "../peer.ts";
import { assertNewest, exchangeOf, NEWEST, turnsIn } from "./exchange.ts";

export const keepsHistory = true;

/** Makes a session in memory for each caller. */
export function open({ callers }: PeerOptions): Promise<Peer> {
  const sessions = Array.from(
    { length: callers },
    (_, caller) => new MemorySession({ sessionId: `session_${caller}` }),
  );
  const sessionOf = (caller: number): MemorySession => {
    const session = sessions[caller];
    if (session === undefined) throw new Error(`There is no caller ${caller}`);
    return session;
  };
  return Promise.resolve({
    append: async (caller, turn) => {
      const session = sessionOf(caller);
      assertNewest((await session.getItems(NEWEST)).map(textOf), turn);
      const { question, answer } = exchangeOf(turn);
      await session.addItems([
        { role: "user", content: question },
        { role: "assistant", status: "completed", content: [{ type: "output_text", text: answer }] },
      ]);
    },
    turns: async (caller) => turnsIn((await sessionOf(caller).getItems()).map(textOf)),
    pragmas: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  });
}

function textOf(item: AgentInputItem): string {
  if (!("content" in item)) return "";
  const { content } = item;
  if (typeof content === "string") return content;
  const [part] = content ?? [];
  return part !== undefined && "text" in part ? part.text : "";
}
