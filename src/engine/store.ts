import type { Artifact, ArtifactDescription, Content, Grant, NewContent, Permission } from "./artifact.ts";
import type { Json } from "./json.ts";
import type { AccessMode, KeyRecord } from "./key.ts";
import type { StoredMessage } from "./message.ts";
import type { Lineage, ObjectPlace, Quality, SessionObject } from "./object.ts";
import type { Entry, OperationKind } from "./operation.ts";
import type { FinalStatus, Metrics, Status } from "./session.ts";
import type { Signal } from "./signal.ts";
import type { Records, StreamKind } from "./streams.ts";

/** What a log belongs to. Ids of streams are immutable; a session's is its `uid`, a user's what they are called. */
export interface StreamRef<K extends StreamKind = StreamKind> {
  readonly tenant: string;
  readonly kind: K;
  readonly id: string;
}

/** Where a log ends: its last operation. */
export interface Head {
  /** 0 for a stream that does not exist yet. */
  readonly seq: number;
  readonly hash: string;
}

/** A stream with its folded record, both of the same moment. */
export interface Stream<K extends StreamKind = "session"> {
  readonly ref: StreamRef<K>;
  readonly head: Head;
  readonly record: Records[K];
}

/** The one write: everything in it happens, or nothing does. */
export interface Commit {
  /** Microseconds since the epoch; what guards and the idempotency records' end are held against. */
  readonly now: number;
  readonly parts: readonly Part[];
  readonly guards?: readonly Guard[];
  /** What the artifacts of its first part refer to, where the store has it not; what it has by now is left as it is. */
  readonly contents?: readonly NewContent[];
  /** Files that are gone, of those that `abandoned` told of. */
  readonly removed?: readonly string[];
  /** Sessions that need not be told of by `unsettled` any more. */
  readonly settled?: readonly StreamRef<"session">[];
  /** Of readers of streams, written after the parts. */
  readonly cursors?: readonly CursorChange[];
  readonly remember?: readonly Remembered[];
  /** Forget this tenant's answers that are about no stream: they may name what was erased. */
  readonly forget?: { readonly tenant: string };
  readonly access?: AccessChange;
  /** When keys were used last; an earlier time than the stored one, or an unknown key, changes nothing. */
  readonly keysUsed?: readonly { readonly id: string; readonly at: number }[];
}

/** How far a reader of a stream has come. */
export interface ReaderCursor {
  readonly reader: string;
  /** Up to where it has dealt with everything: a `seq` of the stream, or a position among all operations. */
  readonly position: number;
  /** When it was moved last. */
  readonly updatedAtUs: number;
}

/** A move of a reader. The stream need not be there yet; with an erasure of it, its readers are gone. */
export type CursorChange =
  | {
      /**
       * `begin` is for a reader that is not known yet, and changes no other; `advance` goes forward alone: a position that is
       * not past the stored one changes nothing.
       */
      readonly change: "begin" | "advance" | "set";
      readonly ref: StreamRef;
      readonly reader: string;
      readonly position: number;
      /** The `seq` that the stream must have, or it is a `conflict`. */
      readonly headMin: number;
    }
  /** Forgets one reader, or all. One that is not known changes nothing. */
  | { readonly change: "drop"; readonly ref: StreamRef; readonly reader?: string };

/** Who may call at all, as it stands. */
export interface AccessState {
  /** How often it was changed; 0 for a store that never had a key. */
  readonly version: number;
  readonly mode: AccessMode;
}

/** A change of who may call. */
export interface AccessChange {
  /** The version that it was decided on; another is a `conflict`. */
  readonly expectedVersion: number;
  readonly mode: AccessMode;
  /** New keys, and those that changed, whole but for their last use. */
  readonly put: readonly KeyRecord[];
}

/** Which keys, oldest first. */
export interface KeyQuery {
  readonly tenantName?: string;
  /** 1 to 1000. */
  readonly limit: number;
  /** The `next` of the page before; anything else is `invalid`. */
  readonly cursor?: string;
}

export type Part = Append | Erase | Cut;

