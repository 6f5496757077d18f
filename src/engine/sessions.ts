import { actorOf, assertActsAs, assertActsAsNone } from "./acting.ts";
import type { Order, Settled } from "./batch.ts";
import { type Command, end, erase, keepalive, record, resume, suspend, update } from "./commands.ts";
import {
  assertNoUid,
  assertParent,
  begin,
  type Created,
  completed,
  DEFAULT_USER,
  exists,
  holderOf,
  type NewSession,
} from "./creation.ts";
import { invalid, SojournError } from "./errors.ts";
import { Expirer } from "./expirer.ts";
import { Feeds } from "./feed.ts";
import { given } from "./given.ts";
import { type Answer, type Idempotency, keyFor, OnceOnly, type Remember } from "./idempotency.ts";
import { asOf, isFinal } from "./lifecycle.ts";
import { DEFAULT_SETTINGS, isSessionId, PAGE_CHARACTERS_MAX, type Settings } from "./limits.ts";
import { logPage } from "./log-page.ts";
import { Mailboxes, type MailboxPorts } from "./mailbox.ts";
import type { StoredMessage } from "./message.ts";
import type { Entry, OperationKind } from "./operation.ts";
import { Orphans } from "./orphans.ts";
import { assertMatches, type Precondition } from "./precondition.ts";
import { Room } from "./room.ts";
import type { AddedMetrics, FinalStatus, SessionPatch, WithReason } from "./session.ts";
import type { Signal } from "./signal.ts";
import { stateAt } from "./state-at.ts";
import type { MessageRange, Page, SessionFilter, SessionQuery, Stream, Totals } from "./store.ts";
import { Templates } from "./templates.ts";
import { type Verdict, verify } from "./verify.ts";

/** On whose behalf a call is made. */
export interface Caller {
  readonly tenant: string;
  /** What the log says of who asked; letters, digits and `._:-`. */
  readonly actor: string;
  /** The uid of the session that the call is made as, with no more than its rights. */
  readonly actingAs?: string;
}

/** What may come with any write. */
export interface WriteOptions {
  readonly idempotency?: Idempotency;
  readonly precondition?: Precondition;
}

/** A session as its callers see it; the record is the one at the time of the answer. */
export type Session = Stream;

export type ListQuery = Omit<SessionQuery, "tenant" | "now">;

export type TotalsQuery = Omit<SessionFilter, "tenant" | "now">;

export type MessagePage = Pick<MessageRange, "after" | "before" | "take" | "limit">;

/** What a `uid` looks like; a name may as well. */
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * All calls on sessions. A write of a session is one commit, made by its mailbox; one of many sessions is one for each.
 * Reads go to the store and show what is true at the clock's `now`.
 *
 * A session is named by its `session_id`, which means the newest so called, or by its `uid`. Calls on what does not
 * exist are `session_not_found`; input over a limit is `invalid`.
 */
export class Sessions {
  readonly #ports: MailboxPorts;
  readonly #settings: Settings;
  readonly #mailboxes: Mailboxes;
  readonly #once: OnceOnly;
  readonly #expirer: Expirer;
  readonly #orphans: Orphans;
  readonly #feeds: Feeds;
  readonly #templates: Templates;
  /** Where one more session is let in; forks are, too. */
  readonly room: Room;

