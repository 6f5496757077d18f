import { invalid, SojournError } from "../engine/errors.ts";
import type { JsonObject } from "../engine/json.ts";
import type { FinalStatus } from "../engine/session.ts";
import type { Cleaned, Health, SessionStats, Verdict } from "./answers.ts";
import { Connection, type ConnectionOptions, type Envelope, type Request } from "./connection.ts";
import type { ChatAnswer, Compacted, Compaction, Message, NewMessage } from "./conversation.ts";
import {
  decodeKey,
  decodeOperation,
  decodeSession,
  decodeStats,
  decodeVerdict,
  type WireKey,
  type WireOperation,
  type WireSession,
  type WireStats,
  type WireVerdict,
} from "./decode.ts";
import {
  decodeAnswer,
  decodeCompacted,
  decodeErased,
  decodeMessage,
  decodeProfile,
  type WireAnswer,
  type WireCompacted,
  type WireErased,
  type WirePlacedMessage,
  type WireProfile,
} from "./decode-memory.ts";
import { encodeBody, encodeQuery } from "./encode.ts";
import { isObject, parsed } from "./failure.ts";
import { follow } from "./feed.ts";
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
} from "./inputs.ts";
import type { Key, MadeKey, NewKey } from "./keys.ts";
import type { Operation } from "./operation.ts";
import { isSessionId } from "./session-id.ts";
import type { SessionState } from "./session-state.ts";
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
} from "./transport.ts";
import type { Erased, Profile, ProfilePatch } from "./users.ts";

/** The way to the sessions of a server. */
export class HttpTransport implements Transport {
  readonly #connection: Connection;

  constructor(options: ConnectionOptions) {
    this.#connection = new Connection(options);
  }

  now(): number {
    return this.#connection.now();
  }

  async health(options: CallOptions): Promise<Health> {
    const answer = await this.#connection.read({ method: "GET", path: "/health" }, options);
    const { status, version, model, is_language_model: isLanguageModel, timestamp } = answer;
    if (status !== "healthy") throw this.#connection.stranger();
    return {
      status,
      version: String(version),
      model: String(model),
      isLanguageModel: isLanguageModel === true,
      timestamp: new Date(String(timestamp)),
    };
  }

  async create(wanted: NewSession, options: WriteOptions): Promise<Sighting> {
    return await this.#change({ method: "POST", path: "/sessions", body: encodeBody(wanted) }, options);
  }

  async get(id: string, at: number | undefined, options: CallOptions): Promise<Sighting> {
    if (!isSessionId(id)) throw new SojournError("session_not_found", { message: `Session ${id} not found` });
    return this.#seen(await this.#read(sessionPath(id), { at }, options));
  }

  async newest(userId: string | undefined, options: CallOptions): Promise<Sighting> {
    return this.#seen(await this.#read("/sessions/continue", { userId }, options));
  }