/** New operations of one stream, and every view that they change. */
export interface Append<K extends StreamKind = StreamKind> {
  readonly change: "append";
  readonly ref: StreamRef<K>;
  /** The head that the operations follow; 0 creates the stream. */
  readonly expectedHead: number;
  /**
   * Creates the stream, as a fork: with the operations of another up to `expectedHead`, where that has this hash, and with
   * the rows that began by then, but no grants. Rows of artifacts need no content then.
   */
  readonly history?: { readonly ref: StreamRef<K>; readonly hash: string };
  /** At least one, in the order of `seq`. */
  readonly entries: readonly Entry[];
  /** The record after the last entry. */
  readonly record: Records[K];
  /** Rows of collections that begin or end with one of the entries. */
  readonly rows: readonly RowChange[];
  /** Keep `record` as a snapshot, from which a read of the past may start. */
  readonly snapshot: boolean;
  /** The session has ended, and something is still to be done about that: `unsettled` tells of it until it is `settled`. */
  readonly unsettled?: true;
}

/** Removes a stream with all it holds: operations, payloads, views, and the name if it still points here. */
export interface Erase {
  readonly change: "erase";
  readonly ref: StreamRef;
  readonly expectedHead: number;
}

/**
 * Removes the operations of a stream up to one, with their payloads. Of that one its header stays, with an erased payload, so
 * that the chain of hashes goes on from it, and tells where. One that is not there, or has another hash, is a `conflict`. For
 * streams without collections.
 */
export interface Cut {
  readonly change: "cut";
  readonly ref: StreamRef<"topic">;
  readonly through: Head;
}

/** A row of a collection. It lives from `seq` on until `goneSeq`; what it was at any `seq` stays readable. */
export type RowChange =
  | { readonly view: "tag"; readonly change: "begin" | "end"; readonly key: string; readonly seq: number }
  /** The message that has its place, from 0, among those of the entry `seq`; see `messagesOf`. */
  | {
      readonly view: "message";
      readonly change: "begin";
      readonly number: number;
      readonly place: number;
      readonly seq: number;
    }
  /** Its version follows from the rows of its name. Its digest is that of a content of the tenant. */
  | ({
      readonly view: "artifact";
      readonly change: "begin";
      readonly id: string;
      readonly digest: string;
      readonly size: number;
      readonly createdAtUs: number;
      readonly seq: number;
      /** Needs no content: it came with the history of a fork, and its bytes were freed before. */
      readonly isFreed?: true;
    } & ArtifactDescription)
  /** One that is not there is a `conflict`. A content that nothing refers to any more goes with it. */
  | { readonly view: "artifact"; readonly change: "end"; readonly id: string; readonly seq: number }
  /** A task, from the operation that has its call until it has finished. */
  | { readonly view: "task"; readonly change: "begin" | "end"; readonly id: string; readonly seq: number }
  /** The object that has its place, from 0, among those that the entry `seq` made. One that is there already is a `conflict`. */
  | ({ readonly view: "object"; readonly change: "begin"; readonly place: number } & Omit<ObjectPlace, "operationId">)
  /** One that is there already is a `conflict`. */
  | ({ readonly view: "grant"; readonly change: "begin" } & Grant)
  /** One that is not there is a `conflict`. */
  | ({ readonly view: "grant"; readonly change: "end" } & Omit<Grant, "permission">);

/** The collections of a session that are made of keys. */
export type View = "tag";

/** What must hold when the commit is applied. */
export type Guard =
  /** The name points to this session, or to none; and then it points to the commit's. */
  | {
      readonly guard: "name";
      readonly tenant: string;
      readonly sessionId: string;
      readonly expected: string | undefined;
      readonly next: string;
    }
  /** The tenant has fewer active sessions than this, at the commit's `now`. */
  | { readonly guard: "active_below"; readonly tenant: string; readonly limit: number }
  /** The stream has this reader, or fewer readers than this. */
  | { readonly guard: "readers_below"; readonly ref: StreamRef; readonly reader: string; readonly limit: number };

/** What became of a commit. All but the first leave the store as it was. */
export type Committed =
  | { readonly outcome: "committed" }
  /** A head, a name or the keys are not as expected: read again and decide again. */
  | { readonly outcome: "conflict" }
  | { readonly outcome: "limit_reached" }
  /** An artifact refers to a content that is neither in the store nor in the commit. */
  | { readonly outcome: "content_missing" }
  /** One of its idempotency keys is taken: read what was remembered. */
  | { readonly outcome: "repeated" };

/** Under which key an answer is remembered. */
export interface IdempotencyKey {
  readonly tenant: string;
  /** What was called, such as `POST /api/v1/sessions`. */
  readonly scope: string;
  readonly key: string;
}

/** The answer of a write, kept so that its repetition gets the same. */
export interface Remembered extends IdempotencyKey {
  /** Digest of the request. */
  readonly fingerprint: string;
  readonly answer: Json;
  /** When it was answered, in microseconds since the epoch. */
  readonly at: number;
  readonly expiresAt: number;
  /** The stream that the answer tells of; the record is erased with it. One that is not there is a `conflict`. */
  readonly about?: StreamRef;
}

