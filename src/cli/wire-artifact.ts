import type { ArtifactState, Grant } from "../client/index.ts";

/** An artifact as the REST API shows it. */
export function wireArtifact(artifact: ArtifactState): object {
  return {
    artifact_id: artifact.artifactId,
    session_id: artifact.sessionId,
    name: artifact.name,
    artifact_type: artifact.type,
    version: artifact.version,
    previous_hash: artifact.previousHash,
    content_hash: artifact.contentHash,
    size: artifact.size,
    stored_size: artifact.storedSize,
    is_compressed: artifact.isCompressed,
    mime_type: artifact.mimeType,
    tags: artifact.tags,
    metadata: artifact.metadata,
    created_at: artifact.createdAt,
    created_by: artifact.createdBy,
    seq: artifact.seq,
    gone_seq: artifact.goneSeq,
  };
}

/** What a session may do with an artifact of another, as the REST API shows it. */
export function wireGrant({ artifactId, sessionId, ...grant }: Grant): object {
  return { artifact_id: artifactId, session_id: sessionId, ...grant };
}
