import type { Cleaned, Health, SessionStats, Verdict } from "../client/answers.ts";
import type { ChatAnswer, Compacted, Compaction, Message, NewMessage } from "../client/conversation.ts";
import { decodeKey, decodeOperation, decodeStats, decodeVerdict } from "../client/decode.ts";
import { decodeAnswer, decodeCompacted, decodeErased, decodeMessage, decodeProfile } from "../client/decode-memory.ts";
import { encodeBody } from "../client/encode.ts";
import type { Pruned, PrunePolicy } from "../client/history.ts";
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
import type { Moment } from "../engine/history.ts";
import type { JsonObject } from "../engine/json.ts";
import type { KeyRecord } from "../engine/key.ts";
import type { StoredMessage } from "../engine/message.ts";
import type { Entry } from "../engine/operation.ts";
import type { FinalStatus } from "../engine/session.ts";
import type { Caller, Session, Sessions } from "../engine/sessions.ts";
import type { User } from "../engine/users.ts";
import * as shapes from "../http/dialects/native/decode.ts";
import { encodeMessage, encodeOperation, encodeTotals, encodeVerdict } from "../http/dialects/native/encode.ts";
import * as past from "../http/dialects/native/history.ts";
import { decodeKeysQuery, decodeNewKey, encodeKey, KeysQueryShape, NewKeyShape } from "../http/dialects/native/keys.ts";
import * as memory from "../http/dialects/native/memory.ts";
import { parse } from "../http/request.ts";
import { InProcessAgentRuns } from "./in-process-agent-runs.ts";
import { InProcessArtifacts } from "./in-process-artifacts.ts";
import { asOperator, type InProcessCalls, StreamSighting, seenWith } from "./in-process-calls.ts";
import { InProcessEvents } from "./in-process-events.ts";
import { InProcessHistory } from "./in-process-history.ts";
import { InProcessObjects } from "./in-process-objects.ts";
import { InProcessTasks } from "./in-process-tasks.ts";
import { InProcessTemplates } from "./in-process-templates.ts";
import { InProcessTopics } from "./in-process-topics.ts";
import { InProcessWebhooks } from "./in-process-webhooks.ts";
import { bodyOf, jsonOf, momentOf, queryOf, writing } from "./input.ts";
import type { Engine } from "./open-engine.ts";
import { systemClock } from "./ports.ts";
import { VERSION } from "./version.ts";

/**
 * The way to the sessions of this process. Inputs are held against the shapes of the native dialect, so that they are
 * refused as over HTTP, with the same names of fields.
 */
export class InProcess implements Transport {
  readonly agentRuns: InProcessAgentRuns;
  readonly artifacts: InProcessArtifacts;
  readonly history: InProcessHistory;
  readonly objects: InProcessObjects;
  readonly tasks: InProcessTasks;
  readonly templates: InProcessTemplates;
  readonly events: InProcessEvents;
  readonly webhooks: InProcessWebhooks;
  readonly topics: InProcessTopics;
  readonly #calls: InProcessCalls;
  readonly #engine: Engine;
  readonly #sessions: Sessions;
  #closed: Promise<void> | undefined;

  constructor(calls: InProcessCalls) {
    this.#calls = calls;
    this.#engine = calls.engine;
    this.#sessions = calls.engine.sessions;
    this.agentRuns = new InProcessAgentRuns(calls);
    this.artifacts = new InProcessArtifacts(calls);
    this.history = new InProcessHistory(calls);
    this.objects = new InProcessObjects(calls);
    this.tasks = new InProcessTasks(calls);
    this.templates = new InProcessTemplates(calls);
    this.events = new InProcessEvents(calls);
    this.webhooks = new InProcessWebhooks(calls);
    this.topics = new InProcessTopics(calls);
  }

