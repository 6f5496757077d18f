import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { constants, zstdCompress } from "node:zlib";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { OPTIONS } from "../src/config/options.ts";
import { CALLER, NO_ARTIFACT_LIMITS, openBenchmarkEngine } from "./engine.ts";

/** What is put: some bytes, under a name that nothing had before. */
export interface Put {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Who keeps files by their content. Callers are numbered from 0. */
export interface ArtifactSide {
  /** Resolves to what `get` takes once the bytes are kept, as durably as this side keeps any. */
  put(caller: number, put: Put): Promise<string>;
  /** Reads all the bytes, held against their digest; resolves to how many. */
  get(caller: number, key: string): Promise<number>;
  close(): Promise<void>;
}

/** The store as a server has it, durable; each caller has a session of its own. */
export async function openOurs(directory: string, callers: number): Promise<ArtifactSide> {
  const engine = openBenchmarkEngine({ directory, ...NO_ARTIFACT_LIMITS });
  const { artifacts, sessions } = engine;
  const created = await Promise.all(Array.from({ length: callers }, () => sessions.create(CALLER, {})));
  const ids = created.map(({ value }) => value.session.ref.id);
  return {
    put: async (caller, { name, bytes }) => {
      const wanted = { name, type: "tool_result", mimeType: "application/octet-stream" };
      return (await artifacts.store(CALLER, ids[caller] ?? "", wanted, bytes)).value.artifact.id;
    },
    get: async (caller, artifactId) => {
      await using opened = await artifacts.open(CALLER, ids[caller] ?? "", artifactId);
      let size = 0;
      for await (const piece of opened) size += piece.length;
      return size;
    },
    close: () => engine.close(),
  };
}

/**
 * The least that keeps a file by its content, durably: its BLAKE3, zstd where that is known to help, a temporary file, its
 * sync, its name, and the sync of the directory. It remembers nothing of what it keeps.
 */
export async function openRaw(directory: string, compresses: boolean): Promise<Pick<ArtifactSide, "put">> {
  const path = join(directory, "raw");
  await mkdir(path);
  return {
    put: async (_, { bytes }) => {
      const target = join(path, hash(bytes));
      const stored = compresses ? await compressed(bytes) : bytes;
      const temporary = join(path, randomBytes(16).toString("hex"));
      await using file: FileHandle = await open(temporary, "wx", 0o600);
      await file.writeFile(stored);
      await file.sync();
      await rename(temporary, target);
      await using parent = await open(path, "r");
      await parent.sync();
      return target;
    },
  };
}

const hasher = new Blake3Hasher();

/** BLAKE3 as 64 lower-case hex digits; in pieces of 1 MiB, which is quicker than at once. */
export function hash(bytes: Buffer): string {
  hasher.reset();
  for (let at = 0; at < bytes.length; at += HASHED_BYTES) hasher.update(bytes.subarray(at, at + HASHED_BYTES));
  return hasher.digest("hex");
}

const HASHED_BYTES = 1_048_576;

/** Whether contents of this size are compressed by default, where that makes them smaller. */
export function isCompressed(size: number): boolean {
  return size > OPTIONS.artifact_compression_threshold.default;
}

const LEVEL = 3;

async function compressed(bytes: Buffer): Promise<Buffer> {
  return await promisify(zstdCompress)(bytes, {
    params: { [constants.ZSTD_c_compressionLevel]: LEVEL },
    pledgedSrcSize: bytes.length,
    chunkSize: bytes.length,
  });
}
