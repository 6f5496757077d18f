import type { Artifact, ArtifactDescription, Grant, NewContent, Permission } from "../engine/artifact.ts";
import {
  type ArtifactLimits,
  assertDescription,
  deleteArtifact,
  grantArtifact,
  revokeArtifact,
  storeArtifact,
} from "../engine/artifact-commands.ts";
import type { BlobStore } from "../engine/blob-store.ts";
import type { Clock } from "../engine/clock.ts";
import type { Digest } from "../engine/digest.ts";
import { invalid, SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import { globFaults } from "../engine/glob.ts";
import { type Answer, type Idempotency, keyFor, OnceOnly, type Remember } from "../engine/idempotency.ts";
import type { Ids } from "../engine/ids.ts";
import type { JsonObject } from "../engine/json.ts";
import { assertMatches } from "../engine/precondition.ts";
import { RunSlots } from "../engine/run-slots.ts";
import type { Caller, Session, Sessions, WriteOptions } from "../engine/sessions.ts";
import type { ArtifactQuery, Page, Store } from "../engine/store.ts";
import { Collector } from "./collector.ts";
import { type ContentSettings, Contents, type Source, type Staged } from "./contents.ts";
import { openBelow } from "./file-roots.ts";
import { mimeTypeOf } from "./mime-type.ts";
import { type ByteRange, type Opened, openArtifact } from "./open-artifact.ts";
import { Sharing } from "./sharing.ts";

export type { ByteRange, Opened } from "./open-artifact.ts";

/** What `Artifacts` stands on. */
export interface ArtifactPorts {
  readonly sessions: Sessions;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly digest: Digest;
}

/** What an operator may set. */
export interface ArtifactSettings extends ArtifactLimits, ContentSettings {
  /** Directories below which `storeFile` may read; none: it is off. */
  readonly roots: readonly string[];
}

/** What is said of a new artifact. */
export interface NewArtifact {
  readonly name: string;
  readonly type: string;
  /** Default: by the extension of the name, or `application/octet-stream`. */
  readonly mimeType?: string;
  readonly tags?: readonly string[];
  readonly metadata?: JsonObject;
}

/** A new artifact whose bytes are a file of the server's machine. */
export interface NewFileArtifact extends Omit<NewArtifact, "name"> {
  readonly path: string;
  /** Default: the file's own. */
  readonly name?: string;
}

/** An artifact, and its session just after the call. */
export interface Stored {
  readonly session: Session;
  readonly artifact: Artifact;
}

/** What became of a deletion. */
export interface Deleted {
  readonly session: Session;
  readonly artifactId: string;
}

/**
 * The files of sessions. Bytes are kept once for a tenant, whatever refers to them.
 *
 * A caller that acts as another session sees what is shared with that session, and nothing else; what it does, or is
 * refused, stands in the log of the session that the artifact belongs to. Calls on what does not exist are
 * `session_not_found` and `artifact_not_found`.
 */
export class Artifacts {
  readonly #ports: ArtifactPorts;
  readonly #settings: ArtifactSettings;
  readonly #sharing: Sharing;
  readonly #once: OnceOnly;
  readonly #collector: Collector;
  /** Changes of one artifact, one after the other: each is decided on what the one before left. */
  readonly #turns = new RunSlots(Number.POSITIVE_INFINITY);
  /** The bytes themselves. */
  readonly contents: Contents;

  constructor(ports: ArtifactPorts, settings: ArtifactSettings) {
    this.#ports = ports;
    this.#settings = settings;
    this.#sharing = new Sharing(ports);
    this.#once = new OnceOnly(ports);
    this.contents = new Contents(ports, settings);
    this.#collector = new Collector(ports, this.contents);
  }

  /**
   * Stores an artifact in an active session.
   *
   * A source that is read from is read to its end, or given up where it has more bytes than an artifact may.
   *
   * @throws {SojournError} `payload_too_large`, `limit_reached`, `invalid_transition`, `forbidden`; what the source throws
   */
  async store(
    caller: Caller,
    sessionId: string,
    wanted: NewArtifact,
    source: Source,
    options: WriteOptions = {},
  ): Promise<Answer<Stored>> {
    const { name, type, tags = [], metadata = {}, mimeType = mimeTypeOf(name) } = wanted;
    const described = { name, type, mimeType, tags: [...new Set(tags)], metadata };
    assertDescription(described);
    const { sessions, ids } = this.#ports;
    const session = await sessions.shared(caller, sessionId);
    await this.#assertMayBegin(caller, session, described, options);
    await using staged = await this.contents.stage(caller.tenant, source);
    const { digest, size } = staged;
    const { idempotency, precondition } = options;
    // The same request has the same bytes, too.
    const key = idempotency && { ...idempotency, request: `${idempotency.request}\n${digest}` };
    const answer = await this.#once.run<Deleted>(caller.tenant, keyOf(caller, session, key), async (remember) => {
      const artifactId = ids.artifact();
      const command = storeArtifact({ ...described, artifactId, digest, size }, this.#settings);
      // Once more: the bytes may have taken their time.
      const leave = await this.#sharing.admitStore(caller, session, name);
      const settled = await bring(staged, async (contents) => {
        const order = { isGranted: true as const, ...given("precondition", precondition), contents };
        return await sessions.change(caller, session.ref.id, leave(command), {
          ...order,
          ...remembering(remember, (session) => ({ session, artifactId })),
        });
      });
      return { value: { session: settled.value, artifactId }, at: settled.at };
    });
    const { session: after, artifactId } = answer.value;
    const artifact = await this.#ports.store.artifact(after.ref, artifactId);
    if (artifact === undefined) throw missing(artifactId);
    return { ...answer, value: { session: after, artifact } };
  }

  /**
   * Like `store`, for a file below one of the roots, links resolved.
   *
   * @throws {SojournError} `forbidden` where there are no roots, or the file is not below one
   */
  async storeFile(
    caller: Caller,
    sessionId: string,
    { path, name, ...wanted }: NewFileArtifact,
    options: WriteOptions = {},
  ): Promise<Answer<Stored>> {
    await using file = await openBelow(this.#settings.roots, path);
    return await this.store(caller, sessionId, { ...wanted, name: name ?? file.name }, file, options);
  }

  /** The artifact; with `at`, if it was there just after that operation. */
  async get(caller: Caller, sessionId: string, artifactId: string, at?: number): Promise<Artifact> {
    const session = await this.#ports.sessions.shared(caller, sessionId);
    return await this.#sharing.read(caller, session, { artifactId, ...given("at", at) });
  }

  /**
   * Opens the bytes of an artifact. Whoever does not read them to the end disposes of it.
   *
   * @throws {SojournError} `range_not_satisfiable`; `artifact_not_found` for one of the past whose bytes are gone;
   *   `content_damaged`, also while they are read
   */
  async open(
    caller: Caller,
    sessionId: string,
    artifactId: string,
    { range, at }: { readonly range?: ByteRange; readonly at?: number } = {},
  ): Promise<Opened> {
    const artifact = await this.get(caller, sessionId, artifactId, at);
    return await openArtifact({ ...this.#ports, contents: this.contents }, caller.tenant, artifact, range);
  }

  /** A page of the session's artifacts, the newest first. */
  async list(caller: Caller, sessionId: string, query: Omit<ArtifactQuery, "grantee">): Promise<Page<Artifact>> {
    const faults = query.namePattern === undefined ? [] : globFaults("name_pattern", query.namePattern);
    if (faults.length > 0) throw invalid(faults);
    const session = await this.#ports.sessions.shared(caller, sessionId);
    const grantee = session.ref.id === caller.actingAs ? undefined : caller.actingAs;
    return await this.#ports.store.artifacts(session.ref, { ...query, ...given("grantee", grantee) });
  }

  /** Removes an artifact; its bytes go with the last that refers to them. */
  async delete(
    caller: Caller,
    sessionId: string,
    artifactId: string,
    options: WriteOptions = {},
  ): Promise<Answer<Deleted>> {
    return await this.#change<Deleted>(caller, { sessionId, artifactId, ...options }, async (artifact) => ({
      command: deleteArtifact(artifact),
      answerOf: (session) => ({ session, artifactId }),
    }));
  }

  /** Shares an artifact, and later versions of it, with another session of the tenant. */
  async grant(
    caller: Caller,
    sessionId: string,
    artifactId: string,
    shared: { readonly sessionId: string; readonly permission: Permission },
    options: WriteOptions = {},
  ): Promise<Answer<Grant>> {
    const { actingAs: _, ...owner } = caller;
    const { permission } = shared;
    return await this.#change<Grant>(caller, { sessionId, artifactId, ...options }, async (_, session) => {
      const grantee = (await this.#ports.sessions.get(owner, shared.sessionId)).ref.id;
      if (grantee === session.ref.id) {
        throw invalid([{ field: "session_id", message: "is the artifact's own session", type: "invalid_grantee" }]);
      }
      const before = (await this.#ports.store.grants(session.ref, artifactId)).find((one) => one.grantee === grantee);
      const grant = { artifactId, grantee, permission };
      const isSame = before?.permission === permission;
      return {
        command: grantArtifact(grant, before?.permission),
        answerOf: ({ head }) => (isSame ? before : { ...grant, seq: head.seq }),
      };
    });
  }

  /** Ends the sharing with a session. @throws {SojournError} `not_found` where it is not shared with it */
  async revoke(
    caller: Caller,
    sessionId: string,
    artifactId: string,
    granteeId: string,
    options: WriteOptions = {},
  ): Promise<Answer<{ readonly artifactId: string; readonly grantee: string }>> {
    const { actingAs: _, ...owner } = caller;
    // The one that it was shared with may have been deleted.
    const grantee = (await this.#ports.sessions.find(owner, granteeId))?.ref.id ?? granteeId;
    return await this.#change(caller, { sessionId, artifactId, ...options }, async (_, session) => {
      const grants = await this.#ports.store.grants(session.ref, artifactId);
      if (!grants.some((one) => one.grantee === grantee)) {
        throw new SojournError("not_found", {
          message: `Artifact ${artifactId} is not shared with session "${granteeId}"`,
        });
      }
      const value = { artifactId, grantee };
      return { command: revokeArtifact(value), answerOf: () => value };
    });
  }

  /** With whom an artifact is shared. */
  async grants(caller: Caller, sessionId: string, artifactId: string): Promise<readonly Grant[]> {
    const session = await this.#ports.sessions.shared(caller, sessionId);
    await this.#sharing.read(caller, session, { artifactId });
    return await this.#ports.store.grants(session.ref, artifactId);
  }

  /**
   * Removes the files that nothing refers to: those of contents that went, at once, and those that were written for a
   * commit that never came, after an hour.
   *
   * @returns how many
   */
  async collect(): Promise<number> {
    return await this.#collector.collect();
  }

  /** Removes the files of contents that went, at once; returns how many. */
  async removeAbandoned(): Promise<number> {
    return await this.#collector.removeAbandoned();
  }

  /** Changes one artifact by a command that is made when its turn has come. */
  async #change<T>(
    caller: Caller,
    { sessionId, artifactId, idempotency, precondition }: Target,
    decide: (artifact: Artifact, session: Session) => Promise<Decision<T>>,
  ): Promise<Answer<T>> {
    const { sessions } = this.#ports;
    const session = await sessions.shared(caller, sessionId);
    return await this.#once.run<T>(caller.tenant, keyOf(caller, session, idempotency), async (remember) =>
      this.#turns.run(`${session.ref.id}\n${artifactId}`, async () => {
        const { artifact, leave } = await this.#sharing.admit(caller, session, { artifactId, needed: "admin" });
        const { command, answerOf } = await decide(artifact, session);
        const settled = await sessions.change(caller, session.ref.id, leave(command), {
          isGranted: true,
          ...given("precondition", precondition),
          ...remembering(remember, answerOf),
        });
        return { value: answerOf(settled.value), at: settled.at };
      }),
    );
  }

  /**
   * Refuses what would be refused once the bytes are here, before any of them is taken. What was answered already may
   * be asked again whatever has become of the session.
   */
  async #assertMayBegin(
    caller: Caller,
    session: Session,
    described: ArtifactDescription,
    { idempotency, precondition }: WriteOptions,
  ): Promise<void> {
    const { store, clock } = this.#ports;
    await this.#sharing.admitStore(caller, session, described.name);
    try {
      assertMatches(precondition, session.head.seq);
      storeArtifact({ ...described, artifactId: "", digest: "", size: 0 }, this.#settings)(session.record, clock.now());
    } catch (refusal) {
      const isRepeated =
        idempotency !== undefined &&
        (await store.remembered({ tenant: caller.tenant, ...idempotency }, clock.now())) !== undefined;
      if (!isRepeated) throw refusal;
    }
  }
}

