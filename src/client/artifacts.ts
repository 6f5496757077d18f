import { SojournError } from "../engine/errors.ts";
import {
  Artifact,
  type ArtifactDescription,
  type ArtifactFilter,
  type Grant,
  type Moment,
  type Permission,
} from "./artifact.ts";
import { type Content, type OnProgress, sourceOf } from "./content.ts";
import type { CallOptions, WriteOptions } from "./inputs.ts";
import { idOf, type SessionName } from "./session-id.ts";
import type { ArtifactTransport, Sighting, Told } from "./transport.ts";

/** How to store an artifact, and what to say of it. */
export interface StoreOptions extends ArtifactDescription, WriteOptions {
  readonly onProgress?: OnProgress | undefined;
}

/** How to store a file of the server's machine. */
export interface StoreFileOptions extends ArtifactDescription, WriteOptions {
  /** Default: the file's own. */
  readonly name?: string | undefined;
}

/**
 * The files of a session. Each has versions, none of which changes; equal bytes are kept once for the tenant.
 *
 * Calls on an artifact that is not there are `artifact_not_found`.
 */
export class Artifacts {
  readonly #transport: ArtifactTransport;
  readonly #session: string;
  readonly #onSeen: ((seen: Sighting) => void) | undefined;

  /** Artifacts come from a session, or from `sojourn.artifactsOf`. */
  constructor(transport: ArtifactTransport, session: string, onSeen?: (seen: Sighting) => void) {
    this.#transport = transport;
    this.#session = session;
    this.#onSeen = onSeen;
  }

  /**
   * Stores bytes as the next version of a name, in an active session.
   *
   * They are sent as they are, and a stream as it comes, with little memory. What is at hand is sent again where that
   * may help; a stream is not, for it can be read but once. `timeoutMs` is how long nothing may move, not how long it
   * may take.
   *
   * @param name  of a file, without a path; at most 255 bytes
   * @throws {SojournError} `payload_too_large`, `limit_reached`, `invalid_transition`, `forbidden`, `storage_full`; what a
   *   stream throws comes as it is
   */
  async store(name: string, content: Content, options: StoreOptions): Promise<Artifact> {
    // Whoever writes JavaScript may leave them out; whoever reads the call tells what it lacks.
    const { type, mimeType, tags, metadata, ...rest } = { ...options };
    const source = sourceOf(content);
    const wanted = { name, type, mimeType: mimeType ?? source.type, tags, metadata };
    return this.#shown(await this.#transport.store(this.#session, { wanted, source }, this.#with(rest)));
  }

  /**
   * Stores a file that the server reads, from a directory that its operator allows.
   *
   * @throws {SojournError} `forbidden` where it may not be read; those of `store`
   */
  async storeFile(path: string, options: StoreFileOptions): Promise<Artifact> {
    const { type, name, mimeType, tags, metadata, ...rest } = { ...options };
    const wanted = { path, name, type, mimeType, tags, metadata };
    return this.#shown(await this.#transport.storeFile(this.#session, wanted, this.#with(rest)));
  }

  /** The artifact; with `at`, if it was there just after that operation, or at that checkpoint. */
  async get(
    artifactId: string,
    { at, ...options }: { readonly at?: Moment | undefined } & CallOptions = {},
  ): Promise<Artifact> {
    assertId(artifactId);
    return this.#artifact(await this.#transport.get(this.#session, artifactId, at, options), at);
  }

  /** The artifacts that match, newest first, fetched page by page as they are read. */
  async *list({
    signal,
    ...query
  }: ArtifactFilter & { readonly pageSize?: number | undefined } & CallOptions = {}): AsyncGenerator<
    Artifact,
    void,
    undefined
  > {
    const filter = { ...query, createdBefore: through(query.createdBefore) };
    for (let cursor: string | undefined; ; ) {
      const page = await this.#transport.list(this.#session, filter, cursor, { signal });
      for (const state of page.items) yield this.#artifact(state, query.at);
      if (page.next === undefined) return;
      cursor = page.next;
    }
  }

  /** The first that match, newest first: `limit` of them, 100 where it is left out. */
  async query({
    limit = 100,
    ...filter
  }: ArtifactFilter & { readonly limit?: number | undefined } & CallOptions = {}): Promise<readonly Artifact[]> {
    const found: Artifact[] = [];
    for await (const artifact of this.list({ ...filter, pageSize: Math.min(limit, PAGE_MAX) })) {
      found.push(artifact);
      if (found.length >= limit) break;
    }
    return found;
  }

  /** Removes an artifact, whatever the status of its session. Its bytes go with the last artifact that has them. */
  async delete(artifactId: string, options: WriteOptions = {}): Promise<void> {
    assertId(artifactId);
    this.#see(await this.#transport.delete(this.#session, artifactId, this.#with(options)));
  }

  /**
   * Shares an artifact, and later versions of its name, with another session: to `read`, also to `write` versions of that
   * name, or also to delete and to share it (`admin`). Takes the place of what that session had.
   */
  async grant(
    artifactId: string,
    session: SessionName,
    permission: Permission,
    options: WriteOptions = {},
  ): Promise<Grant> {
    assertId(artifactId);
    const shared = { sessionId: idOf(session), permission };
    return this.#see(await this.#transport.grant(this.#session, artifactId, shared, this.#with(options)));
  }

  /**
   * Ends the sharing with a session.
   *
   * @throws {SojournError} `not_found` where it is not shared with it
   */
  async revoke(artifactId: string, session: SessionName, options: WriteOptions = {}): Promise<void> {
    assertId(artifactId);
    this.#see(await this.#transport.revoke(this.#session, artifactId, idOf(session), this.#with(options)));
  }

  /** With which sessions it is shared, in the order in which it was. */
  async grants(artifactId: string, options: CallOptions = {}): Promise<readonly Grant[]> {
    assertId(artifactId);
    return await this.#transport.grants(this.#session, artifactId, options);
  }

  #with<T extends object>(options: T): T & { readonly wantsSession: boolean } {
    return { ...options, wantsSession: this.#onSeen !== undefined };
  }

  #see<T>({ value, seen }: Told<T>): T {
    if (seen !== undefined) this.#onSeen?.(seen);
    return value;
  }

  #shown(told: Told<ConstructorParameters<typeof Artifact>[0]>): Artifact {
    return this.#artifact(this.#see(told), undefined);
  }

  #artifact(state: ConstructorParameters<typeof Artifact>[0], at: Moment | undefined): Artifact {
    return new Artifact(state, { transport: this.#transport, session: this.#session, at });
  }
}

/** The most that a page has. */
const PAGE_MAX = 1_000;

// A `Date` is a whole millisecond, and so has the artifacts whose `createdAt` it is.
function through(moment: Date | string | undefined): Date | string | undefined {
  if (!(moment instanceof Date) || Number.isNaN(moment.getTime())) return moment;
  return moment.toISOString().replace("Z", "999Z");
}

// What is no id could be another path.
function assertId(artifactId: string): void {
  if (/^artifact_[0-9a-f]{16}$/.test(artifactId)) return;
  throw new SojournError("artifact_not_found", { message: `Artifact ${artifactId} not found` });
}
