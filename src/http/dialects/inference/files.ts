import { z } from "zod";
import type { Artifact } from "../../../engine/artifact.ts";
import { SECOND } from "../../../engine/clock.ts";
import { invalid, SojournError } from "../../../engine/errors.ts";
import { LIMITS } from "../../../engine/limits.ts";
import type { Call } from "../../route.ts";
import { BASE } from "./answer.ts";
import { digestOf, encodeCapability, isSame } from "./capability.ts";
import { isoTime, ModelShape, shortId } from "./encode.ts";

/** The session of a tenant that has its files. */
export const FILES_SESSION = "inference.files";

/** For how long the address that a file is sent to is good. */
export const UPLOAD_US: number = 3_600 * SECOND;

const text = z.string().max(1_024);

/** `POST /files`. */
export const NewFilesShape = z.object({
  category: z.string().nullish(),
  files: z
    .array(
      z.object({
        uri: z.string().nullish(),
        filename: z.string().max(LIMITS.nameLength).nullish(),
        content_type: z.string().max(LIMITS.mimeTypeLength).nullish(),
        path: text.nullish(),
        size: z.int().min(0).nullish(),
        public: z.boolean().nullish(),
      }),
    )
    .min(1)
    .max(100),
});

/** A file as clients of this contract see it. */
export const FileShape = z
  .object({
    ...ModelShape.shape,
    uri: z.string().describe("where its bytes are, for whoever has this address"),
    upload_url: z.string().describe("where its bytes go, without a key and for an hour; told once, and else empty"),
    path: z.string(),
    remote_path: z.string(),
    content_type: z.string(),
    size: z.int().describe("0 until its bytes are here"),
    filename: z.string(),
    category: z.string(),
    rating: z.literal("unrated"),
  })
  .meta({ id: "File" });

/** What is kept with a file. */
const KeptShape = z.object({
  filename: z.string(),
  path: z.string(),
  /** How many bytes it is said to have. */
  size: z.int().optional(),
  /** Opens its bytes; whoever may read artifacts may read those as well. */
  read_secret: z.string(),
  /** Of the secret with which its bytes may be sent. */
  upload_digest: z.string(),
  upload_until: z.number(),
});

export type Kept = z.output<typeof KeptShape>;

/** What is kept with an artifact, if that is a file of ours. */
export function keptWith({ metadata }: Artifact): Kept | undefined {
  return KeptShape.safeParse(metadata).data;
}

/** Whether a secret lets its holder send the bytes of a file, at `now`. */
export function maySend({ upload_digest: digest, upload_until: until }: Kept, secret: string, now: number): boolean {
  return isSame(digest, digestOf(secret)) && now <= until;
}

/** @param uploadSecret  where the file has only now been made */
export function encodeFile(
  { caller, origin }: Pick<Call, "caller" | "origin">,
  artifact: Artifact,
  uploadSecret?: string,
): z.output<typeof FileShape> {
  const kept = keptWith(artifact);
  const id = artifact.name;
  const url = (place: string, secret: string): string =>
    `${origin()}${BASE}/files/${id}/${place}?token=${encodeCapability({ tenant: caller.tenant, secret })}`;
  return {
    id,
    short_id: shortId(id),
    created_at: isoTime(artifact.createdAtUs),
    updated_at: isoTime(artifact.createdAtUs),
    user_id: "",
    team_id: caller.tenant,
    visibility: "private",
    uri: kept === undefined ? "" : url("content", kept.read_secret),
    upload_url: uploadSecret === undefined ? "" : url("upload", uploadSecret),
    path: kept?.path ?? "",
    remote_path: "",
    content_type: artifact.mimeType,
    size: artifact.size,
    filename: kept?.filename ?? "",
    category: "",
    rating: "unrated",
  };
}

/** The error for a file that is not there. */
export function noSuchFile(id: string): SojournError {
  return new SojournError("not_found", { message: `file not found: ${id}` });
}

/** Bytes as they come; fails where they are not as many as was said before, at the latest when the next is too much. */
export async function* ofSize(bytes: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const piece of bytes) {
    sent += piece.byteLength;
    if (sent > size) throw anotherSize(size, "more");
    yield piece;
  }
  if (sent < size) throw anotherSize(size, String(sent));
}

function anotherSize(said: number, sent: string): SojournError {
  return invalid([{ field: "size", message: `was said to be ${said} bytes, and ${sent} came`, type: "size_mismatch" }]);
}

/** The error for an address that opens nothing, or no more. It tells nothing of what there is. */
export function noSuchCapability(): SojournError {
  return new SojournError("forbidden", { message: "This address opens nothing, or not any more" });
}
