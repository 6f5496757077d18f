import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";

/** What the generator sends: each connection one request after another, each on a path of its own. */
export interface Load {
  /** Such as `http://127.0.0.1:7070`. */
  readonly url: string;
  readonly method: "GET" | "POST";
  /** Shared out among the connections. */
  readonly paths: readonly string[];
  /** JSON text. */
  readonly body?: string;
  readonly connections: number;
  readonly forMs: number;
}

/** What the generator's process answers. */
export type LoadReply = { readonly requestsPerSecond: number } | { readonly error: string };

/**
 * Sends requests over keep-alive connections, from a process of its own.
 *
 * Ours because it has to be light: on two cores it runs beside the server that it measures. It writes bytes made
 * beforehand and reads no more of an answer than where it ends; autocannon brings 63 packages.
 */
export class LoadGenerator implements Disposable {
  readonly #process: ChildProcess = fork(new URL("./load-process.ts", import.meta.url));

  /** @returns requests answered a second; rejects if one is answered with anything but 200 */
  async run(load: Load): Promise<number> {
    const replied = once(this.#process, "message");
    this.#process.send(load);
    // NOTE: the process answers each load with one reply.
    const [reply] = (await replied) as [LoadReply];
    if ("error" in reply) throw new Error(`Load on ${load.method} ${load.paths[0]} failed: ${reply.error}`);
    return reply.requestsPerSecond;
  }

  [Symbol.dispose](): void {
    this.#process.disconnect();
  }
}
