import type { JsonObject } from "./json.ts";

/** What made an artifact. Any other name is as good. */
export const ARTIFACT_TYPES = ["user_input", "tool_result", "agent_output", "system_generated"] as const;

/** What a session that another one shares an artifact with may do with it; each includes those before it. */
export const PERMISSIONS = ["read", "write", "admin"] as const;

export type Permission = (typeof PERMISSIONS)[number];

/** How many artifacts a session has, and how many bytes they take, before compression. */
export interface Holdings {
  readonly count: number;
  readonly bytes: number;
}

export const NO_ARTIFACTS: Holdings = { count: 0, bytes: 0 };

/** What is said of an artifact when it is stored. */
export interface ArtifactDescription {
  /** Names a file, and no path. Artifacts of one name are versions of each other. */
  readonly name: string;
  /** One of `ARTIFACT_TYPES`, or of somebody's own. */
  readonly type: string;
  readonly mimeType: string;
  /** Without repetitions, in the order given. */
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
}

/** One version of a named file of a session. It never changes. */
export interface Artifact extends ArtifactDescription {
  /** `artifact_` and 16 hex digits; of its session alone. */
  readonly id: string;
  /** 1, 2, 3 … among the artifacts of its name, in the order of the log; those that were deleted count. */
  readonly version: number;
  /** The digest of the version before it. */
  readonly previousDigest?: string;
  /** BLAKE3 of its bytes. */
  readonly digest: string;
  /** In bytes. */
  readonly size: number;
  /** The operation that stored it. */
  readonly seq: number;
  /** The operation that deleted it. */
  readonly goneSeq?: number;
  readonly createdAtUs: number;
  /** The actor that stored it. */
  readonly createdBy: string;
  /** How its bytes are kept; absent once they are gone, as they may be for an artifact of the past. */
  readonly content?: Content;
}

/** The bytes of a content are kept in pieces of this size, the last of which may be smaller. */
export const CHUNK_BYTES = 1_048_576;

/** How bytes are kept: once for a tenant, whatever refers to them. */
export interface Content {
  /** BLAKE3 of the bytes. */
  readonly digest: string;
  readonly size: number;
  /** The sum of what its chunks take. */
  readonly storedSize: number;
  /** In order; one of `CHUNK_BYTES` each, but for the last. None for a content without bytes. */
  readonly chunks: readonly Chunk[];
  /** Either in the store itself, or as a file of the `BlobStore`. */
  readonly place: { readonly in: "store" } | { readonly in: "file"; readonly name: string };
}

/** One piece of a content. */
export interface Chunk {
  /** BLAKE3 of its bytes, before compression. */
  readonly digest: string;
  /** What it takes; less than its bytes where it is compressed by zstd. */
  readonly storedSize: number;
}

/** A content that a commit brings, with the stored bytes of all its chunks where they go into the store itself. */
export interface NewContent extends Content {
  readonly tenant: string;
  readonly body?: Uint8Array;
  /** A file that is lost: where the store has the content in that one, it takes its place. */
  readonly mends?: string;
}

/** That another session may use an artifact, and its later versions. */
export interface Grant {
  readonly artifactId: string;
  /** The uid of the session that it is shared with. */
  readonly grantee: string;
  readonly permission: Permission;
  /** The operation that granted it. */
  readonly seq: number;
}

/** What the operations on artifacts carry. */
export interface ArtifactInputs {
  readonly "artifact.stored": ArtifactDescription & {
    readonly artifactId: string;
    readonly digest: string;
    readonly size: number;
  };
  readonly "artifact.deleted": { readonly artifactId: string; readonly name: string; readonly size: number };
  /** Takes the place of an earlier grant of the same artifact to the same session. */
  readonly "artifact.granted": {
    readonly artifactId: string;
    readonly grantee: string;
    readonly permission: Permission;
    /** Whether there was an earlier one. */
    readonly replaces: boolean;
  };
  readonly "artifact.revoked": { readonly artifactId: string; readonly grantee: string };
  /** Another session used it, or was refused. */
  readonly "artifact.accessed": {
    readonly artifactId: string;
    /** The uid of the session that asked. */
    readonly by: string;
    readonly needed: Permission;
  };
}
