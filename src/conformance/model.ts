import type { Artifact, Grant, NewContent } from "../engine/artifact.ts";
import { messagesOf } from "../engine/conversation.ts";
import { asOf, expiresAtUs } from "../engine/lifecycle.ts";
import { limitAtUs } from "../engine/limit-rules.ts";
import type { StoredMessage } from "../engine/message.ts";
import type { Entry } from "../engine/operation.ts";
import { STATUSES } from "../engine/session.ts";
import type {
  Append, Commit, Committed, Cut, Guard, MessageRange, OperationRange, Part, Remembered, SessionFilter, SessionQuery, Sort, Stream, StreamRef,
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
  readonly artifacts: readonly Artifact[];
  readonly grants: readonly (Grant & { readonly goneSeq?: number })[];
}

const NOTHING: Omit<Kept, "stream"> = { entries: [], snapshots: [], tags: [], messages: [], artifacts: [], grants: [] };

type AnyStream = Stream<StreamKind>;

interface State {
  readonly streams: Map<string, Kept>;
  readonly names: Map<string, StreamRef<"session">>;
  readonly remembered: Map<string, Remembered>;
  readonly contents: Map<string, NewContent>;
  readonly abandoned: Set<string>;
}

/** A store in plain memory, slow and short enough to be seen right: what a driver's answers are held against. */
export class Model {
  #state: State = {
    streams: new Map(),
    names: new Map(),
    remembered: new Map(),
    contents: new Map(),
    abandoned: new Set(),
  };

  /** The sessions. */
  get streams(): readonly Stream[] {
    return [...this.#state.streams.values()].map(({ stream }) => stream).filter(isSession);
  }

  stream({ kind, id }: StreamRef): AnyStream | undefined {
    return this.#state.streams.get(`${kind} ${id}`)?.stream;
  }

  commit({ now, parts, guards = [], contents = [], removed = [], remember = [], forget }: Commit): Committed {
    for (const guard of guards) {
      if (!this.#holds(guard, now)) return { outcome: guard.guard === "name" ? "conflict" : "limit_reached" };
    }
    const { streams, names } = this.#state;
    const remembered = [...this.#state.remembered].filter(
      ([, { about }]) => about !== undefined || forget === undefined,
    );
    const next = {
      streams: new Map(streams),
      names: new Map(names),
      remembered: new Map(remembered),
      contents: new Map(this.#state.contents),
      abandoned: new Set(this.#state.abandoned),
    };
    for (const [i, part] of parts.entries()) {
      const outcome = apply(next, part, i === 0 ? contents : []);
      if (outcome !== "committed") return { outcome };
    }
    for (const file of removed) next.abandoned.delete(file);
    for (const guard of guards) {
      const pointed = guard.guard === "name" ? next.streams.get(`session ${guard.next}`)?.stream : undefined;
      if (pointed !== undefined && isSession(pointed)) next.names.set(pointed.record.sessionId, pointed.ref);
    }
    const outcome = keep(next, remember, now);
    if (outcome === "committed") this.#state = next;
    return { outcome };
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

  /** The artifacts that there were at `at`, or are, the newest first. */
  artifacts(ref: StreamRef, at?: number): readonly Artifact[] {
    const kept = this.#state.streams.get(keyOf(ref))?.artifacts ?? [];
    const wanted = kept.filter(({ seq, goneSeq }) =>
      at === undefined ? goneSeq === undefined : seq <= at && (goneSeq ?? Number.MAX_VALUE) > at,
    );
    return wanted.map((artifact) => this.#withContent(artifact)).reverse();
  }

  grants(ref: StreamRef, artifactId: string): readonly Grant[] {
    const kept = this.#state.streams.get(keyOf(ref))?.grants ?? [];
    const wanted = kept.filter((grant) => grant.artifactId === artifactId && grant.goneSeq === undefined);
    return wanted.map(({ grantee, permission, seq }) => ({ artifactId, grantee, permission, seq }));
  }

  content(digest: string): NewContent | undefined {
    return this.#state.contents.get(digest);
  }

  get abandoned(): readonly string[] {
    return [...this.#state.abandoned].sort();
  }

  #withContent(artifact: Artifact): Artifact {
    const content = this.#state.contents.get(artifact.digest);
    if (content === undefined) return artifact;
    const { tenant: _, body: __, ...rest } = content;
    return { ...artifact, content: rest };
  }

  overdue(now: number): readonly Stream[] {
    const dueUs = ({ record }: Stream): number => {
      const expiry = expiresAtUs(record) ?? Number.MAX_VALUE;
      return expiry < now ? expiry : (limitAtUs(record) ?? Number.MAX_VALUE);
    };
    return this.streams.filter((stream) => dueUs(stream) <= now).sort((a, b) => dueUs(a) - dueUs(b));
  }

  #holds(guard: Guard, now: number): boolean {
    if (guard.guard === "name") return this.named(guard.sessionId)?.ref.id === guard.expected;
    return this.streams.filter(({ record }) => asOf(record, now).status === "active").length < guard.limit;
  }
}

function keep({ streams, remembered }: State, answers: readonly Remembered[], now: number): Committed["outcome"] {
  for (const answer of answers) {
    if (answer.about !== undefined && !streams.has(keyOf(answer.about))) return "conflict";
    if ((remembered.get(answer.key)?.expiresAt ?? -1) >= now) return "repeated";
    remembered.set(answer.key, answer);
  }
  return "committed";
}

function apply(state: State, part: Part, brought: readonly NewContent[]): Committed["outcome"] {
  const kept = state.streams.get(keyOf(part.ref));
  if (part.change === "erase") {
    if (kept === undefined || kept.stream.head.seq !== part.expectedHead) return "conflict";
    forget(state, kept.stream);
    release(
      state,
      kept.artifacts.map(({ digest }) => digest),
    );
    return "committed";
  }
  if (part.change === "cut") return cutOff(state, part);
  const origin = part.history && originOf(state, part);
  const before = part.history === undefined ? kept : origin;
  const isNew = part.history === undefined || kept === undefined;
  if (!isNew || (before?.stream.head.seq ?? 0) !== part.expectedHead) return "conflict";
  const rows = rowsAfter(before ?? NOTHING, part);
  if (rows === "conflict") return rows;
  const { artifacts } = rows;
  const isFreed = (seq: number): boolean =>
    part.rows.some((row) => row.view === "artifact" && row.seq === seq && row.change === "begin" && row.isFreed);
  const added = artifacts.filter(
    ({ seq, goneSeq }) => seq > part.expectedHead && goneSeq === undefined && !isFreed(seq),
  );
  if (part.rows.length > 0) bring(state, brought);
  if (!added.every(({ digest }) => state.contents.has(digest))) return "content_missing";
  state.streams.set(keyOf(part.ref), { ...appended(before, part), ...rows });
  const ended = artifacts.filter(({ goneSeq = 0 }) => goneSeq > part.expectedHead).map(({ digest }) => digest);
  release(state, ended);
  return "committed";
}

function cutOff({ streams }: State, { ref, through: { seq, hash } }: Cut): Committed["outcome"] {
  const kept = streams.get(keyOf(ref));
  const last = kept?.entries.find(({ operation }) => operation.seq === seq);
  if (kept === undefined || last === undefined || last.operation.hash !== hash) return "conflict";
  const left = kept.entries.filter(({ operation }) => operation.seq > seq);
  const snapshots = kept.snapshots.filter((snapshot) => snapshot.seq >= seq);
  streams.set(keyOf(ref), { ...kept, entries: [{ ...last, payload: "erased" }, ...left], snapshots });
  return "committed";
}

/** What a fork begins with: its origin, cut off at that operation. */
function originOf({ streams }: State, { history, expectedHead: at }: Append): Kept | undefined {
  const origin = history && streams.get(keyOf(history.ref));
  const last = origin?.entries.find(({ operation }) => operation.seq === at)?.operation;
  if (origin === undefined || last?.hash !== history?.hash) return undefined;
  const cut = <T extends { readonly seq: number; readonly goneSeq?: number }>(rows: readonly T[]): readonly T[] =>
    rows
      .filter(({ seq }) => seq <= at)
      .map(({ goneSeq, ...row }) => (goneSeq !== undefined && goneSeq <= at ? { ...row, goneSeq } : row) as T);
  return {
    stream: { ...origin.stream, head: { seq: at, hash: last?.hash ?? "" } },
    entries: origin.entries.filter(({ operation }) => operation.seq <= at),
    snapshots: origin.snapshots.filter(({ seq }) => seq <= at),
    tags: cut(origin.tags),
    messages: origin.messages.filter(({ seq }) => seq <= at),
    artifacts: cut(origin.artifacts),
    grants: [],
  };
}

function bring({ contents, abandoned }: State, brought: readonly NewContent[]): void {
  for (const content of brought) {
    const known = contents.get(content.digest);
    if (known === undefined) contents.set(content.digest, content);
    else if (content.place.in === "file" && !(known.place.in === "file" && known.place.name === content.place.name)) {
      abandoned.add(content.place.name);
    }
  }
}

/** Lets go of contents that no artifact refers to any more. */
function release({ streams, contents, abandoned }: State, digests: readonly string[]): void {
  const live = [...streams.values()].flatMap(({ artifacts }) =>
    artifacts.filter(({ goneSeq }) => goneSeq === undefined),
  );
  for (const digest of digests) {
    if (live.some((artifact) => artifact.digest === digest)) continue;
    const content = contents.get(digest);
    contents.delete(digest);
    if (content?.place.in === "file") abandoned.add(content.place.name);
  }
}

function rowsAfter(
  { artifacts: before, grants: had }: Pick<Kept, "artifacts" | "grants">,
  { rows, entries }: Append,
): Pick<Kept, "artifacts" | "grants"> | "conflict" {
  let artifacts = [...before];
  let grants = [...had];
  for (const row of rows) {
    if (row.view === "artifact" && row.change === "begin") {
      const { view: _, change: __, ...stored } = row;
      const of = artifacts.filter(({ name }) => name === row.name);
      const previous = of.at(-1)?.digest;
      const createdBy = entries.find(({ operation }) => operation.seq === row.seq)?.operation.actor ?? "";
      artifacts = [
        ...artifacts,
        { ...stored, version: of.length + 1, createdBy, ...(previous !== undefined && { previousDigest: previous }) },
      ];
    } else if (row.view === "artifact") {
      const isMeant = ({ id, goneSeq }: Artifact): boolean => id === row.id && goneSeq === undefined;
      if (!artifacts.some(isMeant)) return "conflict";
      artifacts = artifacts.map((one) => (isMeant(one) ? { ...one, goneSeq: row.seq } : one));
    } else if (row.view === "grant") {
      const isMeant = (one: Kept["grants"][number]): boolean =>
        one.artifactId === row.artifactId && one.grantee === row.grantee && one.goneSeq === undefined;
      if (grants.some(isMeant) === (row.change === "begin")) return "conflict";
      grants =
        row.change === "begin"
          ? [...grants, row]
          : grants.map((one) => (isMeant(one) ? { ...one, goneSeq: row.seq } : one));
    }
  }
  return { artifacts, grants };
}

function forget({ streams, names, remembered }: State, stream: AnyStream): void {
  const key = keyOf(stream.ref);
  streams.delete(key);
  if (isSession(stream) && names.get(stream.record.sessionId)?.id === stream.ref.id) {
    names.delete(stream.record.sessionId);
  }
  for (const [name, { about }] of remembered) if (about && keyOf(about) === key) remembered.delete(name);
}

function appended(
  kept: Kept | undefined,
  { ref, entries, record, rows, snapshot }: Append,
): Omit<Kept, "artifacts" | "grants"> {
  const { seq, hash } = entries.at(-1)?.operation ?? { seq: 0, hash: "" };
  let tags = kept?.tags ?? [];
  let messages = kept?.messages ?? [];
  for (const row of rows) {
    const { seq } = row;
    if (row.view === "message") {
      const of = entries.find(({ operation }) => operation.seq === seq);
      const message = of && messagesOf(of)[row.place];
      if (message) messages = [...messages, { ...message, number: row.number, seq, at: of.operation.at }];
    } else if (row.view !== "tag") continue;
    else if (row.change === "begin") tags = [...tags, { key: row.key, seq }];
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
  const sum = (key: keyof Totals["metrics"]): number =>
    meant.reduce((all, { metrics }) => all + (metrics[key] ?? 0), 0);
  const counts = STATUSES.map((status) => [status, meant.filter((record) => record.status === status).length]);
  return {
    byStatus: Object.fromEntries(counts),
    metrics: {
      requestCount: sum("requestCount"),
      errorCount: sum("errorCount"),
      processingTimeUs: sum("processingTimeUs"),
      inputTokens: sum("inputTokens"),
      outputTokens: sum("outputTokens"),
      costNanoUsd: sum("costNanoUsd"),
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
