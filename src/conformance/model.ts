import { messagesOf } from "../engine/conversation.ts";
import { asOf, expiresAtUs } from "../engine/lifecycle.ts";
import type { StoredMessage } from "../engine/message.ts";
import type { Entry } from "../engine/operation.ts";
import { STATUSES } from "../engine/session.ts";
import type {
  Append, Commit, Committed, Guard, MessageRange, OperationRange, Part, Remembered, SessionFilter, SessionQuery, Sort, Stream, StreamRef,
  Totals,
} from "../engine/store.ts"; // biome-ignore format: a list
import type { StreamKind } from "../engine/streams.ts";

/** All that the model keeps of a stream. */
interface Kept {
  readonly stream: AnyStream;
  readonly entries: readonly Entry[];
  readonly snapshots: readonly { readonly seq: number; readonly record: AnyStream["record"] }[];
  readonly tags: readonly { readonly key: string; readonly seq: number; readonly goneSeq?: number }[];
  readonly messages: readonly StoredMessage[];
}

type AnyStream = Stream<StreamKind>;

interface State {
  readonly streams: Map<string, Kept>;
  readonly names: Map<string, StreamRef<"session">>;
  readonly remembered: Map<string, Remembered>;
}

/** A store in plain memory, slow and short enough to be seen right: what a driver's answers are held against. */
export class Model {
  #state: State = { streams: new Map(), names: new Map(), remembered: new Map() };

  /** The sessions. */
  get streams(): readonly Stream[] {
    return [...this.#state.streams.values()].map(({ stream }) => stream).filter(isSession);
  }

  stream({ kind, id }: StreamRef): AnyStream | undefined {
    return this.#state.streams.get(`${kind} ${id}`)?.stream;
  }

  commit({ now, parts, guards = [], remember = [], forget }: Commit): Committed {
    for (const guard of guards) {
      if (!this.#holds(guard, now)) return { outcome: guard.guard === "name" ? "conflict" : "limit_reached" };
    }
    const { streams, names } = this.#state;
    const remembered = [...this.#state.remembered].filter(
      ([, { about }]) => about !== undefined || forget === undefined,
    );
    const next = { streams: new Map(streams), names: new Map(names), remembered: new Map(remembered) };
    if (!parts.every((part) => apply(next, part))) return { outcome: "conflict" };
    for (const guard of guards) {
      const pointed = guard.guard === "name" ? next.streams.get(`session ${guard.next}`)?.stream : undefined;
      if (pointed !== undefined && isSession(pointed)) next.names.set(pointed.record.sessionId, pointed.ref);
    }
    for (const answer of remember) {
      if (answer.about !== undefined && !next.streams.has(keyOf(answer.about))) return { outcome: "conflict" };
      if ((next.remembered.get(answer.key)?.expiresAt ?? -1) >= now) return { outcome: "repeated" };
      next.remembered.set(answer.key, answer);
    }
    this.#state = next;
    return { outcome: "committed" };
  }

  named(sessionId: string): Stream | undefined {
    const ref = this.#state.names.get(sessionId);
    return this.streams.find((stream) => stream.ref.id === ref?.id);
  }

  remembered(key: string, now: number): Remembered | undefined {
    const answer = this.#state.remembered.get(key);
    return answer !== undefined && answer.expiresAt >= now ? answer : undefined;
  }

  operations(ref: StreamRef, { after, through = Number.MAX_VALUE, kind, limit }: OperationRange): readonly Entry[] {
    const isWanted = ({ operation: { seq, kind: its } }: Entry): boolean =>
      seq > after && seq <= through && (kind === undefined || kind === its);
    return (this.#state.streams.get(keyOf(ref))?.entries ?? []).filter(isWanted).slice(0, limit);
  }

  messages(
    ref: StreamRef,
    { after = 0, before = Number.MAX_VALUE, take, limit }: MessageRange,
  ): readonly StoredMessage[] {
    const kept = this.#state.streams.get(keyOf(ref))?.messages ?? [];
    const wanted = kept.filter(({ number }) => number > after && number < before);
    return take === "oldest" ? wanted.slice(0, limit) : wanted.slice(-limit);
  }

  snapshot(ref: StreamRef, seq: number): Kept["snapshots"][number] | undefined {
    return this.#state.streams.get(keyOf(ref))?.snapshots.findLast((snapshot) => snapshot.seq <= seq);
  }

  tags(ref: StreamRef, seq: number): readonly string[] {
    const tags = this.#state.streams.get(keyOf(ref))?.tags ?? [];
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
  const kept = state.streams.get(keyOf(part.ref));
  if ((kept?.stream.head.seq ?? 0) !== part.expectedHead) return false;
  if (part.change === "append") state.streams.set(keyOf(part.ref), appended(kept, part));
  else if (kept !== undefined) forget(state, kept.stream);
  return part.change === "append" || kept !== undefined;
}

function forget({ streams, names, remembered }: State, stream: AnyStream): void {
  const key = keyOf(stream.ref);
  streams.delete(key);
  if (isSession(stream) && names.get(stream.record.sessionId)?.id === stream.ref.id) {
    names.delete(stream.record.sessionId);
  }
  for (const [name, { about }] of remembered) if (about && keyOf(about) === key) remembered.delete(name);
}

function appended(kept: Kept | undefined, { ref, entries, record, rows, snapshot }: Append): Kept {
  const { seq, hash } = entries.at(-1)?.operation ?? { seq: 0, hash: "" };
  let tags = kept?.tags ?? [];
  let messages = kept?.messages ?? [];
  for (const row of rows) {
    const { seq } = row;
    if (row.view === "message") {
      const of = entries.find(({ operation }) => operation.seq === seq);
      const message = of && messagesOf(of)[row.place];
      if (message) messages = [...messages, { ...message, number: row.number, seq, at: of.operation.at }];
    } else if (row.change === "begin") tags = [...tags, { key: row.key, seq }];
    else tags = tags.map((tag) => (tag.key === row.key && tag.goneSeq === undefined ? { ...tag, goneSeq: seq } : tag));
  }
  return {
    stream: { ref, head: { seq, hash }, record },
    entries: [...(kept?.entries ?? []), ...entries],
    snapshots: [...(kept?.snapshots ?? []), ...(snapshot ? [{ seq, record }] : [])],
    tags,
    messages,
  };
}

function keyOf({ kind, id }: StreamRef): string {
  return `${kind} ${id}`;
}

function isSession(stream: AnyStream): stream is Stream {
  return stream.ref.kind === "session";
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
      inputTokens: sum("inputTokens"),
      outputTokens: sum("outputTokens"),
    },
  };
}

function isMeant({ ref, record }: Stream, filter: SessionFilter): boolean {
  const { status } = asOf(record, filter.now);
  const texts = [record.sessionId, record.name ?? "", record.description ?? ""].map(lowerAscii);
  const search = lowerAscii(filter.search ?? "");
  return (
    ref.tenant === filter.tenant &&
    (record.temporary ?? false) === (filter.temporary ?? false) &&
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
