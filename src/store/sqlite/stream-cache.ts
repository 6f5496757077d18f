import { LRUCache } from "lru-cache";
import type { Commit, Stream, StreamRef } from "../../engine/store.ts";
import type { StreamKind } from "../../engine/streams.ts";

/** How much the kept streams may take, in characters of JSON. */
const CHARACTERS_MAX = 32 * 1_048_576;

/** How many names are kept; a name takes little. */
const NAMES_MAX = 65_536;

/**
 * The streams that were used last, as of their last acknowledged commit. Reading one from the database costs the system
 * calls of a transaction (measured: 18 % of a `GET`); and since a data directory has one process, whatever changes a
 * stream passes through here.
 */
export class StreamCache {
  readonly #streams = new LRUCache<string, Stream<StreamKind>>({
    maxSize: CHARACTERS_MAX,
    sizeCalculation: ({ record }) => JSON.stringify(record).length,
  });
  readonly #names = new LRUCache<string, StreamRef<"session">>({ max: NAMES_MAX });

  get<K extends StreamKind>(ref: StreamRef<K>): Stream<K> | undefined {
    // NOTE: a key has the kind in it.
    return this.#streams.get(keyOf(ref)) as Stream<K> | undefined;
  }

  named(tenant: string, sessionId: string): Stream | undefined {
    const ref = this.#names.get(`${tenant}\n${sessionId}`);
    return ref && this.get(ref);
  }

  /** Keeps what was read, unless something newer is kept. */
  keep(stream: Stream<StreamKind>): void {
    const kept = this.get(stream.ref);
    if (kept === undefined || kept.head.seq < stream.head.seq) this.#streams.set(keyOf(stream.ref), stream);
  }

  /** Like `keep`, for a session that was read by its name. */
  keepNamed(stream: Stream, name: string): void {
    this.keep(stream);
    this.#names.set(`${stream.ref.tenant}\n${name}`, stream.ref);
  }

  /** Takes over what a commit changed, once it is acknowledged. */
  apply({ parts, guards = [] }: Commit): void {
    for (const part of parts) {
      const { ref } = part;
      if (part.change === "erase") this.#drop(ref);
      else if (part.change === "append") {
        const last = part.entries.at(-1)?.operation;
        if (last !== undefined) this.keep({ ref, head: { seq: last.seq, hash: last.hash }, record: part.record });
      }
    }
    for (const guard of guards) {
      if (guard.guard !== "name") continue;
      const { tenant, sessionId, next } = guard;
      this.#names.set(`${tenant}\n${sessionId}`, { tenant, kind: "session", id: next });
    }
  }

  #drop(ref: StreamRef): void {
    const stream = this.get(ref);
    if (stream === undefined) return;
    this.#streams.delete(keyOf(ref));
    if (!("sessionId" in stream.record)) return;
    const name = `${ref.tenant}\n${stream.record.sessionId}`;
    if (this.#names.get(name)?.id === ref.id) this.#names.delete(name);
  }
}

function keyOf({ kind, tenant, id }: StreamRef): string {
  return `${kind}\n${tenant}\n${id}`;
}
