import { assertActsAsNone } from "./acting.ts";
import { checkpoint as giveName } from "./artifact-commands.ts";
import { assertNoAncestor, assertNoUid, begin, exists, holderOf } from "./creation.ts";
import { type Diff, diff } from "./diff.ts";
import { invalid, SojournError } from "./errors.ts";
import { type Family, family } from "./family.ts";
import { given } from "./given.ts";
import { type Answer, keyFor, OnceOnly } from "./idempotency.ts";
import type { JsonObject } from "./json.ts";
import { isFinal } from "./lifecycle.ts";
import { assertWithin, PAGE_CHARACTERS_MAX } from "./limits.ts";
import type { MailboxPorts } from "./mailbox.ts";
import type { StoredMessage } from "./message.ts";
import { charactersOf, payloadBody } from "./operation.ts";
import { assertMatches } from "./precondition.ts";
import { Replay, type ReplayOptions } from "./replay.ts";
import type { ReplayReport, ReplayRequest } from "./replay-report.ts";
import type { SessionInputs } from "./session.ts";
import type { Caller, MessagePage, Session, Sessions, WriteOptions } from "./sessions.ts";
import { entryAt } from "./state-at.ts";
import type { Page } from "./store.ts";

export type { Change, Diff, Side } from "./diff.ts";
export type { Family } from "./family.ts";

/** A moment of a session: just after an operation, by its `seq` or by the name of a checkpoint. */
export type Moment = number | string;

/** A name that was given to an operation. */
export interface Checkpoint {
  readonly name: string;
  readonly seq: number;
  readonly createdAtUs: number;
  readonly data?: JsonObject;
}

/** A fork to make. What is left out is as it was at that moment; the id is minted. */
export interface NewFork {
  /** Default: now. */
  readonly at?: Moment;
  readonly sessionId?: string;
  readonly name?: string;
}

export {
  type Difference,
  REPLAY_MODES,
  type ReplayMode,
  type ReplayReport,
  type ReplayRequest,
} from "./replay-report.ts";

/** The past of sessions: what they were, and what may be made of it. */
export class History {
  readonly #ports: MailboxPorts;
  readonly #sessions: Sessions;
  readonly #once: OnceOnly;
  readonly #replay: Replay;

  constructor(ports: MailboxPorts, sessions: Sessions, replaying: ReplayOptions = {}) {
    this.#ports = ports;
    this.#sessions = sessions;
    this.#once = new OnceOnly(ports);
    this.#replay = new Replay({ ...ports, sessions, fork: this.fork.bind(this) }, replaying);
  }

  /**
   * The `seq` of a moment, also for a caller that acts as another session, to which an artifact of then may be shared.
   *
   * @throws {SojournError} `invalid` for a `seq` that the log does not have; `checkpoint_not_found`
   */
  async seqOf(caller: Caller, id: string, moment: Moment): Promise<number> {
    return seqWithin(await this.#sessions.shared(caller, id), moment);
  }

  /** The session as it was. Its id is the one that it has. */
  async at(caller: Caller, id: string, moment: Moment): Promise<Session> {
    const session = await this.#sessions.get(caller, id);
    // By its uid: the name may be another session's by now.
    return await this.#sessions.get(caller, session.ref.id, { at: seqWithin(session, moment) });
  }

  /** A page of the messages that there were, oldest first. */
  async messages(caller: Caller, id: string, moment: Moment, range: MessagePage): Promise<Page<StoredMessage>> {
    const { ref, record } = await this.at(caller, id, moment);
    const before = Math.min(range.before ?? Number.POSITIVE_INFINITY, record.conversation.messages + 1);
    return await this.#sessions.messages(caller, ref.id, { ...range, before });
  }

  /**
   * Gives a name to the operation that says so, in a session of any status.
   *
   * @throws {SojournError} `checkpoint_exists`, `limit_reached`
   */
  async checkpoint(
    caller: Caller,
    id: string,
    { name, data }: { readonly name: string; readonly data?: JsonObject },
    options: WriteOptions = {},
  ): Promise<Answer<{ readonly session: Session; readonly checkpoint: Checkpoint }>> {
    const { value: session, seq, ...answer } = await this.#sessions.change(caller, id, giveName(name, data), options);
    const checkpoint = { name, seq, createdAtUs: answer.at, ...given("data", data) };
    return { ...answer, value: { session, checkpoint } };
  }

  /** A page of the session's checkpoints, oldest first; the cursor is a `seq`. */
  async checkpoints(
    caller: Caller,
    id: string,
    { limit, cursor = "0" }: { readonly limit: number; readonly cursor?: string },
  ): Promise<Page<Checkpoint>> {
    if (!/^\d{1,15}$/.test(cursor)) {
      const message = "is not the next_cursor of a page of checkpoints";
      throw invalid([{ field: "cursor", message, type: "invalid_cursor" }]);
    }
    return await this.#sessions.readWhole(caller, id, async (session) => {
      const { record } = session;
      const named = Object.entries(record.checkpoints).filter(([, seq]) => seq > Number(cursor));
      const wanted = named.sort(([, a], [, b]) => a - b).slice(0, limit);
      const items: Checkpoint[] = [];
      let characters = 0;
      for (const [name, seq] of wanted) {
        const entry = await entryAt(this.#ports.store, session, seq);
        // NOTE: the input of an operation has the shape of its kind; a payload that was erased has no data.
        const input = payloadBody(entry)?.input as SessionInputs["checkpoint.created"] | undefined;
        items.push({ name, seq, createdAtUs: entry.operation.at, ...given("data", input?.data) });
        characters += charactersOf([entry]);
        if (characters > PAGE_CHARACTERS_MAX) break;
      }
      const last = items.at(-1);
      return { items, ...given("next", items.length < named.length ? last : undefined, ({ seq }) => String(seq)) };
    });
  }

