import type { Cleaned, Health, SessionStats, Verdict } from "../client/answers.ts";
import type { ChatAnswer, Compacted, Compaction, Message, NewMessage } from "../client/conversation.ts";
import { decodeKey, decodeOperation, decodeSession, decodeStats, decodeVerdict } from "../client/decode.ts";
import { decodeAnswer, decodeCompacted, decodeErased, decodeMessage, decodeProfile } from "../client/decode-memory.ts";
import { encodeBody } from "../client/encode.ts";
import { InHand } from "../client/in-hand.ts";
import type {
  AddedMetrics,
  CallOptions,
  CleanupQuery,
  NewSession,
  OperationQuery,
  SessionFilter,
  SessionPatch,
  SessionQuery,
  WriteOptions,
} from "../client/inputs.ts";
import type { Key, MadeKey, NewKey } from "../client/keys.ts";
import type { Operation } from "../client/operation.ts";
import type { SessionState } from "../client/session-state.ts";
import type {
  KeyQuery,
  MemoryChange,
  MessagePageQuery,
  Page,
  Said,
  Seen,
  Sighting,
  Transition,
  Transport,
} from "../client/transport.ts";
import type { Erased, Profile, ProfilePatch } from "../client/users.ts";
import { given } from "../engine/given.ts";
import type { Answer } from "../engine/idempotency.ts";
import type { JsonObject } from "../engine/json.ts";
import type { KeyRecord } from "../engine/key.ts";
import type { StoredMessage } from "../engine/message.ts";
import type { Entry } from "../engine/operation.ts";
import type { FinalStatus, Status } from "../engine/session.ts";
import type { Caller, Session, Sessions } from "../engine/sessions.ts";
import type { User } from "../engine/users.ts";
import * as shapes from "../http/dialects/native/decode.ts";
import {
  encodeMessage,
  encodeOperation,
  encodeSession,
  encodeTotals,
  encodeVerdict,
} from "../http/dialects/native/encode.ts";
import { decodeKeysQuery, decodeNewKey, encodeKey, KeysQueryShape, NewKeyShape } from "../http/dialects/native/keys.ts";
import * as memory from "../http/dialects/native/memory.ts";
import { parse } from "../http/request.ts";
import { bodyOf, jsonOf, queryOf, writing } from "./input.ts";
import type { Engine } from "./open-engine.ts";
import { systemClock } from "./ports.ts";
import { VERSION } from "./version.ts";

/**
 * The way to the sessions of this process. Inputs are held against the shapes of the native dialect, so that they are
 * refused as over HTTP, with the same names of fields.
 */
export class InProcess implements Transport {
  readonly #engine: Engine;
  readonly #sessions: Sessions;
  readonly #caller: Caller;
  readonly #inHand = new InHand();
  #closed: Promise<void> | undefined;

  constructor(engine: Engine, caller: Caller) {
    this.#engine = engine;
    this.#sessions = engine.sessions;
    this.#caller = caller;
  }

  now(): number {
    return systemClock.now() / 1_000;
  }

  health(options: CallOptions): Promise<Health> {
    const { name: model, isLanguageModel } = this.#engine.memory.model;
    const healthy = (): Health => {
      return { status: "healthy", version: VERSION, model, isLanguageModel, timestamp: new Date(this.now()) };
    };
    return this.#call(options, () => this.#engine.probe(), healthy);
  }

