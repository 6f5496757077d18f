import { z } from "zod";
import { SojournError } from "../engine/errors.ts";
import { given } from "../engine/given.ts";
import type { Entry, Payload, StreamOperationKind } from "../engine/operation.ts";
import { damaged, faultsIn } from "./damaged.ts";

/** What a line behind the manifest takes at most, with its end. */
export const LINE_BYTES_MAX = 64 * 1_048_576;

/** The line behind all contents, with its end. */
export const END_LINE = '{"end":true}\n';

/** A content as its line announces it: so many bytes follow, or none where they were freed before the session was forked. */
export interface ContentLine {
  /** BLAKE3 of the bytes. */
  readonly digest: string;
  readonly size: number;
  readonly freed?: true;
}

const count = z.int().nonnegative();

const hash = z.string().regex(/^[0-9a-f]{64}$/);

const word = z.string().regex(/^[\w.:-]{1,255}$/);

const things = z.array(word).max(10_000);

const entrySchema = z.object({
  operation: z.tuple([
    count,
    z.string().regex(/^op_[0-9a-f]{16}$/),
    word,
    word,
    word,
    count,
    count.nullable(),
    z.enum(["completed", "failed"]),
    things,
    things,
  ]),
  payload_digest: hash,
  hash,
  payload: z.union([z.literal("erased"), z.object({ salt: z.string().regex(/^[0-9a-f]{32}$/), body: z.string() })]),
});

const contentSchema = z.object({ digest: hash, size: count, freed: z.literal(true).optional() });

/**
 * The line of an entry, with its end. Its `operation` is the second of the three lines that are hashed, see `chain.ts`.
 *
 * @throws {SojournError} `payload_too_large` for a line that nobody would read; `internal` for an entry that lost its payload
 */
export function encodeEntry({ operation, payload }: Entry): Buffer {
  const { seq, id, kind, name, actor, at, durationUs = null, outcome, used, made, payloadDigest, hash } = operation;
  if (payload === undefined) {
    throw new SojournError("internal", { message: `Operation ${seq} has lost its payload; see what verify says` });
  }
  const header = [seq, id, kind, name, actor, at, durationUs, outcome, used, made];
  const line = Buffer.from(
    `${JSON.stringify({ operation: header, payload_digest: payloadDigest, hash, payload: plain(payload) })}\n`,
  );
  if (line.length <= LINE_BYTES_MAX) return line;
  throw new SojournError("payload_too_large", {
    message: `Operation ${seq} takes ${line.length} bytes in a bundle; at most ${LINE_BYTES_MAX} are possible`,
  });
}

/** Reads the line of the entry that comes next, whatever its kind. @throws {SojournError} `invalid` */
export function decodeEntry(line: string, seq: number): Entry {
  const read = entrySchema.safeParse(parse(line, `operation ${seq}`));
  if (!read.success) {
    throw damaged("operation", `has an operation ${seq} that is not well formed: ${faultsIn(read.error)}`, seq);
  }
  const { operation, payload_digest: payloadDigest, hash, payload } = read.data;
  const [itsSeq, id, itsKind, name, actor, at, duration, outcome, used, made] = operation;
  // NOTE: whoever folds it asks first whether the kind is known; the hash holds for any.
  const kind = itsKind as StreamOperationKind;
  const durationUs = given("durationUs", duration ?? undefined);
  const header = { seq: itsSeq, id, kind, name, actor, at, ...durationUs, outcome, used, made };
  return { operation: { ...header, payloadDigest, hash }, payload };
}

/** The line of a content, with its end. */
export function encodeContent({ digest, size, freed }: ContentLine): Buffer {
  return Buffer.from(`${JSON.stringify({ digest, size, ...given("freed", freed) })}\n`);
}

/** Reads the line of a content. @throws {SojournError} `invalid` */
export function decodeContent(line: string): ContentLine {
  const read = contentSchema.safeParse(parse(line, "a content"));
  if (!read.success) throw damaged("file", "has no content where one should follow");
  const { digest, size, freed } = read.data;
  return { digest, size, ...given("freed", freed) };
}

function plain(payload: Payload | "erased"): Payload | "erased" {
  return payload === "erased" ? payload : { salt: payload.salt, body: payload.body };
}

function parse(line: string, what: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw damaged("file", `has no JSON where ${what} should be`);
  }
}