  /**
   * Begins a session with the history of another, which may have ended. Nothing of the other changes. The precondition is
   * about the other.
   *
   * @throws {SojournError} `session_exists`, `limit_reached`, and those of `seqOf`
   */
  async fork(
    caller: Caller,
    id: string,
    wanted: NewFork,
    { idempotency, precondition }: WriteOptions = {},
  ): Promise<Answer<Session>> {
    assertActsAsNone(caller, "fork sessions");
    const { sessionId, name, at } = wanted;
    assertWithin({ ...given("sessionId", sessionId), ...given("name", name) });
    const { tenant } = caller;
    const { ref } = await this.#sessions.get(caller, id);
    return await this.#once.run<Session>(tenant, keyFor(idempotency, ref.id), async (remember) => {
      const chosen = sessionId ?? this.#ports.ids.session();
      return await this.#sessions.room.admit({ tenant }, async (guards) => {
        const origin = await this.#sessions.get(caller, ref.id);
        assertMatches(precondition, origin.head.seq);
        const from = await this.at(caller, ref.id, at ?? origin.head.seq);
        const root = origin.record.origin?.root ?? ref.id;
        const taken = await this.#takenFrom(tenant, chosen, from, sessionId !== undefined);
        const uid = this.#ports.ids.uid();
        const { seq, hash } = from.head;
        const input = { uid, sessionId: chosen, ...given("name", name), origin: { uid: ref.id, seq, hash, root } };
        return await begin(this.#ports, {
          ref: { tenant, kind: "session", id: uid },
          actor: caller.actor,
          draft: { kind: "session.forked", name: "fork", input },
          from,
          taken,
          guards,
          remember: remember && ((session, at) => remember(session, at, session.ref)),
        });
      });
    });
  }

  /** Goes through a session again, and tells what comes out otherwise; see `Replay.run`. */
  async replay(caller: Caller, id: string, request: ReplayRequest): Promise<ReplayReport> {
    return await this.#replay.run(caller, id, request);
  }

  /** Where the histories of two sessions part, what each did since, and how they differ now. */
  async diff(caller: Caller, id: string, otherId: string): Promise<Diff> {
    const now = this.#ports.clock.now();
    return await this.#sessions.readWhole(caller, id, (a) =>
      this.#sessions.readWhole(caller, otherId, (b) => diff(this.#ports.store, { a, b, now })),
    );
  }

  /** The session with its children, and theirs, oldest first. A fork is no child of its origin. */
  async family(caller: Caller, id: string): Promise<Family> {
    assertActsAsNone(caller, "see other sessions");
    return await family(this.#ports, await this.#sessions.get(caller, id));
  }

  /** The ended session that a fork takes its name from, if any; refuses a name that it can't have. */
  async #takenFrom(
    tenant: string,
    sessionId: string,
    { record }: Session,
    isChosen: boolean,
  ): Promise<string | undefined> {
    const holder = await holderOf(this.#ports, tenant, sessionId);
    if (holder !== undefined && !isFinal(holder.record.status)) throw exists(holder);
    if (holder === undefined && isChosen) await assertNoUid(this.#ports, tenant, sessionId);
    await assertNoAncestor(this.#ports, tenant, { sessionId, ...given("parentSessionId", record.parentSessionId) });
    return holder?.ref.id;
  }
}

function seqWithin({ head, record }: Session, moment: Moment): number {
  if (typeof moment === "string") {
    const seq = Object.hasOwn(record.checkpoints, moment) ? record.checkpoints[moment] : undefined;
    if (seq !== undefined) return seq;
    throw new SojournError("checkpoint_not_found", {
      message: `Session "${record.sessionId}" has no checkpoint "${moment}"`,
    });
  }
  if (Number.isSafeInteger(moment) && moment >= 1 && moment <= head.seq) return moment;
  const message = `must be 1 to ${head.seq}, the session's version, or the name of a checkpoint`;
  throw invalid([{ field: "at", message, type: "out_of_range" }]);
}
