import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { importsOf, withoutComments } from "./imports.ts";

/** `all` of a folder, or its `types` alone: type imports, and the error class that all throw. */
type Reach = "all" | "types";

interface Rule {
  readonly imports: Readonly<Record<string, Reach>> | "all but cli";
  /** Whether it may use Node's modules and packages. */
  readonly outside: boolean;
  /** Whether it may import what nobody knows before it runs: the modules of apps. */
  readonly loadsApps?: true;
}

/** Who may import whom, also of folders to come. ARCHITECTURE.md has those that exist, with what each holds. */
const FOLDERS: Readonly<Record<string, Rule>> = {
  engine: { imports: {}, outside: false },
  sealed: { imports: {}, outside: true },
  "store/sqlite": { imports: { engine: "all", sealed: "all" }, outside: true },
  "store/postgres": { imports: { engine: "all" }, outside: true },
  artifacts: { imports: { engine: "all" }, outside: true },
  bundles: { imports: { engine: "all", artifacts: "all", sealed: "all" }, outside: true },
  "language-models": { imports: { engine: "types" }, outside: true },
  memory: { imports: { engine: "all", "language-models": "all" }, outside: true },
  workers: { imports: { engine: "all", "app-format": "all" }, outside: true, loadsApps: true },
  "app-format": { imports: { engine: "types" }, outside: true },
  apps: { imports: { "app-format": "all" }, outside: true },
  agents: { imports: { client: "types", engine: "types", "language-models": "all" }, outside: true },
  events: { imports: { engine: "all" }, outside: true },
  "docs-site": { imports: { engine: "types" }, outside: true },
  http: {
    imports: {
      engine: "all",
      artifacts: "all",
      bundles: "all",
      memory: "all",
      workers: "all",
      events: "all",
      "docs-site": "all",
    },
    outside: true,
  },
  scripts: { imports: { client: "all" }, outside: true },
  client: { imports: { engine: "types" }, outside: true },
  config: { imports: {}, outside: true },
  platform: { imports: "all but cli", outside: true },
  cli: { imports: { client: "all", scripts: "all", config: "all", platform: "all", engine: "types" }, outside: true },
  conformance: { imports: { engine: "all" }, outside: true },
};

/** An app's environment holds what the server gives to it, and nothing else. */
const MAY_READ_ENVIRONMENT = ["config", "cli", "apps"];

const LEAVES = ["console", "examples", "benchmarks"];

const VAGUE = /^(utils?|helpers?|common|types)(\.ts)?$/;

