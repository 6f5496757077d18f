import { invalid, SojournError } from "../engine/errors.ts";
import type { Moment } from "../engine/history.ts";
import type { JsonObject } from "../engine/json.ts";
import type { FinalStatus } from "../engine/session.ts";
import type { Cleaned, Health, SessionStats, Verdict } from "./answers.ts";
import type { Connection } from "./connection.ts";
import type { ChatAnswer, Compacted, Compaction, Message, NewMessage } from "./conversation.ts";
import {
  decodeKey,
  decodeOperation,
  decodeStats,
  decodeVerdict,
  type WireKey,
  type WireOperation,
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
import type { Pruned, PrunePolicy } from "./history.ts";
import { HttpAgentRuns } from "./http-agent-runs.ts";
import { HttpArtifacts } from "./http-artifacts.ts";
import { HttpCalls, sessionPath, textOf, WITH_SESSION } from "./http-calls.ts";
import { HttpEvents } from "./http-events.ts";
import { HttpHistory } from "./http-history.ts";
import { HttpObjects } from "./http-objects.ts";
import { HttpTasks } from "./http-tasks.ts";
import { HttpTemplates } from "./http-templates.ts";
import { HttpTopics } from "./http-topics.ts";
import { HttpWebhooks } from "./http-webhooks.ts";
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
  readonly artifacts: HttpArtifacts;
  readonly history: HttpHistory;
  readonly agentRuns: HttpAgentRuns;
  readonly objects: HttpObjects;
  readonly tasks: HttpTasks;
  readonly templates: HttpTemplates;
  readonly events: HttpEvents;
  readonly webhooks: HttpWebhooks;
  readonly topics: HttpTopics;
  readonly #connection: Connection;
  readonly #calls: HttpCalls;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#calls = new HttpCalls(connection);
    this.artifacts = new HttpArtifacts(this.#calls);
    this.history = new HttpHistory(this.#calls);
    this.agentRuns = new HttpAgentRuns(this.#calls);
    this.objects = new HttpObjects(this.#calls);
    this.tasks = new HttpTasks(this.#calls);
    this.templates = new HttpTemplates(this.#calls);
    this.events = new HttpEvents(this.#calls);
    this.webhooks = new HttpWebhooks(this.#calls);
    this.topics = new HttpTopics(this.#calls);
  }

  actingAs(session: string): HttpTransport {
    return new HttpTransport(this.#connection.with({ "x-act-as-session": session }));
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
    return await this.#calls.change({ method: "POST", path: "/sessions", body: encodeBody(wanted) }, options);
  }

  async get(id: string, at: Moment | undefined, options: CallOptions): Promise<Sighting> {
    if (!isSessionId(id)) throw new SojournError("session_not_found", { message: `Session ${id} not found` });
    return this.#calls.seen(await this.#calls.read(sessionPath(id), { at }, options));
  }

  async newest(userId: string | undefined, options: CallOptions): Promise<Sighting> {
    return this.#calls.seen(await this.#calls.read("/sessions/continue", { userId }, options));
  }

  async list(query: SessionQuery, cursor: string | undefined, options: CallOptions): Promise<Page<Sighting>> {
    const { sessions, next_cursor: next } = await this.#calls.read("/sessions", { ...query, cursor }, options);
    return { items: this.#calls.itemsOf(sessions).map((session) => this.#calls.seen(session)), next: textOf(next) };
  }

  async stats(filter: SessionFilter, options: CallOptions): Promise<SessionStats> {
    // NOTE: the answer of this route; so it is with every `as` below.
    return decodeStats((await this.#calls.read("/sessions/stats", filter, options)) as unknown as WireStats);
  }

  async cleanup(query: CleanupQuery, options: WriteOptions): Promise<Cleaned> {
    const request = { method: "POST", path: "/sessions/cleanup", body: encodeBody(query) } as const;
    const { session_ids } = await this.#calls.write(request, options);
    const sessionIds = this.#calls.itemsOf(session_ids) as readonly string[];
    return { cleaned: sessionIds.length, sessionIds };
  }

  async prune(policy: PrunePolicy, options: WriteOptions): Promise<Pruned> {
    const request = { method: "POST", path: "/sessions/prune", body: encodeBody(policy), isSlow: true } as const;
    const { deleted, session_ids, artifact_bytes } = await this.#calls.write(request, options);
    const sessionIds = this.#calls.itemsOf(session_ids) as readonly string[];
    return { deleted: Number(deleted), sessionIds, artifactBytes: Number(artifact_bytes) };
  }

  async update(uid: string, patch: SessionPatch, options: WriteOptions): Promise<Sighting> {
    return await this.#calls.change({ method: "PATCH", path: sessionPath(uid), body: encodeBody(patch) }, options);
  }

  async transition(uid: string, to: Transition, reason: string | undefined, options: WriteOptions): Promise<Sighting> {
    return await this.#calls.change({ method: "POST", path: `${sessionPath(uid)}/${to}`, body: { reason } }, options);
  }

  async end(uid: string, status: FinalStatus, reason: string | undefined, options: WriteOptions): Promise<Sighting> {
    return await this.#calls.change(
      { method: "POST", path: `${sessionPath(uid)}/end`, body: { status, reason } },
      options,
    );
  }

  async record(uid: string, added: AddedMetrics | undefined, options: WriteOptions): Promise<Sighting> {
    const path = `${sessionPath(uid)}/metrics?return=session`;
    return await this.#calls.change({ method: "POST", path, body: encodeBody(added ?? {}) }, options);
  }

  async delete(uid: string, options: WriteOptions): Promise<void> {
    const { success } = await this.#connection.write({ method: "DELETE", path: sessionPath(uid) }, options);
    if (success !== true) throw this.#connection.stranger();
  }

  async operations(uid: string, query: OperationQuery, options: CallOptions): Promise<Page<Operation>> {
    const { operations, next_cursor: next } = await this.#calls.read(`${sessionPath(uid)}/operations`, query, options);
    const items = this.#calls.itemsOf(operations) as readonly WireOperation[];
    return { items: items.map(decodeOperation), next: textOf(next) };
  }

  async *follow(
    uid: string,
    query: OperationQuery,
    { signal }: CallOptions,
  ): AsyncGenerator<Operation, void, undefined> {
    const request = { method: "GET", path: `${sessionPath(uid)}/operations`, query: encodeQuery(query) } as const;
    for await (const { data } of follow(this.#connection, request, { signal })) {
      yield decodeOperation(JSON.parse(data) as WireOperation);
    }
  }

  async verify(uid: string, head: string | undefined, options: CallOptions): Promise<Verdict> {
    return decodeVerdict(
      (await this.#calls.read(`${sessionPath(uid)}/verify`, { head }, options)) as unknown as WireVerdict,
    );
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
        const answer = this.#calls.dataOf(told);
        return this.#calls.withSession(answer, decodeAnswer(answer as unknown as WireAnswer));
      }
    }
    throw this.#connection.brokenOff(new Error("it ended too early"));
  }

  async messages(uid: string, query: MessagePageQuery, options: CallOptions): Promise<Page<Message>> {
    const { messages, next_cursor: next } = await this.#calls.read(`${sessionPath(uid)}/messages`, query, options);
    return { items: this.#messagesOf(messages), next: textOf(next) };
  }

  async addMessages(
    uid: string,
    messages: NewMessage | readonly NewMessage[],
    options: WriteOptions,
  ): Promise<Seen<readonly Message[]>> {
    const path = `${sessionPath(uid)}/messages?${WITH_SESSION}`;
    const body = encodeBody(Array.isArray(messages) ? { messages } : messages);
    const data = await this.#calls.write({ method: "POST", path, body }, options);
    return this.#calls.withSession(data, this.#messagesOf(data["messages"]));
  }

  async compact(uid: string, wanted: Compaction, options: WriteOptions): Promise<Seen<Compacted>> {
    const path = `${sessionPath(uid)}/compact?${WITH_SESSION}`;
    const request = { method: "POST", path, body: encodeBody(wanted), isSlow: true } as const;
    const data = await this.#calls.write(request, options);
    return this.#calls.withSession(data, decodeCompacted(data as unknown as WireCompacted));
  }

  async workingMemory(uid: string, at: number | undefined, options: CallOptions): Promise<JsonObject> {
    return (await this.#calls.read(`${sessionPath(uid)}/working-memory`, { at }, options)) as JsonObject;
  }

  async changeWorkingMemory(uid: string, change: MemoryChange, options: WriteOptions): Promise<Seen<JsonObject>> {
    const path = `${sessionPath(uid)}/working-memory?${WITH_SESSION}`;
    const [method, body] = "set" in change ? (["PUT", change.set] as const) : (["PATCH", change.merge] as const);
    const data = await this.#calls.write({ method, path, body }, options);
    return this.#calls.withSession(data, data["working_memory"] as JsonObject);
  }

  async profile(userId: string, options: CallOptions): Promise<Profile> {
    const wire = await this.#calls.read(`${userPath(userId)}/profile`, {}, options);
    return decodeProfile(wire as unknown as WireProfile);
  }

  async updateProfile(userId: string, patch: ProfilePatch, options: WriteOptions): Promise<Profile> {
    const request = { method: "PATCH", path: `${userPath(userId)}/profile`, body: encodeBody(patch) } as const;
    return decodeProfile((await this.#calls.write(request, options)) as unknown as WireProfile);
  }

  async eraseUser(userId: string, options: CallOptions): Promise<Erased> {
    // As slow as the store is large; again finds nothing more to erase.
    const request = { method: "DELETE", path: userPath(userId), isSlow: true } as const;
    return decodeErased(this.#calls.dataOf(await this.#connection.read(request, options)) as unknown as WireErased);
  }

  async createKey(wanted: NewKey, options: CallOptions): Promise<MadeKey> {
    const request = { method: "POST", path: "/keys", body: encodeBody(wanted) } as const;
    const wire = this.#calls.dataOf(await this.#connection.once(request, options)) as unknown as WireKey & {
      key: string;
    };
    return { ...decodeKey(wire), key: wire.key };
  }

  async keys(query: KeyQuery, options: CallOptions): Promise<Page<Key>> {
    const { keys, next_cursor: next } = await this.#calls.read("/keys", query, options);
    const items = this.#calls.itemsOf(keys) as readonly WireKey[];
    return { items: items.map(decodeKey), next: textOf(next) };
  }

  async revokeKey(id: string, options: CallOptions): Promise<Key> {
    const request = { method: "POST", path: `/keys/${encodeURIComponent(id)}/revoke` } as const;
    return decodeKey(this.#calls.dataOf(await this.#connection.read(request, options)) as unknown as WireKey);
  }

  async disableKeys(options: CallOptions): Promise<void> {
    this.#calls.dataOf(await this.#connection.read({ method: "POST", path: "/keys/disable" }, options));
  }

  backUp({ signal }: CallOptions): AsyncIterable<Uint8Array> {
    return this.#connection.download({ method: "GET", path: "/backup" }, signal);
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #messagesOf(messages: unknown): readonly Message[] {
    return (this.#calls.itemsOf(messages) as readonly WirePlacedMessage[]).map(decodeMessage);
  }
}

/** @throws {SojournError} `invalid` for what a path would take for something else */
function userPath(userId: string): string {
  if (userId !== "" && userId !== "." && userId !== ".." && userId.isWellFormed())
    return `/users/${encodeURIComponent(userId)}`;
  throw invalid([{ field: "user_id", message: "can't be in a path", type: "invalid_user" }]);
}
