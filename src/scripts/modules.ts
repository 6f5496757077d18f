import { readFile, realpath } from "node:fs/promises";
import { resolve } from "node:path";
import { someText } from "./arguments.ts";
import { isBelow } from "./below.ts";
import type { Call } from "./calls.ts";

/** A name that `require` takes, such as `lib.dates`, or a path that `import` takes, such as `lib/dates.ts`. */
const NAME = /^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/;
const PATH = /^([A-Za-z0-9_-][A-Za-z0-9._-]*\/)*[A-Za-z0-9_-][A-Za-z0-9._-]*\.ts$/;

/**
 * A file of the script's folder, by the name of a module: what it is called and has in it, or why there is none. Where a link
 * leads out of the folder, there is none.
 */
export const readModule: Call = async ({ folder }, [module]) => {
  const name = someText(module, "the module's name");
  for (const path of pathsOf(name)) {
    const source = await sourceIn(folder, path);
    if (source !== undefined) return { name: path, source };
  }
  return `no file of the script's folder is called "${name}"`;
};

function pathsOf(name: string): readonly string[] {
  if (PATH.test(name)) return [name];
  if (!NAME.test(name)) return [];
  const path = name.replaceAll(".", "/");
  return [`${path}.lua`, `${path}/init.lua`];
}

async function sourceIn(folder: string, path: string): Promise<string | undefined> {
  try {
    const root = await realpath(folder);
    const file = await realpath(resolve(root, path));
    return isBelow(root, file) ? await readFile(file, "utf8") : undefined;
  } catch {
    return undefined;
  }
}
