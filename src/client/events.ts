import { invalid } from "../engine/errors.ts";
import type { OperationKind } from "../engine/operation.ts";
import type { CallOptions } from "./inputs.ts";
import type { OperationOf } from "./operation.ts";
import type { EventTransport } from "./transport.ts";

type TypeOf<K extends OperationKind> = K extends `session.${string}` ? K : `session.${K}`;

type KindOf<T extends EventType> = {
  readonly [K in OperationKind]: TypeOf<K> extends T ? K : never;
}[OperationKind];

/** What an event is called: the kind of its operation, behind `session.` where it does not begin so. */
export type EventType = TypeOf<OperationKind>;

/** The name of an event, or with `.*` at its end all names that begin so. */
export type EventPattern = EventType | `${string}.*`;

/** An operation of a session, as those are told who listen to all sessions of a tenant; `type` tells what its `inputs` are. */
export type SessionEvent<T extends EventType = EventType> = {
  readonly [K in KindOf<T>]: {
    /** Its place in the feed. */
    readonly cursor: string;
    readonly type: TypeOf<K>;
    readonly sessionId: string;
    readonly sessionUid: string;
    readonly userId: string;
    readonly operation: OperationOf<K>;
  };
}[KindOf<T>];

/** The events that a name, or the beginning of names, means. */
export type EventOf<P extends EventPattern> = SessionEvent<
  P extends EventType ? P : P extends `${infer Start}*` ? Extract<EventType, `${Start}${string}`> : never
>;

/** Which events. */
export interface EventQuery<P extends EventPattern = EventPattern> {
  /** Only those behind this cursor of an event or of a page; `now`: only what comes. Left out: from the first on. */
  readonly after?: string | undefined;
  /** Left out: all. */
  readonly types?: readonly P[] | undefined;
}

/** Which events, and how many are fetched at a time. */
export interface EventPageQuery<P extends EventPattern = EventPattern> extends EventQuery<P> {
  /** 1 to 1000, default 50. */
  readonly pageSize?: number | undefined;
}

/** Some of the events. There may be none, and more behind them all the same. */
export interface EventPage {
  readonly events: readonly SessionEvent[];
  /** Up to where this page looked: what goes on there gives as `after`. */
  readonly cursor: string;
  /** Whether there was nothing behind it when it was read. */
  readonly isEnd: boolean;
}

/**
 * What happens in all sessions of the tenant, in the order in which it was committed. Events are the operations of the
 * sessions' logs and nothing beside them, so that what was erased has none any more.
 */
export class Events {
  readonly #transport: EventTransport;

  constructor(transport: EventTransport) {
    this.#transport = transport;
  }

  /**
   * A page of events.
   *
   * @throws {SojournError} `invalid` for a type that no event has, or a cursor that was never given out
   */
  async page({ signal, ...query }: EventPageQuery & CallOptions = {}): Promise<EventPage> {
    assertNames(query);
    return await this.#transport.page(query, { signal });
  }

  /** The events that there are, fetched page by page as they are read. */
  async *list<const P extends EventPattern = EventPattern>(
    query: EventPageQuery<P> & CallOptions = {},
  ): AsyncGenerator<EventOf<P>, void, undefined> {
    for (let { after } = query; ; ) {
      const page = await this.page({ ...query, after });
      // NOTE: there are no others than those that were asked for; so it is with `follow`.
      yield* page.events as readonly EventOf<P>[];
      if (page.isEnd) return;
      after = page.cursor;
    }
  }

  /**
   * The events from there on, and then whatever happens, each once and in order; what is lost of the way to a server is
   * taken up again. Ends when the signal aborts, or Sojourn is closed.
   */
  async *follow<const P extends EventPattern = EventPattern>({
    signal,
    ...query
  }: EventQuery<P> & CallOptions = {}): AsyncGenerator<EventOf<P>, void, undefined> {
    assertNames(query);
    yield* this.#transport.follow(query, { signal }) as AsyncGenerator<EventOf<P>, void, undefined>;
  }
}

// A query can't say that nothing is wanted: without names it means all.
function assertNames({ types }: EventQuery): void {
  if (types?.length !== 0) return;
  throw invalid([{ field: "type", message: "must name at least one event, or be left out", type: "too_small" }]);
}
