import type { Moment } from "../engine/history.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { FinalStatus, Status } from "../engine/session.ts";
import type {
  AgentEnd,
  AgentRunState,
  AgentStep,
  ConversationWindow,
  HeldRun,
  NewAgentRun,
  ResumedAgentRun,
} from "./agent-runs.ts";
import type { Cleaned, Health, SessionStats, Verdict } from "./answers.ts";
import type { ArtifactDescription, ArtifactFilter, ArtifactState, Grant, Permission } from "./artifact.ts";
import type { Bytes, OnProgress, Source } from "./content.ts";
import type { ChatAnswer, Compacted, Compaction, Message, NewMessage } from "./conversation.ts";
import type { EventPage, EventPageQuery, EventQuery, SessionEvent } from "./events.ts";
import type {
  Checkpoint,
  Diff,
  Family,
  ImportQuery,
  NewFork,
  Pruned,
  PrunePolicy,
  ReplayReport,
  ReplayRequest,
} from "./history.ts";
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
import type { Lineage, ObjectFilter, SessionObject } from "./object.ts";
import type { Operation } from "./operation.ts";
import type { SessionState } from "./session-state.ts";
import type { App, BrokenApp, RunOptions, Task, TaskEvent, TaskQuery } from "./task.ts";
import type { NewTemplate, Template } from "./templates.ts";
import type { Subscriber, Topic, TopicMessage, TopicStart } from "./topic.ts";
import type { Erased, Profile, ProfilePatch } from "./users.ts";
import type { NewWebhook, SetWebhook, Webhook, WebhookOptions } from "./webhooks.ts";

/** What an answer told of a session. The whole of its state is made only where somebody looks. */
export interface Sighting {
  readonly uid: string;
  readonly version: number;
  readonly status: Status;
  state(): SessionState;
}

/** What an answer told, and of its session. */
export interface Seen<T> {
  readonly value: T;
  readonly seen: Sighting;
}

/** What an answer told, and of its session where that was wanted and may be told. */
export interface Told<T> {
  readonly value: T;
  readonly seen: Sighting | undefined;
}

/** A page of a list; `next` leads to the one after, and is absent at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | undefined;
}

/** Which keys. */
export interface KeyQuery {
  readonly tenant?: string | undefined;
  readonly cursor?: string | undefined;
}

