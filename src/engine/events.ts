import { assertActsAsNone } from "./acting.ts";
import { invalid } from "./errors.ts";
import { Feeds } from "./feed.ts";
import { given } from "./given.ts";
import { PAGE_CHARACTERS_MAX } from "./limits.ts";
import { OPERATION_KINDS, type OperationKind } from "./operation.ts";
import type { Caller } from "./sessions.ts";
import type { Signal } from "./signal.ts";
import type { EventPage, EventRow, Store } from "./store.ts";

/** An operation of a session, as those see it who listen to all sessions of a tenant. */
export interface SessionEvent extends EventRow {
  /** Such as `session.created` and `session.artifact.stored`. */
  readonly type: string;
}

/** Which events. */
export interface EventFilter {
  /** Names, and beginnings of names such as `session.artifact.*`; left out: all. */
  readonly types?: readonly string[];
}

/** From where on events are told: after a position, or after all that there are. */
export type EventStart = number | "now";

/** Which names stand for one kind of operation: its own, behind `session.` where it does not begin so. */
export const EVENT_TYPES: Readonly<Record<OperationKind, string>> = typesOfKinds();

/** How many stretches of the store one page goes through at most. */
const STRETCHES = 10;

/** How many events a follower reads at a time. */
const PAGE = 100;

/**
 * What happens in all sessions of a tenant, in the order in which it was committed. Events are the operations of sessions
 * and nothing beside them: what was erased has none any more, and is not told of itself.
 */
export class Events {
  readonly #store: Store;
  readonly #feeds: Feeds;

  constructor({ store }: { readonly store: Store }) {
    this.#store = store;
    this.#feeds = new Feeds(store);
  }

  /**
   * A page of events. It may have fewer than `limit`, also none, and not be the last: `through` leads on.
   *
   * @throws {SojournError} `invalid` for a name that no event has, or a position that was never given out
   */
  async list(
    caller: Caller,
    { after, limit, ...filter }: EventFilter & { readonly after: EventStart; readonly limit: number },
  ): Promise<{ readonly items: readonly SessionEvent[]; readonly through: number; readonly isEnd: boolean }> {
    assertActsAsNone(caller, "listen to all sessions");
    const kinds = kindsOf(filter);
    let page = await this.#page(caller, { after: await this.#start(caller, after), limit, kinds });
    for (let i = 1; i < STRETCHES && page.items.length === 0 && !page.isEnd; i++) {
      page = await this.#page(caller, { after: page.through, limit, kinds });
    }
    return { ...page, items: page.items.map(toEvent) };
  }

  /**
   * The events from there on, and then whatever happens. Ends when the signal aborts, or the engine closes.
   *
   * @throws {SojournError} as `list`
   */
  async follow(
    caller: Caller,
    { after, signal, ...filter }: EventFilter & { readonly after: EventStart; readonly signal: Signal },
  ): Promise<AsyncGenerator<SessionEvent>> {
    assertActsAsNone(caller, "listen to all sessions");
    const kinds = kindsOf(filter);
    const start = await this.#start(caller, after);
    const page = (from: number): Promise<EventPage> => this.#page(caller, { after: from, limit: PAGE, kinds });
    const wakes = this.#feeds.wakes(caller.tenant, signal);
    return (async function* () {
      let position = start;
      for await (const _ of wakes) {
        for (let isEnd = false; !isEnd && !signal.aborted; ) {
          const next = await page(position);
          yield* next.items.map(toEvent);
          position = next.through;
          isEnd = next.isEnd;
        }
      }
    })();
  }

  /** Whether what it tells of is there still; whoever holds an event for long tells nothing of what was erased since. */
  async isThere({ ref }: SessionEvent): Promise<boolean> {
    return (await this.#store.stream(ref)) !== undefined;
  }

  /** Ends the feeds. */
  async close(): Promise<void> {
    await this.#feeds.close();
  }

  async #start({ tenant }: Caller, after: EventStart): Promise<number> {
    const { through } = await this.#store.events({ tenant, limit: 1 });
    if (after === "now") return through;
    if (Number.isSafeInteger(after) && after >= 0 && after <= through) return after;
    throw invalid([{ field: "after", message: "is no cursor of this feed", type: "out_of_range" }]);
  }

  async #page(
    { tenant }: Caller,
    query: { readonly after: number; readonly limit: number; readonly kinds: readonly OperationKind[] | undefined },
  ): Promise<EventPage> {
    const { kinds, ...range } = query;
    return await this.#store.events({
      tenant,
      ...range,
      ...given("kinds", kinds),
      charactersMax: PAGE_CHARACTERS_MAX,
    });
  }
}

/**
 * The kinds of operation that these names mean; `undefined` where all are.
 *
 * @param field  what faults call them
 * @throws {SojournError} `invalid` for a name that means none
 */
export function kindsOf({ types }: EventFilter, field = "type"): readonly OperationKind[] | undefined {
  if (types === undefined) return undefined;
  const known = OPERATION_KINDS.map((kind) => [kind, EVENT_TYPES[kind]] as const);
  const kinds = types.map((type) => {
    const start = type.endsWith(".*") ? type.slice(0, -1) : undefined;
    return known.filter(([, name]) => (start === undefined ? name === type : name.startsWith(start)));
  });
  const faults = types.flatMap((type, i) => {
    const message = `no event is called "${type}"`;
    return kinds[i]?.length === 0 ? [{ field: `${field}.${i}`, message, type: "invalid_type" }] : [];
  });
  if (faults.length > 0) throw invalid(faults);
  return [...new Set(kinds.flat().map(([kind]) => kind))];
}

function toEvent(row: EventRow): SessionEvent {
  // NOTE: of a session's log.
  return { ...row, type: EVENT_TYPES[row.entry.operation.kind as OperationKind] };
}

function typesOfKinds(): Readonly<Record<OperationKind, string>> {
  const named = OPERATION_KINDS.map((kind) => [kind, kind.startsWith("session.") ? kind : `session.${kind}`]);
  // NOTE: one for each.
  return Object.fromEntries(named) as Record<OperationKind, string>;
}
