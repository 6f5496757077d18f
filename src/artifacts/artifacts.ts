import type { Artifact, Grant, Permission } from "../engine/artifact.ts";
import type { ArtifactLimits } from "../engine/artifact-commands.ts";
import type { BlobStore } from "../engine/blob-store.ts";
import type { Clock } from "../engine/clock.ts";
import { SojournError } from "../engine/errors.ts";
import type { Answer } from "../engine/idempotency.ts";
import type { Ids } from "../engine/ids.ts";
import type { JsonObject } from "../engine/json.ts";
import type { Caller, Session, Sessions, WriteOptions } from "../engine/sessions.ts";
import type { ArtifactQuery, Page, Store } from "../engine/store.ts";

/** What `Artifacts` stands on. */
export interface ArtifactPorts {
  readonly sessions: Sessions;
  readonly store: Store;
  readonly blobs: BlobStore;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** What an operator may set. */
export interface ArtifactSettings extends ArtifactLimits {
  /** Of one artifact, before compression. */
  readonly sizeMax: number;
  /** Contents with more bytes than this are compressed, where that makes them smaller. */
  readonly compressAbove: number;
  /** Contents that take no more than this go into the store itself. */
  readonly inStoreMax: number;
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

/** The bytes of a new artifact: at hand, or as they come. */
export type Source = Uint8Array | AsyncIterable<Uint8Array>;

/** An artifact, and its session just after the call. */
export interface Stored {
  readonly session: Session;
  readonly artifact: Artifact;
}

/** Which bytes: from `first` through `last`, both from 0; `last` may be past the end, and a negative `first` counts from it. */
export interface ByteRange {
  readonly first: number;
  readonly last?: number;
}

/** Bytes of an artifact; each is held against its digest before it is given out. */
export interface Opened extends AsyncIterable<Uint8Array>, AsyncDisposable {
  readonly artifact: Artifact;
  /** The first byte, and how many there are. */
  readonly offset: number;
  readonly length: number;
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

  constructor(ports: ArtifactPorts, settings: ArtifactSettings) {
    this.#ports = ports;
    this.#settings = settings;
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
    throw this.#todo(caller, sessionId, wanted, source, options);
  }

  /**
   * Like `store`, for a file below one of the roots, links resolved.
   *
   * @throws {SojournError} `forbidden` where there are no roots, or the file is not below one
   */
  async storeFile(
    caller: Caller,
    sessionId: string,
    wanted: NewFileArtifact,
    options: WriteOptions = {},
  ): Promise<Answer<Stored>> {
    throw this.#todo(caller, sessionId, wanted, options);
  }

  /** The artifact; with `at`, if it was there just after that operation. */
  async get(caller: Caller, sessionId: string, artifactId: string, at?: number): Promise<Artifact> {
    throw this.#todo(caller, sessionId, artifactId, at);
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
    throw this.#todo(caller, sessionId, artifactId, range, at);
  }

  /** A page of the session's artifacts, the newest first. */
  async list(caller: Caller, sessionId: string, query: Omit<ArtifactQuery, "grantee">): Promise<Page<Artifact>> {
    throw this.#todo(caller, sessionId, query);
  }

  /** Removes an artifact; its bytes go with the last that refers to them. */
  async delete(
    caller: Caller,
    sessionId: string,
    artifactId: string,
    options: WriteOptions = {},
  ): Promise<Answer<{ readonly session: Session; readonly artifactId: string }>> {
    throw this.#todo(caller, sessionId, artifactId, options);
  }

  /** Shares an artifact, and later versions of it, with another session of the tenant. */
  async grant(
    caller: Caller,
    sessionId: string,
    artifactId: string,
    shared: { readonly sessionId: string; readonly permission: Permission },
    options: WriteOptions = {},
  ): Promise<Answer<Grant>> {
    throw this.#todo(caller, sessionId, artifactId, shared, options);
  }

  /** Ends the sharing with a session. @throws {SojournError} `not_found` where it is not shared with it */
  async revoke(
    caller: Caller,
    sessionId: string,
    artifactId: string,
    granteeId: string,
    options: WriteOptions = {},
  ): Promise<Answer<{ readonly artifactId: string; readonly grantee: string }>> {
    throw this.#todo(caller, sessionId, artifactId, granteeId, options);
  }

  /** With whom an artifact is shared. */
  async grants(caller: Caller, sessionId: string, artifactId: string): Promise<readonly Grant[]> {
    throw this.#todo(caller, sessionId, artifactId);
  }

  /**
   * Removes the files that nothing refers to: those of contents that went, at once, and those that were written for a
   * commit that never came, after an hour.
   *
   * @returns how many
   */
  async collect(): Promise<number> {
    throw this.#todo();
  }

  #todo(..._: readonly unknown[]): SojournError {
    return new SojournError("internal", { message: `Not there yet: ${typeof this.#ports} ${typeof this.#settings}` });
  }
}
