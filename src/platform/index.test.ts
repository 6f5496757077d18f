import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

/** The names that a module exports by lists, types included. */
async function namesIn(path: string): Promise<readonly string[]> {
  const code = await readFile(new URL(path, import.meta.url), "utf8");
  const lists = [...code.matchAll(/^export (?:type )?\{([^}]*)\}/gm)].map(([, list = ""]) => list.split(","));
  return lists.flat().flatMap((name) => /(\w+)\s*$/.exec(name)?.[1] ?? []);
}

describe("the package's main module", () => {
  it("has all that the client's has, types included, but for the way to a server", async () => {
    const own = await namesIn("./index.ts");
    const missing = (await namesIn("../client/index.ts")).filter((name) => !own.includes(name));
    assert.deepEqual(missing.sort(), ["ConnectOptions", "connect"]);
  });
});
