/**
 * express-session over connect-sqlite3: a turn is a save of the session that holds it, in the place of the one before.
 *
 * Of the stores that express-session lists, the one for SQLite that is maintained and not under the GPL. By itself it
 * leaves SQLite's own defaults: a rollback journal, synced at every commit.
 */
import { type EventEmitter, once } from "node:events";
import connectSqlite3 from "connect-sqlite3";
import session from "express-session";
import type { Peer, PeerOptions, Pragmas, Turn } from "../peer.ts";

export const keepsHistory = false;

const SQLiteStore = connectSqlite3(session);

type Done<T> = (error: Error | null, value: T) => void;

/** What is used here of a store, which comes without types. */
interface Store {
  readonly client: EventEmitter;
  readonly db: {
    get(sql: string, done: Done<Record<string, unknown>>): void;
    close(done: Done<void>): void;
  };
  set(id: string, saved: Saved, done: Done<void>): void;
  get(id: string, done: Done<Saved | undefined>): void;
}

interface Saved {
  readonly cookie: unknown;
  readonly turn: Turn;
}

/** Opens the store over its one connection. */
export async function open({ directory, durability }: PeerOptions): Promise<Peer> {
  const store: Store = new SQLiteStore({ dir: directory, db: "sessions.db", concurrentDb: durability === "full" });
  await once(store.client, "connect");
  if (durability === "full") await ask(store, "PRAGMA synchronous = FULL");
  const cookie = new session.Cookie({ maxAge: 86_400_000 });
  return {
    append: (caller, turn) => settled((done) => store.set(idOf(caller), { cookie, turn }, done)),
    turns: async (caller) => {
      const found = await settled<Saved | undefined>((done) => store.get(idOf(caller), done));
      return found === undefined ? [] : [found.turn];
    },
    pragmas: () => pragmasOf(store),
    close: () => settled((done) => store.db.close(done)),
  };
}

function idOf(caller: number): string {
  return `session_${caller}`;
}

async function pragmasOf(store: Store): Promise<Pragmas> {
  const { journal_mode } = await ask(store, "PRAGMA journal_mode");
  const { synchronous } = await ask(store, "PRAGMA synchronous");
  return { journalMode: String(journal_mode), synchronous: Number(synchronous) };
}

function ask(store: Store, sql: string): Promise<Record<string, unknown>> {
  return settled((done) => store.db.get(sql, done));
}

function settled<T>(call: (done: Done<T>) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error ? reject(error) : resolve(value)));
  });
}
