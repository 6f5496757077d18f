/**
 * npm's content-addressed store: files by the SHA-512 of their bytes, and an index of keys. It compresses nothing, and
 * never syncs: what it has answered for may be gone after a loss of power.
 */
import { createRequire } from "node:module";
import type { ArtifactSide } from "../artifact-sides.ts";

/** Opens a cache in an empty directory. */
export function openCacache(directory: string): ArtifactSide {
  // NOTE: the package comes without types.
  const store = createRequire(import.meta.url)("cacache") as Store;
  return {
    put: async (_, { name, bytes }) => {
      await store.put(directory, name, bytes);
      return name;
    },
    get: async (_, name) => (await store.get(directory, name)).data.length,
    close: async () => {},
  };
}

/** What is used here of the package. */
interface Store {
  put(directory: string, key: string, bytes: Uint8Array): Promise<unknown>;
  get(directory: string, key: string): Promise<{ readonly data: Buffer }>;
}