describe("boundaries", () => {
  it("are kept by every file of src", () => {
    const root = fileURLToPath(new URL("..", import.meta.url));
    const files = readdirSync(`${root}/src`, { recursive: true, encoding: "utf8" })
      .map((name) => `src/${name.replaceAll("\\", "/")}`)
      .filter((path) => path.endsWith(".ts"));
    assert.ok(files.length > 20, "found the sources");
    assert.deepEqual(
      files.flatMap((path) => breachesOf(path, readFileSync(`${root}/${path}`, "utf8"))),
      [],
    );
  });

  it("refuse what a folder may not import, in whichever way", () => {
    const refused: readonly (readonly [path: string, source: string])[] = [
      ["src/engine/a.ts", 'import { readFileSync } from "node:fs";'],
      ["src/engine/a.ts", 'import type { Hono } from "hono";'],
      ["src/engine/a.ts", 'import { a } from "../memory/a.ts";'],
      ["src/engine/a.ts", 'import type { A } from "../memory/a.ts";'],
      ["src/engine/a.ts", 'import "../memory/a.ts";'],
      ["src/engine/a.ts", 'export { a } from "../memory/a.ts";'],
      ["src/engine/a.ts", 'export * from "../memory/a.ts";'],
      ["src/engine/a.ts", 'import {\n  a,\n  type B,\n} from "../memory/a.ts";'],
      ["src/engine/a.ts", 'const a = await import("../memory/a.ts");'],
      ["src/engine/a.ts", "const a = await import(name);"],
      ["src/engine/a.ts", 'type A = import("../memory/a.ts").A;'],
      ["src/engine/a.ts", 'const a = require("../memory/a.ts");'],
      ["src/workers/a.ts", 'new Worker(new URL("../memory/a.ts", import.meta.url));'],
      ["src/workers/a.ts", 'new URL(import.meta.url.endsWith(".ts") ? "./a.ts" : "../memory/a.js", import.meta.url);'],
      ["src/workers/a.ts", "new URL(name, import.meta.url);"],
      ["src/store/sqlite/a.ts", 'import { a } from "../postgres/a.ts";'],
      ["src/config/a.ts", 'import { a } from "../engine/errors.ts";'],
      ["src/client/a.ts", 'import { a, type B } from "../engine/sessions.ts";'],
      ["src/platform/a.ts", 'import { a } from "../cli/main.ts";'],
      ["src/http/dialects/atlus/a.ts", 'import { a } from "../inference/a.ts";'],
      ["src/http/app.ts", 'import { a } from "./dialects/atlus/routes.ts";'],
      ["src/apps/a/app.ts", 'import { a } from "../b/a.ts";'],
      ["src/apps/infsh/a/app.ts", 'import { a } from "../b/a.ts";'],
      ["src/apps/a/app.ts", 'import { a } from "../../engine/errors.ts";'],
      ["src/cli/a.ts", 'import { a } from "../../examples/a.ts";'],
      ["src/cli/a.ts", 'import { a } from "../../tests/a.ts";'],
      ["src/cli/a.ts", 'new URL("../../console/index.html", import.meta.url);'],
      ["src/cli/a.ts", 'import { a } from "sojourn/conformance";'],
    ];
    for (const [path, source] of refused) assert.equal(breachesOf(path, source).length, 1, `${path}: ${source}`);
  });

  it("refuse to read the environment outside config, cli and apps", () => {
    for (const source of [
      "process.env.HOME;",
      'process["env"];',
      "const { env } = process;",
      'import { env } from "node:process";',
    ]) {
      assert.equal(breachesOf("src/http/a.ts", source).length, 1, source);
      assert.deepEqual(breachesOf("src/config/a.ts", source), []);
      assert.deepEqual(breachesOf("src/cli/a.ts", source), []);
      assert.deepEqual(breachesOf("src/apps/a/app.ts", source), []);
    }
  });

  it("refuse folders that the table does not have, and names that say nothing", () => {
    for (const path of ["src/lib/a.ts", "src/a.ts", "src/store/a.ts", "src/engine/utils/a.ts", "src/http/helpers.ts"]) {
      assert.equal(breachesOf(path, "").length, 1, path);
    }
  });

  it("allow what the table allows", () => {
    const allowed: readonly (readonly [path: string, source: string])[] = [
      ["src/engine/a.ts", 'import { a } from "./b.ts";\n/* import "node:fs"; */ // process.env, import("x")\n'],
      ["src/engine/a.ts", 'export function from(a: string) {\n  return Array.from("node:fs");\n}'],
      ["src/client/a.ts", 'import type { A } from "../engine/session.ts";\nimport { B } from "../engine/errors.ts";'],
      ["src/client/a.ts", 'import { type A, type B } from "../engine/session.ts";'],
      ["src/http/dialects/atlus/a.ts", 'import { a } from "../../edge.ts";\nimport { b } from "./b.ts";'],
      ["src/http/app.ts", 'import { Hono } from "hono";\nimport { a } from "./edge.ts";'],
      ["src/platform/a.ts", 'import { a } from "../store/sqlite/a.ts";\nimport { b } from "../config/config.ts";'],
      ["src/workers/a.ts", 'import { z } from "../app-format/index.ts";\nawait import(pathToFileURL(entry).href);'],
      ["src/apps/a/app.ts", 'import { a } from "../../app-format/index.ts";\nimport { b } from "./parts/b.ts";'],
      ["src/apps/infsh/a/app.ts", 'import { a } from "../../../app-format/index.ts";\nimport { b } from "./b.ts";'],
      ["src/workers/a.ts", "new URL(isSource ? `./b.ts` : `./b.js`, import.meta.url);"],
      ["src/cli/a.ts", 'readFileSync(new URL("../../package.json", import.meta.url));'],
      [
        "src/engine/a.test.ts",
        'import { it } from "node:test";\nimport { a } from "../conformance/a.ts";\nprocess.env;',
      ],
    ];
    for (const [path, source] of allowed) assert.deepEqual(breachesOf(path, source), [], source);
  });
});

