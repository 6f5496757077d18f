import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { LRUCache } from "lru-cache";
import { type Artifact, type Content, type Grant, PERMISSIONS, type Permission } from "../../engine/artifact.ts";
import { SojournError } from "../../engine/errors.ts";
import type { KeyRecord } from "../../engine/key.ts";
import type { StoredMessage } from "../../engine/message.ts";
import type { Lineage, SessionObject } from "../../engine/object.ts";
import type { Entry } from "../../engine/operation.ts";
import type { Signal } from "../../engine/signal.ts";
import type {
  AccessState,
  ArtifactQuery,
  Commit,
  Committed,
  EndedQuery,
  EndedSession,
  EventPage,
  EventQuery,
  IdempotencyKey,
  KeyQuery,
  MessageRange,
  Notice,
  ObjectQuery,
  OperationRange,
  Page,
  ReaderCursor,
  Remembered,
  SessionFilter,
  SessionQuery,
  Store,
  Stream,
  StreamRef,
  TaskPlace,
  TaskQuery,
  Totals,
  View,
} from "../../engine/store.ts";
import type { Records, StreamKind } from "../../engine/streams.ts";
import { WakeUp } from "../../engine/wake-up.ts";
import { asStoreError, type Durability, databaseFile, openReader, openWriter } from "./connection.ts";
import { removeAbandoned } from "./held-files.ts";
import { toAccess, toKey } from "./key-rows.ts";
import { lean, withoutBodies } from "./lean.ts";
import { lockDirectory } from "./lock.ts";
import type { Read } from "./reader.ts";
import { RESTORING } from "./restore.ts";
import {
  ARTIFACT_COLUMNS,
  ARTIFACT_TABLES,
  bytes,
  integer,
  RECORD_COLUMNS,
  type Row,
  STREAM_COLUMNS,
  TASK_COLUMNS,
  toArtifact,
  toContent,
  toOther,
  toReaderCursor,
  toRemembered,
  toStream,
  toTaskPlace,
} from "./rows.ts";
import { migrate } from "./schema.ts";
import { StreamCache } from "./stream-cache.ts";
import { syncDirectory } from "./sync-directory.ts";
import { Thread } from "./thread.ts";
import type { Write } from "./writer.ts";

/** How to open a store on SQLite. */
export interface SqliteOptions {
  /** Made if it is missing, for its owner alone; one process at a time may have it open. */
  readonly directory: string;
  /** Default `full`. */
  readonly durability?: Durability;
  /** The size past which the database refuses to grow, with `storage_full`; default: none. */
  readonly maxBytes?: number;
  /** Called if the store breaks for good, so that nobody has to find out by a refused write. */
  readonly onFailure?: (error: SojournError) => void;
}

/** How many keys are kept in memory. */
const KEYS_MAX = 4_096;

/** How many operations a watcher reads at a time. */
const NOTICES = 500;

/**
 * Opens a store on SQLite, the embedded default.
 *
 * @throws {SojournError} `store_in_use` while another process has the directory, `store_newer` for the files of a newer
 *   release, `store_unavailable` for a directory that can't be used
 */
export function openSqliteStore(options: SqliteOptions): Store {
  const { directory, durability = "full", maxBytes, onFailure = () => {} } = options;
  const path = resolve(directory);
  let lock: Disposable | undefined;
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    lock = lockDirectory(path);
    // What a restore leaves that was cut off, and backups whose process was.
    rmSync(join(path, RESTORING), { recursive: true, force: true });
    removeAbandoned(path);
    prepareFile(path, { durability, maxBytes });
    // The names of new files are durable only once their directory is.
    if (durability === "full") for (const folder of [path, dirname(path)]) syncDirectory(folder);
    return new SqliteStore({ path, lock, durability, maxBytes, onFailure });
  } catch (error) {
    lock?.[Symbol.dispose]();
    const known = asStoreError(error);
    if (known instanceof SojournError && known.code !== "store_unavailable") throw known;
    const text = known instanceof Error ? known.message : String(known);
    throw new SojournError("store_unavailable", {
      message: `Cannot open the data directory "${path}": ${text}`,
      cause: error,
    });
  }
}