  create(wanted: NewSession, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.NewSessionShape, wanted);
    const write = writing("create", body, options);
    const create = () => this.#sessions.create(this.#caller, shapes.decodeNewSession(body), write);
    return this.#call(options, create, ({ value }) => new StreamSighting(value.session));
  }

  get(id: string, at: number | undefined, options: CallOptions): Promise<Sighting> {
    if (at === undefined) return this.#see(options, () => this.#sessions.get(this.#caller, id));
    const wanted = queryOf(shapes.GetQueryShape, { at });
    return this.#see(options, () => this.#sessions.get(this.#caller, id, { at: Number(wanted.at) }));
  }

  newest(userId: string | undefined, options: CallOptions): Promise<Sighting> {
    const wanted = queryOf(shapes.NewestQueryShape, { userId });
    return this.#see(options, () => this.#sessions.newest(this.#caller, wanted.user_id));
  }

  list(query: SessionQuery, cursor: string | undefined, options: CallOptions): Promise<Page<Sighting>> {
    const wanted = shapes.decodeList(queryOf(shapes.ListQueryShape, { ...query, cursor }));
    const list = () => this.#sessions.list(this.#caller, wanted);
    return this.#call(options, list, ({ items, next }) => {
      return { items: items.map((session) => new StreamSighting(session)), next };
    });
  }

  stats(filter: SessionFilter, options: CallOptions): Promise<SessionStats> {
    const wanted = shapes.decodeFilter(queryOf(shapes.StatsQueryShape, filter));
    const sum = () => this.#sessions.totals(this.#caller, wanted);
    return this.#call(options, sum, (totals) => decodeStats(encodeTotals(totals)));
  }

  cleanup(query: CleanupQuery, options: WriteOptions): Promise<Cleaned> {
    const body = bodyOf(shapes.CleanupShape, query);
    const write = writing("cleanup", body, options);
    const cleanUp = () => this.#sessions.cleanup(this.#caller, shapes.decodeCleanup(body), write);
    return this.#call(options, cleanUp, ({ value: { sessionIds } }) => ({ cleaned: sessionIds.length, sessionIds }));
  }

  update(uid: string, patch: SessionPatch, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.PatchShape, patch);
    const write = writing(`update ${uid}`, body, options);
    return this.#change(options, () => this.#sessions.update(this.#caller, uid, shapes.decodePatch(body), write));
  }

  transition(uid: string, to: Transition, reason: string | undefined, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.ReasonShape, { reason });
    const write = writing(`${to} ${uid}`, body, options);
    return this.#change(options, () => this.#sessions[to](this.#caller, uid, given("reason", body.reason), write));
  }

  end(uid: string, status: FinalStatus, reason: string | undefined, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.EndShape, { status, reason });
    const write = writing(`end ${uid}`, body, options);
    const wanted = { status, ...given("reason", body.reason) };
    return this.#change(options, () => this.#sessions.end(this.#caller, uid, wanted, write));
  }

  record(uid: string, added: AddedMetrics = {}, options: WriteOptions): Promise<Sighting> {
    const body = parse(shapes.AddedMetricsShape, encodeBody(added));
    const write = writing(`record ${uid}`, body, options);
    return this.#change(options, () => this.#sessions.record(this.#caller, uid, shapes.decodeMetrics(body), write));
  }

  delete(uid: string, options: WriteOptions): Promise<void> {
    const write = writing(`delete ${uid}`, {}, options);
    return this.#call(
      options,
      () => this.#sessions.delete(this.#caller, uid, write),
      () => undefined,
    );
  }

  operations(uid: string, query: OperationQuery, options: CallOptions): Promise<Page<Operation>> {
    const range = shapes.decodeRange(queryOf(shapes.OperationsQueryShape, query));
    const read = () => this.#sessions.operations(this.#caller, uid, range);
    return this.#call(options, read, ({ items, next }) => ({ items: items.map(operationOf), next }));
  }

  async *follow(
    uid: string,
    query: OperationQuery,
    { signal = new AbortController().signal }: CallOptions,
  ): AsyncGenerator<Operation, void, undefined> {
    const { after, kind } = shapes.decodeRange(queryOf(shapes.OperationsQueryShape, query));
    this.#inHand.assertOpen();
    if (signal.aborted) return;
    for await (const entry of await this.#sessions.follow(this.#caller, uid, { after, signal })) {
      if (kind === undefined || entry.operation.kind === kind) yield operationOf(entry);
    }
  }

  verify(uid: string, head: string | undefined, options: CallOptions): Promise<Verdict> {
    const wanted = queryOf(shapes.VerifyQueryShape, { head });
    const verify = () => this.#sessions.verify(this.#caller, uid, wanted.head);
    return this.#call(options, verify, (verdict) => decodeVerdict(encodeVerdict(verdict)));
  }

  async chat(said: Said, options: WriteOptions, onText: (text: string) => void): Promise<Seen<ChatAnswer>> {
    const body = bodyOf(memory.ChatShape, said);
    const write = writing("chat", body, options);
    let hasText = false;
    const say = () =>
      this.#engine.memory.chat(this.#caller, memory.decodeChat(body), {
        ...write,
        signal: options.signal ?? NEVER,
        onText: (text) => {
          hasText = true;
          onText(text);
        },
      });
    return await this.#call(options, say, (answer) => {
      // A repeated answer comes whole.
      if (!hasText) onText(answer.value.response);
      const wire = memory.encodeAnswer(answer, { requestId: "", withSession: false });
      return seenWith(answer.value.session, { ...decodeAnswer(wire), requestId: undefined });
    });
  }

  async messages(uid: string, query: MessagePageQuery, options: CallOptions): Promise<Page<Message>> {
    const page = memory.decodeMessagePage(queryOf(memory.MessagesQueryShape, query));
    const read = () => this.#sessions.messages(this.#caller, uid, page);
    return await this.#call(options, read, ({ items, next }) => {
      return { items: items.map(messageOf), next: memory.encodeMessageCursor(page, next) };
    });
  }

  async addMessages(
    uid: string,
    messages: NewMessage | readonly NewMessage[],
    options: WriteOptions,
  ): Promise<Seen<readonly Message[]>> {
    const body = bodyOf(memory.NewMessagesShape, Array.isArray(messages) ? { messages } : messages);
    const write = writing(`add ${uid}`, body, options);
    const add = () => this.#engine.memory.add(this.#caller, uid, memory.decodeMessages(body), write);
    return await this.#call(options, add, ({ value }) => seenWith(value.session, value.messages.map(messageOf)));
  }

  async compact(uid: string, wanted: Compaction, options: WriteOptions): Promise<Seen<Compacted>> {
    const body = bodyOf(memory.CompactShape, wanted);
    const write = { ...writing(`compact ${uid}`, body, options), signal: options.signal ?? NEVER };
    const compact = () => this.#engine.memory.compact(this.#caller, uid, memory.decodeCompact(body), write);
    return await this.#call(options, compact, ({ value }) => {
      return seenWith(value.session, decodeCompacted(memory.encodeCompacted(value)));
    });
  }

  workingMemory(uid: string, options: CallOptions): Promise<JsonObject> {
    return this.#call(options, () => this.#sessions.get(this.#caller, uid), workingMemoryOf);
  }

  async changeWorkingMemory(uid: string, change: MemoryChange, options: WriteOptions): Promise<Seen<JsonObject>> {
    const [verb, input] = "set" in change ? (["set", change.set] as const) : (["merge", change.merge] as const);
    const body = jsonOf(memory.WorkingMemoryShape, input) as JsonObject;
    const write = writing(`${verb} ${uid}`, body, options);
    const wanted = verb === "set" ? { set: body } : { merge: body };
    const apply = () => this.#engine.memory.changeWorkingMemory(this.#caller, uid, wanted, write);
    return await this.#call(options, apply, ({ value }) => seenWith(value, workingMemoryOf(value)));
  }

  profile(userId: string, options: CallOptions): Promise<Profile> {
    return this.#call(options, () => this.#engine.users.get(this.#caller, userId), profileOf);
  }

  async updateProfile(userId: string, patch: ProfilePatch, options: WriteOptions): Promise<Profile> {
    const body = bodyOf(memory.ProfilePatchShape, patch);
    const write = writing(`profile ${userId}`, body, options);
    const update = () => this.#engine.users.update(this.#caller, userId, memory.decodeProfilePatch(body), write);
    return await this.#call(options, update, ({ value }) => profileOf(value));
  }

  eraseUser(userId: string, options: CallOptions): Promise<Erased> {
    const erase = () => this.#engine.users.erase(this.#caller, userId, this.#sessions);
    return this.#call(options, erase, (erased) => decodeErased(memory.encodeErased(erased)));
  }

  async createKey(wanted: NewKey, options: CallOptions): Promise<MadeKey> {
    const body = bodyOf(NewKeyShape, wanted);
    const create = () => this.#engine.access.create(this.#operator, decodeNewKey(body));
    return await this.#call(options, create, ({ record, key }) => ({ ...keyOf(record), key }));
  }

  async keys(query: KeyQuery, options: CallOptions): Promise<Page<Key>> {
    const wanted = decodeKeysQuery(queryOf(KeysQueryShape, query));
    const list = () => this.#engine.access.list(wanted);
    return await this.#call(options, list, ({ items, next }) => ({ items: items.map(keyOf), next }));
  }

  revokeKey(id: string, options: CallOptions): Promise<Key> {
    return this.#call(options, () => this.#engine.access.revoke(this.#operator, id), keyOf);
  }

  disableKeys(options: CallOptions): Promise<void> {
    const disable = () => this.#engine.access.disable();
    return this.#call(options, disable, () => undefined);
  }

  async *backUp({ signal }: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
    this.#inHand.assertOpen();
    const { closing } = this.#inHand;
    await using backup = await this.#engine.backUp(signal === undefined ? closing : AbortSignal.any([closing, signal]));
    yield* backup;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const calls = this.#inHand.close();
    // What is followed never ends by itself.
    await this.#sessions.close();
    await calls;
    await this.#engine.close();
  }

  /** Whoever can open the directory may say who else gets in. */
  get #operator(): Caller {
    return { ...this.#caller, actor: "operator" };
  }

  #change(options: CallOptions, change: () => Promise<Answer<Session>>): Promise<Sighting> {
    return this.#call(options, change, ({ value }) => new StreamSighting(value));
  }

  #see(options: CallOptions, look: () => Promise<Session>): Promise<Sighting> {
    return this.#call(options, look, (stream) => new StreamSighting(stream));
  }

  // By one `then`, and not by async functions within each other: a read takes a microsecond, and each of them a tenth.
  #call<T, U>({ signal }: CallOptions, call: () => Promise<T>, toAnswer: (value: T) => U): Promise<U> {
    signal?.throwIfAborted();
    this.#inHand.enter();
    const answer = call().then(
      (value) => {
        this.#inHand.leave();
        return toAnswer(value);
      },
      (error: unknown) => {
        this.#inHand.leave();
        throw error;
      },
    );
    return signal === undefined ? answer : untilAborted(answer, signal);
  }
}

