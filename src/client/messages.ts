import type { Message, MessageQuery, NewMessage } from "./conversation.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import type { Sighting, Transport } from "./transport.ts";

/** The most that a page has. */
const PAGE_MAX = 1_000;

/** The conversation of a session. Nothing of it is ever removed: what a model is shown no more is still here. */
export class Messages {
  readonly #transport: Transport;
  readonly #uid: string;
  readonly #onSeen: (seen: Sighting) => void;

  /** Messages come from a session. */
  constructor(transport: Transport, uid: string, onSeen: (seen: Sighting) => void) {
    this.#transport = transport;
    this.#uid = uid;
    this.#onSeen = onSeen;
  }

  /** The messages, oldest first, fetched page by page as they are read. */
  list(query: MessageQuery & CallOptions = {}): AsyncGenerator<Message, void, undefined> {
    return messagesOf(this.#transport, this.#uid, query);
  }

  /** So many of the newest messages, the oldest of them first. */
  async recent(count = 50, options: CallOptions = {}): Promise<readonly Message[]> {
    let found: readonly Message[] = [];
    for (let cursor: string | undefined; ; ) {
      const pageSize = Math.min(count - found.length, PAGE_MAX);
      const page = await this.#transport.messages(this.#uid, { cursor, pageSize }, options);
      found = [...page.items, ...found];
      if (page.next === undefined || found.length >= count) return found;
      cursor = page.next;
    }
  }

  /**
   * Adds a message, or a history in its order, up to 1,000 at once, without asking for an answer.
   *
   * @returns what is stored: with a result for each call of a tool that lacked one, and a call for each result. Those have
   *   `repaired` in their metadata.
   */
  async add(messages: NewMessage | readonly NewMessage[], options: WriteOptions = {}): Promise<readonly Message[]> {
    const { value, seen } = await this.#transport.addMessages(this.#uid, messages, options);
    this.#onSeen(seen);
    return value;
  }
}

/** The messages of a session, oldest first; with `at`, those that there were then. */
export async function* messagesOf(
  transport: Transport,
  uid: string,
  { after = 0, at, pageSize, signal }: MessageQuery & { readonly at?: number } & CallOptions,
): AsyncGenerator<Message, void, undefined> {
  for (let query: object = { after }; ; ) {
    const page = await transport.messages(uid, { ...query, at, pageSize }, { signal });
    yield* page.items;
    if (page.next === undefined) return;
    query = { cursor: page.next };
  }
}
