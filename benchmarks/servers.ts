import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** A server in a process of its own. Disposing stops it by SIGTERM, and rejects if it does not end with 0. */
export interface Spawned extends AsyncDisposable {
  /** Such as `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly pid: number;
}

/**
 * Starts Sojourn with its defaults; resolves once it has printed where it listens.
 *
 * @param directory  where its log goes, and its data unless `data` says where
 */
export async function spawnSojourn(
  directory: string,
  data: string = join(directory, "data"),
  flags: readonly string[] = [],
): Promise<Spawned> {
  const log = openSync(join(directory, "server.log"), "a");
  try {
    const args = [modulePath("../src/cli/main.ts"), "serve", "--port", "0", "--data", data, ...flags];
    return await untilListening(spawn(process.execPath, args, { cwd: directory, stdio: ["ignore", "pipe", log] }));
  } finally {
    closeSync(log);
  }
}

/** Starts the bare Hono app, with the bodies that it answers. */
export async function spawnRaw({ get, post }: { readonly get: string; readonly post: string }): Promise<Spawned> {
  const args = [modulePath("./raw-server.ts"), get, post];
  return await untilListening(spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] }));
}

/** How much of a process is in memory. */
export function residentMiB(pid: number): number {
  return Number(execFileSync("ps", ["-o", "rss=", "-p", `${pid}`], { encoding: "utf8" })) / 1_024;
}

function modulePath(relative: string): string {
  return fileURLToPath(new URL(relative, import.meta.url));
}

/** Both servers print their address on stdout once they listen. */
async function untilListening(child: ChildProcess): Promise<Spawned> {
  const url = await new Promise<string>((resolve, reject) => {
    let printed = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      printed += chunk.toString();
      const found = /http:\/\/\S+:\d+/.exec(printed);
      if (found !== null) resolve(found[0]);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`The server ended with ${code} before it listened: ${printed}`)));
  });
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    }
    if (child.exitCode !== 0) throw new Error(`The server ended with ${child.exitCode ?? child.signalCode}`);
  };
  return { url, pid: child.pid ?? 0, [Symbol.asyncDispose]: stop };
}
