import type { NewContent } from "../../engine/artifact.ts";
import type { SessionRecord } from "../../engine/session.ts";
import type { Append, Commit, Part, Stream, StreamRef } from "../../engine/store.ts";
import { NO_WORK } from "../../engine/task.ts";
import { type Column, LARGE, OFTEN_CHANGED, SELDOM_CHANGED } from "./rows.ts";

/** An append to a session whose stored row is known. */
export interface LeanAppend extends Append<"session"> {
  /** Which columns to write, for `columnsOf`; members of the record that no column needs are absent. */
  readonly selection: number;
}

/** The bit of a selection that has the columns that seldom change; the large ones have those above it. */
const SELDOM = 1;

/**
 * The commit as it goes to the writer: of a session that is at hand, only what the commit changes. Large members of a
 * record are not compared: what an operation does not change is the same object after it as before.
 *
 * @param known  the stream as of its last acknowledged commit, if it is at hand
 */
export function lean(commit: Commit, known: (ref: StreamRef<"session">) => Stream | undefined): Commit {
  const parts = commit.parts.map((part) => (isOfSession(part) ? leanPart(part, known(part.ref)) : part));
  return { ...commit, parts };
}

/** A commit without the bytes of its contents, which travel beside it; a commit may be written again, so they are copies. */
export function withoutBodies(commit: Commit): {
  readonly commit: Commit;
  readonly bodies?: readonly Uint8Array<ArrayBuffer>[];
} {
  const { contents } = commit;
  if (contents === undefined) return { commit };
  const bodies = contents.flatMap(({ body }) => (body === undefined ? [] : [Uint8Array.from(body)]));
  return { commit: { ...commit, contents: contents.map(({ body: _, ...content }) => content) }, bodies };
}

/** Puts the bytes back that `withoutBodies` took: those of the contents that are in the store itself, in their order. */
export function withBodies(commit: Commit, bodies: readonly Uint8Array[] = []): Commit {
  const { contents } = commit;
  if (contents === undefined) return commit;
  const left = bodies.values();
  const whole = (content: NewContent): NewContent => {
    const body = content.place.in === "store" ? left.next().value : undefined;
    return body === undefined ? content : { ...content, body };
  };
  return { ...commit, contents: contents.map(whole) };
}

/** The columns of a selection. */
export function columnsOf(selection: number): readonly Column[] {
  const isLeftOut = (name: string): boolean => LARGE.some(([large], i) => large === name && !(selection & bitOf(i)));
  return [...(selection & SELDOM ? SELDOM_CHANGED : []), ...OFTEN_CHANGED.filter(([name]) => !isLeftOut(name))];
}

function leanPart(part: Append<"session">, known: Stream | undefined): Append<"session"> {
  // A snapshot needs the record whole. What does not follow the stored head, the writer refuses.
  if (part.snapshot || known?.head.seq !== part.expectedHead) return part;
  const record: { -readonly [K in keyof SessionRecord]: SessionRecord[K] | undefined } = { ...part.record };
  let selection = SELDOM_CHANGED.some(([, value]) => value(part.record) !== value(known.record)) ? SELDOM : 0;
  for (let i = 0; i < LARGE.length; i++) {
    const member = LARGE[i]?.[1] ?? "tags";
    if (record[member] === known.record[member]) record[member] = undefined;
    else selection |= bitOf(i);
  }
  // When a session expires depends on its open tasks, also where they are as they were.
  record.work ??= { ...NO_WORK, tasks: part.record.work.tasks };
  // NOTE: the writer reads nothing of it but the columns of the selection, and that.
  return { ...part, record: record as SessionRecord, selection } satisfies LeanAppend as LeanAppend;
}

function bitOf(large: number): number {
  return 2 << large;
}

function isOfSession(part: Part): part is Append<"session"> {
  return part.change === "append" && part.ref.kind === "session";
}