/** Which sessions. All that is given must match. */
export interface SessionFilter {
  readonly tenant: string;
  /** The moment at which the statuses are meant, in microseconds since the epoch. */
  readonly now: number;
  readonly statuses?: readonly Status[];
  readonly userId?: string;
  readonly tags?: readonly string[];
  readonly parentSessionId?: string;
  /** Either those that were made for a chat without a session, or, by default, all others. */
  readonly temporary?: boolean;
  /** Part of the session's id, name or description; ASCII letters in either case. */
  readonly search?: string;
  /** Exclusive bounds, in microseconds since the epoch. */
  readonly createdAfterUs?: number;
  readonly createdBeforeUs?: number;
  readonly lastActivityBeforeUs?: number;
}

/** `name` is by the bytes of its UTF-8, and a session without one comes first; ties are in any lasting order. */
export const SORTS = ["created_at", "updated_at", "last_activity", "name"] as const;

export type Sort = (typeof SORTS)[number];

export interface SessionQuery extends SessionFilter {
  readonly sort: Sort;
  readonly order: "asc" | "desc";
  /** 1 to 1000; a page has fewer where they are large, and then a `next`. */
  readonly limit: number;
  /** The `next` of the page before, with the same filter, sort and order; anything else is `invalid`. */
  readonly cursor?: string;
}

/** A page of a list; `next` leads to the one after, and is absent at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}

export interface Totals {
  readonly byStatus: Readonly<Record<Status, number>>;
  readonly metrics: Required<Metrics>;
}

/** A session that has ended, and what it takes. */
export interface EndedSession extends EndPlace {
  readonly ref: StreamRef<"session">;
  readonly sessionId: string;
  /** Of its artifacts, before compression. */
  readonly artifactBytes: number;
}

/** The place of an ended session among the others of its tenant: by its end, then by its creation, then by its uid. */
export interface EndPlace {
  readonly endedAtUs: number;
  readonly createdAtUs: number;
  readonly ref: Pick<StreamRef, "id">;
}

/** Which ended sessions, temporary ones and all others. A session whose time is over has ended once its log says so. */
export interface EndedQuery {
  readonly tenant: string;
  readonly statuses: readonly FinalStatus[];
  /** An exclusive bound, in microseconds since the epoch. */
  readonly endedBeforeUs?: number;
  readonly order: "oldest first" | "newest first";
  /** Only those that come after this place in that order. */
  readonly after?: EndPlace;
  /** 1 to 1000. */
  readonly limit: number;
}

/** Which operations of a stream, oldest first. */
export interface OperationRange {
  /** Only those with a greater `seq`. */
  readonly after: number;
  /** Only those up to this `seq`. */
  readonly through?: number;
  readonly kind?: OperationKind;
  /** At least 1. */
  readonly limit: number;
  /** Stop after the entry by which the payloads have more characters than this. */
  readonly charactersMax?: number;
}

/** Which messages of a session. They come oldest first. */
export interface MessageRange {
  /** Only those with a greater number. */
  readonly after?: number;
  /** Only those with a smaller number. */
  readonly before?: number;
  /** Which to take where there are more than `limit`. */
  readonly take: "oldest" | "newest";
  /** At least 1. */
  readonly limit: number;
  /** Take no more once they would need more of a window than this. */
  readonly tokensMax?: number;
  /** Take no more once they have more characters than this. */
  readonly charactersMax?: number;
}

/** Which artifacts of a session. All that is given must match. They come newest first, by the log. */
export interface ArtifactQuery {
  /** Those that were there just after this operation; default: those that are. */
  readonly at?: number;
  readonly type?: string;
  readonly tags?: readonly string[];
  readonly name?: string;
  /** See `glob.ts`. */
  readonly namePattern?: string;
  /** Inclusive bounds, in microseconds since the epoch. */
  readonly createdAfterUs?: number;
  readonly createdBeforeUs?: number;
  /** Inclusive bounds of the size before compression. */
  readonly sizeMin?: number;
  readonly sizeMax?: number;
  /** Only those that are shared with the session of this uid. */
  readonly grantee?: string;
  /** 1 to 1000; a page has fewer where they are large, and then a `next`. */
  readonly limit: number;
  /** The `next` of the page before, with the same query; anything else is `invalid`. */
  readonly cursor?: string;
}

