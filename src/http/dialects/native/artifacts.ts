import { z } from "zod";
import type { ByteRange, NewArtifact, NewFileArtifact } from "../../../artifacts/artifacts.ts";
import { ARTIFACT_TYPES, type Artifact, type Grant, PERMISSIONS } from "../../../engine/artifact.ts";
import { SECOND } from "../../../engine/clock.ts";
import { invalid } from "../../../engine/errors.ts";
import { given } from "../../../engine/given.ts";
import type { JsonObject } from "../../../engine/json.ts";
import { jsonFaults, LIMITS } from "../../../engine/limits.ts";
import type { ArtifactQuery } from "../../../engine/store.ts";
import {
  AtShape,
  integer,
  metadata,
  moment,
  moments,
  PageShape,
  pageLimit,
  ReturnQueryShape,
  tag,
  tags,
} from "./decode.ts";
import { isoTime } from "./encode.ts";

const count = z.int().min(0);

const name = z
  .string()
  .describe(
    `a file's name, at most ${LIMITS.artifactNameBytes} bytes, and no path; artifacts of one name are its versions`,
  );
const type = z
  .string()
  .min(1)
  .max(LIMITS.artifactTypeLength)
  .describe(`what made it: ${ARTIFACT_TYPES.join(", ")}, or a word of your own`);
const mimeType = z.string().min(1).max(LIMITS.mimeTypeLength);

/** `POST /sessions/{id}/artifacts`, in JSON. */
export const NewArtifactShape = z
  .strictObject({
    name: name.optional().describe(`${name.description}; with path, that of the file where it is left out`),
    artifact_type: type,
    content: z.string().optional().describe("text, kept as UTF-8; what has NUL goes as content_base64"),
    content_base64: z.string().optional().describe("bytes, in Base64 with its padding"),
    path: z
      .string()
      .min(1)
      .optional()
      .describe("of a file of the server's machine, below one of the directories that its operator named"),
    mime_type: mimeType.optional().describe("by the name where it is left out"),
    tags: tags.optional(),
    metadata: metadata.optional(),
  })
  .refine(
    ({ content, content_base64, path }) =>
      [content, content_base64, path].filter((one) => one !== undefined).length === 1,
    { path: ["content"], error: "must be given, or content_base64 or path, and one of them alone" },
  )
  .refine(({ name, path }) => name !== undefined || path !== undefined, {
    path: ["name"],
    error: "is missing",
  });

/** `POST /sessions/{id}/artifacts`, of bytes; beside JSON it says nothing. */
export const NewRawArtifactShape = z.strictObject({
  name: name.optional().describe(`of bytes; ${name.description}`),
  artifact_type: type.optional().describe(`of bytes; ${type.description}`),
  mime_type: mimeType.optional().describe("of bytes; the Content-Type where that says what they are, else by the name"),
  tags: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe("of bytes; repeatable, and each may hold several, separated by commas"),
  tag: z
    .union([z.string(), z.array(z.string())])
    .optional()
    .describe("of bytes; repeatable, each one tag, whatever it holds"),
  metadata: z.string().optional().describe("of bytes; a JSON object as text"),
  ...ReturnQueryShape.shape,
});

const NO_TIME = "must be a date-time of RFC 3339, or seconds since 1970";

const bound = z
  .union([moment, z.string().regex(/^\d{1,11}(?:\.\d{1,6})?$/, NO_TIME)], NO_TIME)
  .describe("RFC 3339, or seconds since 1970; inclusive, and a whole second means all of it");

const size = integer(0, Number.MAX_SAFE_INTEGER);

/** `GET /sessions/{id}/artifacts`. */
export const ArtifactsQueryShape = z.strictObject({
  type: type.optional(),
  tag: z
    .union([tag, z.array(tag).max(LIMITS.tags)])
    .optional()
    .describe("repeatable; all must match"),
  name: z.string().min(1).optional(),
  name_pattern: z
    .string()
    .min(1)
    .max(LIMITS.globLength)
    .optional()
    .describe("* stands for any characters, ? for one, [a-z] and [!a-z] for one of some"),
  created_after: bound.optional(),
  created_before: bound.optional(),
  min_size: size.optional().describe("bytes, inclusive"),
  max_size: size.optional().describe("bytes, inclusive"),
  ...AtShape.shape,
  ...PageShape.shape,
});