  async list(query: SessionQuery, cursor: string | undefined, options: CallOptions): Promise<Page<Sighting>> {
    const { sessions, next_cursor: next } = await this.#read("/sessions", { ...query, cursor }, options);
    return { items: this.#itemsOf(sessions).map((session) => this.#seen(session)), next: textOf(next) };
  }

  async stats(filter: SessionFilter, options: CallOptions): Promise<SessionStats> {
    // NOTE: the answer of this route; so it is with every `as` below.
    return decodeStats((await this.#read("/sessions/stats", filter, options)) as unknown as WireStats);
  }

  async cleanup(query: CleanupQuery, options: WriteOptions): Promise<Cleaned> {
    const request = { method: "POST", path: "/sessions/cleanup", body: encodeBody(query) } as const;
    const { session_ids } = this.#dataOf(await this.#connection.write(request, options));
    const sessionIds = this.#itemsOf(session_ids) as readonly string[];
    return { cleaned: sessionIds.length, sessionIds };
  }

  async update(uid: string, patch: SessionPatch, options: WriteOptions): Promise<Sighting> {
    return await this.#change({ method: "PATCH", path: sessionPath(uid), body: encodeBody(patch) }, options);
  }

  async transition(uid: string, to: Transition, reason: string | undefined, options: WriteOptions): Promise<Sighting> {
    return await this.#change({ method: "POST", path: `${sessionPath(uid)}/${to}`, body: { reason } }, options);
  }

  async end(uid: string, status: FinalStatus, reason: string | undefined, options: WriteOptions): Promise<Sighting> {
    return await this.#change({ method: "POST", path: `${sessionPath(uid)}/end`, body: { status, reason } }, options);
  }

  async record(uid: string, added: AddedMetrics | undefined, options: WriteOptions): Promise<Sighting> {
    const path = `${sessionPath(uid)}/metrics?return=session`;
    return await this.#change({ method: "POST", path, body: encodeBody(added ?? {}) }, options);
  }

  async delete(uid: string, options: WriteOptions): Promise<void> {
    const { success } = await this.#connection.write({ method: "DELETE", path: sessionPath(uid) }, options);
    if (success !== true) throw this.#connection.stranger();
  }

  async operations(uid: string, query: OperationQuery, options: CallOptions): Promise<Page<Operation>> {
    const { operations, next_cursor: next } = await this.#read(`${sessionPath(uid)}/operations`, query, options);
    const items = this.#itemsOf(operations) as readonly WireOperation[];
    return { items: items.map(decodeOperation), next: textOf(next) };
  }

  async *follow(
    uid: string,
    query: OperationQuery,
    { signal }: CallOptions,
  ): AsyncGenerator<Operation, void, undefined> {
    const request = { method: "GET", path: `${sessionPath(uid)}/operations`, query: encodeQuery(query) } as const;
    for await (const { data } of follow(this.#connection, request, signal)) {
      yield decodeOperation(JSON.parse(data) as WireOperation);
    }
  }

  async verify(uid: string, head: string | undefined, options: CallOptions): Promise<Verdict> {
    return decodeVerdict((await this.#read(`${sessionPath(uid)}/verify`, { head }, options)) as unknown as WireVerdict);
  }

  async chat(said: Said, options: WriteOptions, onText: (text: string) => void): Promise<Seen<ChatAnswer>> {
    const request = { method: "POST", path: `/chat?${WITH_SESSION}`, body: encodeBody(said) } as const;
    for await (const { event, data } of this.#connection.converse(request, options)) {
      if (event === "error") throw this.#connection.refused(data);
      if (event !== "token" && event !== "done") continue;
      const told = parsed(data);
      if (!isObject(told)) throw this.#connection.stranger();
      if (event === "token") onText(String(told["text"]));
      else {
        const answer = this.#dataOf(told);
        return this.#withSession(answer, decodeAnswer(answer as unknown as WireAnswer));
      }
    }
    throw this.#connection.brokenOff(new Error("it ended too early"));
  }

  async messages(uid: string, query: MessagePageQuery, options: CallOptions): Promise<Page<Message>> {
    const { messages, next_cursor: next } = await this.#read(`${sessionPath(uid)}/messages`, query, options);
    return { items: this.#messagesOf(messages), next: textOf(next) };
  }

  async addMessages(
    uid: string,
    messages: NewMessage | readonly NewMessage[],
    options: WriteOptions,
  ): Promise<Seen<readonly Message[]>> {
    const path = `${sessionPath(uid)}/messages?${WITH_SESSION}`;
    const body = encodeBody(Array.isArray(messages) ? { messages } : messages);
    const data = this.#dataOf(await this.#connection.write({ method: "POST", path, body }, options));
    return this.#withSession(data, this.#messagesOf(data["messages"]));
  }

  async compact(uid: string, wanted: Compaction, options: WriteOptions): Promise<Seen<Compacted>> {
    const path = `${sessionPath(uid)}/compact?${WITH_SESSION}`;
    const request = { method: "POST", path, body: encodeBody(wanted), isSlow: true } as const;
    const data = this.#dataOf(await this.#connection.write(request, options));
    return this.#withSession(data, decodeCompacted(data as unknown as WireCompacted));
  }

  async workingMemory(uid: string, options: CallOptions): Promise<JsonObject> {
    return (await this.#read(`${sessionPath(uid)}/working-memory`, {}, options)) as JsonObject;
  }

  async changeWorkingMemory(uid: string, change: MemoryChange, options: WriteOptions): Promise<Seen<JsonObject>> {
    const path = `${sessionPath(uid)}/working-memory?${WITH_SESSION}`;
    const [method, body] = "set" in change ? (["PUT", change.set] as const) : (["PATCH", change.merge] as const);
    const data = this.#dataOf(await this.#connection.write({ method, path, body }, options));
    return this.#withSession(data, data["working_memory"] as JsonObject);
  }

  async profile(userId: string, options: CallOptions): Promise<Profile> {
    const wire = await this.#read(`${userPath(userId)}/profile`, {}, options);
    return decodeProfile(wire as unknown as WireProfile);
  }

  async updateProfile(userId: string, patch: ProfilePatch, options: WriteOptions): Promise<Profile> {
    const request = { method: "PATCH", path: `${userPath(userId)}/profile`, body: encodeBody(patch) } as const;
    return decodeProfile(this.#dataOf(await this.#connection.write(request, options)) as unknown as WireProfile);
  }

  async eraseUser(userId: string, options: CallOptions): Promise<Erased> {
    // As slow as the store is large; again finds nothing more to erase.
    const request = { method: "DELETE", path: userPath(userId), isSlow: true } as const;
    return decodeErased(this.#dataOf(await this.#connection.read(request, options)) as unknown as WireErased);
  }

  async createKey(wanted: NewKey, options: CallOptions): Promise<MadeKey> {
    const request = { method: "POST", path: "/keys", body: encodeBody(wanted) } as const;
    const wire = this.#dataOf(await this.#connection.once(request, options)) as unknown as WireKey & { key: string };
    return { ...decodeKey(wire), key: wire.key };
  }

  async keys(query: KeyQuery, options: CallOptions): Promise<Page<Key>> {
    const { keys, next_cursor: next } = await this.#read("/keys", query, options);
    const items = this.#itemsOf(keys) as readonly WireKey[];
    return { items: items.map(decodeKey), next: textOf(next) };
  }

  async revokeKey(id: string, options: CallOptions): Promise<Key> {
    const request = { method: "POST", path: `/keys/${encodeURIComponent(id)}/revoke` } as const;
    return decodeKey(this.#dataOf(await this.#connection.read(request, options)) as unknown as WireKey);
  }

  async disableKeys(options: CallOptions): Promise<void> {
    this.#dataOf(await this.#connection.read({ method: "POST", path: "/keys/disable" }, options));
  }

  backUp({ signal }: CallOptions): AsyncIterable<Uint8Array> {
    return this.#connection.download({ method: "GET", path: "/backup" }, signal);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  async #read(path: string, query: object, options: CallOptions): Promise<Envelope> {
    return this.#dataOf(await this.#connection.read({ method: "GET", path, query: encodeQuery(query) }, options));
  }

  async #change(request: Request, options: WriteOptions): Promise<Sighting> {
    return this.#seen(this.#dataOf(await this.#connection.write(request, options)));
  }

  #messagesOf(messages: unknown): readonly Message[] {
    return (this.#itemsOf(messages) as readonly WirePlacedMessage[]).map(decodeMessage);
  }

  #withSession<T>({ session }: Envelope, value: T): Seen<T> {
    return { value, seen: this.#seen(session) };
  }

  #dataOf({ data }: Envelope): Envelope {
    if (isObject(data)) return data;
    throw this.#connection.stranger();
  }

  #itemsOf(value: unknown): readonly unknown[] {
    if (Array.isArray(value)) return value;
    throw this.#connection.stranger();
  }

  #seen(value: unknown): Sighting {
    if (!isSession(value)) throw this.#connection.stranger();
    return new WireSighting(value);
  }
}

/** What an answer's JSON tells of a session. */
class WireSighting implements Sighting {
  readonly #wire: WireSession;

  constructor(wire: WireSession) {
    this.#wire = wire;
  }

  get uid(): string {
    return this.#wire.uid;
  }

  get version(): number {
    return this.#wire.version;
  }

  get status(): WireSession["status"] {
    return this.#wire.status;
  }

  state(): SessionState {
    return decodeSession(this.#wire);
  }
}

// Enough to tell a session from what something else may answer; the server has its answers' shapes tested.
function isSession(value: unknown): value is WireSession {
  if (!isObject(value)) return false;
  const { uid, version, status, metrics } = value;
  return typeof uid === "string" && typeof version === "number" && typeof status === "string" && isObject(metrics);
}

/** What has the session come with an answer that is none. */
const WITH_SESSION = "return=session";

/** @throws {SojournError} `invalid` for what a path would take for something else */
function userPath(userId: string): string {
  if (userId !== "" && userId !== "." && userId !== ".." && userId.isWellFormed())
    return `/users/${encodeURIComponent(userId)}`;
  throw invalid([{ field: "user_id", message: "can't be in a path", type: "invalid_user" }]);
}

function sessionPath(id: string): string {
  return `/sessions/${encodeURIComponent(id)}`;
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
