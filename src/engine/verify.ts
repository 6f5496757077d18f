import { genesisHash, operationHash, payloadDigest } from "./chain.ts";
import type { Digest } from "./digest.ts";
import { given } from "./given.ts";
import { type Json, sameJson } from "./json.ts";
import type { ObjectPlace } from "./object.ts";
import { type Entry, type Payload, payloadBody } from "./operation.ts";
import type { SessionRecord } from "./session.ts";
import { changeOf, entries } from "./state-at.ts";
import type { Head, Store, Stream } from "./store.ts";
import { type Inputs, RULES } from "./streams.ts";

/** What `verify` found. */
export interface Verdict {
  readonly ok: boolean;
  /** How many operations the log has. */
  readonly operations: number;
  readonly headHash: string;
  /** The first operation that is missing, whose header, link or payload is not what was hashed, or that names another origin. */
  readonly firstBadSeq?: number;
  /** What is wrong. */
  readonly fault?: "chain" | "payload" | "head" | "view" | "known_head";
}

/**
 * Checks one session's log: every link of the chain, where forks came from, every payload against its digest, the head,
 * and the fold of the log against the views that are stored. The bytes of artifacts are checked where they are read.
 *
 * It finds what was damaged or edited in place. A log that was rewritten from some operation on, hashes and all, or cut
 * off at the end, it finds only against a head that was kept elsewhere.
 *
 * @param knownHead  a `head_hash` of this session, of any earlier time
 */
export async function verify(
  { store, digest }: { readonly store: Store; readonly digest: Digest },
  stream: Stream,
  knownHead?: string,
): Promise<Verdict> {
  const { head } = stream;
  const check = new Check(stream, digest);
  const verdict = { operations: head.seq, headHash: head.hash };
  let isKnown = knownHead === undefined;
  for await (const entry of entries(store, stream, { after: 0, through: head.seq })) {
    const fault = check.take(entry);
    if (fault !== undefined) return { ok: false, ...verdict, ...fault };
    isKnown ||= entry.operation.hash === knownHead;
  }
  const fault = check.end();
  if (fault !== undefined) return { ok: false, ...verdict, ...fault };
  if (!(await check.viewsMatch(store))) return { ok: false, ...verdict, fault: "view" };
  if (!isKnown) return { ok: false, ...verdict, fault: "known_head" };
  return { ok: true, ...verdict };
}

type Found = Pick<Verdict, "fault" | "firstBadSeq">;

/** What of an artifact the log says. */
type Listed = Omit<Inputs["artifact.stored"], "artifactId" | "mimeType" | "metadata"> & {
  readonly id: string;
  readonly seq: number;
  readonly version: number;
};

/** How many artifacts, or objects, are read at a time. */
const AT_A_TIME = 1_000;

/** Goes along a log, and folds it as it goes. */
class Check {
  readonly #stream: Stream;
  readonly #digest: Digest;
  /** The session whose log begins here. */
  readonly #root: string;
  /** Whose entries these are, as far as the log was read; `undefined` where a payload that is erased said so. */
  #owner: string | undefined;
  #ownSince = 1;
  #last: Head;
  #record: SessionRecord | undefined;
  readonly #artifacts = new Map<string, Listed>();
  readonly #objects = new Map<string, Json>();
  readonly #versions = new Map<string, number>();
  #isWhole = true;

  constructor(stream: Stream, digest: Digest) {
    const { ref, record } = stream;
    this.#stream = stream;
    this.#digest = digest;
    this.#root = record.origin?.root ?? ref.id;
    this.#owner = this.#root;
    this.#last = { seq: 0, hash: genesisHash({ kind: ref.kind, id: this.#root }, digest) };
  }

