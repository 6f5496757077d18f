/// <reference lib="esnext.disposable" preserve="true" />
import { SojournError } from "../engine/errors.ts";
import type { Moment } from "../engine/history.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { OperationKind } from "../engine/operation.ts";
import type { FinalStatus, Status } from "../engine/session.ts";
import { AgentRuns } from "./agent-runs.ts";
import type { Verdict } from "./answers.ts";
import { Artifacts } from "./artifacts.ts";
import type { Bytes } from "./content.ts";
import type { Compacted, Compaction } from "./conversation.ts";
import type { Delivery } from "./delivery.ts";
import type { Checkpoint, Diff, Family, NewFork, ReplayReport, ReplayRequest } from "./history.ts";
import type { AddedMetrics, CallOptions, OperationQuery, SessionPatch, WriteOptions } from "./inputs.ts";
import type { Limits } from "./limits.ts";
import { Messages } from "./messages.ts";
import { Objects } from "./objects.ts";
import type { Operation, OperationOf } from "./operation.ts";
import { PastSession } from "./past-session.ts";
import { Reply } from "./reply.ts";
import type { Run } from "./run.ts";
import { idOf, type SessionName } from "./session-id.ts";
import {
  isEnded,
  type Origin,
  type SessionMemory,
  type SessionMetrics,
  type SessionState,
  type SessionUsage,
  type SessionWork,
} from "./session-state.ts";
import type { RunOptions } from "./task.ts";
import { Tasks } from "./tasks.ts";
import type { TopicMessage } from "./topic.ts";
import { Topics } from "./topics.ts";
import type { Sighting, Transition, Transport } from "./transport.ts";
import { WorkingMemory } from "./working-memory.ts";

/** Which operations to read, and how. */
export interface OperationsOptions extends OperationQuery, CallOptions {
  /**
   * Stay on, live, until the session is deleted or the signal aborts. A lost connection is taken up again, so that each
   * operation comes once, in order.
   */
  readonly follow?: boolean | undefined;
}

/** Options of `track`. */
export interface TrackOptions extends WriteOptions {
  /** Told why, where the work was done and could not be counted. */
  readonly onUncounted?: ((error: unknown) => void) | undefined;
}

/** Options of `chat`. */
export interface ChatOptions extends WriteOptions {
  /** Kept with the message. */
  readonly metadata?: JsonObject | undefined;
}

const NO_OPTIONS: WriteOptions = {};

/**
 * A session, and what was last seen of it: each call brings that up to date, and nothing else does.
 *
 * It stays with its session, by `uid`, also when another begins under the same name. Calls on a session that was deleted
 * are `session_not_found`; those that its status does not allow are `invalid_transition`.
 */
export class Session implements AsyncDisposable {
  readonly #transport: Transport;
  #seen: Sighting;
  #state: SessionState | undefined;
  #isDeleted = false;
  /** What was said in it. */
  readonly messages: Messages;
  /** The facts of the task in hand. */
  readonly workingMemory: WorkingMemory;
  /** Its files. */
  readonly artifacts: Artifacts;
  /** What apps made in it. */
  readonly objects: Objects;
  /** What it did, and does, by apps. */
  readonly tasks: Tasks;
  /** What agents did in it, and do. */
  readonly agentRuns: AgentRuns;

  /** Sessions come from `sojourn.sessions`. */
  constructor(transport: Transport, seen: Sighting) {
    this.#transport = transport;
    this.#seen = seen;
    const onSeen = (next: Sighting): unknown => this.#see(next);
    this.messages = new Messages(transport, seen.uid, onSeen);
    this.workingMemory = new WorkingMemory(transport, seen.uid, onSeen);
    this.artifacts = new Artifacts(transport.artifacts, seen.uid, onSeen);
    this.objects = new Objects(transport.objects, seen.uid);
    this.tasks = new Tasks(transport, seen.uid, onSeen);
    this.agentRuns = new AgentRuns(transport.agentRuns, seen.uid, onSeen);
  }

  get sessionId(): string {
    return this.toJSON().sessionId;
  }

  /** The immutable identity. */
  get uid(): string {
    return this.#seen.uid;
  }

  get userId(): string {
    return this.toJSON().userId;
  }

  get status(): Status {
    return this.#seen.status;
  }

  get isActive(): boolean {
    return this.#seen.status === "active";
  }

  get name(): string | undefined {
    return this.toJSON().name;
  }

  get description(): string | undefined {
    return this.toJSON().description;
  }

  get tags(): readonly string[] {
    return this.toJSON().tags;
  }

  get metadata(): JsonObject {
    return this.toJSON().metadata;
  }

  get parentSessionId(): string | undefined {
    return this.toJSON().parentSessionId;
  }

