import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { progress } from "./rounds.ts";

const DIRECTORY = fileURLToPath(new URL("./peers", import.meta.url));

/**
 * Installs the packages of `peers/` by its own lockfile, unless they are there; minutes, where their SQLite has to be
 * compiled. They are no dependencies of ours.
 */
export function installPeers(): void {
  const stamp = join(DIRECTORY, "node_modules", ".installed");
  // Compiled code belongs to a version of Node.
  const wanted = `${process.versions.modules} ${createHash("sha256").update(read("package-lock.json")).digest("hex")}`;
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  progress("Installing the peers in benchmarks/peers, once");
  const { status, error } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
    cwd: DIRECTORY,
    env: environment(),
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) {
    throw new Error(
      "Cannot install the peers: npm ci in benchmarks/peers failed; it needs a package registry and, where no binary " +
        "can be downloaded, Python, make and a C++ compiler",
      { cause: error },
    );
  }
  writeFileSync(stamp, wanted);
}

/** The version of a package that `peers/package.json` asks for, to the digit. */
export function peerVersion(name: string): string {
  // NOTE: ours, and so of that shape.
  const { dependencies } = JSON.parse(read("package.json")) as { readonly dependencies: Record<string, string> };
  return dependencies[name] ?? "";
}

function read(file: string): string {
  return readFileSync(join(DIRECTORY, file), "utf8");
}

/** Has npm build for this Node, and with its own headers where they came with it, whichever Node is on the path. */
function environment(): NodeJS.ProcessEnv {
  const bin = dirname(process.execPath);
  const home = dirname(bin);
  return {
    ...process.env,
    PATH: `${bin}${delimiter}${process.env["PATH"]}`,
    ...(existsSync(join(home, "include", "node", "node_api.h")) && { npm_config_nodedir: home }),
  };
}
