import { Agent, request } from "node:http";

/** An answer, as far as tests under load look at it. */
export interface Loaded {
  readonly status: number;
  readonly text: string;
}

/** A client that is light enough for thousands of requests, over as many connections as it is given. */
export class Client implements Disposable {
  readonly #base: string;
  readonly #agent: Agent;
  /** The local ports of all connections so far. */
  readonly connections = new Set<number | undefined>();

  constructor(url: string, connections: number) {
    this.#base = `${url}/api/v1`;
    this.#agent = new Agent({ keepAlive: true, maxSockets: connections });
  }

  /** Rejects where no whole answer came. */
  async call(method: string, path: string, body?: object, key?: string): Promise<Loaded> {
    return await new Promise((resolve, reject) => {
      const headers = {
        ...(body !== undefined && { "content-type": "application/json" }),
        ...(key !== undefined && { "idempotency-key": key }),
      };
      const outgoing = request(this.#base + path, { method, headers, agent: this.#agent }, (incoming) => {
        this.connections.add(incoming.socket.localPort);
        let text = "";
        incoming.setEncoding("utf8");
        incoming.on("data", (chunk: string) => {
          text += chunk;
        });
        incoming.on("end", () => {
          if (incoming.complete) resolve({ status: incoming.statusCode ?? 0, text });
        });
        incoming.on("close", () => reject(new Error("The answer was cut off")));
      });
      outgoing.on("error", reject);
      outgoing.end(body && JSON.stringify(body));
    });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
