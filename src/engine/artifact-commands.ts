import type { Artifact, ArtifactDescription, Grant, Permission } from "./artifact.ts";
import type { Command } from "./commands.ts";
import { type Fault, invalid, SojournError } from "./errors.ts";
import { given } from "./given.ts";
import type { JsonObject } from "./json.ts";
import { assertSize, jsonFaults, LIMITS, textFaults, utf8Length } from "./limits.ts";
import type { SessionRecord } from "./session.ts";

/** How much one session may hold. */
export interface ArtifactLimits {
  /** How many artifacts, versions included. */
  readonly artifactsMax: number;
  /** Of all its artifacts, before compression. */
  readonly bytesMax: number;
}

/** An artifact that is to be stored; its content is known. */
export interface ArtifactToStore extends ArtifactDescription {
  readonly artifactId: string;
  readonly digest: string;
  readonly size: number;
}

/**
 * Adds an artifact to an active session.
 *
 * @throws {SojournError} `invalid`; `invalid_transition` where the session is not active; `limit_reached` where it holds as
 *   much as it may
 */
export function storeArtifact(artifact: ArtifactToStore, { artifactsMax, bytesMax }: ArtifactLimits): Command {
  assertDescription(artifact);
  return (session) => {
    assertActive(session);
    const { count, bytes } = session.artifacts;
    if (count >= artifactsMax) {
      throw tooMuch(session, `has ${artifactsMax} artifacts, as many as it may`, {
        setting: "max_artifacts_per_session",
        limit: artifactsMax,
      });
    }
    if (bytes + artifact.size > bytesMax) {
      throw tooMuch(session, `would have more than ${bytesMax} bytes in its artifacts`, {
        setting: "max_artifact_bytes_per_session",
        limit: bytesMax,
      });
    }
    return [{ kind: "artifact.stored", name: "store", input: artifact, made: [artifact.artifactId] }];
  };
}

/** Removes an artifact from a session, whatever its status. */
export function deleteArtifact({ id, name, size }: Artifact): Command {
  return () => [
    { kind: "artifact.deleted", name: "delete_artifact", input: { artifactId: id, name, size }, used: [id] },
  ];
}

/** Shares an artifact with another session, or changes how. `before` is what that session has already. */
export function grantArtifact(grant: Omit<Grant, "seq">, before: Permission | undefined): Command {
  const { artifactId, grantee, permission } = grant;
  return () => {
    if (before === permission) return [];
    const input = { artifactId, grantee, permission, replaces: before !== undefined };
    return [{ kind: "artifact.granted", name: "grant", input, used: [artifactId] }];
  };
}

/** Ends the sharing of an artifact with another session. */
export function revokeArtifact({ artifactId, grantee }: Pick<Grant, "artifactId" | "grantee">): Command {
  return () => [{ kind: "artifact.revoked", name: "revoke", input: { artifactId, grantee }, used: [artifactId] }];
}

/** Says in the log of a session that another one used its artifact, or, with `refusal`, why it was not let. */
export function noteAccess(
  access: { readonly artifactId: string; readonly by: string; readonly needed: Permission },
  refusal?: string,
): Command {
  return () => [
    {
      kind: "artifact.accessed",
      name: "access",
      input: access,
      used: [access.artifactId],
      ...given("error", refusal),
    },
  ];
}

/**
 * Gives a name to the operation that says so.
 *
 * @throws {SojournError} `invalid`; `checkpoint_exists` where the name is given already; `limit_reached`
 */
