import { genesisHash, payloadDigest } from "./chain.ts";
import type { Digest } from "./digest.ts";
import { SojournError } from "./errors.ts";
import { given } from "./given.ts";
import { type Entry, OPERATION_KINDS, type PayloadBody, payloadBody } from "./operation.ts";
import type { SessionRecord } from "./session.ts";
import type { Head, Store, Stream, StreamRef } from "./store.ts";
import { RULES } from "./streams.ts";

/** An entry of a session's log, with what the log before it comes to, and what is stored beside it. */
export interface Step {
  readonly entry: Entry;
  /** Whether the payload is there, and is what was hashed. */
  readonly payload: "whole" | "erased" | "lost" | "changed";
  /** Absent where the payload is gone, or is no JSON any more. */
  readonly body?: PayloadBody;
  /** The entry before it, as far as the log has it; seq 0 before the first. */
  readonly previous: Head;
  /** The session before it; absent before the first. */
  readonly before?: SessionRecord;
  /** The session after it; absent where it can't be folded. */
  readonly after?: SessionRecord;
  /** Why it can't be folded. */
  readonly unfit?: string;
  /** Whether `before` and `after` are all that the log says: since the last snapshot, nothing was missing. */
  readonly isWholeBefore: boolean;
  readonly isWholeAfter: boolean;
  /** What the store keeps of the session after it: a snapshot, and at the end of the log the record. */
  readonly kept: readonly (SessionRecord | "unreadable")[];
  /** Whether no entry follows, although more were wanted. */
  readonly isCutOff: boolean;
}

/** How many entries are read at a time, and after how many characters of payloads no more of them. */
const PAGE = 500;
const PAGE_CHARACTERS_MAX = 1_048_576;

/**
 * Goes through a session's log from `from` through `to`, in pages. Starts from the nearest snapshot before that.
 *
 * After an entry that is missing, or whose payload is gone or not what was hashed, records are not whole; the next snapshot
 * takes their place.
 *
 * @param stream  as it is stored; 1 <= from <= to <= head
 */
export async function* walk(
  { store, digest }: { readonly store: Store; readonly digest: Digest },
  { ref, head, record: now }: Stream,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<Step> {
  // One entry before `from` is read at least, for its hash.
  const start = from < 3 ? undefined : await readableSnapshot(store, ref, from - 2);
  const root = now.origin?.root ?? ref.id;
  const genesis = { seq: 0, hash: genesisHash({ ...ref, id: root }, digest) };
  const way = new Way(start === undefined ? genesis : { seq: start.seq, hash: "" }, start?.record, digest);
  const read = (after: number): Promise<readonly Entry[]> =>
    store.operations(ref, { after, through: to, limit: PAGE, charactersMax: PAGE_CHARACTERS_MAX });
  for (let page = await read(way.last.seq); page.length > 0; ) {
    const last = page.at(-1)?.operation.seq ?? to;
    // While this page is looked at, the next one is read.
    const next = last < to ? read(last) : Promise.resolve([]);
    next.catch(() => undefined);
    const snapshots = await snapshotsWithin(store, ref, { after: way.last.seq, through: last });
    for (const entry of page) {
      const { seq } = entry.operation;
      const snapshot = snapshots.get(seq);
      const kept = [...(snapshot === undefined ? [] : [snapshot]), ...(seq === head.seq ? [now] : [])];
      const step = way.go(entry, snapshot);
      if (seq < from) continue;
      const isCutOff = seq === last && last < to && (await next).length === 0;
      yield { ...step, kept, isCutOff };
    }
    page = await next;
  }
}

/** What the log comes to, as far as it was gone through. */
class Way {
  readonly #digest: Digest;
  #last: Head;
  #record: SessionRecord | undefined;
  #isWhole = true;

  constructor(last: Head, record: SessionRecord | undefined, digest: Digest) {
    this.#last = last;
    this.#record = record;
    this.#digest = digest;
  }

  /** The last entry, if it was read; otherwise its `seq` alone. */
  get last(): Head {
    return this.#last;
  }

  go(entry: Entry, snapshot: SessionRecord | "unreadable" | undefined): Omit<Step, "kept" | "isCutOff"> {
    const { seq, hash } = entry.operation;
    this.#isWhole &&= seq === this.#last.seq + 1;
    const before = { previous: this.#last, ...given("before", this.#record), isWholeBefore: this.#isWhole };
    const payload = stateOf(entry, this.#digest);
    const folded = foldedOn(this.#record, entry);
    this.#last = { seq, hash };
    this.#record = folded.after ?? this.#record;
    this.#isWhole &&= payload === "whole" && folded.unfit === undefined;
    const step = { entry, payload, ...before, ...folded, isWholeAfter: this.#isWhole };
    if (!this.#isWhole && typeof snapshot === "object") {
      this.#record = snapshot;
      this.#isWhole = true;
    }
    return step;
  }
}

function stateOf({ operation, payload }: Entry, digest: Digest): Step["payload"] {
  if (payload === undefined) return "lost";
  if (payload === "erased") return "erased";
  return payloadDigest(payload, digest) === operation.payloadDigest ? "whole" : "changed";
}

function foldedOn(before: SessionRecord | undefined, entry: Entry): Pick<Step, "body" | "after" | "unfit"> {
  const { kind, at, seq } = entry.operation;
  if (!OPERATION_KINDS.some((known) => known === kind)) return { unfit: `A session has no operations "${kind}"` };
  try {
    const body = payloadBody(entry);
    const change = { kind, at, seq, ...(body && { input: body.input, output: body.output }) };
    return { after: RULES.session.fold(before, change), ...given("body", body) };
  } catch (error) {
    return { unfit: error instanceof Error ? error.message : String(error) };
  }
}

/** The snapshots of a stretch, by their seq. */
async function snapshotsWithin(
  store: Store,
  ref: StreamRef<"session">,
  { after, through }: { readonly after: number; readonly through: number },
): Promise<ReadonlyMap<number, SessionRecord | "unreadable">> {
  const found = new Map<number, SessionRecord | "unreadable">();
  for (let seq = through; seq > after; ) {
    const snapshot = await snapshotAt(store, ref, seq);
    if (snapshot === undefined) break;
    if (snapshot !== "unreadable") {
      if (snapshot.seq > after) found.set(snapshot.seq, snapshot.record);
      seq = snapshot.seq - 1;
      continue;
    }
    // Which one can't be read is told by where the one before it begins to be found.
    while (seq > after && (await snapshotAt(store, ref, seq - 1)) === "unreadable") seq -= 1;
    if (seq > after) found.set(seq, "unreadable");
    seq -= 1;
  }
  return found;
}

async function readableSnapshot(
  store: Store,
  ref: StreamRef<"session">,
  seq: number,
): Promise<{ readonly seq: number; readonly record: SessionRecord } | undefined> {
  const snapshot = await snapshotAt(store, ref, seq);
  return snapshot === "unreadable" ? undefined : snapshot;
}

async function snapshotAt(
  store: Store,
  ref: StreamRef<"session">,
  seq: number,
): Promise<{ readonly seq: number; readonly record: SessionRecord } | "unreadable" | undefined> {
  try {
    return await store.snapshot(ref, seq);
  } catch (error) {
    if (error instanceof SojournError && error.code === "store_unavailable") throw error;
    return "unreadable";
  }
}
