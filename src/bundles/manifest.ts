import { z } from "zod";
import { SojournError } from "../engine/errors.ts";
import { damaged, faultsIn } from "./damaged.ts";

/** The version of the format that this release writes, and the newest that it reads. */
export const FORMAT_VERSION = 1;

/** What the first line takes at most, with its end. */
export const MANIFEST_BYTES_MAX = 65_536;

const count = z.int().nonnegative();

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const manifestSchema = z.object({
  format: z.literal("sojourn-session"),
  version: z.literal(FORMAT_VERSION),
  /** The release that made the bundle. */
  release: z.string(),
  /** When it was made, in ISO 8601. */
  created_at: z.iso.datetime(),
  /** What the session is called. */
  session_id: z.string(),
  uid: z.string(),
  /** The session whose log begins here: `uid`, unless that is a fork. It decides the hash that the first operation follows. */
  root: z.string(),
  /** How many operations the log has. */
  operations: count.min(1),
  /** The hash of the last. */
  head_hash: hash,
  /** How many artifacts the session has. */
  artifacts: count,
  /** How many contents are in the bundle, each once, whatever refers to it. */
  contents: count,
  /** What they take. */
  bytes: count,
  compression: z.literal("zstd"),
});

/** The first line of a bundle: of which session it is, as of when, and what it holds. */
export type BundleManifest = Readonly<z.infer<typeof manifestSchema>>;

/** The first line, with its end. */
export function encodeManifest(manifest: BundleManifest): Buffer {
  return Buffer.from(`${JSON.stringify(manifest)}\n`);
}

/**
 * Reads a first line.
 *
 * @throws {SojournError} `store_newer` for a format that this release does not know; `invalid` for anything else that is
 *   no manifest
 */
export function decodeManifest(line: string): BundleManifest {
  const json = parse(line);
  const claimed = z.object({ format: manifestSchema.shape.format, version: z.number() }).safeParse(json);
  if (!claimed.success) throw notABundle();
  if (claimed.data.version > FORMAT_VERSION) {
    throw new SojournError("store_newer", {
      message: `The bundle has format version ${claimed.data.version}, and this release of Sojourn knows ${FORMAT_VERSION}`,
    });
  }
  const read = manifestSchema.safeParse(json);
  if (!read.success) throw damaged("file", `has a manifest that is not well formed: ${faultsIn(read.error)}`);
  return read.data;
}

/** The error for a file of another kind. */
export function notABundle(): SojournError {
  return damaged("file", "is none of Sojourn's, or its first line is not what was written");
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw notABundle();
  }
}
