import { type Artifact, type ArtifactDescription, type ArtifactFilter, SojournError } from "../client/index.ts";
import { ArgumentError, Fields, jsonObject, someText, text, texts } from "./arguments.ts";
import type { Call, CallsOf } from "./calls.ts";
import { epochSeconds, spanOf } from "./epoch.ts";
import { asText, type Value, type ValueObject } from "./value.ts";

/** What `Artifact` can do. Where a session's id is empty or nil, it is the current one. */
export const ARTIFACT_CALLS: CallsOf<"Artifact"> = {
  "Artifact.store": async (host, [id, type, name, content, metadata]) => {
    const { artifacts } = await host.session(text(id, "the session's id"));
    const described = description(type, metadata);
    const stored = await artifacts.store(someText(name, "the artifact's name"), contentOf(content), {
      ...described,
      signal: host.signal,
    });
    return stored.artifactId;
  },
  "Artifact.storeFile": async (host, [id, path, type, metadata]) => {
    const { artifacts } = await host.session(text(id, "the session's id"));
    const described = description(type, metadata);
    const stored = await artifacts.storeFile(someText(path, "the file's path"), { ...described, signal: host.signal });
    return stored.artifactId;
  },
  "Artifact.get": async (host, [id, artifactId]) => {
    const { artifacts } = await host.session(text(id, "the session's id"));
    const wanted = text(artifactId, "the artifact's id") ?? "";
    const found = await unlessMissing(artifacts.get(wanted, { signal: host.signal }));
    if (found === undefined) return undefined;
    const bytes = await found.bytes({ signal: host.signal });
    return { ...shownArtifact(found), content: asText(bytes) };
  },
  "Artifact.list": async (host, [id]) => {
    const { artifacts } = await host.session(text(id, "the session's id"));
    const found: Value[] = [];
    for await (const artifact of artifacts.list({ pageSize: PAGE_MAX, signal: host.signal })) {
      found.push(shownArtifact(artifact));
    }
    // In the order in which they were stored.
    return found.reverse();
  },
  "Artifact.query": async (host, [query]) => {
    const fields = new Fields(query, "the query of Artifact.query");
    const id = fields.text("session_id", "sessionId");
    const limit = fields.count("limit") ?? LIMIT;
    const filter = filterOf(fields);
    fields.refuseOthers();
    const { artifacts } = await host.session(id);
    if (limit === 0) return [];
    const found = await artifacts.query({ ...filter, limit, signal: host.signal });
    return found.map(shownArtifact);
  },
  "Artifact.delete": async (host, [id, artifactId]) => {
    const { artifacts } = await host.session(text(id, "the session's id"));
    await artifacts.delete(someText(artifactId, "the artifact's id"), { signal: host.signal });
    return undefined;
  },
} satisfies Readonly<Record<string, Call>>;

const PAGE_MAX = 1_000;

/** How many `query` returns where it does not say. */
const LIMIT = 100;

/**
 * An artifact as scripts see it. Its `metadata` has what was said of it when it was stored, over what it is: both places
 * are looked in by scripts that there are.
 */
function shownArtifact(artifact: Artifact): ValueObject {
  const { artifactId, sessionId, name, type, mimeType, size, tags, metadata, version, isCompressed } = artifact;
  const { contentHash, previousHash, createdAt, createdBy, seq, storedSize } = artifact;
  const record = {
    id: artifactId,
    artifact_id: artifactId,
    session_id: sessionId,
    name,
    type,
    artifact_type: type,
    mime_type: mimeType,
    size,
    original_size: size,
    stored_size: storedSize,
    is_compressed: isCompressed,
    tags,
    version,
    content_hash: contentHash,
    previous_hash: previousHash,
    created_at: epochSeconds(createdAt),
    created_by: createdBy,
    sequence: seq,
    custom: metadata,
  };
  return { ...record, metadata: { ...record, ...metadata } };
}

function description(type: Value, given: Value): ArtifactDescription {
  // NOTE: `mime_type` and `tags` belong to the artifact; all else is the script's own.
  const { mime_type: mimeType, tags, ...metadata } = jsonObject(given, "the metadata") ?? {};
  return {
    type: someText(type, "the artifact's type"),
    mimeType: text(mimeType, "mime_type"),
    tags: texts(tags, "tags"),
    metadata,
  };
}

function contentOf(content: Value): string | Uint8Array<ArrayBuffer> {
  if (typeof content === "string") return content;
  if (typeof content === "number") return String(content);
  // NOTE: what comes from a script's thread is a copy of its own.
  if (content instanceof Uint8Array) return content as Uint8Array<ArrayBuffer>;
  throw new ArgumentError("the content must be a string, or bytes; a table becomes one by JSON.stringify");
}

function filterOf(fields: Fields): ArtifactFilter {
  const span = spanOf(fields.value("created_after", "createdAfter"), fields.value("created_before", "createdBefore"));
  return {
    type: fields.text("type", "artifact_type"),
    tags: fields.texts("tags"),
    name: fields.text("name"),
    namePattern: patternOf(fields.text("name_pattern", "namePattern")),
    createdAfter: span.first,
    createdBefore: span.last,
    minSize: fields.count("min_size", "minSize"),
    maxSize: fields.count("max_size", "maxSize"),
  };
}

/** A pattern without wildcards is a part of the name. */
function patternOf(pattern: string | undefined): string | undefined {
  return pattern === undefined || /[*?[]/.test(pattern) ? pattern : `*${pattern}*`;
}

async function unlessMissing<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof SojournError && error.code === "artifact_not_found") return undefined;
    throw error;
  }
}
