import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** A source that no check has anything against. */
const GOOD = `/** Adds one. */
export function next(count: number): number {
  return count + 1;
}
`;

/** What the linter must refuse, by rule. */
const UNLINTED: Readonly<Record<string, string>> = {
  noExplicitAny: "export function take(value: any): void {\n  take(value);\n}\n",
  noDefaultExport: "export default 1;\n",
  noEnum: "export enum Level {\n  Low = 0,\n}\n",
  noParameterProperties: "export class Point {\n  constructor(readonly x: number) {}\n}\n",
  noConsole: 'console.log("x");\n',
  useImportExtensions: 'import { next } from "./good";\n\nnext(1);\n',
  noUnusedVariables: "const unused = 1;\n",
  noUnusedImports: 'import { next } from "./good.ts";\n',
  noFloatingPromises: "async function work(): Promise<void> {}\n\nwork();\n",
  noUndeclaredDependencies: 'import { x } from "not-declared";\n\nx();\n',
  noExcessiveCognitiveComplexity: `export function tangled(n: number): void {\n${"if (n > 0) ".repeat(7)}tangled(1);\n}\n`,
};

/** What the engine may not use, though the rest may. */
const IMPURE = [
  'import "node:fs";\n',
  "process.exit();\n",
  "setTimeout(() => {}, 1);\n",
  'console.log("x");\n',
  "document.title;\n",
];

/** What the client may not use, since browsers don't have it. */
const NODE_ONLY = [
  'import "node:fs";\n',
  "process.exit();\n",
  'Buffer.from("x");\n',
  "setImmediate(() => {});\n",
  "setTimeout(() => {}, 1).unref();\n",
];

describe("checks", () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-checks-"));
    symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
    for (const name of ["biome.json", "package.json", "tsconfig.json"])
      copyFileSync(join(ROOT, name), join(directory, name));
    for (const folder of ["src/engine", "src/client"]) {
      mkdirSync(join(directory, folder), { recursive: true });
      copyFileSync(join(ROOT, folder, "tsconfig.json"), join(directory, folder, "tsconfig.json"));
    }
  });
  after(() => rmSync(directory, { recursive: true }));

  const write = (path: string, source: string): void => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), source);
  };
  const run = (tool: string, args: readonly string[]): { readonly passed: boolean; readonly output: string } => {
    const script = { biome: "@biomejs/biome/bin/biome", tsc: "typescript/bin/tsc" }[tool] ?? "";
    const options = { cwd: directory, encoding: "utf8" } as const;
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      [join(ROOT, "node_modules", script), ...args],
      options,
    );
    return { passed: status === 0, output: stdout + stderr };
  };

  it("format refuses what is not formatted, and passes what is", () => {
    write("src/http/good.ts", GOOD);
    write("src/http/unformatted.ts", GOOD.replace("  return", "    return"));
    assert.ok(run("biome", ["format", "src/http/good.ts"]).passed);
    const { passed, output } = run("biome", ["format", "src/http/unformatted.ts"]);
    assert.ok(!passed && output.includes("Formatter would have printed"), output);
  });

  it("lint refuses each bad sample by its rule, and passes the good one", () => {
    write("src/http/good.ts", GOOD);
    for (const [rule, source] of Object.entries(UNLINTED)) write(`src/http/${kebab(rule)}.ts`, source);
    assert.ok(run("biome", ["lint", "src/http/good.ts"]).passed);
    const { passed, output } = run("biome", ["lint", "--max-diagnostics=none", "src/http"]);
    assert.ok(!passed);
    for (const rule of Object.keys(UNLINTED)) {
      assert.match(output, new RegExp(`src/http/${kebab(rule)}\\.ts\\S* lint/\\w+/${rule}\\b`), rule);
    }
  });

  it("the engine does not compile with what Node or a browser has, and does without", () => {
    write("src/engine/good.ts", GOOD);
    assert.deepEqual(run("tsc", ["-p", "src/engine"]), { passed: true, output: "" });
    for (const [i, source] of IMPURE.entries()) write(`src/engine/impure-${i}.ts`, source);
    const { passed, output } = run("tsc", ["-p", "src/engine"]);
    assert.ok(!passed);
    for (const i of IMPURE.keys()) assert.match(output, new RegExp(`impure-${i}\\.ts\\(1,\\d+\\): error`));
  });

  it("the client does not compile with what Node alone has, and does with what browsers have as well", () => {
    write(
      "src/client/good.ts",
      'export const answer: Promise<Response> = fetch("/", { signal: AbortSignal.timeout(1) });\n',
    );
    assert.deepEqual(run("tsc", ["-p", "src/client"]), { passed: true, output: "" });
    for (const [i, source] of NODE_ONLY.entries()) write(`src/client/node-${i}.ts`, source);
    const { passed, output } = run("tsc", ["-p", "src/client"]);
    assert.ok(!passed);
    for (const i of NODE_ONLY.keys()) assert.match(output, new RegExp(`node-${i}\\.ts\\(\\d+,\\d+\\): error`));
  });
});

function kebab(rule: string): string {
  return rule.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
