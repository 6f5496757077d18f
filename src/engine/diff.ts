import type { Artifact } from "./artifact.ts";
import { SECOND } from "./clock.ts";
import { given } from "./given.ts";
import { type Json, type JsonObject, sameJson } from "./json.ts";
import { jsonDifferences } from "./json-differences.ts";
import { asOf } from "./lifecycle.ts";
import type { Operation } from "./operation.ts";
import type { SessionRecord } from "./session.ts";
import { entries, entryAt } from "./state-at.ts";
import type { Head, Store, Stream } from "./store.ts";

/** What one of two sessions did since they parted. */
export interface Side {
  readonly uid: string;
  readonly sessionId: string;
  readonly head: Head;
  /** How many operations, and the first of them. */
  readonly since: number;
  readonly operations: readonly Operation[];
}

/** Something that two sessions do not have in common. What one of them has not is absent. */
export interface Change {
  /** Such as `metadata.plan`, `working_memory.task`, `tags`, `messages`, `artifacts.report.csv`. */
  readonly path: string;
  readonly a?: Json;
  readonly b?: Json;
}

export interface Diff {
  /** The last operation that both have; `seq` 0 where they have none in common. */
  readonly common: { readonly seq: number; readonly hash?: string };
  readonly a: Side;
  readonly b: Side;
  readonly changes: readonly Change[];
  /** Whether there may be more changes, which are left out. */
  readonly isCut: boolean;
}

/** How many operations of each side are told. */
const OPERATIONS_MAX = 100;

/** How many changes are told. */
const CHANGES_MAX = 1_000;

/** How many artifacts of each side are looked at, and how many at a time. */
const ARTIFACTS_MAX = 10_000;
const ARTIFACTS = 1_000;

/**
 * Where the histories of two sessions part, what each did since, and how they differ.
 *
 * @param sessions  as they are stored; `now` is when their statuses are meant
 */
export async function diff(
  store: Store,
  { a, b, now }: { readonly a: Stream; readonly b: Stream; readonly now: number },
): Promise<Diff> {
  const common = await lastInCommon(store, a, b);
  const [sideA, sideB] = [await sideOf(store, a, common.seq), await sideOf(store, b, common.seq)];
  const [filesA, filesB] = [await filesOf(store, a), await filesOf(store, b)];
  const changes: Change[] = [];
  for (const change of stateChanges(a, b, now)) if (changes.push(change) > CHANGES_MAX) break;
  for (const change of fileChanges(filesA, filesB)) if (changes.push(change) > CHANGES_MAX) break;
  const isCut = changes.length > CHANGES_MAX || !filesA.isWhole || !filesB.isWhole;
  return { common, a: sideA, b: sideB, changes: changes.slice(0, CHANGES_MAX), isCut };
}

/** Equal hashes prove equal histories, so that the last common operation is found by bisection. */
async function lastInCommon(store: Store, a: Stream, b: Stream): Promise<Diff["common"]> {
  const hashAt = async (stream: Stream, seq: number): Promise<string> =>
    seq === stream.head.seq ? stream.head.hash : (await entryAt(store, stream, seq)).operation.hash;
  let common: Diff["common"] = { seq: 0 };
  for (let high = Math.min(a.head.seq, b.head.seq); common.seq < high; ) {
    const seq = Math.ceil((common.seq + high) / 2);
    const [hash, other] = await Promise.all([hashAt(a, seq), hashAt(b, seq)]);
    if (hash === other) common = { seq, hash };
    else high = seq - 1;
  }
  return common;
}

async function sideOf(store: Store, stream: Stream, after: number): Promise<Side> {
  const { ref, head, record } = stream;
  const through = Math.min(head.seq, after + OPERATIONS_MAX);
  const operations: Operation[] = [];
  for await (const { operation } of entries(store, stream, { after, through })) operations.push(operation);
  return { uid: ref.id, sessionId: record.sessionId, head, since: head.seq - after, operations };
}

/** What callers know of a session, but for its ids, times and tags, by the names that they know it by. */
function stateOf({ record }: Stream, now: number): JsonObject {
  const { metrics, conversation, ...session }: SessionRecord = asOf(record, now);
  return {
    status: session.status,
    reason: session.reason,
    user_id: session.userId,
    name: session.name,
    description: session.description,
    parent_session_id: session.parentSessionId,
    idle_timeout_seconds: session.idleTimeoutUs && session.idleTimeoutUs / SECOND,
    max_lifetime_seconds: session.maxLifetimeUs && session.maxLifetimeUs / SECOND,
    metrics: {
      request_count: metrics.requestCount,
      error_count: metrics.errorCount,
      total_processing_time: metrics.processingTimeUs / SECOND,
      input_tokens: metrics.inputTokens,
      output_tokens: metrics.outputTokens,
    },
    objects: session.work.objects,
    messages: conversation.messages,
    conversation_turns: conversation.turns,
    compacted_through: conversation.compactedThrough,
    summary: conversation.summary,
    metadata: session.metadata,
    working_memory: session.workingMemory,
    checkpoints: session.checkpoints,
  };
}

/** How the states of two sessions differ, as deep within them as may be; tags count as one. */
function* stateChanges(a: Stream, b: Stream, now: number): Generator<Change> {
  for (const { path, expected, actual } of jsonDifferences(stateOf(a, now), stateOf(b, now), "")) {
    yield { path, ...given("a", expected), ...given("b", actual) };
  }
  const [tags, others] = [a.record.tags, b.record.tags];
  if (!sameJson(tags, others)) yield { path: "tags", a: tags, b: others };
}

/** The latest versions of a session's artifacts, by name. */
interface Files {
  readonly digests: ReadonlyMap<string, string>;
  /** Whether these are all of them. */
  readonly isWhole: boolean;
}

async function filesOf(store: Store, { ref, head }: Stream): Promise<Files> {
  const digests = new Map<string, string>();
  const query = { at: head.seq, limit: ARTIFACTS };
  let count = 0;
  for (let page = await store.artifacts(ref, query); ; ) {
    keepLatest(digests, page.items);
    count += page.items.length;
    if (page.next === undefined) return { digests, isWhole: true };
    if (count >= ARTIFACTS_MAX) return { digests, isWhole: false };
    page = await store.artifacts(ref, { ...query, cursor: page.next });
  }
}

/** The newest come first, so that the first of a name is its latest version. */
function keepLatest(digests: Map<string, string>, artifacts: readonly Artifact[]): void {
  for (const { name, digest } of artifacts) if (!digests.has(name)) digests.set(name, digest);
}

function* fileChanges(a: Files, b: Files): Generator<Change> {
  const names = new Set([...a.digests.keys(), ...b.digests.keys()]);
  for (const name of [...names].sort()) {
    const [one, other] = [a.digests.get(name), b.digests.get(name)];
    // What was not met may still be there, unless all were looked at.
    const isKnown = (one !== undefined || a.isWhole) && (other !== undefined || b.isWhole);
    if (isKnown && one !== other) yield { path: `artifacts.${name}`, ...given("a", one), ...given("b", other) };
  }
}
