/** The load generator's own process: takes loads from its parent, one at a time. */
import { connect, type Socket } from "node:net";
import type { Load, LoadReply } from "./load.ts";

process.on("message", (load: Load) => {
  void run(load).then(
    (requestsPerSecond) => reply({ requestsPerSecond }),
    (error: unknown) => reply({ error: String(error) }),
  );
});

function reply(message: LoadReply): void {
  process.send?.(message);
}

async function run(load: Load): Promise<number> {
  const started = performance.now();
  const isOver = (): boolean => performance.now() - started >= load.forMs;
  const counts = await Promise.all(
    Array.from({ length: load.connections }, (_, i) =>
      converse(load, load.paths[i % load.paths.length] ?? "/", isOver),
    ),
  );
  const requests = counts.reduce((sum, count) => sum + count, 0);
  return (requests / (performance.now() - started)) * 1_000;
}

/** One connection: a request, its answer, the next request. Resolves to how many were answered. */
function converse(load: Load, path: string, isOver: () => boolean): Promise<number> {
  const { hostname, port, host } = new URL(load.url);
  const request = requestBytes(load, path, host);
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => socket.write(request));
    let answered = 0;
    let missing: number | undefined;
    let pending: Buffer = Buffer.alloc(0);
    const receive = (chunk: Buffer): void => {
      if (missing === undefined) {
        pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
        missing = missingOf(pending);
      } else missing -= chunk.length;
      if (missing !== 0) return;
      missing = undefined;
      pending = Buffer.alloc(0);
      answered += 1;
      if (isOver()) {
        socket.destroy();
        resolve(answered);
      } else socket.write(request);
    };
    const fail = (reason: unknown): void => {
      socket.destroy();
      reject(reason);
    };
    socket.on("data", (chunk: Buffer) => {
      try {
        receive(chunk);
      } catch (error) {
        fail(error);
      }
    });
    socket.on("error", fail);
    socket.on("end", () => fail(new Error("The server closed a connection")));
  });
}

/** How many bytes of an answer have yet to come; `undefined` while its head is not complete. */
function missingOf(bytes: Buffer): number | undefined {
  const headEnd = bytes.indexOf("\r\n\r\n");
  if (headEnd < 0) return undefined;
  const head = bytes.toString("latin1", 0, headEnd);
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  if (!head.startsWith("HTTP/1.1 200") || length === undefined) throw new Error(bytes.toString());
  return headEnd + 4 + Number(length) - bytes.length;
}

function requestBytes({ method, body }: Load, path: string, host: string): Buffer {
  const lines = [`${method} ${path} HTTP/1.1`, `host: ${host}`];
  if (body !== undefined) lines.push("content-type: application/json", `content-length: ${Buffer.byteLength(body)}`);
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n${body ?? ""}`);
}