/** `POST …/grants`. */
export const NewGrantShape = z.strictObject({
  session_id: z.string().min(1).describe("whom it is shared with: a session_id, or a uid"),
  permission: z
    .enum(PERMISSIONS)
    .describe("read its bytes; write: also store versions; admin: also delete and share it"),
});

/** An artifact as clients see it. */
export const ArtifactShape = z
  .object({
    artifact_id: z.string(),
    session_id: z.string(),
    name: z.string(),
    artifact_type: z.string(),
    version: count.describe("1, 2, 3 … among the artifacts of its name, with those that were deleted"),
    previous_hash: z.string().optional().describe("the content_hash of the version before"),
    content_hash: z.string().describe("BLAKE3 of its bytes"),
    size: count.describe("bytes"),
    stored_size: count.optional().describe("bytes on the disk; absent once they are gone"),
    is_compressed: z.boolean().optional(),
    mime_type: z.string(),
    tags: z.array(z.string()),
    metadata: z.record(z.string(), z.json()),
    created_at: z.iso.datetime(),
    created_by: z.string().describe("the actor that stored it"),
    seq: count.describe("the operation that stored it"),
    gone_seq: count.optional().describe("the operation that deleted it, for one of the past"),
  })
  .meta({ id: "Artifact" });

export const GrantShape = z
  .object({
    artifact_id: z.string(),
    session_id: z.string().describe("whom it is shared with; the uid where that session is gone"),
    uid: z.string(),
    permission: z.enum(PERMISSIONS),
    seq: count.describe("the operation that granted it"),
  })
  .meta({ id: "Grant" });

/** What a body in JSON says of a new artifact: its bytes, or the file that has them. */
export type DecodedArtifact =
  | { readonly wanted: NewArtifact; readonly content: Uint8Array }
  | { readonly file: NewFileArtifact };

export function decodeNewArtifact(body: z.output<typeof NewArtifactShape>): DecodedArtifact {
  const described = {
    type: body.artifact_type,
    ...given("mimeType", body.mime_type),
    ...given("tags", body.tags),
    ...given("metadata", body.metadata),
  };
  const { name = "", path, content, content_base64: base64 } = body;
  if (path !== undefined) return { file: { ...described, path, ...given("name", body.name) } };
  const wanted = { ...described, name };
  return { wanted, content: base64 === undefined ? Buffer.from(content ?? "") : decodeBase64(base64) };
}

/** What a query says of bytes that come as they are. */
export function decodeRawArtifact(
  query: z.output<typeof NewRawArtifactShape>,
  contentType: string | undefined,
): NewArtifact {
  const faults = (["name", "artifact_type"] as const)
    .filter((field) => query[field] === undefined)
    .map((field) => ({ field, message: "is missing; of bytes, the query says what they are", type: "invalid_type" }));
  if (faults.length > 0) throw invalid(faults);
  return {
    name: query.name ?? "",
    type: query.artifact_type ?? "",
    ...given("mimeType", query.mime_type ?? (contentType && says(contentType) ? contentType : undefined)),
    ...given("tags", tagsOf(query)),
    ...given("metadata", query.metadata, decodeMetadata),
  };
}

function tagsOf({ tags, tag }: z.output<typeof NewRawArtifactShape>): readonly string[] | undefined {
  if (tags === undefined && tag === undefined) return undefined;
  return [...[tags ?? []].flat().flatMap((some) => some.split(",")), ...[tag ?? []].flat()];
}

/** Refuses, by their names, what of a query is for bytes alone. */
export function assertNoRaw({ return: _, ...query }: z.output<typeof NewRawArtifactShape>): void {
  const faults = Object.keys(query).map((field) => {
    return { field, message: "is for bytes; of JSON, the body says it", type: "unrecognized_keys" };
  });
  if (faults.length > 0) throw invalid(faults);
}

/** What clients send that don't know, or don't say, what they send. */
const UNTOLD = /^\s*(?:application\/octet-stream|application\/x-www-form-urlencoded)\s*(?:;|$)/i;

