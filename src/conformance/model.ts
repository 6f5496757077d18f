import { asOf, expiresAtUs } from "../engine/lifecycle.ts";
import type { Entry } from "../engine/operation.ts";
import { STATUSES } from "../engine/session.ts";
import type {
  Append, Commit, Committed, Guard, OperationRange, Part, Remembered, SessionFilter, SessionQuery, Sort, Stream, StreamRef,
  Totals,
} from "../engine/store.ts"; // biome-ignore format: a list

/** All that the model keeps of a stream. */
interface Kept {
  readonly stream: Stream;
  readonly entries: readonly Entry[];
  readonly snapshots: readonly { readonly seq: number; readonly record: Stream["record"] }[];
  readonly tags: readonly { readonly key: string; readonly seq: number; readonly goneSeq?: number }[];
}

interface State {
  readonly streams: Map<string, Kept>;
  readonly names: Map<string, StreamRef>;
  readonly remembered: Map<string, Remembered>;
}

/** A store in plain memory, slow and short enough to be seen right: what a driver's answers are held against. */
export class Model {
  #state: State = { streams: new Map(), names: new Map(), remembered: new Map() };

  get streams(): readonly Stream[] {
    return [...this.#state.streams.values()].map(({ stream }) => stream);
  }

  commit({ now, parts, guards = [], remember = [] }: Commit): Committed {
    for (const guard of guards) {
      if (!this.#holds(guard, now)) return { outcome: guard.guard === "name" ? "conflict" : "limit_reached" };
    }
    const { streams, names, remembered } = this.#state;
    const next = { streams: new Map(streams), names: new Map(names), remembered: new Map(remembered) };
    if (!parts.every((part) => apply(next, part))) return { outcome: "conflict" };
    for (const guard of guards) {
      const pointed = guard.guard === "name" ? next.streams.get(guard.next) : undefined;
      if (pointed !== undefined) next.names.set(pointed.stream.record.sessionId, pointed.stream.ref);
    }
    for (const answer of remember) {
      if (answer.about !== undefined && !next.streams.has(answer.about.id)) return { outcome: "conflict" };
      if ((next.remembered.get(answer.key)?.expiresAt ?? -1) >= now) return { outcome: "repeated" };
      next.remembered.set(answer.key, answer);
    }
    this.#state = next;
    return { outcome: "committed" };
  }

  named(sessionId: string): Stream | undefined {
    return this.#state.streams.get(this.#state.names.get(sessionId)?.id ?? "")?.stream;
  }

  remembered(key: string, now: number): Remembered | undefined {
    const answer = this.#state.remembered.get(key);
    return answer !== undefined && answer.expiresAt >= now ? answer : undefined;
  }

  operations({ id }: StreamRef, { after, through = Number.MAX_VALUE, kind, limit }: OperationRange): readonly Entry[] {
    const isWanted = ({ operation: { seq, kind: its } }: Entry): boolean =>
      seq > after && seq <= through && (kind === undefined || kind === its);
    return (this.#state.streams.get(id)?.entries ?? []).filter(isWanted).slice(0, limit);
  }

  snapshot({ id }: StreamRef, seq: number): Kept["snapshots"][number] | undefined {
    return this.#state.streams.get(id)?.snapshots.findLast((snapshot) => snapshot.seq <= seq);
  }

  tags({ id }: StreamRef, seq: number): readonly string[] {
    const tags = this.#state.streams.get(id)?.tags ?? [];
    return tags.filter((tag) => tag.seq <= seq && (tag.goneSeq ?? Number.MAX_VALUE) > seq).map(({ key }) => key);
  }

  overdue(now: number): readonly Stream[] {
    const over = this.streams.filter(({ record }) => (expiresAtUs(record) ?? Number.MAX_VALUE) < now);
    return over.sort((a, b) => (expiresAtUs(a.record) ?? 0) - (expiresAtUs(b.record) ?? 0));
  }

  #holds(guard: Guard, now: number): boolean {
    if (guard.guard === "name") return this.named(guard.sessionId)?.ref.id === guard.expected;
    return this.streams.filter(({ record }) => asOf(record, now).status === "active").length < guard.limit;
  }
}

function apply(state: State, part: Part): boolean {
  const kept = state.streams.get(part.ref.id);
  if ((kept?.stream.head.seq ?? 0) !== part.expectedHead) return false;
  if (part.change === "append") state.streams.set(part.ref.id, appended(kept, part));
  else if (kept !== undefined) forget(state, kept.stream);
  return part.change === "append" || kept !== undefined;
}

function forget({ streams, names, remembered }: State, { ref, record }: Stream): void {
  streams.delete(ref.id);
  if (names.get(record.sessionId)?.id === ref.id) names.delete(record.sessionId);
  for (const [key, { about }] of remembered) if (about?.id === ref.id) remembered.delete(key);
}

function appended(kept: Kept | undefined, { ref, entries, record, rows, snapshot }: Append): Kept {
  const { seq, hash } = entries.at(-1)?.operation ?? { seq: 0, hash: "" };
  let tags = kept?.tags ?? [];
  for (const { change, key, seq } of rows) {
    if (change === "begin") tags = [...tags, { key, seq }];
    else tags = tags.map((tag) => (tag.key === key && tag.goneSeq === undefined ? { ...tag, goneSeq: seq } : tag));
  }
  return {
    stream: { ref, head: { seq, hash }, record },
    entries: [...(kept?.entries ?? []), ...entries],
    snapshots: [...(kept?.snapshots ?? []), ...(snapshot ? [{ seq, record }] : [])],
    tags,
  };
}

/** The streams that a query means, in its order; which of two with the same key comes first is open. */
export function select(
  streams: readonly Stream[],
  query: SessionFilter & Pick<SessionQuery, "sort" | "order">,
): Stream[] {
  const direction = query.order === "asc" ? 1 : -1;
  const compare = (a: Stream, b: Stream): number =>
    direction * compareKeys(sortKey(a, query.sort), sortKey(b, query.sort));
  return streams.filter((stream) => isMeant(stream, query)).sort(compare);
}

/** By what a list is in order. */
export function sortKey({ record }: Stream, sort: Sort): number | string {
  if (sort === "name") return record.name ?? "";
  if (sort === "created_at") return record.createdAtUs;
  return sort === "updated_at" ? record.updatedAtUs : record.lastActivityUs;
}

/** How many of the streams a filter means, by status, and the sums of their metrics. */
export function total(streams: readonly Stream[], filter: SessionFilter): Totals {
  const meant = streams.filter((stream) => isMeant(stream, filter)).map(({ record }) => asOf(record, filter.now));
  const sum = (key: keyof Totals["metrics"]): number => meant.reduce((all, { metrics }) => all + metrics[key], 0);
  const counts = STATUSES.map((status) => [status, meant.filter((record) => record.status === status).length]);
  return {
    byStatus: Object.fromEntries(counts),
    metrics: {
      requestCount: sum("requestCount"),
      errorCount: sum("errorCount"),
      processingTimeUs: sum("processingTimeUs"),
    },
  };
}

function isMeant({ ref, record }: Stream, filter: SessionFilter): boolean {
  const { status } = asOf(record, filter.now);
  const texts = [record.sessionId, record.name ?? "", record.description ?? ""].map(lowerAscii);
  const search = lowerAscii(filter.search ?? "");
  return (
    ref.tenant === filter.tenant &&
    (filter.statuses?.includes(status) ?? true) &&
    (filter.userId ?? record.userId) === record.userId &&
    (filter.tags ?? []).every((tag) => record.tags.includes(tag)) &&
    (filter.parentSessionId === undefined || filter.parentSessionId === record.parentSessionId) &&
    texts.some((text) => text.includes(search)) &&
    record.createdAtUs > (filter.createdAfterUs ?? Number.MIN_SAFE_INTEGER) &&
    record.createdAtUs < (filter.createdBeforeUs ?? Number.MAX_SAFE_INTEGER) &&
    record.lastActivityUs < (filter.lastActivityBeforeUs ?? Number.MAX_SAFE_INTEGER)
  );
}

function compareKeys(a: number | string, b: number | string): number {
  return typeof a === "number" ? a - Number(b) : Buffer.compare(Buffer.from(a), Buffer.from(String(b)));
}

function lowerAscii(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}
