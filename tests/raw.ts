import { connect } from "node:net";

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** By lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
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
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.setTimeout(20_000, () => socket.destroy(new Error("No answer came")));
  let received = Buffer.alloc(0);
  try {
    socket.write(bytes);
    if (hangUp) socket.end();
    for await (const chunk of socket) {
      received = Buffer.concat([received, chunk]);
      const answer = parse(received);
      if (answer !== undefined) return answer;
    }
    throw new Error(`The connection ended after: ${JSON.stringify(received.toString("latin1"))}`);
  } finally {
    socket.destroy();
  }
}

function parse(received: Buffer): RawAnswer | undefined {
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
  return rest.length < length ? undefined : { status, headers, body: rest.subarray(0, length).toString() };
}
