/** Sojourn: a turn is an update of the session's metadata, so that the log keeps every turn and the record the last. */

import { type Entry, payloadBody } from "../../src/engine/operation.ts";
import { Sessions } from "../../src/engine/sessions.ts";
import { blake3, randomIds, systemClock } from "../../src/platform/ports.ts";
import { openWriter } from "../../src/store/sqlite/connection.ts";
import { openSqliteStore } from "../../src/store/sqlite/index.ts";
import type { Peer, PeerOptions, Turn } from "../peer.ts";

export const keepsHistory = true;

const CALLER = { tenant: "local", actor: "benchmark" };

const PAGE = 1_000;

/** Opens the engine over its store, whose default is full durability. */
export async function open({ directory, callers }: PeerOptions): Promise<Peer> {
  const store = openSqliteStore({ directory });
  const sessions = new Sessions({ store, clock: systemClock, ids: randomIds, digest: blake3 });
  for (let caller = 0; caller < callers; caller++) await sessions.create(CALLER, { sessionId: idOf(caller) });
  return {
    append: async (caller, turn) => {
      await sessions.update(CALLER, idOf(caller), { metadata: { turn: { ...turn } } });
    },
    turns: async (caller) => {
      const turns: Turn[] = [];
      for (let after: number | undefined = 0; after !== undefined; ) {
        const page = await sessions.operations(CALLER, idOf(caller), { after, limit: PAGE, kind: "session.updated" });
        turns.push(...page.items.map(turnIn));
        after = page.next === undefined ? undefined : Number(page.next);
      }
      return turns;
    },
    // The store's own connection is in its thread; this one is opened by the same function.
    pragmas: () => {
      using db = openWriter(directory, { durability: "full" });
      return Promise.resolve({
        journalMode: String(db.prepare("PRAGMA journal_mode").get()?.journal_mode),
        synchronous: Number(db.prepare("PRAGMA synchronous").get()?.synchronous),
      });
    },
    close: () => store.close(),
  };
}

function idOf(caller: number): string {
  return `session_${caller}`;
}

function turnIn(entry: Entry): Turn {
  // NOTE: written by append.
  const body = payloadBody(entry) as { readonly input: { readonly metadata: { readonly turn: Turn } } } | undefined;
  if (body === undefined) throw new Error("A turn is gone");
  return body.input.metadata.turn;
}