/** Where the log has a task: the operation with its call, and, once it has finished, the last one. */
export interface TaskPlace {
  readonly ref: StreamRef<"session">;
  readonly id: string;
  readonly seq: number;
  readonly goneSeq?: number;
}

/** Which tasks of a session. */
export interface TaskQuery {
  /** Only those that have not finished. */
  readonly isOpen?: true;
  /** 1 to 1000. */
  readonly limit: number;
  /** The `next` of the page before, with the same query; anything else is `invalid`. */
  readonly cursor?: string;
}

/** Which objects of a session. All that is given must match. They come in the order in which they were made. */
export interface ObjectQuery {
  /** Those that were there just after this operation; default: all. */
  readonly at?: number;
  readonly type?: string;
  readonly quality?: Quality;
  /** 1 to 1000; a page has fewer where they are large, and then a `next`. */
  readonly limit: number;
  /** The `next` of the page before, with the same query; anything else is `invalid`. */
  readonly cursor?: string;
}

/** How many positions a page of events goes through at most. */
export const EVENT_STRETCH = 10_000;

/** Which operations of all sessions of a tenant. */
export interface EventQuery {
  readonly tenant: string;
  /** Only those with a greater position; left out: none, and `through` tells where the last is. */
  readonly after?: number;
  readonly kinds?: readonly OperationKind[];
  /** At least 1. */
  readonly limit: number;
  /** Stop after the operation by which the payloads have more characters than this. */
  readonly charactersMax?: number;
}

/** An operation of a session, with its place among all operations of the store. */
export interface EventRow {
  readonly position: number;
  readonly ref: StreamRef<"session">;
  readonly sessionId: string;
  readonly userId: string;
  readonly entry: Entry;
}

export interface EventPage {
  /** By their positions. May be empty although more follow. */
  readonly items: readonly EventRow[];
  /** Up to where it was looked: no operation is committed later at this position, or before it. */
  readonly through: number;
  /** Whether that was as far as positions went. */
  readonly isEnd: boolean;
}

/** What `watch` tells: an operation was committed, or a stream is gone. */
export type Notice =
  | { readonly notice: "operation"; readonly position: number; readonly ref: StreamRef; readonly seq: number }
  | { readonly notice: "erased"; readonly ref: StreamRef };

/**
 * Where sessions are kept. A driver knows no business rule: it refuses what does not fit its heads and guards, and
 * writes the rest as told. `sojourn/conformance` is its executable contract.
 *
 * Every method may throw `store_unavailable`: the store is closed, or its disk fails.
 */
