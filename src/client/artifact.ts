import type { Permission } from "../engine/artifact.ts";
import { invalid, SojournError } from "../engine/errors.ts";
import type { Moment } from "../engine/history.ts";
import type { Json, JsonObject } from "../engine/json.ts";
import type { Bytes, OnProgress } from "./content.ts";
import type { CallOptions } from "./inputs.ts";
import { showing } from "./members.ts";
import type { ArtifactTransport, ContentPart } from "./transport.ts";

export type { Moment, Permission };

/** What is said of a new artifact. */
export interface ArtifactDescription {
  /** What made it: `user_input`, `tool_result`, `agent_output`, `system_generated`, or a word of your own. */
  readonly type: string;
  /** Default: that of a `Blob`, or by the extension of the name, or `application/octet-stream`. */
  readonly mimeType?: string | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly metadata?: JsonObject | undefined;
}

/** Which artifacts of a session. All that is given must match. */
export interface ArtifactFilter {
  readonly type?: string | undefined;
  /** All of them. */
  readonly tags?: readonly string[] | undefined;
  readonly name?: string | undefined;
  /** A name with `*` for any characters, `?` for one, and `[a-z]` for one of some, such as `*.csv`. */
  readonly namePattern?: string | undefined;
  /** Inclusive, like `createdBefore`; a text is a date or a date-time in ISO 8601. */
  readonly createdAfter?: Date | string | undefined;
  readonly createdBefore?: Date | string | undefined;
  /** In bytes, inclusive, like `maxSize`. */
  readonly minSize?: number | undefined;
  readonly maxSize?: number | undefined;
  /** Those that were there just after that operation, or at that checkpoint; default: those that are. */
  readonly at?: Moment | undefined;
}

/** One version of a named file of a session, as it was told. */
export interface ArtifactState {
  readonly artifactId: string;
  readonly sessionId: string;
  readonly name: string;
  readonly type: string;
  /** 1, 2, 3 … among the artifacts of its name, with those that were deleted. */
  readonly version: number;
  /** The `contentHash` of the version before it. */
  readonly previousHash: string | undefined;
  /** BLAKE3 of its bytes. */
  readonly contentHash: string;
  /** In bytes. */
  readonly size: number;
  /** What it takes where it is kept; `undefined` once its bytes are gone, as they may be for an artifact of the past. */
  readonly storedSize: number | undefined;
  readonly isCompressed: boolean | undefined;
  readonly mimeType: string;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly createdAt: Date;
  /** Who stored it. */
  readonly createdBy: string;
  /** The operation that stored it. */
  readonly seq: number;
  /** The operation that deleted it. */
  readonly goneSeq: number | undefined;
}

/** Which bytes: from `start` to before `end`, from 0. A negative `start` counts from the end, and goes to it. */
export interface ByteSpan {
  readonly start?: number | undefined;
  /** May be past the end. */
  readonly end?: number | undefined;
}

/** How to read. */
export interface ReadOptions extends CallOptions {
  readonly onProgress?: OnProgress | undefined;
}

/** That another session may use an artifact, and later versions of its name. */
export interface Grant {
  readonly artifactId: string;
  /** The session that it is shared with. */
  readonly sessionId: string;
  readonly uid: string;
  readonly permission: Permission;
  /** The operation that granted it. */
  readonly seq: number;
}

/** One version of a named file of a session. It never changes; its bytes are fetched when they are read. */
export class Artifact extends showing<ArtifactState>() {
  readonly #from: ArtifactOrigin;

  /** Artifacts come from `session.artifacts`. */
  constructor(state: ArtifactState, from: ArtifactOrigin) {
    super(state);
    this.#from = from;
  }

  /**
   * The bytes as they come, all or some of them. Whoever stops reading stops the fetching.
   *
   * Once begun it is not repeated: a connection that breaks is `unreachable`, and so are bytes that are too few.
   *
   * @throws {SojournError} `range_not_satisfiable` for a `start` past the end; `artifact_not_found` where the bytes are gone;
   *   `content_damaged` where they are not what was stored. A server finds that out too late to say so but by breaking off
   */
  async *stream({
    start,
    end,
    signal,
    onProgress,
  }: ByteSpan & ReadOptions = {}): AsyncGenerator<Bytes, void, undefined> {
    const { transport, session, at } = this.#from;
    const part = { at, ...partOf({ start, end }, this.size) };
    let done = 0;
    for await (const piece of transport.content(session, this.artifactId, part, { signal })) {
      done += piece.length;
      onProgress?.({ done, total: part.length });
      yield piece;
    }
  }

  /** All the bytes at once. */
  async bytes(options: ReadOptions = {}): Promise<Bytes> {
    const bytes = new Uint8Array(this.size);
    let at = 0;
    for await (const piece of this.stream(options)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  }

  /**
   * All of it as text.
   *
   * @throws {SojournError} `invalid` where the bytes are not UTF-8
   */
  async text(options: ReadOptions = {}): Promise<string> {
    const bytes = await this.bytes(options);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch (cause) {
      throw new SojournError("invalid", { message: `Artifact "${this.name}" is not UTF-8; read its bytes`, cause });
    }
  }

  /**
   * What its text means as JSON.
   *
   * @throws {SojournError} `invalid_json`; that of `text`
   */
  async json(options: ReadOptions = {}): Promise<Json> {
    const text = await this.text(options);
    try {
      return JSON.parse(text.replace(/^\uFEFF/, "")) as Json;
    } catch (cause) {
      throw new SojournError("invalid_json", { message: `Artifact "${this.name}" is not JSON`, cause });
    }
  }
}

/** Where an artifact was found. */
export interface ArtifactOrigin {
  readonly transport: ArtifactTransport;
  /** The session, as it was named. */
  readonly session: string;
  readonly at: Moment | undefined;
}

// What is asked for is at least one byte, so that there is a part to answer with.
function partOf({ start = 0, end }: ByteSpan, size: number): Pick<ContentPart, "length" | "span"> {
  const isEnd = end === undefined || (Number.isSafeInteger(end) && start >= 0 && end > start);
  if (!Number.isSafeInteger(start) || !isEnd) {
    const message = "must be from a start to an end after it, both whole numbers; a negative start has no end";
    throw invalid([{ field: "range", message, type: "invalid_range" }]);
  }
  if (start === 0 && end === undefined) return { length: size, span: undefined };
  const first = start < 0 ? Math.max(0, size + start) : start;
  const length = Math.max(0, Math.min(end ?? size, size) - first);
  return { length, span: { first: start, ...(end !== undefined && { last: end - 1 }) } };
}
