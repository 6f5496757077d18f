import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** A connection that may be misused. */
export class Wire implements Disposable {
  readonly socket: Socket;
  /** Resolves once the server has closed the connection, in whichever way. */
  readonly closed: Promise<void>;
  #received: Buffer = Buffer.alloc(0);
  #error: Error | undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.setTimeout(20_000, () => socket.destroy(new Error("No answer came")));
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
    });
  }

  static async open(url: string): Promise<Wire> {
    const { hostname, port } = new URL(url);
    const wire = new Wire(connect(Number(port), hostname));
    await once(wire.socket, "connect");
    return wire;
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** What was received and not taken as an answer yet. */
  get rest(): string {
    return this.#received.toString("latin1");
  }

  /** The next final answer. */
  async answer(): Promise<RawAnswer> {
    for (;;) {
      const parsed = parse(this.#received);
      if (parsed !== undefined) {
        this.#received = parsed.rest;
        return parsed.answer;
      }
      if (this.socket.destroyed || this.socket.readableEnded) {
        throw new Error(`The connection ended after: ${JSON.stringify(this.rest)}`, { cause: this.#error });
      }
      await new Promise<void>((resolve) => {
        for (const event of ["data", "end", "close"]) this.socket.once(event, () => resolve());
      });
    }
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/**
 * Sends bytes over a connection of their own, and returns the final answer to the first request among them.
 *
 * @param hangUp  end our side of the connection after the bytes
 */
export async function exchange(
  url: string,
  bytes: string | Buffer,
  { hangUp = false }: { readonly hangUp?: boolean } = {},
): Promise<RawAnswer> {
  using wire = await Wire.open(url);
  wire.send(bytes);
  if (hangUp) wire.socket.end();
  return await wire.answer();
}

function parse(received: Buffer): { readonly answer: RawAnswer; readonly rest: Buffer } | undefined {
  const end = received.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const [first = "", ...lines] = received.subarray(0, end).toString("latin1").split("\r\n");
  const status = Number(first.split(" ")[1]);
  const rest = received.subarray(end + 4);
  if (status < 200) return parse(rest);
  const headers = new Map(
    lines.map((line) => [line.split(":", 1)[0]?.toLowerCase() ?? "", line.replace(/^[^:]*:\s*/, "")]),
  );
  const length = Number(headers.get("content-length") ?? Number.NaN);
  if (Number.isNaN(length)) throw new Error(`An answer without a length: ${first}`);
  if (rest.length < length) return undefined;
  return { answer: { status, headers, body: rest.subarray(0, length).toString() }, rest: rest.subarray(length) };
}
