/**
 * LangGraph's SqliteSaver: a turn is a checkpoint whose one channel holds it. A graph would write more, its steps'
 * pending writes and the turns before; none of that is counted against it.
 *
 * By itself it asks for WAL, and better-sqlite3 is compiled to sync no commit there (synchronous = NORMAL).
 */
import { join } from "node:path";
import type { RunnableConfig } from "@langchain/core/runnables";
import { emptyCheckpoint, uuid6 } from "@langchain/langgraph-checkpoint";
import { SqliteSaver } from "@langchain/langgraph-checkpoint-sqlite";
import type { Peer, PeerOptions, Turn } from "../peer.ts";

export const keepsHistory = true;

/** Opens a saver as its documentation does, over one connection. */
export function open({ directory, callers, durability }: PeerOptions): Promise<Peer> {
  const saver = SqliteSaver.fromConnString(join(directory, "checkpoints.db"));
  if (durability === "full") saver.db.pragma("synchronous = FULL");
  const configs = Array.from({ length: callers }, (_, caller) => configOf(caller));
  return Promise.resolve({
    append: async (caller, turn) => {
      const checkpoint = {
        ...emptyCheckpoint(),
        id: uuid6(turn.number),
        channel_values: { turn },
        channel_versions: { turn: turn.number },
      };
      const metadata = { source: "loop", step: turn.number, parents: {} } as const;
      configs[caller] = await saver.put(configs[caller] ?? configOf(caller), checkpoint, metadata);
    },
    turns: async (caller) => {
      const turns: Turn[] = [];
      // NOTE: written by append.
      for await (const { checkpoint } of saver.list(configOf(caller)))
        turns.push(checkpoint.channel_values.turn as Turn);
      return turns.reverse();
    },
    pragmas: () =>
      Promise.resolve({
        journalMode: String(saver.db.pragma("journal_mode", { simple: true })),
        synchronous: Number(saver.db.pragma("synchronous", { simple: true })),
      }),
    close: () => Promise.resolve(void saver.db.close()),
  });
}

function configOf(caller: number): RunnableConfig {
  return { configurable: { thread_id: `thread_${caller}`, checkpoint_ns: "" } };
}