/** What is said in a chat. */
export interface Said {
  readonly message: string;
  /** Left out: in a session that is made for it. */
  readonly sessionId?: string | undefined;
  readonly userId?: string | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** Which page of a conversation: with `after` from the oldest on, otherwise from the newest back; a cursor goes on as its page did. */
export interface MessagePageQuery {
  readonly after?: number | undefined;
  readonly cursor?: string | undefined;
  readonly pageSize?: number | undefined;
  /** Those that there were just after this operation. */
  readonly at?: number | undefined;
}

/** All facts of working memory, or changes of some. */
export type MemoryChange = { readonly set: JsonObject } | { readonly merge: JsonObject };

/** An artifact to store, and its bytes. */
export interface ArtifactToSend {
  readonly wanted: ArtifactDescription & { readonly name: string };
  readonly source: Source;
}

/** A file of the server's to store. */
export interface FileToStore extends ArtifactDescription {
  readonly path: string;
  readonly name: string | undefined;
}

/** Which bytes of an artifact. */
export interface ContentPart {
  readonly at: Moment | undefined;
  /** How many come. */
  readonly length: number;
  /** The first and the last; a negative first counts from the end. Left out: all. */
  readonly span: { readonly first: number; readonly last?: number } | undefined;
}

/** What comes with a write of artifacts. */
export interface ArtifactWrite extends WriteOptions {
  /** Whether somebody wants to see the session. */
  readonly wantsSession: boolean;
}

/** The way to the artifacts of a session, which is named by its name or its `uid`. */
export interface ArtifactTransport {
  /** A source that is not at hand is sent once. */
  store(
    session: string,
    artifact: ArtifactToSend,
    options: ArtifactWrite & { readonly onProgress?: OnProgress | undefined },
  ): Promise<Told<ArtifactState>>;
  storeFile(session: string, file: FileToStore, options: ArtifactWrite): Promise<Told<ArtifactState>>;
  get(session: string, artifactId: string, at: Moment | undefined, options: CallOptions): Promise<ArtifactState>;
  /** As many bytes as the part has, or it throws. */
  content(
    session: string,
    artifactId: string,
    part: ContentPart,
    options: CallOptions,
  ): AsyncGenerator<Bytes, void, undefined>;
  list(
    session: string,
    query: ArtifactFilter & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<ArtifactState>>;
  delete(session: string, artifactId: string, options: ArtifactWrite): Promise<Told<undefined>>;
  grant(
    session: string,
    artifactId: string,
    shared: { readonly sessionId: string; readonly permission: Permission },
    options: ArtifactWrite,
  ): Promise<Told<Grant>>;
  revoke(session: string, artifactId: string, grantee: string, options: ArtifactWrite): Promise<Told<undefined>>;
  grants(session: string, artifactId: string, options: CallOptions): Promise<readonly Grant[]>;
}

/** The way to the objects of sessions, which are named by their ids or `uid`s. */
export interface ObjectTransport {
  list(
    session: string,
    query: ObjectFilter & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<SessionObject>>;
  get(session: string, objectId: string, options: CallOptions): Promise<SessionObject>;
  lineage(session: string, objectId: string, options: CallOptions): Promise<Lineage>;
}

/** The way to what agents do in sessions, which are named by their `uid`s. */
export interface AgentRunTransport {
  begin(uid: string, wanted: NewAgentRun, options: WriteOptions): Promise<Told<AgentRunState>>;
  /** By its id, or as `latest`. */
  get(uid: string, runId: string, options: CallOptions): Promise<AgentRunState>;
  window(uid: string, runId: string, options: CallOptions): Promise<ConversationWindow>;
  resume(uid: string, runId: string, wanted: ResumedAgentRun, options: WriteOptions): Promise<Told<AgentRunState>>;
  step(uid: string, run: HeldRun, step: AgentStep, options: WriteOptions): Promise<Told<AgentRunState>>;
  finish(uid: string, run: HeldRun, end: AgentEnd, options: WriteOptions): Promise<Told<AgentRunState>>;
}

/** The way to the templates of a tenant. */
export interface TemplateTransport {
  set(name: string, wanted: NewTemplate, options: WriteOptions): Promise<Template>;
  get(name: string, options: CallOptions): Promise<Template>;
  list(options: CallOptions): Promise<readonly Template[]>;
  remove(name: string, options: WriteOptions): Promise<void>;
}

/** The way to what happens in all sessions of a tenant. */
export interface EventTransport {
  page(query: EventPageQuery, options: CallOptions): Promise<EventPage>;
  /** Live; ends when the signal aborts, or the transport closes. */
  follow(query: EventQuery, options: CallOptions): AsyncGenerator<SessionEvent, void, undefined>;
}

/** The way to the webhooks of a tenant. */
export interface WebhookTransport {
  /** Sent once, whatever becomes of it; so it is with `remove`. */
  set(name: string, wanted: NewWebhook, options: WebhookOptions): Promise<SetWebhook>;
  get(name: string, options: CallOptions): Promise<Webhook>;
  list(options: CallOptions): Promise<readonly Webhook[]>;
  remove(name: string, options: WebhookOptions): Promise<void>;
}

/** A moment to name. */
export interface NewCheckpoint {
  readonly name: string;
  readonly data: JsonObject | undefined;
}

/** The way to what sessions were. */
export interface HistoryTransport {
  checkpoint(uid: string, wanted: NewCheckpoint, options: WriteOptions): Promise<Seen<Checkpoint>>;
  checkpoints(uid: string, cursor: string | undefined, options: CallOptions): Promise<Page<Checkpoint>>;
  fork(uid: string, wanted: NewFork, options: WriteOptions): Promise<Sighting>;
  replay(uid: string, request: ReplayRequest, options: CallOptions): Promise<ReplayReport>;
  diff(uid: string, other: string, options: CallOptions): Promise<Diff>;
  tree(uid: string, options: CallOptions): Promise<Family>;
  export(uid: string, options: CallOptions): AsyncGenerator<Bytes, void, undefined>;
  readonly import: (
    source: Source,
    query: ImportQuery,
    options: WriteOptions & { readonly onProgress?: OnProgress | undefined },
  ) => Promise<Sighting>;
}

/** A call of an action. */
export interface NewRun extends Omit<RunOptions, keyof WriteOptions> {
  readonly app: string;
  readonly action: string | undefined;
  readonly input: Json | undefined;
}

/** The way to apps, and to what sessions do by them. */
export interface TaskTransport {
  apps(options: CallOptions): Promise<readonly App[]>;
  brokenApps(options: CallOptions): Promise<readonly BrokenApp[]>;
  app(name: string, options: CallOptions): Promise<App>;
  /**
   * Begins a task and hears of it until its end, whatever that is. What is lost of the way meanwhile is taken up again, so
   * that each event comes once, in order.
   */
  run(
    uid: string,
    wanted: NewRun,
    options: Omit<WriteOptions, "signal">,
    onEvent: (event: TaskEvent) => void,
  ): Promise<Told<Task>>;
  begin(uid: string, wanted: NewRun, options: WriteOptions): Promise<Seen<Task>>;
  list(uid: string, query: TaskQuery, cursor: string | undefined, options: CallOptions): Promise<Page<Task>>;
  get(uid: string, taskId: string, options: CallOptions): Promise<Task>;
  cancel(uid: string, taskId: string, options: CallOptions): Promise<Task>;
  /** Hears of a task, from its beginning to its end. */
  follow(uid: string, taskId: string, options: CallOptions, onEvent: (event: TaskEvent) => void): Promise<Told<Task>>;
}

/** Which page of a list that has no filter. */
export interface PageQuery {
  readonly pageSize?: number | undefined;
  readonly cursor?: string | undefined;
}

/** A message to publish. */
export interface NewTopicMessage {
  readonly content: Json;
  /** The session that it is from. */
  readonly sessionId: string | undefined;
}

/** A subscriber of a topic. */
export interface SubscriberPlace {
  readonly topic: string;
  readonly subscriber: string;
}

/** The messages of a topic as they come. */
export type FollowedTopic = AsyncGenerator<TopicMessage, "deleted" | undefined, undefined>;

/** The way to the topics of a tenant. */
export interface TopicTransport {
  publish(topic: string, message: NewTopicMessage, options: WriteOptions): Promise<TopicMessage>;
  messages(
    topic: string,
    query: TopicStart & { readonly pageSize?: number | undefined },
    cursor: string | undefined,
    options: CallOptions,
  ): Promise<Page<TopicMessage>>;
  /** Ends when the topic is deleted, which it returns, the signal aborts, or the transport closes. */
  follow(topic: string, start: TopicStart, options: CallOptions): FollowedTopic;
  /** @param options.isPatient  it is tried again until the transport closes, as long as what fails may pass */
  acknowledge(
    place: SubscriberPlace,
    through: number,
    options: CallOptions & { readonly isPatient?: boolean | undefined },
  ): Promise<Subscriber>;
  move(place: SubscriberPlace, after: number | undefined, options: CallOptions): Promise<Subscriber>;
  subscriber(place: SubscriberPlace, options: CallOptions): Promise<Subscriber>;
  subscribers(topic: string, query: PageQuery, options: CallOptions): Promise<Page<Subscriber>>;
  unsubscribe(place: SubscriberPlace, options: CallOptions): Promise<void>;
  get(topic: string, options: CallOptions): Promise<Topic>;
  list(query: PageQuery, options: CallOptions): Promise<Page<Topic>>;
  delete(topic: string, options: WriteOptions): Promise<{ readonly topic: string; readonly messages: number }>;
}

/** The calls whose answer is a session, and that take nothing but a reason. */
export type Transition = "suspend" | "resume" | "keepalive";

/**
 * The way to the sessions: over HTTP, or in this process. Sessions are named by their `uid`, where it does not say
 * otherwise. Each call throws `SojournError`, or the reason of its signal; after `close` each is `store_unavailable`.
 */
export interface Transport {
  /** The time where the sessions are, as far as known: milliseconds since the epoch. */
  now(): number;
  health(options: CallOptions): Promise<Health>;
  create(wanted: NewSession, options: WriteOptions): Promise<Sighting>;
  /** What sessions hold. */
  readonly artifacts: ArtifactTransport;
  /** What sessions were. */
  readonly history: HistoryTransport;
  /** What agents do in sessions. */
  readonly agentRuns: AgentRunTransport;
  /** What apps made in sessions. */
  readonly objects: ObjectTransport;
  /** What sessions do by apps. */
  readonly tasks: TaskTransport;
  /** What sessions begin with. */
  readonly templates: TemplateTransport;
  /** What happens in all sessions. */
  readonly events: EventTransport;
  /** Where that is brought. */
  readonly webhooks: WebhookTransport;
  /** What sessions leave for each other. */
  readonly topics: TopicTransport;
  /** The same way, for whoever acts as a session; it closes with this one. */
  actingAs(session: string): Transport;
  /** By name or by `uid`; with `at`, as it was just after that operation, or at that checkpoint. */
  get(id: string, at: Moment | undefined, options: CallOptions): Promise<Sighting>;
  newest(userId: string | undefined, options: CallOptions): Promise<Sighting>;
  list(query: SessionQuery, cursor: string | undefined, options: CallOptions): Promise<Page<Sighting>>;
  stats(filter: SessionFilter, options: CallOptions): Promise<SessionStats>;
  cleanup(query: CleanupQuery, options: WriteOptions): Promise<Cleaned>;
  prune(policy: PrunePolicy, options: WriteOptions): Promise<Pruned>;
  update(uid: string, patch: SessionPatch, options: WriteOptions): Promise<Sighting>;
  transition(uid: string, to: Transition, reason: string | undefined, options: WriteOptions): Promise<Sighting>;
  end(uid: string, status: FinalStatus, reason: string | undefined, options: WriteOptions): Promise<Sighting>;
  record(uid: string, added: AddedMetrics | undefined, options: WriteOptions): Promise<Sighting>;
  delete(uid: string, options: WriteOptions): Promise<void>;
  operations(uid: string, query: OperationQuery, options: CallOptions): Promise<Page<Operation>>;
  /** The log, live; ends when the session is deleted, the signal aborts, or the transport closes. */
  follow(uid: string, query: OperationQuery, options: CallOptions): AsyncGenerator<Operation, void, undefined>;
  verify(uid: string, head: string | undefined, options: CallOptions): Promise<Verdict>;
  /** Tells the text as it comes. What failed after some of it has come is not repeated. */
  chat(said: Said, options: WriteOptions, onText: (text: string) => void): Promise<Seen<ChatAnswer>>;
  messages(uid: string, query: MessagePageQuery, options: CallOptions): Promise<Page<Message>>;
  addMessages(
    uid: string,
    messages: NewMessage | readonly NewMessage[],
    options: WriteOptions,
  ): Promise<Seen<readonly Message[]>>;
  compact(uid: string, wanted: Compaction, options: WriteOptions): Promise<Seen<Compacted>>;
  workingMemory(uid: string, at: number | undefined, options: CallOptions): Promise<JsonObject>;
  changeWorkingMemory(uid: string, change: MemoryChange, options: WriteOptions): Promise<Seen<JsonObject>>;
  profile(userId: string, options: CallOptions): Promise<Profile>;
  updateProfile(userId: string, patch: ProfilePatch, options: WriteOptions): Promise<Profile>;
  eraseUser(userId: string, options: CallOptions): Promise<Erased>;
  /** Sent once, whatever becomes of it. */
  createKey(wanted: NewKey, options: CallOptions): Promise<MadeKey>;
  keys(query: KeyQuery, options: CallOptions): Promise<Page<Key>>;
  revokeKey(id: string, options: CallOptions): Promise<Key>;
  disableKeys(options: CallOptions): Promise<void>;
  /** Everything that there is, as the bytes of a backup. Whoever does not read them to the end returns the iterator. */
  backUp(options: CallOptions): AsyncIterable<Uint8Array>;
  /** Ends what is followed, and waits for the calls in hand. Idempotent. */
  close(): Promise<void>;
}
