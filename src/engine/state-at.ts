import { invalid, SojournError } from "./errors.ts";
import { PAGE_CHARACTERS_MAX } from "./limits.ts";
import { type Entry, type Operation, payloadBody } from "./operation.ts";
import type { Store, Stream, StreamRef } from "./store.ts";
import { type Change, type Records, RULES, type StreamKind } from "./streams.ts";

/** The change that an entry makes, as the fold takes it. */
export function changeOf(entry: Entry): Change {
  const { kind, at, seq } = entry.operation;
  const body = payloadBody(entry);
  return body === undefined ? { kind, at, seq } : { kind, at, seq, input: body.input, output: body.output };
}

/**
 * The session as it was just after its operation `seq`, from the nearest snapshot before it.
 *
 * @param stream  the session now; `seq` may be 1 to its head
 * @throws {SojournError} `invalid` for any other `seq`
 */
export async function stateAt<K extends StreamKind>(store: Store, stream: Stream<K>, seq: number): Promise<Stream<K>> {
  if (!Number.isSafeInteger(seq) || seq < 1 || seq > stream.head.seq) {
    const message = `must be 1 to ${stream.head.seq}, the session's version`;
    throw invalid([{ field: "at", message, type: "out_of_range" }]);
  }
  if (seq === stream.head.seq) return stream;
  const start = await store.snapshot(stream.ref, seq - 1);
  let record: Records[K] | undefined = start?.record;
  let last: Operation | undefined;
  for await (const entry of entries(store, stream, { after: start?.seq ?? 0, through: seq })) {
    record = RULES[stream.ref.kind].fold(record, changeOf(entry));
    last = entry.operation;
  }
  if (record === undefined || last?.seq !== seq) {
    throw lost(stream.ref, seq);
  }
  return { ref: stream.ref, head: { seq, hash: last.hash }, record };
}

/** One entry of a log that has it. */
export async function entryAt(store: Store, { ref }: Pick<Stream<StreamKind>, "ref">, seq: number): Promise<Entry> {
  const [entry] = await store.operations(ref, { after: seq - 1, through: seq, limit: 1 });
  if (entry === undefined) throw lost(ref, seq);
  return entry;
}

/** How many entries are read at a time. */
const PAGE = 500;

/** All entries of a stretch of a log, in order, read in pages. */
export async function* entries(
  store: Store,
  { ref }: Pick<Stream<StreamKind>, "ref">,
  { after, through }: { readonly after: number; readonly through: number },
): AsyncGenerator<Entry> {
  for (let seq = after; seq < through; ) {
    const page = await store.operations(ref, { after: seq, through, limit: PAGE, charactersMax: PAGE_CHARACTERS_MAX });
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    seq = last.operation.seq;
  }
}

function lost({ kind, id }: StreamRef, seq: number): SojournError {
  return new SojournError("internal", { message: `Operation ${seq} of ${kind} ${id} is not in the log` });
}
