import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));

/** A server in a process of its own, as a user starts it. */
export class ChildServer implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;

  private constructor(url: string, child: ChildProcess, ended: Promise<unknown[]>) {
    this.url = url;
    this.#child = child;
    this.#ended = ended;
  }

  /** Starts one on a free port and waits until it listens; `env` goes beside this process's own. */
  static async start(data: string, env: Readonly<Record<string, string>> = {}): Promise<ChildServer> {
    const args = [
      MAIN,
      "serve",
      "--port",
      "0",
      "--data",
      data,
      "--log-level",
      "error",
      "--shutdown-timeout-seconds",
      "2",
    ];
    const child = spawn(process.execPath, args, {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, SOJOURN_SPARE_WORKERS: "0", ...env },
    });
    const ended = once(child, "exit");
    let printed = "";
    for await (const text of child.stdout.setEncoding("utf8")) {
      printed += text;
      const url = /listening on (http:\S+)\s/.exec(printed)?.[1];
      if (url === undefined) continue;
      return new ChildServer(url, child, ended);
    }
    throw new Error(`The server ended before it listened: ${await ended}`);
  }

  /** Signals it, and resolves with its exit code and the signal that ended it, if one did. */
  async end(signal: NodeJS.Signals): Promise<unknown[]> {
    this.#child.kill(signal);
    return await this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}
