import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * Stands before a server and passes everything on; what it is told to hold, it holds: of an answer all but the first bytes,
 * of a request all that comes after its headers.
 */
export class Front implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /**
   * @param target  the server
   * @param hold    is asked about each request; what it returns is waited for, and breaks the connection where it fails
   */
  static async before(
    target: string,
    hold: (method: string, path: string) => Promise<void> | undefined,
  ): Promise<Front> {
    const server = createServer((incoming, answer) => {
      const { method = "", url = "" } = incoming;
      const held = hold(method, url);
      // Where it is looked at later, it may have failed by then.
      held?.catch(() => undefined);
      passOn(target, incoming, answer, held);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Front(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function passOn(
  target: string,
  incoming: IncomingMessage,
  answer: ServerResponse,
  held: Promise<void> | undefined,
): void {
  const { method, url, headers } = incoming;
  const isRead = method === "GET";
  const outgoing = request(`${target}${url}`, { method, headers: { ...headers, host: new URL(target).host } });
  outgoing.on("response", (response) => {
    answer.writeHead(response.statusCode ?? 502, response.headers);
    if (held === undefined || !isRead) {
      response.pipe(answer);
      return;
    }
    response.once("data", (first: Buffer) => {
      response.pause();
      answer.write(first);
      held.then(() => response.pipe(answer)).catch(() => answer.destroy());
    });
  });
  outgoing.on("error", () => answer.destroy());
  answer.on("close", () => outgoing.destroy());
  if (held === undefined || isRead) incoming.pipe(outgoing);
  else held.then(() => incoming.pipe(outgoing)).catch(() => answer.destroy());
}
