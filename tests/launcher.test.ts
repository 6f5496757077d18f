import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Makes the launcher believe that the Node which runs it is an old one. */
const OLD_NODE = `--import=data:text/javascript,${encodeURIComponent(
  'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.0" } })',
)}`;

describe("bin/sojourn.js", () => {
  let directory = "";
  before(() => {
    directory = mkdtempSync(join(tmpdir(), "sojourn-bin-"));
  });
  after(() => rmSync(directory, { recursive: true }));

  /** A package with a command line of its own in place of ours. */
  const install = (name: string, cli: string, modules?: string): string => {
    const root = join(directory, name);
    cpSync(join(ROOT, "bin"), join(root, "bin"), { recursive: true });
    writeFileSync(join(root, "package.json"), '{ "type": "module" }');
    mkdirSync(join(root, "dist/cli"), { recursive: true });
    writeFileSync(join(root, "dist/cli/main.js"), cli);
    if (modules !== undefined) symlinkSync(modules, join(root, "node_modules"));
    return join(root, "bin/sojourn.js");
  };

  it("runs the command line of a checkout, on a new Node and on an old one", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    for (const options of [[], [OLD_NODE]]) {
      const ended = spawnSync(process.execPath, [...options, join(ROOT, "bin/sojourn.js"), "--version"], {
        encoding: "utf8",
      });
      assert.deepEqual([ended.status, ended.stdout, ended.stderr], [0, `${version}\n`, ""]);
    }
  });

  it("passes on arguments and the exit code", () => {
    const bin = install("code", "process.exitCode = process.argv.slice(2).length;", join(ROOT, "node_modules"));
    for (const options of [[], [OLD_NODE]]) {
      assert.equal(spawnSync(process.execPath, [...options, bin, "a b", "--c", ""]).status, 3);
    }
  });

  it("passes on a signal once, and ends as its child ends", async () => {
    const cli = `
      let count = 0;
      process.on("SIGTERM", () => { count += 1; setTimeout(() => process.exit(count === 1 ? 7 : 8), 100); });
      setInterval(() => {}, 1_000);
      console.log("ready");
    `;
    const bin = install("signal", cli, join(ROOT, "node_modules"));
    for (const [signal, end] of [
      ["SIGTERM", [7, null]],
      ["SIGHUP", [null, "SIGHUP"]],
    ] as const) {
      const launcher = spawn(process.execPath, [OLD_NODE, bin], { stdio: ["ignore", "pipe", "inherit"] });
      await once(launcher.stdout, "data");
      launcher.kill(signal);
      assert.deepEqual(await once(launcher, "close"), end);
    }
  });

  it("says which Node is needed where none came with it", () => {
    const bin = install("none", "");
    const { status, stderr } = spawnSync(process.execPath, [OLD_NODE, bin, "--version"], { encoding: "utf8" });
    assert.equal(status, 1);
    assert.match(stderr, /^Sojourn needs Node 24 or newer; this is v.+\n$/);
  });
});
