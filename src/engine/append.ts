import { operationHash, payloadDigest } from "./chain.ts";
import type { Draft } from "./commands.ts";
import type { Digest } from "./digest.ts";
import { SojournError } from "./errors.ts";
import type { Ids } from "./ids.ts";
import type { Entry } from "./operation.ts";
import { fold, type SessionRecord } from "./session.ts";
import type { Append, Head, RowChange, StreamRef } from "./store.ts";

/** How many operations lie between two kept records; a read of the past folds at most so many. */
export const SNAPSHOT_EVERY = 128;

/** A stream's log with entries that are decided on and not yet written. */
export class PendingLog {
  readonly #ref: StreamRef;
  readonly #expectedHead: number;
  readonly #ports: { readonly ids: Ids; readonly digest: Digest };
  readonly #entries: Entry[] = [];
  readonly #rows: RowChange[] = [];
  #head: Head;
  #record: SessionRecord | undefined;

  constructor(
    ref: StreamRef,
    stream: { readonly head: Head; readonly record?: SessionRecord },
    ports: { readonly ids: Ids; readonly digest: Digest },
  ) {
    this.#ref = ref;
    this.#head = stream.head;
    this.#expectedHead = stream.head.seq;
    this.#record = stream.record;
    this.#ports = ports;
  }

  get head(): Head {
    return this.#head;
  }

  /** The record after all that is pending. */
  get record(): SessionRecord {
    if (this.#record === undefined)
      throw new SojournError("internal", { message: "A log without operations has no record" });
    return this.#record;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Seals a draft behind the last entry, and folds it. */
  push({ kind, name, input }: Draft, { actor, at }: { readonly actor: string; readonly at: number }): void {
    const { ids, digest } = this.#ports;
    const payload = { salt: ids.salt(), body: JSON.stringify({ input }) };
    const sealed = {
      seq: this.#head.seq + 1,
      id: ids.operation(),
      kind,
      name,
      actor,
      at,
      outcome: "completed",
      used: [],
      made: [],
      payloadDigest: payloadDigest(payload, digest),
    } as const;
    const hash = operationHash(this.#head.hash, sealed, digest);
    const before = this.#record;
    this.#record = fold(before, { kind, at, input });
    this.#head = { seq: sealed.seq, hash };
    this.#entries.push({ operation: { ...sealed, hash }, payload });
    this.#rows.push(...tagRows(before?.tags ?? [], this.#record.tags, sealed.seq));
  }

  /** What a commit writes of this stream. */
  toAppend(): Append {
    return {
      change: "append",
      ref: this.#ref,
      expectedHead: this.#expectedHead,
      entries: this.#entries,
      record: this.record,
      rows: this.#rows,
      snapshot: Math.floor(this.#head.seq / SNAPSHOT_EVERY) > Math.floor(this.#expectedHead / SNAPSHOT_EVERY),
    };
  }
}

function tagRows(before: readonly string[], after: readonly string[], seq: number): RowChange[] {
  if (before === after) return [];
  const gone = before.filter((tag) => !after.includes(tag));
  const added = after.filter((tag) => !before.includes(tag));
  return [
    ...gone.map((key) => ({ view: "tag", change: "end", key, seq }) as const),
    ...added.map((key) => ({ view: "tag", change: "begin", key, seq }) as const),
  ];
}