  constructor(ports: MailboxPorts, settings: Settings = DEFAULT_SETTINGS, templates = new Templates(ports)) {
    this.#ports = ports;
    this.#templates = templates;
    this.#settings = settings;
    const { whenParentEnds = "nothing" } = settings;
    this.#mailboxes = new Mailboxes(ports, { marksEnds: whenParentEnds !== "nothing" });
    this.#orphans = new Orphans({ ...ports, mailboxes: this.#mailboxes }, whenParentEnds);
    this.#once = new OnceOnly(ports);
    this.#expirer = new Expirer({ ...ports, mailboxes: this.#mailboxes, orphans: this.#orphans });
    this.#feeds = new Feeds(ports.store);
    this.room = new Room(settings, this.#expirer);
  }

  /**
   * Begins a session.
   *
   * The id of an ended session may be used again; the old one stays listed.
   *
   * @throws {SojournError} `session_exists`; `session_not_found` for a missing parent; `template_not_found`;
   *   `limit_reached`
   */
  async create(caller: Caller, wanted: NewSession, options: WriteOptions = {}): Promise<Answer<Created>> {
    assertActsAsNone(caller, "create sessions");
    const { tenant, actor } = caller;
    return await this.#once.run(tenant, options.idempotency, async (remember) => {
      const whole = await this.#templates.fill(caller, wanted);
      const input = completed(whole, { ids: this.#ports.ids, settings: this.#settings });
      const { sessionId, temporary } = input;
      return await this.room.admit({ tenant, temporary }, async (guards) => {
        const holder = await holderOf(this.#ports, tenant, sessionId);
        assertMatches(options.precondition, holder?.head.seq);
        if (holder !== undefined && !isFinal(holder.record.status)) return await this.#found(holder, wanted, remember);
        if (holder === undefined && wanted.sessionId !== undefined) await assertNoUid(this.#ports, tenant, sessionId);
        await assertParent(this.#ports, tenant, input);
        const born = await begin(this.#ports, {
          ref: { tenant, kind: "session", id: this.#ports.ids.uid() },
          actor,
          draft: { kind: "session.created", name: "create", input },
          taken: holder?.ref.id,
          guards,
          remember: remember && ((session, at) => remember({ session, isNew: true }, at, session.ref)),
        });
        return typeof born === "object" ? { value: { session: born.value, isNew: true }, at: born.at } : born;
      });
    });
  }

  /** The session, or, with `at`, as it was just after that operation; its id is the one that it has now. */
  async get(caller: Caller, id: string, { at }: { readonly at?: number } = {}): Promise<Session> {
    if (at === undefined) return this.#shown(await this.#resolve(caller, id));
    return await this.readWhole(caller, id, async (stream) => {
      const past = await stateAt(this.#ports.store, stream, at);
      // Entries from before a fork are another session's.
      return { ...past, record: { ...past.record, sessionId: stream.record.sessionId } };
    });
  }

  /** Like `get`, but `undefined` for what does not exist. */
  async find(caller: Caller, id: string): Promise<Session | undefined> {
    const stream = await this.#lookUp(caller, id);
    if (stream === undefined) return undefined;
    assertActsAs(caller, stream);
    return this.#shown(stream);
  }

  /**
   * Like `get`, also for a caller that acts as another session. Whoever asks holds it against what the two have agreed on,
   * and goes on with `isGranted`.
   */
  async shared(caller: Caller, id: string): Promise<Session> {
    const stream = await this.#lookUp(caller, id);
    if (stream === undefined) throw missing(id);
    return this.#shown(stream);
  }

  /** The user's active session that was used last, or `no_session_found`. */
  async newest(caller: Caller, userId: string = DEFAULT_USER): Promise<Session> {
    const query = { userId, statuses: ["active"], sort: "last_activity", order: "desc", limit: 1 } as const;
    const [session] = (await this.list(caller, query)).items;
    if (session !== undefined) return session;
    throw new SojournError("no_session_found", { message: `No active session found for user: ${userId}` });
  }

  /** A page of sessions. */
  async list(caller: Caller, query: ListQuery): Promise<Page<Session>> {
    assertActsAsNone(caller, "list sessions");
    const { tenant } = caller;
    const page = await this.#ports.store.list({ ...query, tenant, now: this.#ports.clock.now() });
    return { ...page, items: page.items.map((stream) => this.#shown(stream)) };
  }

  /** How many sessions match, by status, and the sums of their metrics. */
  async totals(caller: Caller, query: TotalsQuery = {}): Promise<Totals> {
    assertActsAsNone(caller, "sum up sessions");
    const { tenant } = caller;
    return await this.#ports.store.aggregate({ ...query, tenant, now: this.#ports.clock.now() });
  }

  async update(caller: Caller, id: string, patch: SessionPatch, options?: WriteOptions): Promise<Answer<Session>> {
    const unrepeated = patch.tags === undefined ? patch : { ...patch, tags: [...new Set(patch.tags)] };
    return await this.change(caller, id, update(unrepeated, this.#settings.metadataBytes), options);
  }

  async suspend(caller: Caller, id: string, input: WithReason = {}, options?: WriteOptions): Promise<Answer<Session>> {
    return await this.change(caller, id, suspend(input), options);
  }

  /** @throws {SojournError} `limit_reached` where the tenant has its share of active sessions */
  async resume(caller: Caller, id: string, input: WithReason = {}, options?: WriteOptions): Promise<Answer<Session>> {
    return await this.room.admit(caller, async (guards) => {
      try {
        return await this.change(caller, id, resume(input), { ...options, guards });
      } catch (error) {
        if (error instanceof SojournError && error.code === "limit_reached") return "limit_reached";
        throw error;
      }
    });
  }

  async keepalive(
    caller: Caller,
    id: string,
    input: WithReason = {},
    options?: WriteOptions,
  ): Promise<Answer<Session>> {
    return await this.change(caller, id, keepalive(input), options);
  }

  /** Ends the session; what is to become of its children has then become of them, unless the store failed meanwhile. */
  async end(
    caller: Caller,
    id: string,
    { status = "completed", ...input }: WithReason & { readonly status?: FinalStatus } = {},
    options?: WriteOptions,
  ): Promise<Answer<Session>> {
    return await this.change(caller, id, end(status, input), options);
  }

  /** Adds to the session's counters, and returns them. */
  async record(caller: Caller, id: string, added: AddedMetrics, options?: WriteOptions): Promise<Answer<Session>> {
    return await this.change(caller, id, record(added), options);
  }

  /**
   * Carries out a command on the session, which the calls above are made of.
   *
   * @throws {SojournError} what the command throws
   */
  async change(caller: Caller, id: string, command: Command, options: ChangeOptions = {}): Promise<Changed> {
    const { idempotency, precondition, guards, contents, beside, remember: kept } = options;
    const known = options.isGranted ? await this.shared(caller, id) : await this.#resolve(caller, id);
    let own: number | undefined;
    const answer = await this.#once.run<Session>(caller.tenant, keyFor(idempotency, known.ref.id), async (remember) => {
      const order = {
        actor: actorOf(caller),
        command,
        ...given("precondition", precondition),
        ...given("guards", guards),
        ...given("contents", contents),
        ...given("beside", beside),
        ...given("remember", kept ?? (remember && (({ stream, at }: Settled) => remember(stream, at, stream.ref)))),
      };
      const { stream, seq, at } = await this.#mailboxes.submit(known.ref, order, known);
      own = seq;
      if (isFinal(stream.record.status) && !isFinal(known.record.status)) await this.#orphans.follow(stream);
      return { value: stream, at };
    });
    return { ...answer, seq: own ?? answer.value.head.seq };
  }

  /** Removes the session and all it holds, remembered answers included. Its name is free at once. */
  async delete(
    caller: Caller,
    id: string,
    { idempotency, precondition }: WriteOptions = {},
  ): Promise<Answer<{ readonly sessionId: string }>> {
    return await this.#once.run(caller.tenant, idempotency, async (remember) => {
      const { ref, record } = await this.#resolve(caller, id);
      const value = { sessionId: record.sessionId };
      const { at } = await this.#mailboxes.submit(ref, {
        actor: actorOf(caller),
        command: erase,
        ...given("precondition", precondition),
        ...given("remember", remember && (({ at }: Settled) => remember(value, at))),
      });
      return { value, at };
    });
  }

  /**
   * Expires the tenant's open sessions that were idle for longer than `maxIdleUs`, and returns which. Their data stays.
   *
   * @param dryRun  only tell which they are
   */
  async cleanup(
    caller: Caller,
    { maxIdleUs, dryRun = false }: { readonly maxIdleUs: number; readonly dryRun?: boolean },
    { precondition, idempotency }: WriteOptions = {},
  ): Promise<Answer<{ readonly sessionIds: readonly string[] }>> {
    if (!Number.isSafeInteger(maxIdleUs) || maxIdleUs < 0) {
      throw invalid([{ field: "max_idle_seconds", message: "must be at least 0", type: "too_small" }]);
    }
    assertActsAsNone(caller, "clean up sessions");
    assertMatches(precondition, undefined);
    return await this.#once.run(caller.tenant, idempotency, async (remember) => {
      const statuses = ["active", "suspended"] as const;
      const cleanup = { ...caller, maxIdleUs, statuses, dryRun };
      const lasting = await this.#expirer.cleanUp({ ...cleanup, temporary: false });
      const sessionIds = [...lasting, ...(await this.#expirer.cleanUp({ ...cleanup, temporary: true }))];
      return await this.#once.answer({ sessionIds }, remember);
    });
  }

  /**
   * Appends the operation that says so to the log of every session whose time is over, of all tenants, and removes those
   * that are temporary. Reads show such a session as expired before that, too. Then finishes what `settle` does.
   *
   * @param signal  stops it after the sessions in hand
   * @returns how many
   */
  async sweep(signal?: Signal): Promise<number> {
    const swept = await this.#expirer.sweep(signal);
    await this.settle(signal);
    return swept;
  }

  /**
   * Completes or suspends the children of all sessions that ended, of all tenants, where the settings say so and it is not
   * done yet: a crash may have come between, or the session expired while another call came.
   *
   * @param signal  stops it after the session in hand
   */
  async settle(signal?: Signal): Promise<void> {
    await this.#orphans.followAll(signal);
  }

  /** A page of the session's messages, oldest first; of large ones it has fewer than `limit`, and then a `next`. */
  async messages(caller: Caller, id: string, range: MessagePage): Promise<Page<StoredMessage>> {
    const wanted = { ...range, limit: range.limit + 1, charactersMax: PAGE_CHARACTERS_MAX };
    const items = await this.readWhole(caller, id, ({ ref }) => this.#ports.store.messages(ref, wanted));
    const characters = items.reduce((sum, { content }) => sum + content.length, 0);
    if (items.length <= range.limit && characters <= PAGE_CHARACTERS_MAX) return { items };
    const page = range.take === "oldest" ? items.slice(0, range.limit) : items.slice(-range.limit);
    const edge = range.take === "oldest" ? page.at(-1) : page[0];
    return { items: page, ...given("next", edge && String(edge.number)) };
  }

  /** A page of the session's log, oldest first; of large entries it has fewer than `limit`, and then a `next`. */
  async operations(
    caller: Caller,
    id: string,
    range: { readonly after: number; readonly limit: number; readonly kind?: OperationKind },
  ): Promise<Page<Entry>> {
    return await this.readWhole(caller, id, ({ ref }) => logPage(this.#ports, ref, range));
  }

  /**
   * The session's log from `after` on, and then whatever is appended. Ends when the session is deleted, the signal
   * aborts, or the engine closes.
   *
   * @throws {SojournError} `invalid` where `after` is past the log's end: it is of another session of that name
   */
  async follow(
    caller: Caller,
    id: string,
    from: { readonly after: number; readonly signal: Signal },
  ): Promise<AsyncGenerator<Entry>> {
    const { ref, head } = await this.#resolve(caller, id);
    if (from.after > head.seq) {
      const message = `is past the end of this log, ${head.seq}; follow it from its beginning`;
      throw invalid([{ field: "after", message, type: "out_of_range" }]);
    }
    return this.#feeds.follow(ref, from);
  }

  /** Checks the session's log and views; see `verify.ts` for what that finds. */
  async verify(caller: Caller, id: string, knownHead?: string): Promise<Verdict> {
    return await this.readWhole(caller, id, async ({ ref }) => {
      const stored = await this.#ports.store.stored(ref);
      if (stored === undefined) throw missing(id);
      return await verify(this.#ports, stored, knownHead);
    });
  }

  /** Reads of a session in several steps; where it was deleted between them, it is missing, and not damaged. */
  async readWhole<T>(caller: Caller, id: string, read: (stream: Stream) => Promise<T>): Promise<T> {
    const stream = await this.#resolve(caller, id);
    const [result] = await Promise.allSettled([read(stream)]);
    // Asked of the rows: the erasure may be there before it is acknowledged.
    if ((await this.#ports.store.stored(stream.ref)) === undefined) throw missing(id);
    if (result.status === "rejected") throw result.reason;
    return result.value;
  }

  /** Ends the feeds. Calls in hand still finish; the store is its owner's to close. */
  async close(): Promise<void> {
    await this.#feeds.close();
  }

  async #found(
    session: Session,
    { ifExists }: NewSession,
    remember: Remember<Created> | undefined,
  ): Promise<{ readonly value: Created; readonly at: number }> {
    if (ifExists !== "return") throw exists(session);
    return await this.#once.answer({ session, isNew: false }, remember, session.ref);
  }

  async #resolve(caller: Caller, id: string): Promise<Stream> {
    const stream = await this.#lookUp(caller, id);
    if (stream === undefined) throw missing(id);
    assertActsAs(caller, stream);
    return stream;
  }

  async #lookUp({ tenant }: Caller, id: string): Promise<Stream | undefined> {
    if (!isSessionId(id)) return undefined;
    const { store } = this.#ports;
    const ref = { tenant, kind: "session", id } as const;
    // No session is called as another's uid is, so that either order finds the same; this one finds it at once.
    if (UUID.test(id)) return (await store.stream(ref)) ?? (await store.named(tenant, id));
    return (await store.named(tenant, id)) ?? (await store.stream(ref));
  }

  #shown(stream: Stream): Session {
    return { ...stream, record: asOf(stream.record, this.#ports.clock.now()) };
  }
}

/** What a command did. */
export interface Changed extends Answer<Session> {
  /** Its last operation; what limits made of the session then comes after that. Of an answer that is repeated, the last of all. */
  readonly seq: number;
}

/** What may come with a command on a session; `remember` in the place of `idempotency`, where that is seen to already. */
export interface ChangeOptions extends WriteOptions, Pick<Order, "guards" | "beside" | "contents" | "remember"> {
  /** A caller that acts as another session was granted this; see `shared`. */
  readonly isGranted?: true;
}

function missing(id: string): SojournError {
  return new SojournError("session_not_found", { message: `Session ${id} not found` });
}