  get createdAt(): Date {
    return this.toJSON().createdAt;
  }

  get updatedAt(): Date {
    return this.toJSON().updatedAt;
  }

  get lastActivity(): Date {
    return this.toJSON().lastActivity;
  }

  /** When its time is over, unless it is used before. */
  get expiresAt(): Date | undefined {
    return this.toJSON().expiresAt;
  }

  get endedAt(): Date | undefined {
    return this.toJSON().endedAt;
  }

  /** Why it is in its status, in the words of whoever changed it. */
  get reason(): string | undefined {
    return this.toJSON().reason;
  }

  get idleTimeoutMs(): number | undefined {
    return this.toJSON().idleTimeoutMs;
  }

  get maxLifetimeMs(): number | undefined {
    return this.toJSON().maxLifetimeMs;
  }

  /** When it is warned, paused or failed. */
  get limits(): Limits {
    return this.toJSON().limits;
  }

  /** The apps that it may run; `undefined`: all. */
  get apps(): readonly string[] | undefined {
    return this.toJSON().apps;
  }

  /** The `seq` of its last operation; what `ifMatch` takes. */
  get version(): number {
    return this.#seen.version;
  }

  /** The hash of its last operation; keep it, to hold the log against it by `verify`. */
  get headHash(): string {
    return this.toJSON().headHash;
  }

  get metrics(): SessionMetrics {
    return this.toJSON().metrics;
  }

  /** How much it remembers of its conversation. */
  get memory(): SessionMemory {
    return this.toJSON().memory;
  }

  /** Which apps it uses, which of its tasks have not finished, and what all of them took. */
  get work(): SessionWork {
    return this.toJSON().work;
  }

  /** How much it has. */
  get usage(): SessionUsage {
    return this.toJSON().usage;
  }

  /** Where the history of a fork comes from. */
  get origin(): Origin | undefined {
    return this.toJSON().origin;
  }

  /** Whether it was made for a chat without a session, and is short-lived. */
  get isTemporary(): boolean {
    return this.toJSON().isTemporary;
  }

  /** All that was last seen, as plain data. */
  toJSON(): SessionState {
    this.#state ??= this.#seen.state();
    return this.#state;
  }

  /** Looks again. */
  async refresh(options: CallOptions = NO_OPTIONS): Promise<this> {
    return this.#see(await this.#transport.get(this.uid, undefined, options));
  }

  async update(patch: SessionPatch, options: WriteOptions = NO_OPTIONS): Promise<this> {
    return this.#see(await this.#transport.update(this.uid, patch, options));
  }

  /** Adds to the counters, which are exact under any number of concurrent calls. Without `added`, one request. */
  async record(added?: AddedMetrics, options: WriteOptions = NO_OPTIONS): Promise<this> {
    return this.#see(await this.#transport.record(this.uid, added, options));
  }

  /**
   * Runs `work`, and counts one request, the time that it took, and an error if it throws.
   *
   * The outcome is that of `work`: what it returned or threw. Counting comes after it, and where that alone fails, the
   * work is not lost for it; `onUncounted` is told.
   */
  async track<T>(work: () => T | Promise<T>, { onUncounted, ...options }: TrackOptions = NO_OPTIONS): Promise<T> {
    const started = performance.now();
    let errors = 1;
    try {
      const result = await work();
      errors = 0;
      return result;
    } finally {
      const processingTimeMs = performance.now() - started;
      await this.record({ requests: 1, errors, processingTimeMs }, options).catch((error: unknown) => {
        onUncounted?.(error);
      });
    }
  }

  /**
   * Says something, and is answered from the conversation, working memory and the user's profile.
   *
   * The reply is a promise of the answer, and iterates over its text as it comes. Message and answer are kept together or
   * not at all; what fails counts as one request with an error. Only `signal` ends a turn before its end.
   *
   * @param message  1 to 5,000 characters, not counting the white space around them
   * @throws {SojournError} `invalid_session` where the session is missing or not active; `session_busy` where too many wait
   *   for their turn; `model_failed`; `unreachable`, after some of the text has come: the turn may have been kept
   */
  chat(message: string, { metadata, ...options }: ChatOptions = NO_OPTIONS): Reply {
    return new Reply(async (onText) => {
      const said = { message, sessionId: this.uid, metadata };
      const { value, seen } = await this.#transport.chat(said, options, onText);
      this.#see(seen);
      return value;
    });
  }

