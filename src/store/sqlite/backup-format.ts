import { z } from "zod";
import { SojournError } from "../../engine/errors.ts";
import { STATUSES } from "../../engine/session.ts";
import { DATABASE_NAME } from "./connection.ts";
import { SCHEMA_VERSION } from "./schema.ts";

/** The version of the format that this release writes, and the newest that it reads; the first had no contents. */
export const FORMAT_VERSION = 2;

/** What the first line takes at most. */
export const MANIFEST_BYTES_MAX = 65_536;

/** What the line before the bytes of a file takes at most, and what the one behind them takes. */
export const FRAME_BYTES_MAX = 1_024;
export const DIGEST_LINE_BYTES = 65;

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
  /** Those that are there, in all sessions, and the contents that they refer to; absent from what is older than they are. */
  artifacts: count.optional(),
  contents: count.optional(),
});

export type Holdings = Readonly<z.infer<typeof holdingsSchema>>;

/** The files of contents, which follow the database; what they take is in `stored_bytes`, with the lines about each. */
const contentsSchema = z.object({
  files: count,
  stored_bytes: count,
  /** How many are not here, since they were lost, or cut off, when the backup was made. */
  missing: count,
});

const common = {
  format: z.literal("sojourn-backup"),
  /** The release that made the backup. */
  release: z.string(),
  /** The moment of which the backup is, in ISO 8601. */
  created_at: z.iso.datetime(),
  schema_version: z.int().positive(),
  holds: holdingsSchema,
  compression: z.literal("zstd"),
  /** In the order in which their contents follow the first line. */
  files: z.tuple([fileSchema]),
};

const manifestSchema = z.discriminatedUnion("version", [
  z.object({ ...common, version: z.literal(1) }),
  z.object({ ...common, version: z.literal(FORMAT_VERSION), contents: contentsSchema }),
]);

/** The first line of a backup: what it is, and what it holds. */
export type BackupManifest = Readonly<z.infer<typeof manifestSchema>>;

const frameSchema = z.object({
  /** As the database has it; no path, which could lead anywhere. */
  name: z.string().regex(/^[0-9a-f]{32}$/),
  bytes: count,
});

/** A file of a content. */
export type Frame = Readonly<z.infer<typeof frameSchema>>;

/** How far a backup, a check or a restore is, in bytes; called again and again until `done` is `total`. */
export type OnProgress = (progress: { readonly done: number; readonly total: number }) => void;

/** The first line, with its end. */
export function encodeManifest(manifest: BackupManifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest)}\n`);
}

/** What a backup has of the files of contents. */
export function contentsOf(manifest: BackupManifest): Readonly<z.infer<typeof contentsSchema>> {
  return manifest.version === 1 ? { files: 0, stored_bytes: 0, missing: 0 } : manifest.contents;
}

/** The line before the bytes of a content's file, with its end; the BLAKE3 of the bytes has a line behind them. */
export function encodeFrame(frame: Frame): Buffer {
  return Buffer.from(`${JSON.stringify(frame)}\n`);
}

/** What a file of a content takes in a backup, with the lines about it. */
export function frameBytes(frame: Frame): number {
  return encodeFrame(frame).length + frame.bytes + DIGEST_LINE_BYTES;
}

/** Reads the line before the bytes of a file; `undefined` for anything else. */
export function decodeFrame(line: string): Frame | undefined {
  try {
    return frameSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}

/**
 * Reads a first line.
 *
 * @throws {SojournError} `store_newer` for a format or a schema that this release does not know; `invalid` for anything
 *   else that is no manifest
 */
export function decodeManifest(line: string): BackupManifest {
  const json = parse(line);
  const claimed = z.object({ format: common.format, version: z.number() }).safeParse(json);
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

/** What everything between the first line and the last takes. */
export function storedBytes(manifest: BackupManifest): number {
  const [database] = manifest.files;
  return database.stored_bytes + contentsOf(manifest).stored_bytes;
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
