import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { startServer } from "./server.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const SOURCES = { "sojourn/client": "../src/client/index.ts", sojourn: "../src/platform/index.ts" };

/** A line of an example that shows a value: the expression, and what it is. */
const SHOWN = /^(\s*)([\w([][^=\n]*(?:(?:===|=>)[^=\n]*)*); \/\/ (undefined|true|false|\d+|[["{].*)$/gm;

/** The pages with examples, and how many values those show at least. */
const PAGES: readonly (readonly [page: string, shownMin: number])[] = [
  ["docs/sdk.md", 25],
  ["docs/artifacts.md", 10],
  ["docs/time-travel.md", 10],
  ["docs/tasks.md", 10],
];

/** The examples of the page, as one module. */
async function examplesOf(page: string): Promise<string> {
  const text = await readFile(join(ROOT, page), "utf8");
  return [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code).join("\n");
}

for (const [page, shownMin] of PAGES) {
  it(`${page}: every example is well typed`, async () => {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-docs-"));
    try {
      const config = {
        extends: join(ROOT, "tsconfig.json"),
        compilerOptions: { typeRoots: [join(ROOT, "node_modules", "@types")] },
        include: ["examples.mts"],
      };
      await writeFile(join(directory, "tsconfig.json"), JSON.stringify(config));
      await writeFile(join(directory, "examples.mts"), await examplesOf(page));
      const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
      await promisify(execFile)(process.execPath, [tsc, "-p", directory]).catch(({ stdout }: { stdout: string }) => {
        assert.fail(stdout);
      });
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it(`${page}: every example runs, and every value is what it says`, async () => {
    await using server = await startServer();
    const directory = await mkdtemp(join(tmpdir(), "sojourn-docs-"));
    try {
      let shown = 0;
      const code = (await examplesOf(page))
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
      assert.ok(shown >= shownMin, `${shown} values`);
      assert.equal(held, shown, "each is reached");
    } finally {
      await rm(directory, { recursive: true });
    }
  });
}