  /**
   * Calls an action of an app. What the app keeps in its worker stays for the next call; calls of one session run one
   * after the other.
   *
   * The run is a promise of the task, with its `output`, and iterates over its events as they come. A connection that is
   * lost meanwhile is taken up again; the task runs once, and goes on whoever listens. Only `signal` and `cancel` end it.
   *
   * @param action  left out: `input.action`, where the input has one, or the app's default
   * @param input  what the action takes, as JSON; `{}` where it is left out
   * @throws {TaskFailure} `task_failed`, `invalid`, `worker_lost`, `task_canceled`, with the task
   * @throws {SojournError} `app_not_found`, `app_broken`, `version_mismatch`, `invalid_transition` for a session that is not
   *   active, `session_busy` where too many wait; `unreachable` where the way to the task is lost for longer than a call
   *   may take
   */
  run<Output = Json>(app: string, action?: string, input?: Json, options: RunOptions = NO_OPTIONS): Run<Output> {
    return this.tasks.run<Output>(app, action, input, options);
  }

  /**
   * Adds a message to a topic, as one from this session; resolves once it is durable.
   *
   * @param content  any JSON of at most 64 KiB
   * @throws {SojournError} `invalid_transition` once the session has ended
   */
  async publish(topic: string, content: Json, options: WriteOptions = NO_OPTIONS): Promise<TopicMessage> {
    return await new Topics(this.#transport.topics).publish(topic, content, { ...options, session: this.uid });
  }

  /** Subscribes to a topic by the name of the session, as `sojourn.topics.subscribe` does by any. */
  subscribe<Content = Json>(
    topic: string,
    options: { readonly begin?: "first" | "next" | undefined } & CallOptions = NO_OPTIONS,
  ): AsyncGenerator<Delivery<Content>, void, undefined> {
    const { begin, signal } = options;
    return new Topics(this.#transport.topics).subscribe(topic, { subscriber: this.sessionId, begin, signal });
  }

  /**
   * Keeps the newest messages in the window that a model is shown, and moves older ones below it. The log, and so
   * `messages`, keeps them all.
   *
   * @throws {SojournError} `model_failed` where they could not be summarized: nothing is changed then
   */
  async compact(wanted: Compaction, options: WriteOptions = NO_OPTIONS): Promise<Compacted> {
    const { value, seen } = await this.#transport.compact(this.uid, wanted, options);
    this.#see(seen);
    return value;
  }

  /** Pauses an active session. */
  async suspend(reason?: string, options: WriteOptions = NO_OPTIONS): Promise<this> {
    return await this.#move("suspend", reason, options);
  }

  /** Makes a suspended session active again. */
  async resume(reason?: string, options: WriteOptions = NO_OPTIONS): Promise<this> {
    return await this.#move("resume", reason, options);
  }

  /** Counts as use, and so begins the idle timeout anew. */
  async keepalive(options: WriteOptions = NO_OPTIONS): Promise<this> {
    return await this.#move("keepalive", undefined, options);
  }

  /** Ends the session well. One that has ended already, however, is left as it is. */
  async complete(reason?: string, options: WriteOptions = NO_OPTIONS): Promise<this> {
    return await this.#end("completed", reason, options);
  }

  /** Ends the session as failed. One that has ended already, however, is left as it is. */
  async fail(reason?: string, options: WriteOptions = NO_OPTIONS): Promise<this> {
    return await this.#end("failed", reason, options);
  }

  /** Ends the session as expired. One that has ended already, however, is left as it is. */
  async expire(reason?: string, options: WriteOptions = NO_OPTIONS): Promise<this> {
    return await this.#end("expired", reason, options);
  }

  /**
   * Tells from what was last seen whether the session's time is over: it was idle for longer than `maxIdleMs`, or, where
   * that is left out, it is past `expiresAt`. The clock is the server's. One that ended otherwise is not expired.
   */
  isExpired({ maxIdleMs }: { readonly maxIdleMs?: number | undefined } = {}): boolean {
    if (isEnded(this.status)) return this.status === "expired";
    const now = this.#transport.now();
    if (maxIdleMs !== undefined) return now - this.lastActivity.getTime() > maxIdleMs;
    return this.expiresAt !== undefined && now > this.expiresAt.getTime();
  }

  /** The session's log, oldest first, fetched page by page as it is read. */
  operations<K extends OperationKind>(
    options: OperationsOptions & { readonly kind: K },
  ): AsyncGenerator<OperationOf<K>, void, undefined>;
  operations(options?: OperationsOptions): AsyncGenerator<Operation, void, undefined>;
  operations({ follow = false, signal, ...query }: OperationsOptions = {}): AsyncGenerator<Operation, void, undefined> {
    return follow ? this.#transport.follow(this.uid, query, { signal }) : this.#pages(query, { signal });
  }

  /**
   * Checks the log's chain of hashes, its payloads, and the views made of it.
   *
   * @param options.head  a `headHash` that was kept: it must be part of the log
   */
  async verify({ head, signal }: { readonly head?: string | undefined } & CallOptions = {}): Promise<Verdict> {
    return await this.#transport.verify(this.uid, head, { signal });
  }

  /**
   * The session as it was just after one of its operations, by its `seq` or by the name of a checkpoint.
   *
   * @throws {SojournError} `invalid` for an operation that the log does not have; `checkpoint_not_found`
   */
  async at(moment: Moment, options: CallOptions = NO_OPTIONS): Promise<PastSession> {
    return new PastSession(this.#transport, (await this.#transport.get(this.uid, moment, options)).state());
  }

  /**
   * Gives a name to the moment, in a session of any status.
   *
   * @param name  1 to 128 characters, and no number
   * @throws {SojournError} `checkpoint_exists`, `limit_reached`
   */
  async checkpoint(name: string, data?: JsonObject, options: WriteOptions = NO_OPTIONS): Promise<Checkpoint> {
    const { value, seen } = await this.#transport.history.checkpoint(this.uid, { name, data }, options);
    this.#see(seen);
    return value;
  }

  /** The session's checkpoints, oldest first, fetched page by page as they are read. */
  async *checkpoints(options: CallOptions = NO_OPTIONS): AsyncGenerator<Checkpoint, void, undefined> {
    for (let cursor: string | undefined; ; ) {
      const page = await this.#transport.history.checkpoints(this.uid, cursor, options);
      yield* page.items;
      if (page.next === undefined) return;
      cursor = page.next;
    }
  }

  /**
   * Begins a session with the history of this one, which may have ended, and of which nothing changes.
   *
   * @throws {SojournError} `session_exists`, `limit_reached`, and those of `at`
   */
  async fork(wanted: NewFork = {}, options: WriteOptions = NO_OPTIONS): Promise<Session> {
    return new Session(this.#transport, await this.#transport.history.fork(this.uid, wanted, options));
  }

  /**
   * Goes through the session again, and tells what comes out otherwise. Nothing of it changes; `execute` makes a fork, and
   * is never repeated by itself.
   */
  async replay({ signal, ...request }: ReplayRequest & CallOptions): Promise<ReplayReport> {
    return await this.#transport.history.replay(this.uid, request, { signal });
  }

  /** Where the histories of this session (`a`) and of another (`b`) part, what each did since, and how they differ now. */
  async diff(other: SessionName, options: CallOptions = NO_OPTIONS): Promise<Diff> {
    return await this.#transport.history.diff(this.uid, idOf(other), options);
  }

  /** The session with its children, and theirs. A fork is no child of its origin: it has the same parent. */
  async tree(options: CallOptions = NO_OPTIONS): Promise<Family> {
    return await this.#transport.history.tree(this.uid, options);
  }

  /**
   * The session with all that it holds, as the bytes of one file, for `sessions.import`. Keep its `headHash` beside it, to
   * hold the file against.
   *
   * One that is cut off is no export, which its import tells.
   */
  export(options: CallOptions = NO_OPTIONS): AsyncGenerator<Bytes, void, undefined> {
    return this.#transport.history.export(this.uid, options);
  }

  /** Removes the session and all it holds. Its name is free at once. */
  async delete(options: WriteOptions = NO_OPTIONS): Promise<void> {
    await this.#transport.delete(this.uid, options);
    this.#isDeleted = true;
  }

  /** Completes the session, if it is still there and open. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isDeleted || isEnded(this.status)) return;
    try {
      await this.complete();
    } catch (error) {
      if (!isCode(error, "session_not_found")) throw error;
    }
  }

  async *#pages(query: OperationQuery, options: CallOptions): AsyncGenerator<Operation, void, undefined> {
    for (let after = query.after; ; ) {
      const page = await this.#transport.operations(this.uid, { ...query, after }, options);
      yield* page.items;
      if (page.next === undefined) return;
      after = Number(page.next);
    }
  }

  async #move(to: Transition, reason: string | undefined, options: WriteOptions): Promise<this> {
    return this.#see(await this.#transport.transition(this.uid, to, reason, options));
  }

  async #end(status: FinalStatus, reason: string | undefined, options: WriteOptions): Promise<this> {
    try {
      return this.#see(await this.#transport.end(this.uid, status, reason, options));
    } catch (error) {
      if (!isCode(error, "invalid_transition")) throw error;
      return await this.refresh(options);
    }
  }

  // Answers may come in another order than they were given; what was seen never goes back.
  #see(next: Sighting): this {
    const { version, status } = this.#seen;
    if (next.version > version || (next.version === version && !isEnded(status))) {
      this.#seen = next;
      this.#state = undefined;
    }
    return this;
  }
}

function isCode(error: unknown, code: SojournError["code"]): boolean {
  return error instanceof SojournError && error.code === code;
}
