import type { Engine } from "../../src/platform/open-engine.ts";
import { openWriter } from "../../src/store/sqlite/connection.ts";
import type { Durability } from "../../src/store/sqlite/index.ts";
import { CALLER } from "../engine.ts";
import type { Pragmas, Turn } from "../peer.ts";
import { turnsIn } from "./exchange.ts";

const PAGE = 1_000;

/** Makes a session for each caller, of a user of its own; their uids. */
export async function createConversations(engine: Engine, callers: number): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let caller = 0; caller < callers; caller++) {
    const { value } = await engine.sessions.create(CALLER, { userId: `user_${caller}` });
    ids.push(value.session.ref.id);
  }
  return ids;
}

/** All turns of a session, read from the store. */
export async function turnsOf(engine: Engine, id: string): Promise<readonly Turn[]> {
  const texts: string[] = [];
  for (let after: number | undefined = 0; after !== undefined; ) {
    const page = await engine.sessions.messages(CALLER, id, { take: "oldest", after, limit: PAGE });
    texts.push(...page.items.map(({ content }) => content));
    after = page.next === undefined ? undefined : Number(page.next);
  }
  return turnsIn(texts);
}

/** How the store writes. Its own connection is in its thread; this one is opened by the same function. */
export function pragmasIn(directory: string, durability: Durability): Promise<Pragmas> {
  using db = openWriter(directory, { durability });
  return Promise.resolve({
    journalMode: String(db.prepare("PRAGMA journal_mode").get()?.journal_mode),
    synchronous: Number(db.prepare("PRAGMA synchronous").get()?.synchronous),
  });
}