function says(contentType: string): boolean {
  return !UNTOLD.test(contentType);
}

function decodeBase64(text: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  // Node skips what is not of the alphabet.
  if (bytes.toString("base64") === text) return bytes;
  throw invalid([{ field: "content_base64", message: "must be Base64, with its padding", type: "invalid_base64" }]);
}

function decodeMetadata(text: string): JsonObject {
  const value = parsedObject(text);
  if (value === undefined)
    throw invalid([{ field: "metadata", message: "must be a JSON object", type: "invalid_json" }]);
  const faults = jsonFaults(value, "metadata");
  if (faults.length > 0) throw invalid(faults);
  return value;
}

function parsedObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    // NOTE: what was parsed as JSON is JSON.
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
  } catch {
    return undefined;
  }
}

/** The query without its moment, which is another's to look up. */
export function decodeArtifacts(query: z.output<typeof ArtifactsQueryShape>): Omit<ArtifactQuery, "grantee" | "at"> {
  return {
    ...given("type", query.type),
    ...given("tags", query.tag === undefined ? undefined : [...new Set([query.tag].flat())]),
    ...given("name", query.name),
    ...given("namePattern", query.name_pattern),
    ...given("createdAfterUs", query.created_after, instant),
    ...given("createdBeforeUs", query.created_before, (text) => instant(text) + (isWhole(text) ? SECOND - 1 : 0)),
    ...given("sizeMin", query.min_size, Number),
    ...given("sizeMax", query.max_size, Number),
    limit: pageLimit(query.limit),
    ...given("cursor", query.cursor),
  };
}

/** Microseconds since the epoch. */
function instant(text: string): number {
  const [, seconds, fraction = ""] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  return seconds === undefined ? moments(text) : Number(seconds) * SECOND + Number(fraction.padEnd(6, "0"));
}

/** Whether a time has no fraction of a second. */
function isWhole(text: string): boolean {
  return !text.includes(".");
}

/**
 * The part that a `Range` asks for. `undefined` for whatever else than one range of bytes: that is answered with the whole,
 * as RFC 9110 (14.2) has it.
 */
export function decodeRange(header: string | undefined): ByteRange | undefined {
  const [, first = "", last = ""] = /^bytes=\s*(\d*)-(\d*)\s*$/i.exec(header ?? "") ?? [];
  const [from, to] = [position(first), position(last)];
  if (first === "") return last === "" ? undefined : lastBytes(to);
  if (last === "") return { first: from };
  return to < from ? undefined : { first: from, last: to };
}

/** The last none of a content are a part that it does not have. */
function lastBytes(count: number): ByteRange {
  return { first: count === 0 ? Number.MAX_SAFE_INTEGER : -count };
}

function position(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

/** Whether a list of entity tags, as `If-None-Match` has it, names this one. */
export function namesTag(list: string | undefined, tag: string): boolean {
  if (list === undefined) return false;
  return list.trim() === "*" || [...list.matchAll(/"[^"]*"/g)].some(([one]) => one === tag);
}

export function encodeArtifact(artifact: Artifact, sessionId: string): z.output<typeof ArtifactShape> {
  const { content } = artifact;
  return {
    artifact_id: artifact.id,
    session_id: sessionId,
    name: artifact.name,
    artifact_type: artifact.type,
    version: artifact.version,
    ...given("previous_hash", artifact.previousDigest),
    content_hash: artifact.digest,
    size: artifact.size,
    ...(content && { stored_size: content.storedSize, is_compressed: content.storedSize !== content.size }),
    mime_type: artifact.mimeType,
    tags: [...artifact.tags],
    // NOTE: metadata came in as JSON.
    metadata: artifact.metadata as Record<string, z.core.util.JSONType>,
    created_at: isoTime(artifact.createdAtUs),
    created_by: artifact.createdBy,
    seq: artifact.seq,
    ...given("gone_seq", artifact.goneSeq),
  };
}

export function encodeGrant(
  { artifactId, grantee, permission, seq }: Grant,
  sessionId: string = grantee,
): z.output<typeof GrantShape> {
  return { artifact_id: artifactId, session_id: sessionId, uid: grantee, permission, seq };
}
