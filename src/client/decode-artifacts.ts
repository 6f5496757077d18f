import type { JsonObject } from "../engine/json.ts";
import type { ArtifactState, Grant, Permission } from "./artifact.ts";

/** An artifact on the wire. */
export interface WireArtifact {
  readonly artifact_id: string;
  readonly session_id: string;
  readonly name: string;
  readonly artifact_type: string;
  readonly version: number;
  readonly previous_hash?: string | undefined;
  readonly content_hash: string;
  readonly size: number;
  readonly stored_size?: number | undefined;
  readonly is_compressed?: boolean | undefined;
  readonly mime_type: string;
  readonly tags: readonly string[];
  readonly metadata: JsonObject;
  readonly created_at: string;
  readonly created_by: string;
  readonly seq: number;
  readonly gone_seq?: number | undefined;
}

/** A grant on the wire. */
export interface WireGrant {
  readonly artifact_id: string;
  readonly session_id: string;
  readonly uid: string;
  readonly permission: Permission;
  readonly seq: number;
}

/** An artifact in the words of the SDK. */
export function decodeArtifact(wire: WireArtifact): ArtifactState {
  return {
    artifactId: wire.artifact_id,
    sessionId: wire.session_id,
    name: wire.name,
    type: wire.artifact_type,
    version: wire.version,
    previousHash: wire.previous_hash,
    contentHash: wire.content_hash,
    size: wire.size,
    storedSize: wire.stored_size,
    isCompressed: wire.is_compressed,
    mimeType: wire.mime_type,
    tags: wire.tags,
    metadata: wire.metadata,
    createdAt: new Date(wire.created_at),
    createdBy: wire.created_by,
    seq: wire.seq,
    goneSeq: wire.gone_seq,
  };
}

/** A grant in the words of the SDK. */
export function decodeGrant({ artifact_id: artifactId, session_id: sessionId, ...wire }: WireGrant): Grant {
  const { uid, permission, seq } = wire;
  return { artifactId, sessionId, uid, permission, seq };
}
