/// <reference lib="esnext.disposable" preserve="true" />
import { invalid, SojournError } from "../engine/errors.ts";
import type { Cleaned, Health, SessionStats } from "./answers.ts";
import { Artifacts } from "./artifacts.ts";
import { type Content, type OnProgress, sourceOf } from "./content.ts";
import { type EventOf, type EventPattern, Events, type SessionEvent } from "./events.ts";
import type { ImportQuery, Pruned, PrunePolicy } from "./history.ts";
import { type FailureLog, Hook, type HookOptions } from "./hook.ts";
import type { CallOptions, CleanupQuery, NewSession, SessionFilter, SessionQuery, WriteOptions } from "./inputs.ts";
import { Keys } from "./keys.ts";
import { Reply } from "./reply.ts";
import { type ChatOptions, Session } from "./session.ts";
import { idOf, type SessionName } from "./session-id.ts";
import type { App, BrokenApp } from "./task.ts";
import { Templates } from "./templates.ts";
import { Topics } from "./topics.ts";
import type { Transport } from "./transport.ts";
import { Users } from "./users.ts";
import { Webhooks } from "./webhooks.ts";

/** What `Sojourn` is made with beside the way to its sessions. */
export interface SojournOptions {
  /** Whether to close it closes the way; default `true`. */
  readonly closesItself?: boolean;
  /** Told what hooks have nobody else to tell. */
  readonly logger?: FailureLog | undefined;
}

/** Sojourn, wherever it runs. Made by `connect` or `open`. */
export class Sojourn implements AsyncDisposable {
  readonly sessions: Sessions;
  readonly users: Users;
  readonly keys: Keys;
  readonly templates: Templates;
  readonly events: Events;
  readonly webhooks: Webhooks;
  readonly topics: Topics;
  readonly #transport: Transport;
  readonly #closesItself: boolean;
  readonly #logger: FailureLog | undefined;
  readonly #hooks = new Set<Hook>();

  constructor(transport: Transport, { closesItself = true, logger }: SojournOptions = {}) {
    this.#transport = transport;
    this.#closesItself = closesItself;
    this.#logger = logger;
    this.sessions = new Sessions(transport);
    this.users = new Users(transport);
    this.keys = new Keys(transport);
    this.templates = new Templates(transport.templates);
    this.events = new Events(transport.events);
    this.webhooks = new Webhooks(transport.webhooks);
    this.topics = new Topics(transport.topics);
  }

