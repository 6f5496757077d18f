/**
 * What scripts in TypeScript find, beside the language itself. For an editor to know it, begin a script with
 * `/// <reference types="sojourn/scripts" />`.
 *
 * Each function waits for its answer; what it can't do it throws, with the line of the script. Each has a name in snake case as
 * well, as those in Lua do. Times are whole seconds since 1970; where one is given, a date in ISO 8601 will do.
 */
declare global {
  const Session: ScriptSession;
  const Artifact: ScriptArtifact;
  const Replay: ScriptReplay;
  const Tool: ScriptTool;
  const State: ScriptState;
  const Topic: ScriptTopic;

  /** What stood behind the script on the command line. */
  const args: readonly string[];

  /** Writes a line, as `console.log` does. */
  function print(...values: readonly unknown[]): void;

  /** Waits, and does nothing. */
  function sleep(seconds: number): void;

  /** Ends the script, with a number from 0 to 255. */
  function exit(code?: number): never;
}

type Snake<T extends string> = T extends `${infer Head}${infer Rest}`
  ? Head extends Lowercase<Head>
    ? `${Head}${Snake<Rest>}`
    : `_${Lowercase<Head>}${Snake<Rest>}`
  : T;

/** Functions, and the same by their names in snake case. */
type Both<T> = T & { readonly [K in keyof T & string as Snake<K>]: T[K] };

export type ScriptSession = Both<SessionFunctions>;
export type ScriptArtifact = Both<ArtifactFunctions>;
export type ScriptReplay = Both<ReplayFunctions>;
export type ScriptTool = Both<ToolFunctions>;
export type ScriptState = Both<StateFunctions>;
export type ScriptTopic = Both<TopicFunctions>;

/** What JSON can say, and bytes. */
export type ScriptValue =
  | null
  | boolean
  | number
  | string
  | Uint8Array
  | readonly ScriptValue[]
  | { readonly [name: string]: ScriptValue | undefined };

export type ScriptObject = { readonly [name: string]: ScriptValue | undefined };

export interface SessionOptions {
  readonly id?: string;
  readonly name?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly metadata?: ScriptObject;
  readonly parentSessionId?: string;
  readonly userId?: string;
  /** In seconds. */
  readonly idleTimeout?: number;
  /** The name of a template, whose defaults fill what is left out. */
  readonly template?: string;
  /** As the REST API has them: `{ calls: 100 }`. */
  readonly limits?: ScriptObject;
  /** The apps that it may run. */
  readonly apps?: readonly string[];
}

export type SessionStatus = "active" | "suspended" | "completed" | "failed" | "expired";

export interface SessionView {
  readonly id: string;
  readonly session_id: string;
  readonly uid: string;
  readonly user_id: string;
  readonly name?: string;
  readonly description?: string;
  readonly tags: readonly string[];
  readonly metadata: ScriptObject;
  readonly custom_metadata: ScriptObject;
  readonly status: SessionStatus;
  /** Why it is in its status. */
  readonly reason?: string;
  readonly parent_session_id?: string;
  readonly created_at: number;
  readonly updated_at: number;
  readonly last_activity: number;
  readonly ended_at?: number;
  readonly expires_at?: number;
  readonly version: number;
  readonly operation_count: number;
  readonly artifact_count: number;
  readonly total_artifact_size: number;
  readonly request_count: number;
  readonly error_count: number;
}

export interface SessionListQuery {
  readonly status?: SessionStatus;
  readonly userId?: string;
  /** All of them. */
  readonly tags?: readonly string[];
  readonly parentSessionId?: string;
  readonly searchText?: string;
  readonly created_after?: number | string;
  readonly created_before?: number | string;
  readonly limit?: number;
  readonly offset?: number;
  readonly sortBy?: "created_at" | "updated_at" | "last_activity" | "name";
  readonly sortDesc?: boolean;
}

export interface SessionBuilder {
  name(name: string): this;
  description(description: string): this;
  tag(tag: string): this;
  tags(tags: readonly string[]): this;
  metadata(metadata: ScriptObject): this;
  parent(id: string): this;
  build(): string;
}

interface SessionFunctions {
  create(options?: SessionOptions): string;
  builder(): SessionBuilder;
  get(id: string): SessionView | undefined;
  list(query?: SessionListQuery): readonly SessionView[];
  suspend(id: string, reason?: string): void;
  resume(id: string, reason?: string): void;
  /** One that has ended stays as it is, also in `fail`. */
  complete(id: string, reason?: string): void;
  fail(id: string, reason?: string): void;
  delete(id: string): void;
  /** What was done is kept already; this tells whether the session is there. */
  save(id: string): void;
  load(id: string): string | undefined;
  setCurrent(id: string | undefined): void;
  getCurrent(): string | undefined;
  canReplay(id: string): boolean;
  replay(id: string, config?: ReplayConfig): ReplayResult;
  getReplayMetadata(id: string): ScriptObject;
  listReplayable(): readonly string[];
}