function prepareFile(path: string, options: Pick<Opened, "durability" | "maxBytes">): void {
  // For its owner alone, whatever the directory allows; SQLite makes the files beside it by the same rights.
  closeSync(openSync(databaseFile(path), "a", 0o600));
  const db = openWriter(path, options);
  try {
    migrate(db);
  } finally {
    db.close();
  }
}

interface Opened {
  readonly path: string;
  readonly lock: Disposable;
  readonly durability: Durability;
  readonly maxBytes: number | undefined;
  readonly onFailure: (error: SojournError) => void;
}

/** The reads that cost microseconds, and so need no thread. */
type PointRead =
  | "session"
  | "other"
  | "named"
  | "artifact"
  | "permission"
  | "task"
  | "taskOf"
  | "content"
  | "body"
  | "cursor"
  | "remembered"
  | "access"
  | "key";

/** What every request asks for. */
interface Gate {
  readonly access: AccessState;
  readonly keys: LRUCache<string, KeyRecord>;
}

class SqliteStore implements Store {
  readonly #lock: Disposable;
  readonly #writer: Thread<Write>;
  readonly #reader: Thread<Read>;
  readonly #db: DatabaseSync;
  readonly #points: Record<PointRead, StatementSync>;
  readonly #cache = new StreamCache();
  readonly #watchers = new Set<Watcher>();
  /** What every request asks for, as of the last change that was acknowledged. */
  #gate: Gate | undefined;
  #closing: Promise<void> | undefined;

