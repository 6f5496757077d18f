import { LRUCache } from "lru-cache";
import type { SealedMessage, StoredMessage } from "../engine/message.ts";
import type { Session } from "../engine/sessions.ts";
import type { Store } from "../engine/store.ts";

/** How much of conversations is kept in memory, in characters. */
const CHARACTERS_MAX = 32 * 1_048_576;

/** What a message counts for beside its words. */
const MESSAGE_CHARACTERS = 200;

/** More than any window has. */
const MESSAGES_MAX = 100_000;

/** More messages than a run is asked by. */
const ASKED_MAX = 16;

/** A message and its place in the conversation. */
interface Placed extends SealedMessage {
  readonly number: number;
}

/**
 * The newest messages of conversations, as much as a model is shown of each.
 *
 * Those of the sessions that were used last are kept. Messages are only ever added, so that what is kept of a session
 * can lack some at its end, and is never wrong.
 */
export class Windows {
  readonly #store: Store;
  readonly #tokensMax: number;
  readonly #kept = new LRUCache<string, readonly Placed[]>({
    maxSize: CHARACTERS_MAX,
    sizeCalculation: (messages) =>
      messages.reduce((sum, { content }) => sum + content.length + MESSAGE_CHARACTERS, MESSAGE_CHARACTERS),
  });

  constructor(store: Store, tokensMax: number) {
    this.#store = store;
    this.#tokensMax = tokensMax;
  }

  /** The newest messages that fit beside `tokens` others, oldest first; no result of a tool without its call. */
  async read(session: Session, tokens: number): Promise<readonly SealedMessage[]> {
    return withoutOrphans(await this.#placed(session, tokens));
  }

  async #placed({ ref, record }: Session, tokens: number): Promise<readonly Placed[]> {
    const { messages: count, compactedThrough } = record.conversation;
    const kept = this.#kept.get(keyOf(ref)) ?? [];
    const last = kept.at(-1)?.number ?? 0;
    let tail = kept;
    if (last < count) {
      const after = Math.max(last, compactedThrough);
      const range = { after, take: "newest", limit: MESSAGES_MAX, tokensMax: this.#tokensMax } as const;
      const added = await this.#store.messages(ref, range);
      tail = added[0]?.number === last + 1 ? [...kept, ...added] : added;
    }
    const window = newest(tail, compactedThrough, this.#tokensMax);
    this.#kept.set(keyOf(ref), window);
    return newest(window, compactedThrough, this.#tokensMax - tokens);
  }

  /**
   * Like `read`, with the user's messages that stand there from this number on in any case: first, where the newest leave them
   * out.
   */
  async readFrom(session: Session, number: number): Promise<readonly SealedMessage[]> {
    const whole = await this.#placed(session, 0);
    const [first] = whole;
    if (first !== undefined && first.number <= number) return withoutOrphans(whole);
    const asked = await this.#asked(session, number);
    const last = asked.at(-1)?.number ?? 0;
    const tokens = asked.reduce((sum, message) => sum + message.tokens, 0);
    const newer = (await this.#placed(session, tokens)).filter((message) => message.number > last);
    return [...asked, ...withoutOrphans(newer)];
  }

  /** What was asked at this place: the messages until the first answer, behind results that calls before them lacked. */
  async #asked({ ref }: Session, number: number): Promise<readonly StoredMessage[]> {
    const begun = await this.#store.messages(ref, { after: number - 1, take: "oldest", limit: ASKED_MAX });
    const from = begun.findIndex(({ role }) => role !== "tool");
    const to = begun.findIndex(({ role }, i) => i > from && (role === "assistant" || role === "tool"));
    return from < 0 ? [] : begun.slice(from, to < 0 ? begun.length : to);
  }

  /** Takes over what a turn added, so that the next need not read it. */
  add({ ref, record }: Session, added: readonly SealedMessage[]): void {
    const { messages: count, compactedThrough } = record.conversation;
    const kept = this.#kept.get(keyOf(ref));
    const first = count - added.length + 1;
    // Somebody else has added to it meanwhile, or it was let go of: the next turn reads what lacks.
    if (kept === undefined || (kept.at(-1)?.number ?? 0) !== first - 1) return;
    const placed = added.map((message, i) => ({ ...message, number: first + i }));
    this.#kept.set(keyOf(ref), newest([...kept, ...placed], compactedThrough, this.#tokensMax));
  }
}

/** The newest of the messages above the overlay that take no more than this. */
function newest(messages: readonly Placed[], compactedThrough: number, tokensMax: number): readonly Placed[] {
  let tokens = 0;
  const from = messages.findLastIndex(({ number, tokens: own }) => {
    tokens += own;
    return number <= compactedThrough || tokens > tokensMax;
  });
  return from < 0 ? messages : messages.slice(from + 1);
}

/** Where the window cut a call from its results, those go as well. */
function withoutOrphans(messages: readonly Placed[]): readonly Placed[] {
  const from = messages.findIndex(({ role }) => role !== "tool");
  return from <= 0 ? messages : messages.slice(from);
}

function keyOf({ tenant, id }: Session["ref"]): string {
  return `${tenant}\n${id}`;
}
