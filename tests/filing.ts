import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { type ArtifactSettings, Artifacts, type NewArtifact } from "../src/artifacts/artifacts.ts";
import { openFsBlobStore } from "../src/artifacts/fs/fs-blob-store.ts";
import { type EngineOptions, engineForTests, type TestEngine } from "../src/conformance/index.ts";
import type { Artifact } from "../src/engine/artifact.ts";
import type { BlobStore } from "../src/engine/blob-store.ts";
import type { Caller, Session } from "../src/engine/sessions.ts";
import { openSqliteStore } from "../src/store/sqlite/index.ts";

/** An engine with artifacts, whose time stands still. */
export interface Filing extends TestEngine {
  readonly artifacts: Artifacts;
  /** All files, also those of other engines of the suite. */
  readonly blobs: BlobStore;
  /** Begins a session of that name. */
  begin(sessionId: string): Promise<Session>;
  /** The same caller, as that session. */
  as(session: Session): Caller;
  /** Stores bytes as `a.txt`, unless it says otherwise. */
  put(sessionId: string, bytes: Uint8Array | string, more?: Partial<NewArtifact>): Promise<Artifact>;
  read(sessionId: string, artifactId: string, by?: Caller): Promise<Buffer>;
  /** The kinds of a session's operations, from the second on. */
  kinds(sessionId: string): Promise<readonly string[]>;
  /** How many files there are. */
  files(): Promise<number>;
}

/** What a test may ask of its engine. */
export interface FilingOptions extends EngineOptions {
  readonly artifacts?: Partial<ArtifactSettings>;
  /** Goes around the files. */
  readonly aroundBlobs?: (blobs: BlobStore) => BlobStore;
}

export const MIB = 1_048_576;

const SETTINGS: ArtifactSettings = {
  artifactsMax: 1_000,
  bytesMax: 1_024 * MIB,
  sizeMax: 100 * MIB,
  compressAbove: 10_240,
  inStoreMax: 65_536,
  roots: [],
};

/** Opens one store, and one directory of files, for the tests of a `describe` or a file. */
export function filingForTests(): (options?: FilingOptions) => Filing {
  const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));
  let directory = "";
  let all: BlobStore | undefined;
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-"));
    all = openFsBlobStore({ directory, durability: "none" });
  });
  after(() => rmSync(directory, { recursive: true }));
  return ({ artifacts: settings, aroundBlobs = (blobs: BlobStore) => blobs, ...options } = {}) => {
    assert.ok(all, "The files open before the first test");
    const it = engine(options);
    const blobs = aroundBlobs(all);
    const artifacts = new Artifacts({ ...it.ports, sessions: it.sessions, blobs }, { ...SETTINGS, ...settings });
    const { caller, sessions } = it;
    return {
      ...it,
      artifacts,
      blobs,
      begin: async (sessionId) => (await sessions.create(caller, { sessionId, idleTimeoutUs: null })).value.session,
      as: ({ ref }) => ({ ...caller, actingAs: ref.id }),
      put: async (sessionId, bytes, more = {}) =>
        (await artifacts.store(caller, sessionId, { name: "a.txt", type: "user_input", ...more }, Buffer.from(bytes)))
          .value.artifact,
      read: async (sessionId, artifactId, by = caller) => {
        await using opened = await artifacts.open(by, sessionId, artifactId);
        return Buffer.concat(await Array.fromAsync(opened));
      },
      kinds: async (sessionId) => {
        const { items } = await sessions.operations(caller, sessionId, { after: 1, limit: 1_000 });
        return items.map(({ operation }) => operation.kind);
      },
      files: async () => (await Array.fromAsync(blobs.list())).length,
    };
  };
}
