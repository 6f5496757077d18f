/** What every side stores: a turn of a conversation, 300 bytes as JSON. */
export interface Turn {
  readonly number: number;
  readonly role: "user";
  readonly text: string;
}

const TURN_BYTES = 300;

/** The turn of that number; the first is 1. */
export function turnOf(number: number): Turn {
  const turn = { number, role: "user", text: "" } as const;
  const text = "What did we decide about the orders of last week? ".repeat(6);
  return { ...turn, text: text.slice(0, TURN_BYTES - JSON.stringify(turn).length) };
}

/** How a connection of SQLite writes, in its own words: such as `wal` and 2, which is FULL. */
export interface Pragmas {
  readonly journalMode: string;
  readonly synchronous: number;
}

/** Sessions kept by some library, as those who use it would. */
export interface Peer {
  /** Resolves when the caller's session has the turn, with the durability that was asked for. */
  append(caller: number, turn: Turn): Promise<void>;
  /** What reading the caller's session yields, oldest first. */
  turns(caller: number): Promise<readonly Turn[]>;
  /** Those of the connection that writes; `undefined` where nothing is kept on a disk. */
  pragmas(): Promise<Pragmas | undefined>;
  close(): Promise<void>;
}

/**
 * `full` survives power loss, in WAL mode; `default` is what the library does when nobody asks for anything; with `none`
 * no write waits for a disk.
 */
export type PeerDurability = "full" | "default" | "none";

/** Where a peer keeps its sessions, and of what kind they are. */
export interface PeerOptions {
  /** Empty, and the peer's own. */
  readonly directory: string;
  /** Each has a session of its own, created before the first turn; callers are numbered from 0. */
  readonly callers: number;
  readonly durability: PeerDurability;
}

/** What each module of `peers/` exports. */
export interface PeerModule {
  /** Whether a session keeps all its turns, and not the last alone. */
  readonly keepsHistory: boolean;
  readonly open: (options: PeerOptions) => Promise<Peer>;
}