  /** What is wrong with the next entry. */
  take(entry: Entry): Found | undefined {
    const { operation, payload } = entry;
    const { seq, hash } = operation;
    const previous = this.#last;
    if (seq !== previous.seq + 1 || hash !== operationHash(previous.hash, operation, this.#digest)) {
      return { fault: "chain", firstBadSeq: previous.seq + 1 };
    }
    this.#last = { seq, hash };
    if (payload === "erased") {
      this.#isWhole = false;
      if (operation.kind === "session.forked") this.#owner = undefined;
    } else if (payload === undefined || !this.#isHashed(payload, operation.payloadDigest)) {
      return { fault: "payload", firstBadSeq: seq };
    } else if (operation.kind === "session.forked" && !this.#isOriginOf(entry, previous)) {
      return { fault: "chain", firstBadSeq: seq };
    }
    const change = changeOf(entry);
    const before = this.#record;
    this.#record = RULES.session.fold(before, change);
    for (const row of RULES.session.rows(before, this.#record, change)) {
      if (row.view === "object") this.#objects.set(row.objectId, placed(row));
    }
    this.#list(entry);
    return undefined;
  }

  /** What is wrong once there are no more entries. */
  end(): Found | undefined {
    const { ref, head } = this.#stream;
    const { seq, hash } = this.#last;
    if (seq !== head.seq) return { fault: "chain", firstBadSeq: seq + 1 };
    if (hash !== head.hash) return { fault: "head", firstBadSeq: seq };
    if (this.#owner !== undefined && this.#owner !== ref.id) return { fault: "chain", firstBadSeq: this.#ownSince };
    return undefined;
  }

  /** Whether the views are what the log comes to. Those of payloads that were erased can't be folded again. */
  async viewsMatch(store: Store): Promise<boolean> {
    if (!this.#isWhole) return true;
    const { ref, head, record } = this.#stream;
    const folded = this.#record;
    if (folded === undefined || !sameJson(asJson(record), asJson(folded))) return false;
    const tags = await store.view(ref, "tag", head.seq);
    return (
      sameJson([...tags].sort(), [...folded.tags].sort()) &&
      (await this.#artifactsMatch(store)) &&
      (await this.#objectsMatch(store))
    );
  }

  #isHashed(payload: Payload, expected: string): boolean {
    return payloadDigest(payload, this.#digest) === expected;
  }

  #isOriginOf(entry: Entry, { seq, hash }: Head): boolean {
    const { uid, origin } = inputOf(entry, "session.forked");
    this.#owner = uid;
    this.#ownSince = entry.operation.seq;
    return origin.seq === seq && origin.hash === hash && origin.root === this.#root;
  }

  #list(entry: Entry): void {
    const { kind, seq } = entry.operation;
    if (typeof entry.payload !== "object") return;
    if (kind === "artifact.deleted") this.#artifacts.delete(inputOf(entry, kind).artifactId);
    if (kind !== "artifact.stored") return;
    const { artifactId: id, name, type, digest, size, tags } = inputOf(entry, kind);
    const version = (this.#versions.get(name) ?? 0) + 1;
    this.#versions.set(name, version);
    this.#artifacts.set(id, { id, name, type, digest, size, tags, seq, version });
  }

  async #artifactsMatch(store: Store): Promise<boolean> {
    const { ref, head } = this.#stream;
    const query = { at: head.seq, limit: AT_A_TIME };
    let count = 0;
    for (let page = await store.artifacts(ref, query); ; ) {
      for (const { id, name, type, digest, size, tags, seq, version } of page.items) {
        const listed = this.#artifacts.get(id);
        if (!sameJson({ id, name, type, digest, size, tags, seq, version }, listed && { ...listed })) return false;
      }
      count += page.items.length;
      if (page.next === undefined) return count === this.#artifacts.size;
      page = await store.artifacts(ref, { ...query, cursor: page.next });
    }
  }

  async #objectsMatch(store: Store): Promise<boolean> {
    const { ref, head } = this.#stream;
    const query = { at: head.seq, limit: AT_A_TIME };
    let count = 0;
    for (let page = await store.objects(ref, query); ; ) {
      for (const object of page.items) if (!sameJson(placed(object), this.#objects.get(object.objectId))) return false;
      count += page.items.length;
      if (page.next === undefined) return count === this.#objects.size;
      page = await store.objects(ref, { ...query, cursor: page.next });
    }
  }
}

/** What a row says of an object, beside its place among those of its operation. */
function placed({
  objectId,
  type,
  degradation,
  app,
  action,
  taskId,
  seq,
  createdAtUs,
}: Omit<ObjectPlace, "operationId">): Json {
  const reason = given("degradation", degradation, (it) => ({ ...it }));
  return { objectId, type, ...reason, app, action, taskId, seq, createdAtUs };
}

function inputOf<K extends keyof Inputs>(entry: Entry, _kind: K): Inputs[K] {
  // NOTE: the input of an operation has the shape of its kind, and its payload is there.
  return payloadBody(entry)?.input as unknown as Inputs[K];
}

function asJson(record: SessionRecord): Json {
  // NOTE: a record is made of JSON's types; `undefined` members count as absent.
  return record as unknown as Json;
}