export function checkpoint(name: string, data?: JsonObject): Command {
  const faults = [...textFaults("name", name, { min: 1, max: LIMITS.checkpointNameLength })];
  if (/^\d+$/.test(name)) faults.push({ field: "name", message: "must not be a number", type: "invalid_name" });
  if (name === "__proto__") faults.push({ field: "name", message: "is no name", type: "invalid_name" });
  if (data !== undefined) faults.push(...jsonFaults(data, "data"));
  if (faults.length > 0) throw invalid(faults);
  if (data !== undefined) assertSize("data", data, LIMITS.checkpointDataBytes);
  return (session) => {
    const known = Object.hasOwn(session.checkpoints, name) ? session.checkpoints[name] : undefined;
    if (known !== undefined) {
      const message = `Session "${session.sessionId}" has a checkpoint "${name}" at ${known}; use another name`;
      throw new SojournError("checkpoint_exists", { message });
    }
    if (Object.keys(session.checkpoints).length >= LIMITS.checkpoints) {
      const message = `Session "${session.sessionId}" has ${LIMITS.checkpoints} checkpoints, as many as it may`;
      throw new SojournError("limit_reached", {
        message,
        faults: [{ field: "checkpoints", message: `is ${LIMITS.checkpoints}`, type: "limit" }],
      });
    }
    return [{ kind: "checkpoint.created", name: "checkpoint", input: { name, ...given("data", data) } }];
  };
}

/** What is wrong with the description of an artifact, by the fields of a call. */
export function assertDescription({ name, type, mimeType, tags, metadata }: ArtifactDescription): void {
  const faults: Fault[] = [
    ...nameFaults(name),
    ...textFaults("artifact_type", type, { min: 1, max: LIMITS.artifactTypeLength }),
    ...textFaults("mime_type", mimeType, { min: 1, max: LIMITS.mimeTypeLength }),
    ...(/\p{Cc}/u.test(type)
      ? [{ field: "artifact_type", message: "must hold no control characters", type: "invalid_text" }]
      : []),
    ...tags.flatMap((tag, i) => textFaults(`tags.${i}`, tag, { min: 1, max: LIMITS.tagLength })),
    ...jsonFaults(metadata, "metadata"),
  ];
  if (tags.length > LIMITS.tags) {
    faults.push({ field: "tags", message: `must be at most ${LIMITS.tags}`, type: "too_big" });
  }
  if (!MIME_TYPE.test(mimeType)) {
    faults.push({ field: "mime_type", message: "must be a media type, such as text/csv", type: "invalid_mime_type" });
  }
  if (faults.length > 0) throw invalid(faults);
  assertSize("metadata", metadata, LIMITS.artifactMetadataBytes);
}

/** Printable, so that it can be a header. */
const MIME_TYPE = /^[\w.+!#$&^-]+\/[\w.+!#$&^-]+(?:\s*;[\x20-\x7e]*)?$/;

/** What separates the parts of a path on one system or another, and control characters. */
const UNFIT = /[/\\\p{Cc}]/u;

function nameFaults(name: string): Fault[] {
  const faults = [...textFaults("name", name, { min: 1, max: Number.POSITIVE_INFINITY })];
  const bytes = utf8Length(name);
  if (bytes > LIMITS.artifactNameBytes) {
    const message = `takes ${bytes} bytes; at most ${LIMITS.artifactNameBytes} are allowed`;
    faults.push({ field: "name", message, type: "too_big" });
  }
  if (name === "." || name === ".." || UNFIT.test(name)) {
    const message = "must name a file, without path separators and control characters";
    faults.push({ field: "name", message, type: "invalid_name" });
  }
  return faults;
}

/** Refuses, with `invalid_transition`, to add to a session that is not active. */
function assertActive(session: SessionRecord): void {
  if (session.status === "active") return;
  throw new SojournError("invalid_transition", {
    message: `Cannot store artifacts in session "${session.sessionId}": it is ${session.status}`,
  });
}

/** @param setting  what an operator may raise */
function tooMuch(
  { sessionId }: SessionRecord,
  what: string,
  { setting, limit }: { readonly setting: string; readonly limit: number },
): SojournError {
  return new SojournError("limit_reached", {
    message: `Session "${sessionId}" ${what}; delete some, or raise the limit ${setting}`,
    faults: [{ field: setting, message: `is ${limit}`, type: "limit" }],
  });
}
