import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { pathToFileURL } from "node:url";
import { startServer } from "./server.ts";

const SOURCES = { "sojourn/client": "../src/client/index.ts", sojourn: "../src/platform/index.ts" };

/** A line of an example that shows a value: the expression, and what it is. */
const SHOWN = /^(\s*)([\w(][^=\n]*(?:===[^=\n]*)?); \/\/ (undefined|true|false|\d+|[["{].*)$/gm;

it("docs/sdk.md: every example runs, and every value is what it says", async () => {
  await using server = await startServer();
  const directory = await mkdtemp(join(tmpdir(), "sojourn-docs-"));
  try {
    const page = await readFile(new URL("../docs/sdk.md", import.meta.url), "utf8");
    const examples = [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
    let shown = 0;
    const code = examples
      .join("\n")
      .replaceAll(SHOWN, (_, indent: string, expression: string, value: string) => {
        shown++;
        return `${indent}globalThis.shows(${expression}, ${value});`;
      })
      .replaceAll(/from "(sojourn(?:\/client)?)"/g, (_, name: keyof typeof SOURCES) => {
        return `from ${JSON.stringify(new URL(SOURCES[name], import.meta.url).href)}`;
      })
      .replaceAll("http://127.0.0.1:7070", server.url)
      .replaceAll('"./data"', JSON.stringify(join(directory, "data")));
    const file = join(directory, "examples.mts");
    await writeFile(file, code);
    let held = 0;
    Object.assign(globalThis, {
      shows: (value: unknown, expected: unknown) => {
        held++;
        assert.deepEqual(value, expected);
      },
    });
    await import(pathToFileURL(file).href);
    assert.ok(shown >= 25, `${shown} values`);
    assert.equal(held, shown, "each is reached");
  } finally {
    await rm(directory, { recursive: true });
  }
});
