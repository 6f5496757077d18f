import assert from "node:assert/strict";
import { beforeFirst, PendingLog } from "../engine/append.ts";
import type { ArtifactInputs, NewContent } from "../engine/artifact.ts";
import { SECOND } from "../engine/clock.ts";
import { given } from "../engine/given.ts";
import type { Entry, StreamOperationKind } from "../engine/operation.ts";
import type { SessionInputs, SessionRecord } from "../engine/session.ts";
import { changeOf } from "../engine/state-at.ts";
import type { Append, Commit, Committed, Guard, Remembered, Store, Stream, StreamRef } from "../engine/store.ts";
import { type Draft, type Inputs, RULES, type StreamKind } from "../engine/streams.ts";
import { NEW_TOPIC } from "../engine/topic.ts";
import { NEW_USER } from "../engine/user.ts";
import { ManualClock } from "./manual-clock.ts";
import { sequentialIds } from "./sequential-ids.ts";
import { sha256 } from "./sha256.ts";

/** Operations that are not written yet, and the stream as it is once they are. */
export interface Written<K extends StreamKind = "session"> {
  readonly part: Append<K>;
  readonly stream: Stream<K>;
}

/** The fields of a new session; each has a default. */
export type Fields = Partial<SessionInputs["session.created"]>;

let tenants = 0;

/** Writes sound commits as a tenant that no other author shares. */
export class Author {
  readonly store: Store;
  readonly tenant: string;
  readonly clock: ManualClock = new ManualClock();
  readonly #ids = sequentialIds();

  constructor(store: Store, tenant: string = `tenant-${++tenants}`) {
    this.store = store;
    this.tenant = tenant;
  }

  /** A new session, not yet written. It never expires unless its fields say so. */
  begin(fields: Fields = {}): Written {
    const ref = { tenant: this.tenant, kind: "session", id: this.#ids.uid() } as const;
    const input = { sessionId: this.#ids.session(), userId: "default_user", tags: [], metadata: {}, ...fields };
    const head = beforeFirst(ref, sha256);
    return this.#written(new PendingLog(ref, { head }, this.#ports), ref, [draft("session.created", input)]);
  }

  /** More operations of a stream, not yet written. */
  continue<K extends StreamKind>(stream: Stream<K>, ...drafts: readonly Draft[]): Written<K> {
    return this.#written(new PendingLog(stream.ref, stream, this.#ports), stream.ref, drafts);
  }

  /** A fork of a session at the last of these entries, which are its first; not yet written. */
  fork({ ref: from }: Stream, entries: readonly Entry[], sessionId: string): Written {
    const ref = { tenant: this.tenant, kind: "session", id: this.#ids.uid() } as const;
    let record: SessionRecord | undefined;
    for (const entry of entries) record = RULES.session.fold(record, changeOf(entry));
    const { seq, hash } = entries.at(-1)?.operation ?? assert.fail("A fork has a history");
    const origin = { uid: from.id, seq, hash, root: record?.origin?.root ?? from.id };
    const log = new PendingLog(ref, { head: { seq, hash }, ...given("record", record) }, this.#ports);
    const { part, stream } = this.#written(log, ref, [draft("session.forked", { uid: ref.id, sessionId, origin })]);
    return { part: { ...part, history: { ref: from, hash } }, stream };
  }

  /** A content of these bytes, which stand for themselves in the store. */
  content(bytes: string, more: Partial<NewContent> = {}): NewContent {
    const body = new TextEncoder().encode(bytes);
    const chunk = { digest: sha256(bytes), storedSize: body.length };
    const place = { in: "store" } as const;
    const { tenant } = this;
    return {
      tenant,
      digest: sha256(bytes),
      size: body.length,
      storedSize: body.length,
      chunks: [chunk],
      place,
      body,
      ...more,
    };
  }

  /** An artifact of that content. */
  artifact(name: string, { digest, size }: NewContent, more: Partial<ArtifactInputs["artifact.stored"]> = {}): Draft {
    const described = { name, type: "user_input", mimeType: "text/plain", tags: [], metadata: {} };
    return draft("artifact.stored", { artifactId: this.#ids.artifact(), digest, size, ...described, ...more });
  }

  /** Commits parts at the clock's `now`. */
  async commit(
    parts: Commit["parts"],
    more: Pick<Commit, "guards" | "contents" | "remember" | "removed" | "settled" | "cursors"> = {},
  ): Promise<Committed> {
    return await this.store.commit({ now: this.clock.now(), parts, ...more });
  }

  /** Commits a new session, which takes its name from `replaced`, or from nobody. */
  async create(fields: Fields = {}, replaced?: Stream): Promise<Stream> {
    const { part, stream } = this.begin(fields);
    assert.deepEqual(await this.commit([part], { guards: [nameGuard(stream, replaced)] }), { outcome: "committed" });
    return stream;
  }

  /** Commits more operations of a stream. */
  async append<K extends StreamKind>(before: Stream<K>, ...drafts: readonly Draft[]): Promise<Stream<K>> {
    const { part, stream } = this.continue(before, ...drafts);
    assert.deepEqual(await this.commit([part]), { outcome: "committed" });
    return stream;
  }

  /** A user of whom nothing is known yet. */
  user(id: string): Stream<"user"> {
    const ref = { tenant: this.tenant, kind: "user", id } as const;
    return { ref, head: beforeFirst(ref, sha256), record: NEW_USER };
  }

  /** A topic that nobody has published to yet. */
  topic(id: string): Stream<"topic"> {
    const ref = { tenant: this.tenant, kind: "topic", id } as const;
    return { ref, head: beforeFirst(ref, sha256), record: NEW_TOPIC };
  }

  async erase({ ref, head }: Stream<StreamKind>): Promise<void> {
    assert.deepEqual(await this.commit([{ change: "erase", ref, expectedHead: head.seq }]), { outcome: "committed" });
  }

  /** An answer to remember for an hour. */
  answer(key: string, more: Partial<Remembered> = {}): Remembered {
    const at = this.clock.now();
    return {
      tenant: this.tenant,
      scope: "POST /sessions",
      key,
      fingerprint: sha256(key),
      answer: { key },
      at,
      expiresAt: at + 3_600 * SECOND,
      ...more,
    };
  }

  get #ports() {
    return { ids: this.#ids, digest: sha256 };
  }

  #written<K extends StreamKind>(log: PendingLog<K>, ref: StreamRef<K>, drafts: readonly Draft[]): Written<K> {
    for (const one of drafts) log.push(one, { actor: "author", at: this.clock.now() });
    return { part: log.toAppend(), stream: { ref, head: log.head, record: log.record } };
  }
}

/** The name of a session goes to it: from `replaced`, or from nobody. */
export function nameGuard({ ref, record }: Stream, replaced?: Stream): Guard {
  const { tenant, id: next } = ref;
  return { guard: "name", tenant, sessionId: record.sessionId, expected: replaced?.ref.id, next };
}

/** An operation to append; its command is called like its kind. */
export function draft<K extends StreamOperationKind>(kind: K, input: Inputs[K]): Draft<K> {
  return { kind, name: kind, input };
}

/** The use of a session by so many requests. */
export function requests(count: number): Draft {
  return draft("metrics.recorded", { requests: count, errors: 0, processingTimeUs: 0 });
}
