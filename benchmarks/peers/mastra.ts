/**
 * Mastra's memory over its store for libSQL, on a local file: a turn recalls the newest 20 messages of the thread, and
 * saves two in one call. Nothing else is on: no semantic recall, no working memory, no titles.
 *
 * By itself it asks for WAL and synchronous = NORMAL, on whichever of the client's connections is free then; libSQL opens
 * up to 20, and the others sync every commit. For `full` it is given a client with one connection, which is set once
 * Mastra has set it: its calls are synchronous, so that more connections would do nothing at once.
 */
import { join } from "node:path";
import { createClient } from "@libsql/client";
import type { MastraDBMessage } from "@mastra/core/agent";
import { LibSQLStore, type SqliteClient } from "@mastra/libsql";
import { Memory } from "@mastra/memory";
import type { Peer, PeerOptions, Pragmas, Turn } from "../peer.ts";
import { assertNewest, exchangeOf, NEWEST, turnsIn } from "./exchange.ts";

export const keepsHistory = true;

const RESOURCE = "benchmark";

/** Opens the memory as its documentation does. */
export async function open({ directory, callers, durability }: PeerOptions): Promise<Peer> {
  const url = `file:${join(directory, "mastra.db")}`;
  const storage = new LibSQLStore({
    id: "benchmark",
    ...(durability === "full" ? { client: oneConnection(url) } : { url }),
  });
  await storage.init();
  const memory = new Memory({ storage, options: { lastMessages: NEWEST } });
  for (let caller = 0; caller < callers; caller++) {
    await memory.createThread({ resourceId: RESOURCE, threadId: threadOf(caller) });
  }
  const client = clientOf(storage);
  if (durability === "full") for (const pragma of SYNCED) await client.execute(`PRAGMA ${pragma}`);
  return {
    append: async (caller, turn) => {
      const threadId = threadOf(caller);
      const { messages } = await memory.recall({ threadId, perPage: NEWEST, includeTotal: false });
      assertNewest(messages.map(textOf), turn);
      await memory.saveMessages({ messages: messagesOf(threadId, turn) });
    },
    turns: async (caller) => {
      const { messages } = await memory.recall({
        threadId: threadOf(caller),
        perPage: false,
        orderBy: { field: "createdAt", direction: "ASC" },
      });
      return turnsIn(messages.map(textOf));
    },
    pragmas: () => pragmasOf(client),
    close: () => storage.close(),
  };
}

/** As Mastra sets a client of its own, but for the syncs. */
const SYNCED = [
  "journal_mode = WAL",
  "synchronous = FULL",
  "temp_store = MEMORY",
  "cache_size = -16000",
  "mmap_size = 134217728",
];

function oneConnection(url: string): SqliteClient {
  // NOTE: it is the client that Mastra makes itself; the types differ in whether `undefined` may be given.
  return createClient({ url, concurrency: 1, timeout: 5_000 }) as SqliteClient;
}

function threadOf(caller: number): string {
  return `thread_${caller}`;
}

/** Messages are told apart by their millisecond, so each has its own. */
function messagesOf(threadId: string, turn: Turn): MastraDBMessage[] {
  const { question, answer } = exchangeOf(turn);
  const message = (role: "user" | "assistant", text: string, place: number): MastraDBMessage => ({
    id: crypto.randomUUID(),
    role,
    createdAt: new Date(FIRST_MS + 2 * turn.number + place),
    threadId,
    resourceId: RESOURCE,
    content: { format: 2, parts: [{ type: "text", text }] },
  });
  return [message("user", question, 0), message("assistant", answer, 1)];
}

const FIRST_MS = Date.UTC(2_026, 0, 1);

function textOf({ content }: MastraDBMessage): string {
  const [part] = content.parts;
  return part?.type === "text" ? part.text : "";
}

function clientOf(storage: LibSQLStore): SqliteClient {
  // NOTE: private, but the one way to ask the connections that write.
  return (storage as unknown as { readonly client: SqliteClient }).client;
}

async function pragmasOf(client: SqliteClient): Promise<Pragmas> {
  // So many at once use all connections that there are; the answer is the one that most give.
  const values = await Promise.all(Array.from({ length: 64 }, () => client.execute("PRAGMA synchronous")));
  const counted = values.map(({ rows }) => Number(rows[0]?.["synchronous"])).toSorted((a, b) => a - b);
  const { rows } = await client.execute("PRAGMA journal_mode");
  return { journalMode: String(rows[0]?.["journal_mode"]), synchronous: counted[32] ?? Number.NaN };
}