  /**
   * Says something without a session, as `session.chat` does in one. A temporary session is made for it, which the answer
   * names, so that the conversation can go on; it expires when it is idle for 30 minutes, or as long as the server says.
   */
  chat(
    message: string,
    { userId, metadata, ...options }: { readonly userId?: string | undefined } & Omit<ChatOptions, "ifMatch"> = {},
  ): Reply {
    return new Reply(
      async (onText) => (await this.#transport.chat({ message, userId, metadata }, options, onText)).value,
    );
  }

  /**
   * The same place, for whoever acts as a session, with no more than its rights: its own session, and of others the
   * artifacts that they share with it. Anything else is `forbidden`. What it does with those, or is refused, stands in the
   * log of the session that they belong to.
   *
   * It closes with this one, and to close it alone changes nothing.
   */
  actingAs(session: SessionName): Sojourn {
    return new Sojourn(this.#transport.actingAs(idOf(session)), { closesItself: false, logger: this.#logger });
  }

  /**
   * Calls a handler with each event that is committed from then on, in any session of the tenant: in order, one at a time, and after
   * the commit, so that a handler can refuse nothing. It is called until the hook is stopped, or Sojourn is closed; what happens
   * after that, or before, is in `events`, behind the `cursor` of the last event.
   *
   * What a handler throws is told to `onError`, and disturbs nobody; the next event is handled.
   *
   * @param types  names of events, and beginnings of names such as `session.artifact.*`
   * @returns once it listens
   * @throws {SojournError} `invalid` for a type that no event has, or an `after` that is no cursor
   */
  async on<const P extends EventPattern>(
    types: P | readonly P[],
    handler: (event: EventOf<P>) => unknown,
    { after = "now", onError = this.#logFailure, signal }: HookOptions = {},
  ): Promise<Hook> {
    if (typeof handler !== "function") {
      throw invalid([{ field: "handler", message: "must be a function", type: "invalid_type" }]);
    }
    const query = { types: [types].flat() as readonly P[] };
    const { cursor } = await this.events.page({ ...query, after, pageSize: 1, signal });
    const start = after === "now" ? cursor : after;
    const feed = (signal: AbortSignal): AsyncIterable<SessionEvent> =>
      this.#transport.events.follow({ ...query, after: start }, { signal });
    // NOTE: the feed has no others than those that were asked for.
    const hook = new Hook(feed, { handler: handler as (event: SessionEvent) => unknown, onError }, signal);
    this.#hooks.add(hook);
    void hook.ended.then(() => this.#hooks.delete(hook));
    return hook;
  }

  /** The apps that sessions can run, each in its newest version, by name. */
  async apps(options: CallOptions = {}): Promise<readonly App[]> {
    return await this.#transport.tasks.apps(options);
  }

  /** What the operator means to be an app and is none, and why; calls of it are `app_broken`. */
  async brokenApps(options: CallOptions = {}): Promise<readonly BrokenApp[]> {
    return await this.#transport.tasks.brokenApps(options);
  }

  /**
   * One app.
   *
   * @throws {SojournError} `app_not_found`; `app_broken`, which says what is wrong with it
   */
  async app(name: string, options: CallOptions = {}): Promise<App> {
    return await this.#transport.tasks.app(name, options);
  }

  /** The artifacts of a session, for whoever may not look at the session itself. */
  artifactsOf(session: SessionName): Artifacts {
    return new Artifacts(this.#transport.artifacts, idOf(session));
  }

  /** Resolves if sessions can be read and written. */
  async health(options: CallOptions = {}): Promise<Health> {
    return await this.#transport.health(options);
  }

  /**
   * Everything that the server holds, of one moment after the call, as the bytes of one file. Wants the scope `admin`.
   * Before the first of them everything is packed, which has no time limit; `signal` and `close` end it.
   *
   * A file that is cut off is no backup: check what was saved before it is trusted.
   */
  backUp(options: CallOptions = {}): AsyncIterable<Uint8Array> {
    return this.#transport.backUp(options);
  }

  /**
   * Ends what is followed, waits for the calls in hand, and lets go of everything. Handlers that run go on, without it; whoever waits
   * for them stops their hooks, and awaits that these have `ended`. Idempotent.
   */
  async close(): Promise<void> {
    for (const hook of this.#hooks) hook.stop();
    if (this.#closesItself) await this.#transport.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  readonly #logFailure = (error: unknown, event: SessionEvent | undefined): void => {
    const { type, cursor } = event ?? {};
    const message = event === undefined ? "a hook hears of no more events" : "a handler of events failed";
    this.#logger?.error({ err: error, type, cursor }, message);
  };
}

/** All sessions of the caller's tenant. */
export class Sessions {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /**
   * Begins a session. The id of one that has ended may be used again.
   *
   * @throws {SojournError} `session_exists`; `session_not_found` for a missing parent; `limit_reached`; `invalid`
   */
  async create(wanted: NewSession = {}, options: WriteOptions = {}): Promise<Session> {
    return new Session(this.#transport, await this.#transport.create(wanted, options));
  }

  /** The open session of that name as it is, or a new one. */
  async getOrCreate(
    sessionId: string,
    wanted: Omit<NewSession, "sessionId" | "ifExists"> = {},
    options: WriteOptions = {},
  ): Promise<Session> {
    if (typeof sessionId !== "string") {
      // Without a name each call would make another session.
      throw invalid([{ field: "session_id", message: "must be a text", type: "invalid_type" }]);
    }
    return await this.create({ ...wanted, sessionId, ifExists: "return" }, options);
  }

  /**
   * The newest session of that name, or the one with that `uid`.
   *
   * @throws {SojournError} `session_not_found`
   */
  async get(id: string, options: CallOptions = {}): Promise<Session> {
    return new Session(this.#transport, await this.#transport.get(id, undefined, options));
  }

  /** Like `get`, but `undefined` for what does not exist. */
  async find(id: string, options: CallOptions = {}): Promise<Session | undefined> {
    try {
      return await this.get(id, options);
    } catch (error) {
      if (error instanceof SojournError && error.code === "session_not_found") return undefined;
      throw error;
    }
  }

  /**
   * The active session that a user used last.
   *
   * @throws {SojournError} `no_session_found`
   */
  async newest({ userId, ...options }: { readonly userId?: string | undefined } & CallOptions = {}): Promise<Session> {
    return new Session(this.#transport, await this.#transport.newest(userId, options));
  }

  /** The sessions that match, fetched page by page as they are read; whoever stops reading stops the fetching. */
  async *list({ signal, ...query }: SessionQuery & CallOptions = {}): AsyncGenerator<Session, void, undefined> {
    for (let cursor: string | undefined; ; ) {
      const page = await this.#transport.list(query, cursor, { signal });
      for (const seen of page.items) yield new Session(this.#transport, seen);
      if (page.next === undefined) return;
      cursor = page.next;
    }
  }

  /** How many sessions match, by status, and the sums of their metrics. */
  async stats({ signal, ...filter }: SessionFilter & CallOptions = {}): Promise<SessionStats> {
    return await this.#transport.stats(filter, { signal });
  }

  /** Expires what was idle for longer than `maxIdleMs`, and tells which. Their data stays. */
  async cleanup(query: CleanupQuery, options: WriteOptions = {}): Promise<Cleaned> {
    return await this.#transport.cleanup(query, options);
  }

  /** Removes sessions that have ended, with all that they hold, and tells which. */
  async prune(policy: PrunePolicy, options: WriteOptions = {}): Promise<Pruned> {
    return await this.#transport.prune(policy, options);
  }

  /**
   * Takes in a session from the bytes of an export, with its history, its artifacts and its `uid`; with `sessionId`, as
   * a fork of itself. All of it is verified before any of it is there.
   *
   * @throws {SojournError} `session_exists` where it is here already, or its name is taken; `invalid` for what is no
   *   export, or not the one that `head` says
   */
  async import(
    content: Content,
    { head, sessionId, ...options }: ImportQuery & WriteOptions & { readonly onProgress?: OnProgress | undefined } = {},
  ): Promise<Session> {
    const query = { head, sessionId };
    return new Session(this.#transport, await this.#transport.history.import(sourceOf(content), query, options));
  }
}