/** What in a file of src is against the rules, one line each. */
function breachesOf(path: string, source: string): readonly string[] {
  const folder = folderOf(path);
  if (folder === undefined) return [`${path} is in no folder of the table`];
  const vague = path.split("/").find((part) => VAGUE.test(part));
  if (vague !== undefined) return [`${path}: "${vague}" does not say what it holds`];
  // A test may reach for anything: a conformance suite, another folder's driver.
  if (path.endsWith(".test.ts")) return [];
  const faults = importsOf(source).flatMap((found) => {
    const fault = found.byUrl ? urlFault(path, folder, found.specifier) : importFault(path, folder, found);
    return fault === undefined ? [] : [`${path} ${fault}`];
  });
  if (!MAY_READ_ENVIRONMENT.includes(folder) && ENVIRONMENT.test(withoutComments(source))) {
    faults.push(`${path} reads the environment; that is for config, cli and apps`);
  }
  return faults;
}

const ENVIRONMENT =
  /\bprocess\s*\??\.\s*env\b|\bprocess\s*\[\s*["'`]env\b|\{[^{}]*\benv\b[^{}]*\}\s*(?:=\s*process\b|from\s*["'](?:node:)?process["'])/;

function folderOf(path: string): string | undefined {
  return Object.keys(FOLDERS).find((folder) => path.startsWith(`src/${folder}/`));
}

function importFault(
  path: string,
  from: string,
  { specifier, typeOnly }: { readonly specifier: string | undefined; readonly typeOnly: boolean },
): string | undefined {
  if (specifier === undefined) {
    return ruleOf(from).loadsApps ? undefined : "imports what is computed, so that nobody can tell what";
  }
  if (!specifier.startsWith(".")) return outsideFault(from, specifier);
  const target = posix.join(posix.dirname(path), specifier);
  const folder = folderOf(target);
  if (folder === undefined) return `imports "${target}", which is in no folder of the table`;
  if (folder === from) return dialectFault(path, target) ?? appFault(path, target);
  const { imports } = ruleOf(from);
  const reach = imports === "all but cli" ? folder !== "cli" && "all" : (imports[folder] ?? false);
  if (reach === "all") return undefined;
  if (reach === "types" && (typeOnly || target === "src/engine/errors.ts")) return undefined;
  return `imports "${target}"; ${from} may use ${reach === false ? "nothing" : "types and errors alone"} of ${folder}`;
}

function outsideFault(from: string, specifier: string): string | undefined {
  if (specifier === "sojourn" || specifier.startsWith("sojourn/"))
    return `imports "${specifier}", which is this package`;
  return ruleOf(from).outside ? undefined : `imports "${specifier}"; ${from} is pure`;
}

/** Files that are read or run by their address are held against the same table, where they lie in src. */
function urlFault(path: string, from: string, specifier: string | undefined): string | undefined {
  if (specifier === undefined) return "reaches for a path that is computed, so that nobody can tell which";
  const target = posix.join(posix.dirname(path), specifier);
  if (target.startsWith("src/")) return importFault(path, from, { specifier, typeOnly: false });
  return LEAVES.some((leaf) => target.startsWith(`${leaf}/`)) ? `reaches into "${target}", which is a leaf` : undefined;
}

/** A dialect knows no other dialect, and what all dialects share knows none. */
function dialectFault(path: string, target: string): string | undefined {
  const [from, to] = [path, target].map((file) => /^src\/http\/dialects\/([^/]+)\//.exec(file)?.[1]);
  return to !== undefined && from !== to ? `imports "${target}", which is another dialect` : undefined;
}

/** An app is its folder, and is run from a copy of that. */
function appFault(path: string, target: string): string | undefined {
  const [from, to] = [path, target].map((file) => /^src\/apps\/((?:infsh\/)?[^/]+)\//.exec(file)?.[1]);
  return from !== to ? `imports "${target}", which is not of its own folder` : undefined;
}

function ruleOf(folder: string): Rule {
  return FOLDERS[folder] ?? { imports: {}, outside: false };
}