/** What the engine tells of a session. */
class StreamSighting implements Sighting {
  readonly #stream: Session;

  constructor(stream: Session) {
    this.#stream = stream;
  }

  get uid(): string {
    return this.#stream.ref.id;
  }

  get version(): number {
    return this.#stream.head.seq;
  }

  get status(): Status {
    return this.#stream.record.status;
  }

  state(): SessionState {
    const wire = encodeSession(this.#stream);
    // A copy: the engine goes on with its own.
    return decodeSession({ ...wire, metadata: structuredClone(wire.metadata) });
  }
}

const NEVER = new AbortController().signal;

function seenWith<T>(session: Session, value: T): Seen<T> {
  return { value, seen: new StreamSighting(session) };
}

function messageOf(message: StoredMessage): Message {
  return decodeMessage(structuredClone(encodeMessage(message)));
}

// A copy: the engine goes on with its own.
function workingMemoryOf(session: Session): JsonObject {
  return structuredClone(memory.encodeWorkingMemory(session));
}

function profileOf(user: User): Profile {
  return decodeProfile(structuredClone(memory.encodeProfile(user)));
}

function keyOf(record: KeyRecord): Key {
  return decodeKey(encodeKey(record, systemClock.now()));
}

function operationOf(entry: Entry): Operation {
  return decodeOperation(encodeOperation(entry));
}

/** Settles as the call does, or rejects with the signal's reason; then the call goes on, and nobody hears of it. */
function untilAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop);
    call.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