export interface ArtifactView {
  readonly id: string;
  readonly artifact_id: string;
  readonly session_id: string;
  readonly name: string;
  readonly type: string;
  readonly artifact_type: string;
  readonly mime_type: string;
  /** In bytes. */
  readonly size: number;
  readonly original_size: number;
  readonly stored_size?: number;
  readonly is_compressed?: boolean;
  readonly tags: readonly string[];
  readonly version: number;
  /** BLAKE3 of its bytes. */
  readonly content_hash: string;
  readonly previous_hash?: string;
  readonly created_at: number;
  readonly created_by: string;
  readonly sequence: number;
  /** What was said of it when it was stored. */
  readonly custom: ScriptObject;
  /** The same, over what it is. */
  readonly metadata: ScriptObject;
}

export interface ArtifactWithContent extends ArtifactView {
  /** A text where it is UTF-8, and bytes where it is not. */
  readonly content: string | Uint8Array;
}

export interface ArtifactListQuery {
  /** Default: the current session. */
  readonly session_id?: string;
  readonly type?: string;
  /** All of them. */
  readonly tags?: readonly string[];
  readonly name?: string;
  /** With `*`, `?` and `[a-z]`; without any of these, a part of the name. */
  readonly name_pattern?: string;
  readonly created_after?: number | string;
  readonly created_before?: number | string;
  readonly min_size?: number;
  readonly max_size?: number;
  /** Default 100. */
  readonly limit?: number;
}

/** Where a session's id is empty, it is the current one. */
interface ArtifactFunctions {
  /** @param metadata  `tags` and `mime_type` are the artifact's; all else is kept as it is */
  store(sessionId: string, type: string, name: string, content: string | Uint8Array, metadata?: ScriptObject): string;
  /** Stores a file from a directory that the server's operator allows. */
  storeFile(sessionId: string, path: string, type: string, metadata?: ScriptObject): string;
  get(sessionId: string, artifactId: string): ArtifactWithContent | undefined;
  /** In the order in which they were stored. */
  list(sessionId?: string): readonly ArtifactView[];
  /** The newest first. */
  query(query: ArtifactListQuery): readonly ArtifactView[];
  delete(sessionId: string, artifactId: string): void;
}

export interface ReplayConfig {
  readonly mode?: "exact" | "modified" | "debug" | "simulate" | "verify" | "recorded" | "execute";
  readonly stop_on_error?: boolean;
  readonly timeout_seconds?: number;
  readonly metadata?: ScriptObject;
}

export interface ReplayResult {
  readonly session_id: string;
  readonly correlation_id: string;
  readonly mode: string;
  readonly start_time: number;
  /** In seconds. */
  readonly total_duration: number;
  readonly hooks_replayed: number;
  readonly successful_replays: number;
  readonly failed_replays: number;
  readonly differences: readonly ScriptObject[];
  readonly stopped?: "error" | "timeout";
  readonly fork_session_id?: string;
  readonly metadata: ScriptObject;
}

interface ReplayFunctions {
  readonly modes: {
    readonly exact: "exact";
    readonly modified: "modified";
    readonly simulate: "simulate";
    readonly debug: "debug";
  };
  createConfig(mode?: ReplayConfig["mode"]): ReplayConfig;
  run(id: string, config?: ReplayConfig): ReplayResult;
  /** Checks the session's log. */
  verify(id: string): { readonly ok: boolean; readonly operations: number; readonly head_hash: string };
  canReplay(id: string): boolean;
  getMetadata(id: string): ScriptObject;
  list(): readonly string[];
}

export interface ToolResult {
  readonly tool: string;
  readonly success: boolean;
  /** Where it went well. */
  readonly result?: ScriptValue;
  /** Where it did not. */
  readonly error?: string;
  /** Of an app's action. */
  readonly task_id?: string;
}

interface ToolFunctions {
  /** @param name  of a tool, of an app, or of an action as `app.action` */
  execute(name: string, input?: ScriptObject): ToolResult;
  list(): readonly { readonly name: string; readonly description?: string }[];
  exists(name: string): boolean;
}

/** A scope is `session`, `session:ID`, or any other name. */
interface StateFunctions {
  /** Of the current session, as are the others without a scope. */
  get(key: string): ScriptValue | undefined;
  set(key: string, value: ScriptValue): void;
  save(scope: string, key: string, value: ScriptValue): void;
  load(scope: string, key: string): ScriptValue | undefined;
  delete(key: string): void;
  delete(scope: string, key: string): void;
  listKeys(scope?: string): readonly string[];
}

export interface TopicMessageView {
  readonly topic: string;
  /** 1, 2, 3 … within its topic. */
  readonly seq: number;
  readonly content: ScriptValue;
  /** The session that it is from. */
  readonly session_id?: string;
  readonly published_at: number;
}

interface TopicFunctions {
  /** From the current session, where there is one. */
  publish(topic: string, content: ScriptValue): TopicMessageView;
  /** Oldest first, at most 100 where `limit` says nothing. */
  messages(
    topic: string,
    options?: { readonly after?: number; readonly subscriber?: string; readonly limit?: number },
  ): readonly TopicMessageView[];
  /** What a subscriber has not acknowledged; waits for it so long, where nothing is there. */
  receive(
    topic: string,
    subscriber: string,
    options?: { readonly limit?: number; readonly wait_seconds?: number },
  ): readonly TopicMessageView[];
  /** Says that all messages up to that one are dealt with, and returns how many are left. */
  acknowledge(topic: string, subscriber: string, through: number): number;
}
