/**
 * The database session service of Google's ADK: a turn is an event whose one part of text is its JSON.
 *
 * By itself it leaves SQLite's own defaults: a rollback journal, synced at every commit.
 */
import { join } from "node:path";
import { createEvent, type Session } from "@google/adk";
import { DatabaseSessionService } from "@google/adk/sessions/database";
import { SqliteDriver } from "@mikro-orm/sqlite";
import type { Database } from "sqlite3";
import type { Peer, PeerOptions, Pragmas, Turn } from "../peer.ts";

export const keepsHistory = true;

const APP = { appName: "benchmark", userId: "benchmark" };

/** Opens the service over MikroORM's driver for SQLite, which has one connection. */
export async function open({ directory, callers, durability }: PeerOptions): Promise<Peer> {
  let connection: Database | undefined;
  const service = new DatabaseSessionService({
    driver: SqliteDriver,
    dbName: join(directory, "adk.db"),
    pool: {
      min: 1,
      max: 1,
      afterCreate: (created: Database, done: (error: Error | null) => void) => {
        connection = created;
        if (durability === "full") created.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", done);
        else done(null);
      },
    },
  });
  const sessions: Session[] = [];
  for (let caller = 0; caller < callers; caller++) sessions.push(await service.createSession(whose(caller)));
  return {
    append: async (caller, turn) => {
      const session = sessions[caller];
      if (session === undefined) throw new Error(`There is no caller ${caller}`);
      const content = { role: "user", parts: [{ text: JSON.stringify(turn) }] };
      await service.appendEvent({
        session,
        event: createEvent({ invocationId: `turn_${turn.number}`, author: "user", content }),
      });
    },
    turns: async (caller) => {
      const session = await service.getSession(whose(caller));
      // NOTE: written by append.
      const turns = session?.events.map(({ content }) => JSON.parse(content?.parts?.[0]?.text ?? "") as Turn) ?? [];
      // It sorts by the millisecond, in which two turns may fall.
      return turns.sort((a, b) => a.number - b.number);
    },
    pragmas: () => pragmasOf(connection),
    close: () => Promise.resolve(),
  };
}

function whose(caller: number): { readonly appName: string; readonly userId: string; readonly sessionId: string } {
  return { ...APP, sessionId: `session_${caller}` };
}

async function pragmasOf(connection: Database | undefined): Promise<Pragmas> {
  const { journal_mode } = await ask(connection, "PRAGMA journal_mode");
  const { synchronous } = await ask(connection, "PRAGMA synchronous");
  return { journalMode: String(journal_mode), synchronous: Number(synchronous) };
}

function ask(connection: Database | undefined, sql: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    connection?.get(sql, (error: Error | null, row: Record<string, unknown>) => (error ? reject(error) : resolve(row)));
  });
}