  actingAs(session: string): InProcess {
    return new InProcess(this.#calls.as(session));
  }

  now(): number {
    return systemClock.now() / 1_000;
  }

  health(options: CallOptions): Promise<Health> {
    const { name: model, isLanguageModel } = this.#engine.memory.model;
    const healthy = (): Health => {
      return { status: "healthy", version: VERSION, model, isLanguageModel, timestamp: new Date(this.now()) };
    };
    return this.#calls.call(options, () => this.#engine.probe(), healthy);
  }

  create(wanted: NewSession, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.NewSessionShape, wanted);
    const write = writing("create", body, options);
    const create = (caller: Caller) => this.#sessions.create(caller, shapes.decodeNewSession(body), write);
    return this.#calls.call(options, create, ({ value }) => new StreamSighting(value.session));
  }

  get(id: string, at: Moment | undefined, options: CallOptions): Promise<Sighting> {
    if (at === undefined) return this.#calls.see(options, (caller) => this.#sessions.get(caller, id));
    const moment = momentOf(at);
    return this.#calls.see(options, (caller) => this.#engine.history.at(caller, id, moment));
  }

  newest(userId: string | undefined, options: CallOptions): Promise<Sighting> {
    const wanted = queryOf(shapes.NewestQueryShape, { userId });
    return this.#calls.see(options, (caller) => this.#sessions.newest(caller, wanted.user_id));
  }

