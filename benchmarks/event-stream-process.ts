/** The process of the event streams' client: takes orders from its parent, one at a time. */
import { connect, type Socket } from "node:net";
import type { StreamOrder, StreamReply } from "./event-streams.ts";

/** How many connections are opened, and how many writes are under way, at a time. */
const CALLERS = 64;

/** How long a stream may be without what it waits for. */
const GIVE_UP_MS = 60_000;

let streams: readonly Stream[] = [];

process.on("message", (order: StreamOrder) => {
  void run(order).then(
    (timesMs) => reply({ timesMs }),
    (error: unknown) => reply({ error: String(error) }),
  );
});
process.once("disconnect", () => process.exit());

function reply(message: StreamReply): void {
  process.send?.(message);
}

async function run(order: StreamOrder): Promise<readonly number[]> {
  switch (order.order) {
    case "open":
      streams = order.sessionIds.map((id) => new Stream(order.url, id, order.after));
      await atATime(streams, async (stream) => await stream.open());
      return [];
    case "write":
      await atATime(streams, async (stream) => await stream.write());
      return await Promise.all(streams.map((stream) => stream.timeMs));
    case "close":
      for (const stream of streams) stream.close();
      streams = [];
      return [];
  }
}

async function atATime(all: readonly Stream[], call: (stream: Stream) => Promise<void>): Promise<void> {
  const remaining = all.values();
  const work = async (): Promise<void> => {
    for (const stream of remaining) await call(stream);
  };
  await Promise.all(Array.from({ length: CALLERS }, work));
}

/** One event stream, over a connection of its own, that is to get one event. */
class Stream {
  readonly #url: string;
  readonly #id: string;
  readonly #after: number;
  readonly #opened = Promise.withResolvers<void>();
  readonly #delivered = Promise.withResolvers<number>();
  #socket: Socket | undefined;
  #received = "";
  #writtenAt = Number.NaN;
  #failure: Error | undefined;
  #isClosing = false;

  constructor(url: string, id: string, after: number) {
    this.#url = url;
    this.#id = id;
    this.#after = after;
    // It is met by whoever waits for it.
    this.#delivered.promise.catch(() => undefined);
  }

  /** Milliseconds from the write to the event. */
  get timeMs(): Promise<number> {
    return this.#delivered.promise;
  }

  /** Resolves when the server has begun its answer. */
  async open(): Promise<void> {
    const { hostname, port, host } = new URL(this.#url);
    const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => {
      socket.write(
        `GET /api/v1/sessions/${this.#id}/operations?after=${this.#after} HTTP/1.1\r\nhost: ${host}\r\n` +
          "accept: text/event-stream\r\n\r\n",
      );
    });
    socket.setEncoding("utf8");
    socket.setTimeout(GIVE_UP_MS, () => this.#fail("waited in vain"));
    socket.on("data", (chunk: string) => this.#receive(chunk));
    socket.on("error", (error) => this.#fail(String(error)));
    socket.on("close", () => this.#fail("was closed"));
    this.#socket = socket;
    await this.#opened.promise;
  }

  async write(): Promise<void> {
    this.#writtenAt = performance.now();
    const response = await fetch(`${this.#url}/api/v1/sessions/${this.#id}/metrics`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: METRICS,
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`The write to ${this.#id} answers ${response.status}: ${text}`);
  }

  /** Throws if the stream has failed, even after its event. */
  close(): void {
    this.#isClosing = true;
    this.#socket?.destroy();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #receive(chunk: string): void {
    this.#received += chunk;
    if (!this.#received.startsWith(OK.slice(0, this.#received.length))) this.#fail("is not 200");
    if (this.#received.includes(": connected\n\n")) this.#opened.resolve();
    const ids = this.#received.match(/^id: \d+$/gm) ?? [];
    if (ids.length === 0 || !this.#received.includes(`\n\n`, this.#received.indexOf("\nevent: "))) return;
    if (ids.length > 1 || ids[0] !== `id: ${this.#after + 1}`) this.#fail(`has ${ids}`);
    this.#delivered.resolve(performance.now() - this.#writtenAt);
  }

  #fail(why: string): void {
    if (this.#isClosing) return;
    this.#failure ??= new Error(`The stream of ${this.#id} ${why}: ${this.#received}`);
    this.#opened.reject(this.#failure);
    this.#delivered.reject(this.#failure);
    this.#socket?.destroy();
  }
}

const OK = "HTTP/1.1 200 ";

const METRICS = '{"requests":1,"errors":0,"processing_time_seconds":0.0015}';
