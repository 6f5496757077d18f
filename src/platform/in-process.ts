import type { z } from "zod";
import type { Cleaned, Health, SessionStats, Verdict } from "../client/answers.ts";
import { decodeKey, decodeOperation, decodeSession, decodeStats, decodeVerdict } from "../client/decode.ts";
import { assertWritable, encodeBody, encodeQuery, toJson } from "../client/encode.ts";
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
import type { KeyQuery, Page, Sighting, Transition, Transport } from "../client/transport.ts";
import { invalid } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import type { Answer } from "../engine/idempotency.ts";
import type { KeyRecord } from "../engine/key.ts";
import { jsonFaults } from "../engine/limits.ts";
import type { Entry } from "../engine/operation.ts";
import type { FinalStatus, Status } from "../engine/session.ts";
import type { Caller, WriteOptions as EngineOptions, Session, Sessions } from "../engine/sessions.ts";
import * as shapes from "../http/dialects/native/decode.ts";
import { encodeOperation, encodeSession, encodeTotals, encodeVerdict } from "../http/dialects/native/encode.ts";
import { decodeKeysQuery, decodeNewKey, encodeKey, KeysQueryShape, NewKeyShape } from "../http/dialects/native/keys.ts";
import { parse } from "../http/request.ts";
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
    const healthy = (): Health => ({ status: "healthy", version: VERSION, timestamp: new Date(this.now()) });
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

function keyOf(record: KeyRecord): Key {
  return decodeKey(encodeKey(record, systemClock.now()));
}

function operationOf(entry: Entry): Operation {
  return decodeOperation(encodeOperation(entry));
}

/** An input as a body of JSON would bring it: copied, and held against its shape. */
function bodyOf<T>(shape: z.ZodType<T>, input: object): T {
  const value: unknown = JSON.parse(toJson(encodeBody(input)));
  const faults = jsonFaults(value, "");
  if (faults.length > 0) throw invalid(faults);
  return parse(shape, value);
}

function queryOf<T>(shape: z.ZodType<T>, input: object): T {
  const query = encodeQuery(input);
  const faults = jsonFaults(query, "");
  if (faults.length > 0) throw invalid(faults);
  return parse(shape, query);
}

function writing(scope: string, body: object, { idempotencyKey, ifMatch }: WriteOptions): EngineOptions | undefined {
  if (idempotencyKey === undefined && ifMatch === undefined) return undefined;
  assertWritable({ idempotencyKey, ifMatch });
  return {
    ...given("idempotency", idempotencyKey, (key) => ({ key, scope: `sdk ${scope}`, request: JSON.stringify(body) })),
    ...given("precondition", ifMatch, (version) => [version]),
  };
}

/** Settles as the call does, or rejects with the signal's reason; then the call goes on, and nobody hears of it. */
function untilAborted<T>(call: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop);
    call.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