  constructor({ path: directory, lock, durability, maxBytes, onFailure }: Opened) {
    this.#lock = lock;
    this.#writer = new Thread(threadModule("writer"), { directory, durability, maxBytes }, onFailure);
    this.#reader = new Thread(threadModule("reader"), { directory }, onFailure);
    this.#db = openReader(directory);
    this.#points = {
      session: this.#db.prepare(`SELECT ${STREAM_COLUMNS} FROM streams t JOIN sessions s ON s.n = t.n
        WHERE t.tenant = ? AND t.kind = ? AND t.id = ?`),
      other: this.#db.prepare(`SELECT ${RECORD_COLUMNS} FROM streams t JOIN records r ON r.n = t.n
        WHERE t.tenant = ? AND t.kind = ? AND t.id = ?`),
      named: this.#db.prepare(`SELECT ${STREAM_COLUMNS} FROM names JOIN streams t ON t.n = names.n
        JOIN sessions s ON s.n = names.n WHERE names.tenant = ? AND names.session_id = ?`),
      cursor: this.#db.prepare(
        "SELECT reader, position, at FROM cursors WHERE tenant = ? AND kind = ? AND id = ? AND reader = ?",
      ),
      remembered: this.#db.prepare(`
        SELECT r.*, t.tenant AS about_tenant, t.kind, t.id AS uid
        FROM remembered r LEFT JOIN streams t ON t.n = r.about
        WHERE r.tenant = ? AND r.scope = ? AND r.key = ? AND r.expires_at >= ?`),
      artifact: this.#db.prepare(`SELECT ${ARTIFACT_COLUMNS} FROM ${ARTIFACT_TABLES}
        WHERE t.tenant = ? AND t.kind = ? AND t.id = ? AND a.id = ?`),
      permission:
        this.#db.prepare(`SELECT max(CASE g.permission WHEN 'admin' THEN 2 WHEN 'write' THEN 1 ELSE 0 END) AS rank
        FROM streams t JOIN artifacts a ON a.stream = t.n JOIN artifacts b ON b.stream = a.stream AND b.name = a.name
        JOIN grants g ON g.stream = b.stream AND g.artifact = b.id
        WHERE t.tenant = ? AND t.kind = ? AND t.id = ? AND a.id = ? AND a.gone_seq IS NULL
          AND b.version <= a.version AND b.gone_seq IS NULL AND g.grantee = ? AND g.gone_seq IS NULL`),
      task: this.#db.prepare(`SELECT ${TASK_COLUMNS} FROM tasks k JOIN streams t ON t.n = k.stream
        WHERE t.tenant = ? AND k.id = ? ORDER BY t.n LIMIT 1`),
      taskOf: this.#db.prepare(`SELECT ${TASK_COLUMNS} FROM tasks k JOIN streams t ON t.n = k.stream
        WHERE t.tenant = ? AND k.id = ? AND t.id = ?`),
      content: this.#db.prepare(
        "SELECT digest, size, stored_size, chunks, file FROM contents WHERE tenant = ? AND digest = ?",
      ),
      body: this.#db.prepare("SELECT body FROM contents WHERE tenant = ? AND digest = ?"),
      access: this.#db.prepare("SELECT version, mode FROM access"),
      key: this.#db.prepare("SELECT * FROM keys WHERE id = ?"),
    };
  }

  async commit(commit: Commit): Promise<Committed> {
    this.#assertOpen();
    const { commit: call, bodies } = withoutBodies(lean(commit, (ref) => this.#cache.get(ref)));
    // NOTE: what the writer answers to a commit.
    const committed = (await this.#writer.call(call, bodies)) as Committed;
    if (committed.outcome === "committed") {
      this.#cache.apply(commit);
      if (commit.access !== undefined) this.#gate = undefined;
      const erased = commit.parts.filter((part) => part.change === "erase");
      for (const watcher of this.#watchers) watcher.tell(erased.map(({ ref }) => ref));
    }
    return committed;
  }

  async stream<K extends StreamKind>(ref: StreamRef<K>): Promise<Stream<K> | undefined> {
    this.#assertOpen();
    const known = this.#cache.get(ref);
    if (known !== undefined) return known;
    const stream = await this.stored(ref);
    if (stream !== undefined) this.#cache.keep(stream);
    return stream;
  }

  async stored<K extends StreamKind>({ tenant, kind, id }: StreamRef<K>): Promise<Stream<K> | undefined> {
    const name = kind === "session" ? "session" : "other";
    // NOTE: the row is of the kind that was asked for.
    const decode = (kind === "session" ? toStream : toOther) as (row: Row) => Stream<K>;
    return this.#point(name, [tenant, kind, id], decode);
  }

  async named(tenant: string, sessionId: string): Promise<Stream | undefined> {
    this.#assertOpen();
    const known = this.#cache.named(tenant, sessionId);
    if (known !== undefined) return known;
    const stream = this.#point("named", [tenant, sessionId], toStream);
    if (stream !== undefined) this.#cache.keepNamed(stream, sessionId);
    return stream;
  }

  async streams<K extends Exclude<StreamKind, "session">>(
    tenant: string,
    kind: K,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly Stream<K>[]> {
    return await this.#read({ read: "streams", tenant, kind, page });
  }

  async cursor({ tenant, kind, id }: StreamRef, reader: string): Promise<ReaderCursor | undefined> {
    return this.#point("cursor", [tenant, kind, id, reader], toReaderCursor);
  }

  async cursors(
    ref: StreamRef,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly ReaderCursor[]> {
    return await this.#read({ read: "cursors", ref, page });
  }

  async remembered({ tenant, scope, key }: IdempotencyKey, now: number): Promise<Remembered | undefined> {
    return this.#point("remembered", [tenant, scope, key, now], toRemembered);
  }

  async access(): Promise<AccessState> {
    return this.#atGate().access;
  }

  async key(id: string): Promise<KeyRecord | undefined> {
    const { keys } = this.#atGate();
    const kept = keys.get(id);
    if (kept !== undefined) return kept;
    const key = this.#point("key", [id], toKey);
    if (key !== undefined) keys.set(id, key);
    return key;
  }

  async keys(query: KeyQuery): Promise<Page<KeyRecord>> {
    return await this.#read({ read: "keys", query });
  }

  async list(query: SessionQuery): Promise<Page<Stream>> {
    return await this.#read({ read: "list", query });
  }

  async aggregate(filter: SessionFilter): Promise<Totals> {
    return await this.#read({ read: "aggregate", filter });
  }

  async operations(ref: StreamRef, range: OperationRange): Promise<readonly Entry[]> {
    return await this.#read({ read: "operations", ref, range });
  }

  async messages(ref: StreamRef<"session">, range: MessageRange): Promise<readonly StoredMessage[]> {
    return await this.#read({ read: "messages", ref, range });
  }

  async artifact({ tenant, kind, id: uid }: StreamRef<"session">, id: string): Promise<Artifact | undefined> {
    return this.#point("artifact", [tenant, kind, uid, id], toArtifact);
  }

  async artifacts(ref: StreamRef<"session">, query: ArtifactQuery): Promise<Page<Artifact>> {
    return await this.#read({ read: "artifacts", ref, query });
  }

  async grants(ref: StreamRef<"session">, artifact: string): Promise<readonly Grant[]> {
    return await this.#read({ read: "grants", ref, artifact });
  }

  async permission(
    { tenant, kind, id: uid }: StreamRef<"session">,
    id: string,
    grantee: string,
  ): Promise<Permission | undefined> {
    return this.#point("permission", [tenant, kind, uid, id, grantee], ({ rank }) =>
      rank == null ? undefined : PERMISSIONS[integer(rank)],
    );
  }

  async task(tenant: string, id: string, uid?: string): Promise<TaskPlace | undefined> {
    if (uid === undefined) return this.#point("task", [tenant, id], toTaskPlace);
    return this.#point("taskOf", [tenant, id, uid], toTaskPlace);
  }

  async tasks(ref: StreamRef<"session">, query: TaskQuery): Promise<Page<TaskPlace>> {
    return await this.#read({ read: "tasks", ref, query });
  }

  async objectsOf(ref: StreamRef<"session">, ids: readonly string[]): Promise<readonly SessionObject[]> {
    return await this.#read({ read: "objectsOf", ref, ids });
  }

  async objects(ref: StreamRef<"session">, query: ObjectQuery): Promise<Page<SessionObject>> {
    return await this.#read({ read: "objects", ref, query });
  }

  async lineage(ref: StreamRef<"session">, objectId: string): Promise<Lineage | undefined> {
    return await this.#read({ read: "lineage", ref, objectId });
  }

  async unfinished(page: {
    readonly after?: StreamRef<"session">;
    readonly limit: number;
  }): Promise<readonly StreamRef<"session">[]> {
    return await this.#read({ read: "unfinished", page });
  }

  async versionsInUse(versions: readonly string[]): Promise<readonly string[]> {
    return await this.#read({ read: "versionsInUse", versions });
  }

  async content(tenant: string, digest: string): Promise<Content | undefined> {
    return this.#point("content", [tenant, bytes(digest)], toContent);
  }

  async body(tenant: string, digest: string): Promise<Uint8Array | undefined> {
    return this.#point("body", [tenant, bytes(digest)], ({ body }) => (body instanceof Uint8Array ? body : undefined));
  }

  async abandoned(limit: number): Promise<readonly string[]> {
    return await this.#read({ read: "abandoned", limit });
  }

  async inUse(files: readonly string[]): Promise<readonly string[]> {
    return await this.#read({ read: "inUse", files });
  }

  async snapshot<K extends StreamKind>(
    ref: StreamRef<K>,
    seq: number,
  ): Promise<{ readonly seq: number; readonly record: Records[K] } | undefined> {
    return await this.#read({ read: "snapshot", ref, seq });
  }

  async view(ref: StreamRef, view: View, seq: number): Promise<readonly string[]> {
    return await this.#read({ read: "view", ref, view, seq });
  }

  async ended(query: EndedQuery): Promise<readonly EndedSession[]> {
    return await this.#read({ read: "ended", query });
  }

  async unsettled(limit: number): Promise<readonly StreamRef<"session">[]> {
    return await this.#read({ read: "unsettled", limit });
  }

  async tenants(page: { readonly after?: string; readonly limit: number }): Promise<readonly string[]> {
    return await this.#read({ read: "tenants", page });
  }

  async overdue(now: number, limit: number): Promise<readonly StreamRef<"session">[]> {
    return await this.#read({ read: "overdue", now, limit });
  }

  watch({ position, signal }: { readonly position?: number; readonly signal: Signal }): AsyncIterable<Notice> {
    this.#assertOpen();
    const watcher = new Watcher();
    // Taken now and not at the first read, so that nothing committed after this call is missed.
    const start = position ?? this.#lastPosition();
    this.#watchers.add(watcher);
    return this.#notices(watcher, start, signal);
  }

  async events(query: EventQuery): Promise<EventPage> {
    return await this.#read({ read: "events", query });
  }

  async scrub(): Promise<void> {
    this.#assertOpen();
    await this.#writer.call("scrub");
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    for (const watcher of this.#watchers) watcher.wake();
    await this.#reader.close();
    this.#db.close();
    // The last connection moves the write-ahead log into the database, which only a writer can.
    await this.#writer.close();
    this.#lock[Symbol.dispose]();
  }

  async *#notices(watcher: Watcher, start: number, signal: Signal): AsyncGenerator<Notice> {
    const end = (): void => watcher.wake();
    signal.addEventListener("abort", end);
    try {
      for (let position = start; !signal.aborted; ) {
        const page = await this.#read<readonly Extract<Notice, { notice: "operation" }>[]>({
          read: "notices",
          position,
          limit: NOTICES,
        });
        yield* page;
        position = page.at(-1)?.position ?? position;
        if (page.length === NOTICES) continue;
        for (const ref of watcher.takeErased()) yield { notice: "erased", ref };
        if (!signal.aborted) await watcher.next();
      }
    } finally {
      signal.removeEventListener("abort", end);
      this.#watchers.delete(watcher);
    }
  }

  // A data directory has one process, so that whatever changes this passes through `commit`.
  #atGate(): Gate {
    this.#assertOpen();
    if (this.#gate === undefined) {
      const access = this.#point("access", [], toAccess);
      if (access === undefined)
        throw new SojournError("store_unavailable", { message: "The store is damaged: no access" });
      this.#gate = { access, keys: new LRUCache({ max: KEYS_MAX }) };
    }
    return this.#gate;
  }

  #lastPosition(): number {
    const row = this.#db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'operations'").get();
    return row === undefined ? 0 : integer(row.seq);
  }

  #point<T>(name: PointRead, key: readonly SQLInputValue[], decode: (row: Row) => T): T | undefined {
    this.#assertOpen();
    try {
      const row = this.#points[name].get(...key);
      return row && decode(row);
    } catch (error) {
      throw asStoreError(error);
    }
  }

  async #read<T>(read: Read): Promise<T> {
    this.#assertOpen();
    // NOTE: the reader answers each question with the type that `Queries` gives it.
    return (await this.#reader.call(read)) as T;
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new SojournError("store_unavailable", { message: "The store is closed" });
  }
}

/** Someone who watches: woken by every commit, and told of erasures, which leave nothing to read. */
class Watcher extends WakeUp {
  readonly #erased: StreamRef[] = [];

  tell(erased: readonly StreamRef[]): void {
    this.#erased.push(...erased);
    this.wake();
  }

  takeErased(): readonly StreamRef[] {
    return this.#erased.splice(0);
  }
}

// The module beside this one, as TypeScript in a checkout and as JavaScript in the package.
function threadModule(name: "writer" | "reader"): URL {
  return new URL(import.meta.url.endsWith(".ts") ? `./${name}.ts` : `./${name}.js`, import.meta.url);
}