/** Writes what refers to a content: by its digest alone where the store has it, and with its bytes where not. */
async function bring<T>(staged: Staged, write: (contents: readonly NewContent[]) => Promise<T>): Promise<T> {
  if (!staged.isKnown) return await write([await staged.bring()]);
  try {
    return await write([]);
  } catch (error) {
    if (!(error instanceof SojournError && error.code === "content_missing")) throw error;
    return await write([await staged.bring()]);
  }
}

/** The key for a call on this session: what one session was answered is not for another. */
function keyOf(
  { actingAs = "" }: Caller,
  { ref }: Session,
  idempotency: Idempotency | undefined,
): Idempotency | undefined {
  return keyFor(idempotency && { ...idempotency, request: `${actingAs}\n${idempotency.request}` }, ref.id);
}

interface Target extends WriteOptions {
  readonly sessionId: string;
  readonly artifactId: string;
}

/** What to do with an artifact, and what to answer, by the session just after it. */
interface Decision<T> {
  readonly command: ReturnType<typeof deleteArtifact>;
  readonly answerOf: (session: Session) => T;
}

/** Remembers, in the same commit, what is answered of the session just after it. */
function remembering<T>(
  remember: Remember<T> | undefined,
  answerOf: (session: Session) => T,
): Pick<NonNullable<Parameters<Sessions["change"]>[3]>, "remember"> {
  return given(
    "remember",
    remember,
    (keep) =>
      ({ stream, at }: { readonly stream: Session; readonly at: number }) =>
        keep(answerOf(stream), at, stream.ref),
  );
}

function missing(artifactId: string): SojournError {
  return new SojournError("artifact_not_found", { message: `Artifact ${artifactId} not found` });
}
