import { genesisHash, operationHash, payloadDigest } from "./chain.ts";
import type { Digest } from "./digest.ts";
import { SojournError } from "./errors.ts";
import { given } from "./given.ts";
import type { Ids } from "./ids.ts";
import type { Entry } from "./operation.ts";
import type { Append, Head, RowChange, StreamRef } from "./store.ts";
import { type Draft, type Records, RULES, type StreamKind } from "./streams.ts";

/** How many operations lie between two kept records; a read of the past folds at most so many. */
export const SNAPSHOT_EVERY = 128;

/** A stream's log with entries that are decided on and not yet written. */
export class PendingLog<K extends StreamKind = StreamKind> {
  readonly #ref: StreamRef<K>;
  readonly #expectedHead: number;
  readonly #ports: { readonly ids: Ids; readonly digest: Digest };
  readonly #entries: Entry[] = [];
  readonly #rows: RowChange[] = [];
  #head: Head;
  #record: Records[K] | undefined;

  constructor(
    ref: StreamRef<K>,
    stream: { readonly head: Head; readonly record?: Records[K] },
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
  get record(): Records[K] {
    if (this.#record === undefined)
      throw new SojournError("internal", { message: "A log without operations has no record" });
    return this.#record;
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0;
  }

  /** Seals a draft behind the last entry, and folds it. */
  push(
    { kind, name, input, output, error, durationUs, used = [], made = [] }: Draft,
    { actor, at }: { readonly actor: string; readonly at: number },
  ): void {
    const { ids, digest } = this.#ports;
    const payload = { salt: ids.salt(), body: JSON.stringify({ input, output, error }) };
    const sealed = {
      seq: this.#head.seq + 1,
      id: ids.operation(),
      kind,
      name,
      actor,
      at,
      ...given("durationUs", durationUs),
      outcome: error === undefined ? "completed" : "failed",
      used,
      made,
      payloadDigest: payloadDigest(payload, digest),
    } as const;
    const hash = operationHash(this.#head.hash, sealed, digest);
    const before = this.#record;
    const rules = RULES[this.#ref.kind];
    const change = { kind, at, seq: sealed.seq, input, output };
    this.#record = rules.fold(before, change);
    this.#head = { seq: sealed.seq, hash };
    this.#entries.push({ operation: { ...sealed, hash }, payload });
    this.#rows.push(...rules.rows(before, this.#record, change));
  }

  /** What a commit writes of this stream. */
  toAppend(): Append<K> {
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

/** A stream before its first operation. */
export function beforeFirst(ref: StreamRef, digest: Digest): Head {
  return { seq: 0, hash: genesisHash(ref, digest) };
}
