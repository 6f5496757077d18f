import { open, readdir, realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { isBelow } from "../below.ts";
import { asText, type Value } from "../value.ts";
import type { Tool } from "./tool.ts";

/** As much as an artifact may have, unless the operator says otherwise. */
const FILE_MAX_BYTES = 100 * 1_048_576;

/** Reads files below the directories that the operator allows. */
export const file: Tool = {
  name: "file",
  description: "operation read, list or exists, of path, below the directories that are allowed; it writes nothing",
  isAllowed: ({ fileRoots }) => fileRoots.length > 0,
  refusal: "no directory is allowed; name one with --files",
  run: async (input, { fileRoots }) => {
    const path = input.text("path") ?? "";
    const operation = input.text("operation") ?? "read";
    const found = await below(fileRoots, path);
    if (operation === "exists") return found !== undefined;
    if (found === undefined) throw new Error(`there is no "${path}" below the directories that are allowed`);
    if (operation === "read") return asText(await contentOf(found, path));
    if (operation === "list") return await entriesOf(found);
    throw new Error("operation must be read, list or exists");
  },
};

/** The real file of a path: from the first of the roots that has it, and where links do not lead out of that. */
async function below(roots: readonly string[], path: string): Promise<string | undefined> {
  for (const directory of roots) {
    try {
      const root = await realpath(directory);
      const found = await realpath(resolve(root, path));
      if (found === root || isBelow(root, found)) return found;
    } catch {
      // It is not there, or can't be looked at, which is the same for whoever asks.
    }
  }
  return undefined;
}

async function contentOf(real: string, path: string): Promise<Uint8Array> {
  const { size, isFile } = await stat(real).then((seen) => ({ size: seen.size, isFile: seen.isFile() }));
  if (!isFile) throw new Error(`"${path}" is no file`);
  if (size > FILE_MAX_BYTES) throw new Error(`"${path}" is larger than ${FILE_MAX_BYTES} bytes`);
  await using handle = await open(real);
  const bytes = new Uint8Array(size);
  const { bytesRead } = await handle.read(bytes, 0, size, 0);
  return bytes.subarray(0, bytesRead);
}

async function entriesOf(real: string): Promise<Value> {
  const entries = await readdir(real, { withFileTypes: true });
  return entries
    .map((entry) => ({ name: entry.name, is_directory: entry.isDirectory() }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
