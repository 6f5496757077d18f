import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startServer } from "./server.ts";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

const MAIN = join(ROOT, "src/cli/main.ts");

/** Each command must go well, and `npx sojourn` is the one of this checkout. */
const PRELUDE = `set -eu
curl() { command curl -fsS "$@"; echo; }
npx() { shift; "$NODE" "$MAIN" "$@"; }
`;

describe("the apps of docs/apps.md", () => {
  let directory: string;
  let text: string;
  let files: readonly string[];

  before(async () => {
    directory = await realpath(await mkdtemp(join(tmpdir(), "sojourn-apps-docs-")));
    text = await readFile(join(ROOT, "docs/apps.md"), "utf8");
    const blocks = [...text.matchAll(/```ts\n\/\/ (\S+)\n(.*?)```/gs)];
    files = blocks.map(([, path = ""]) => path);
    for (const [, path = "", code = ""] of blocks) {
      await mkdir(dirname(join(directory, "apps", path)), { recursive: true });
      await writeFile(join(directory, "apps", path), code);
    }
  });
  after(async () => {
    await rm(directory, { recursive: true });
  });

  it("are all named, and well typed", async () => {
    assert.equal(files.length, [...text.matchAll(/```ts\n/g)].length);
    const config = {
      extends: join(ROOT, "tsconfig.json"),
      compilerOptions: { typeRoots: [join(ROOT, "node_modules", "@types")] },
      include: ["apps"],
    };
    await writeFile(join(directory, "package.json"), '{ "type": "module" }');
    await writeFile(join(directory, "tsconfig.json"), JSON.stringify(config));
    const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
    await promisify(execFile)(process.execPath, [tsc, "-p", directory]).catch(({ stdout }: { stdout: string }) => {
      assert.fail(stdout);
    });
  });

  it("are apps, as a server loads them", async () => {
    const args = [MAIN, "apps", "check", join(directory, "apps"), "--json"];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: directory });
    const { apps, broken } = JSON.parse(stdout) as { apps: { name: string }[]; broken: object[] };
    assert.deepEqual([apps.map(({ name }) => name), broken], [["asks", "counter", "notes", "parts"], []]);
  });

  it("do what the commands say", { skip: spawnSync("curl", ["--version"]).error !== undefined }, async () => {
    await using server = await startServer({ apps: join(directory, "apps"), spare_workers: "0" });
    const commands = [...text.matchAll(/```sh\n(.*?)```/gs)].map(([, code]) => code).join("\n");
    const script = `${PRELUDE}${commands}`.replaceAll("http://127.0.0.1:7070", server.url);
    const env = { ...process.env, NODE: process.execPath, MAIN, SOJOURN_URL: server.url };
    const child = spawn("sh", ["-xc", script], { cwd: directory, env, stdio: ["ignore", "pipe", "pipe"] });
    const [out, told] = [readAll(child.stdout), readAll(child.stderr)];
    const [code] = await once(child, "close");
    assert.equal(code, 0, (await told).split("\n").slice(-8).join("\n"));
    const lines = (await out).split("\n");
    for (const line of ['{"count":2}', '{"notes":1}']) assert.ok(lines.includes(line), await out);
    assert.match(await out, /notes\.txt/);
  });
});

async function readAll(stream: NodeJS.ReadableStream): Promise<string> {
  return (await Array.fromAsync(stream)).join("");
}