export interface Store {
  /**
   * The only write. Atomic, and durable when it resolves.
   *
   * @throws {SojournError} `storage_full`, `store_unavailable`: nothing of it happened
   */
  commit(commit: Commit): Promise<Committed>;
  /** The stream, or `undefined`. Sees every commit that was acknowledged before the call. */
  stream<K extends StreamKind>(ref: StreamRef<K>): Promise<Stream<K> | undefined>;
  /** Like `stream`, read from the rows that are stored and never from memory; what `verify` looks at. */
  stored<K extends StreamKind>(ref: StreamRef<K>): Promise<Stream<K> | undefined>;
  /** The stream that the name of a session points to. */
  named(tenant: string, sessionId: string): Promise<Stream | undefined>;
  /** Streams of a tenant that are no sessions, in a lasting order of their ids; with `after`, those that come after that one. */
  streams<K extends Exclude<StreamKind, "session">>(
    tenant: string,
    kind: K,
    page: { readonly after?: string; readonly limit: number },
  ): Promise<readonly Stream<K>[]>;
  cursor(ref: StreamRef, reader: string): Promise<ReaderCursor | undefined>;
  /** The readers of a stream, in a lasting order of their names; with `after`, those that come after that one. */
  cursors(ref: StreamRef, page: { readonly after?: string; readonly limit: number }): Promise<readonly ReaderCursor[]>;
  /** What is remembered under this key and has not ended at `now`. */
  remembered(key: IdempotencyKey, now: number): Promise<Remembered | undefined>;
  /** Who may call, as of the last acknowledged commit. */
  access(): Promise<AccessState>;
  /** A key by its id. */
  key(id: string): Promise<KeyRecord | undefined>;
  /** Keys of all tenants. */
  keys(query: KeyQuery): Promise<Page<KeyRecord>>;
  /** Keyset pages: the cost of a page does not grow with its depth. */
  list(query: SessionQuery): Promise<Page<Stream>>;
  aggregate(filter: SessionFilter): Promise<Totals>;
  operations(ref: StreamRef, range: OperationRange): Promise<readonly Entry[]>;
  messages(ref: StreamRef<"session">, range: MessageRange): Promise<readonly StoredMessage[]>;
  /** An artifact by its id, also one that was deleted. */
  artifact(ref: StreamRef<"session">, id: string): Promise<Artifact | undefined>;
  artifacts(ref: StreamRef<"session">, query: ArtifactQuery): Promise<Page<Artifact>>;
  /** The grants of an artifact that are in force, in the order in which they were made. */
  grants(ref: StreamRef<"session">, artifactId: string): Promise<readonly Grant[]>;
  /**
   * The most that a session may do with an artifact that is there: by a grant of it, or of an earlier version of its name,
   * as long as that one is there.
   */
  permission(ref: StreamRef<"session">, artifactId: string, grantee: string): Promise<Permission | undefined>;
  /** A task by its id: of this session, or, without its `uid`, of whichever of the tenant's had it first. */
  task(tenant: string, id: string, uid?: string): Promise<TaskPlace | undefined>;
  /** Tasks of a session, the newest first. */
  tasks(ref: StreamRef<"session">, query: TaskQuery): Promise<Page<TaskPlace>>;
  /** Those of these objects that the session has, in any order. */
  objectsOf(ref: StreamRef<"session">, ids: readonly string[]): Promise<readonly SessionObject[]>;
  objects(ref: StreamRef<"session">, query: ObjectQuery): Promise<Page<SessionObject>>;
  /** Where an object comes from: of each operation, what it made comes from all that it used. */
  lineage(ref: StreamRef<"session">, id: string): Promise<Lineage | undefined>;
  /** Sessions of any tenant with tasks that have not finished, in a lasting order; with `after`, those that come after that one. */
  unfinished(page: {
    readonly after?: StreamRef<"session">;
    readonly limit: number;
  }): Promise<readonly StreamRef<"session">[]>;
  /** Which of these versions of apps sessions use. */
  versionsInUse(versions: readonly string[]): Promise<readonly string[]>;
  /** How a content is kept, if it is there. */
  content(tenant: string, digest: string): Promise<Content | undefined>;
  /** The stored bytes of all chunks of a content that is in the store itself. */
  body(tenant: string, digest: string): Promise<Uint8Array | undefined>;
  /** Files that nothing refers to any more, by commits that were acknowledged; `Commit.removed` strikes them off. */
  abandoned(limit: number): Promise<readonly string[]>;
  /** Which of these files hold contents. */
  inUse(files: readonly string[]): Promise<readonly string[]>;
  /** The last kept snapshot at or before `seq`. */
  snapshot<K extends StreamKind>(
    ref: StreamRef<K>,
    seq: number,
  ): Promise<{ readonly seq: number; readonly record: Records[K] } | undefined>;
  /** The keys of a collection as they were just after `seq`, in the order in which they began. */
  view(ref: StreamRef, view: View, seq: number): Promise<readonly string[]>;
  /** Ended sessions of a tenant. */
  ended(query: EndedQuery): Promise<readonly EndedSession[]>;
  /** Sessions of any tenant about whose end something is still to be done, in any lasting order. */
  unsettled(limit: number): Promise<readonly StreamRef<"session">[]>;
  /** Tenants that have anything, in a lasting order; with `after`, those that come after that one. */
  tenants(page: { readonly after?: string; readonly limit: number }): Promise<readonly string[]>;
  /** Open sessions of any tenant whose time is over at `now`, or that time alone has brought to a limit, the longest overdue first. */
  overdue(now: number, limit: number): Promise<readonly StreamRef<"session">[]>;
  /**
   * What is committed from now on, over all streams, in an order that skips no late committer. Starts with the
   * operations after `position` where it is given; erasures are told only while they happen.
   */
  watch(from: { readonly position?: number; readonly signal: Signal }): AsyncIterable<Notice>;
  /**
   * Makes what was erased unreadable: until it resolves, its bytes may still stand in a file of the store.
   *
   * @throws {SojournError} `storage_full`, `store_unavailable`: it is still erased, and the next call tries again
   */
  scrub(): Promise<void>;
  /**
   * Operations of all sessions of a tenant that are there, in the order of `watch`. Of a fork, those behind its history.
   * Goes through `EVENT_STRETCH` positions at most.
   */
  events(query: EventQuery): Promise<EventPage>;
  /** Waits for the commits in hand, then lets go of everything. Idempotent. */
  close(): Promise<void>;
}
