import type { Blake3Hasher } from "@napi-rs/blake-hash";
import { z } from "zod";
import { SojournError } from "../../engine/errors.ts";
import { STATUSES } from "../../engine/session.ts";
import { DATABASE_NAME } from "./connection.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** The version of the format that this release writes, and the newest that it reads. */
export const FORMAT_VERSION = 1;

/** What the last line takes: the BLAKE3 of every byte before it as hexadecimal digits, and the line's end. */
export const TRAILER_BYTES = 65;

/** What the first line takes at most. */
export const MANIFEST_BYTES_MAX = 65_536;

const count = z.int().nonnegative();

const fileSchema = z.object({
  name: z.literal(DATABASE_NAME),
  /** Before it was compressed. */
  bytes: count,
  /** BLAKE3 of the content before it was compressed, as hexadecimal digits. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
  /** As it lies in the backup. */
  stored_bytes: count,
});

/** How much of a store is in a backup. */
export const holdingsSchema = z.object({
  tenants: count,
  sessions: count,
  /** By the status that is stored: a session whose time is over may not have been told yet. */
  sessions_by_status: z.record(z.enum(STATUSES), count),
  operations: count,
  /** The position of the last operation that was ever written. */
  last_position: count,
});

export type Holdings = Readonly<z.infer<typeof holdingsSchema>>;

const manifestSchema = z.object({
  format: z.literal("sojourn-backup"),
  version: z.literal(FORMAT_VERSION),
  /** The release that made the backup. */
  release: z.string(),
  /** The moment of which the backup is, in ISO 8601. */
  created_at: z.iso.datetime(),
  schema_version: z.int().positive(),
  holds: holdingsSchema,
  compression: z.literal("zstd"),
  /** In the order in which their contents follow the first line. */
  files: z.tuple([fileSchema]),
});

/** The first line of a backup: what it is, and what it holds. */
export type BackupManifest = Readonly<z.infer<typeof manifestSchema>>;

/** How far a backup, a check or a restore is, in bytes; called again and again until `done` is `total`. */
export type OnProgress = (progress: { readonly done: number; readonly total: number }) => void;

/** The first line, with its end. */
export function encodeManifest(manifest: BackupManifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest)}\n`);
}

/** The last line for what was hashed. */
export function encodeTrailer(hasher: Blake3Hasher): Buffer {
  return Buffer.from(`${hasher.digest("hex")}\n`);
}

/**
 * Reads a first line.
 *
 * @throws {SojournError} `store_newer` for a format or a schema that this release does not know; `invalid` for anything
 *   else that is no manifest
 */
export function decodeManifest(line: string): BackupManifest {
  const json = parse(line);
  const claimed = z.object({ format: manifestSchema.shape.format, version: z.number() }).safeParse(json);
  if (!claimed.success) throw notABackup();
  if (claimed.data.version > FORMAT_VERSION) {
    throw new SojournError("store_newer", {
      message: `The backup has format version ${claimed.data.version}, and this release of Sojourn knows ${FORMAT_VERSION}`,
    });
  }
  const read = manifestSchema.safeParse(json);
  if (!read.success) {
    throw new SojournError("invalid", {
      message: `The backup's manifest is not well formed: ${z.prettifyError(read.error)}`,
    });
  }
  const { schema_version } = read.data;
  if (schema_version > SCHEMA_VERSION) {
    throw new SojournError("store_newer", {
      message: `The backup has schema version ${schema_version}, and this release of Sojourn knows ${SCHEMA_VERSION}`,
    });
  }
  return read.data;
}

/** What the compressed contents of all files take. */
export function storedBytes({ files }: BackupManifest): number {
  return files.reduce((sum, { stored_bytes }) => sum + stored_bytes, 0);
}

/** The error for a file of another kind. */
export function notABackup(): SojournError {
  return new SojournError("invalid", {
    message: "The file is no backup of Sojourn, or its first line is not what was written",
  });
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw notABackup();
  }
}