  list(query: SessionQuery, cursor: string | undefined, options: CallOptions): Promise<Page<Sighting>> {
    const wanted = shapes.decodeList(queryOf(shapes.ListQueryShape, { ...query, cursor }));
    const list = (caller: Caller) => this.#sessions.list(caller, wanted);
    return this.#calls.call(options, list, ({ items, next }) => {
      return { items: items.map((session) => new StreamSighting(session)), next };
    });
  }

  stats(filter: SessionFilter, options: CallOptions): Promise<SessionStats> {
    const wanted = shapes.decodeFilter(queryOf(shapes.StatsQueryShape, filter));
    const sum = (caller: Caller) => this.#sessions.totals(caller, wanted);
    return this.#calls.call(options, sum, (totals) => decodeStats(encodeTotals(totals)));
  }

  cleanup(query: CleanupQuery, options: WriteOptions): Promise<Cleaned> {
    const body = bodyOf(shapes.CleanupShape, query);
    const write = writing("cleanup", body, options);
    const cleanUp = (caller: Caller) => this.#sessions.cleanup(caller, shapes.decodeCleanup(body), write);
    return this.#calls.call(options, cleanUp, ({ value: { sessionIds } }) => ({
      cleaned: sessionIds.length,
      sessionIds,
    }));
  }

  prune(policy: PrunePolicy, options: WriteOptions): Promise<Pruned> {
    const body = bodyOf(past.PruneShape, policy);
    const write = writing("prune", body, options) ?? {};
    const prune = (caller: Caller) => this.#engine.retention.prune(caller, past.decodePrune(body), write);
    return this.#calls.call(options, prune, ({ value: { deleted, sessionIds, artifactBytes } }) => {
      return { deleted, sessionIds, artifactBytes };
    });
  }

  update(uid: string, patch: SessionPatch, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.PatchShape, patch);
    const write = writing(`update ${uid}`, body, options);
    return this.#calls.change(options, (caller) => this.#sessions.update(caller, uid, shapes.decodePatch(body), write));
  }

  transition(uid: string, to: Transition, reason: string | undefined, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.ReasonShape, { reason });
    const write = writing(`${to} ${uid}`, body, options);
    return this.#calls.change(options, (caller) =>
      this.#sessions[to](caller, uid, given("reason", body.reason), write),
    );
  }

  end(uid: string, status: FinalStatus, reason: string | undefined, options: WriteOptions): Promise<Sighting> {
    const body = bodyOf(shapes.EndShape, { status, reason });
    const write = writing(`end ${uid}`, body, options);
    const wanted = { status, ...given("reason", body.reason) };
    return this.#calls.change(options, (caller) => this.#sessions.end(caller, uid, wanted, write));
  }

  record(uid: string, added: AddedMetrics = {}, options: WriteOptions): Promise<Sighting> {
    const body = parse(shapes.AddedMetricsShape, encodeBody(added));
    const write = writing(`record ${uid}`, body, options);
    return this.#calls.change(options, (caller) =>
      this.#sessions.record(caller, uid, shapes.decodeMetrics(body), write),
    );
  }

  delete(uid: string, options: WriteOptions): Promise<void> {
    const write = writing(`delete ${uid}`, {}, options);
    return this.#calls.call(
      options,
      (caller) => this.#sessions.delete(caller, uid, write),
      () => undefined,
    );
  }

  operations(uid: string, query: OperationQuery, options: CallOptions): Promise<Page<Operation>> {
    const range = shapes.decodeRange(queryOf(shapes.OperationsQueryShape, query));
    const read = (caller: Caller) => this.#sessions.operations(caller, uid, range);
    return this.#calls.call(options, read, ({ items, next }) => ({ items: items.map(operationOf), next }));
  }

  async *follow(
    uid: string,
    query: OperationQuery,
    { signal = new AbortController().signal }: CallOptions,
  ): AsyncGenerator<Operation, void, undefined> {
    const { after, kind } = shapes.decodeRange(queryOf(shapes.OperationsQueryShape, query));
    this.#calls.inHand.assertOpen();
    if (signal.aborted) return;
    const caller = await this.#calls.caller();
    for await (const entry of await this.#sessions.follow(caller, uid, { after, signal })) {
      if (kind === undefined || entry.operation.kind === kind) yield operationOf(entry);
    }
  }

  verify(uid: string, head: string | undefined, options: CallOptions): Promise<Verdict> {
    const wanted = queryOf(shapes.VerifyQueryShape, { head });
    const verify = (caller: Caller) => this.#sessions.verify(caller, uid, wanted.head);
    return this.#calls.call(options, verify, (verdict) => decodeVerdict(encodeVerdict(verdict)));
  }

  async chat(said: Said, options: WriteOptions, onText: (text: string) => void): Promise<Seen<ChatAnswer>> {
    const body = bodyOf(memory.ChatShape, said);
    const write = writing("chat", body, options);
    let hasText = false;
    const say = (caller: Caller) =>
      this.#engine.memory.chat(caller, memory.decodeChat(body), {
        ...write,
        signal: options.signal ?? NEVER,
        onText: (text) => {
          hasText = true;
          onText(text);
        },
      });
    return await this.#calls.call(options, say, (answer) => {
      // A repeated answer comes whole.
      if (!hasText) onText(answer.value.response);
      const wire = memory.encodeAnswer(answer, { requestId: "", withSession: false });
      return seenWith(answer.value.session, { ...decodeAnswer(wire), requestId: undefined });
    });
  }

  async messages(uid: string, query: MessagePageQuery, options: CallOptions): Promise<Page<Message>> {
    const { at, ...rest } = query;
    const page = memory.decodeMessagePage(queryOf(memory.MessagesQueryShape, rest));
    const read = (caller: Caller) =>
      at === undefined
        ? this.#sessions.messages(caller, uid, page)
        : this.#engine.history.messages(caller, uid, at, page);
    return await this.#calls.call(options, read, ({ items, next }) => {
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
    const add = (caller: Caller) => this.#engine.memory.add(caller, uid, memory.decodeMessages(body), write);
    return await this.#calls.call(options, add, ({ value }) => seenWith(value.session, value.messages.map(messageOf)));
  }

  async compact(uid: string, wanted: Compaction, options: WriteOptions): Promise<Seen<Compacted>> {
    const body = bodyOf(memory.CompactShape, wanted);
    const write = { ...writing(`compact ${uid}`, body, options), signal: options.signal ?? NEVER };
    const compact = (caller: Caller) => this.#engine.memory.compact(caller, uid, memory.decodeCompact(body), write);
    return await this.#calls.call(options, compact, ({ value }) => {
      return seenWith(value.session, decodeCompacted(memory.encodeCompacted(value)));
    });
  }

  workingMemory(uid: string, at: number | undefined, options: CallOptions): Promise<JsonObject> {
    const look = (caller: Caller) =>
      at === undefined ? this.#sessions.get(caller, uid) : this.#engine.history.at(caller, uid, at);
    return this.#calls.call(options, look, workingMemoryOf);
  }

  async changeWorkingMemory(uid: string, change: MemoryChange, options: WriteOptions): Promise<Seen<JsonObject>> {
    const [verb, input] = "set" in change ? (["set", change.set] as const) : (["merge", change.merge] as const);
    const body = jsonOf(memory.WorkingMemoryShape, input) as JsonObject;
    const write = writing(`${verb} ${uid}`, body, options);
    const wanted = verb === "set" ? { set: body } : { merge: body };
    const apply = (caller: Caller) => this.#engine.memory.changeWorkingMemory(caller, uid, wanted, write);
    return await this.#calls.call(options, apply, ({ value }) => seenWith(value, workingMemoryOf(value)));
  }

  profile(userId: string, options: CallOptions): Promise<Profile> {
    return this.#calls.call(options, (caller) => this.#engine.users.get(caller, userId), profileOf);
  }

  async updateProfile(userId: string, patch: ProfilePatch, options: WriteOptions): Promise<Profile> {
    const body = bodyOf(memory.ProfilePatchShape, patch);
    const write = writing(`profile ${userId}`, body, options);
    const update = (caller: Caller) =>
      this.#engine.users.update(caller, userId, memory.decodeProfilePatch(body), write);
    return await this.#calls.call(options, update, ({ value }) => profileOf(value));
  }

  eraseUser(userId: string, options: CallOptions): Promise<Erased> {
    const erase = (caller: Caller) => this.#engine.users.erase(caller, userId, this.#sessions);
    return this.#calls.call(options, erase, (erased) => decodeErased(memory.encodeErased(erased)));
  }

  async createKey(wanted: NewKey, options: CallOptions): Promise<MadeKey> {
    const body = bodyOf(NewKeyShape, wanted);
    const create = (operator: Caller) => this.#engine.access.create(operator, decodeNewKey(body));
    return await this.#calls.operate(options, create, ({ record, key }) => ({ ...keyOf(record), key }));
  }

  async keys(query: KeyQuery, options: CallOptions): Promise<Page<Key>> {
    const wanted = decodeKeysQuery(queryOf(KeysQueryShape, query));
    const list = () => this.#engine.access.list(wanted);
    return await this.#calls.operate(options, list, ({ items, next }) => ({ items: items.map(keyOf), next }));
  }

  revokeKey(id: string, options: CallOptions): Promise<Key> {
    return this.#calls.operate(options, (operator) => this.#engine.access.revoke(operator, id), keyOf);
  }

  disableKeys(options: CallOptions): Promise<void> {
    const disable = () => this.#engine.access.disable();
    return this.#calls.operate(options, disable, () => undefined);
  }

  async *backUp({ signal }: CallOptions): AsyncGenerator<Uint8Array, void, undefined> {
    const { inHand } = this.#calls;
    inHand.assertOpen();
    asOperator(await this.#calls.caller());
    const { closing } = inHand;
    await using backup = await this.#engine.backUp(signal === undefined ? closing : AbortSignal.any([closing, signal]));
    yield* backup;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const calls = this.#calls.inHand.close();
    // What is followed never ends by itself.
    await Promise.all([this.#sessions.close(), this.#engine.topics.close()]);
    await calls;
    await this.#engine.close();
  }
}

const NEVER = new AbortController().signal;

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
