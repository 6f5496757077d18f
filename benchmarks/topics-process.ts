/** The process of the topics' client: takes orders from its parent, one at a time. */
import { connect, type Socket } from "node:net";
import type { TopicOrder, TopicReply } from "./topics.ts";

/** How long a stream may be without what it waits for. */
const GIVE_UP_MS = 60_000;

process.on("message", (order: TopicOrder) => {
  void run(order).then(
    (elapsedMs) => reply({ elapsedMs }),
    (error: unknown) => reply({ error: String(error) }),
  );
});
process.once("disconnect", () => process.exit());

function reply(message: TopicReply): void {
  process.send?.(message);
}

async function run(order: TopicOrder): Promise<number> {
  const subscribers = Array.from({ length: order.subscribers }, (_, i) => new Subscriber(order, `s${i}`));
  await Promise.all(subscribers.map((subscriber) => subscriber.opened));
  const started = performance.now();
  await Promise.all([publishAll(order), ...subscribers.map((subscriber) => subscriber.done)]);
  const elapsedMs = performance.now() - started;
  for (const subscriber of subscribers) subscriber.close();
  return elapsedMs;
}

async function publishAll({ url, topic, messages, callers, body }: TopicOrder): Promise<void> {
  let left = messages;
  const call = async (): Promise<void> => {
    while (left-- > 0) {
      const response = await fetch(`${url}/api/v1/topics/${topic}/messages`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      const text = await response.text();
      if (response.status !== 201) throw new Error(`A message to ${topic} answers ${response.status}: ${text}`);
    }
  };
  await Promise.all(Array.from({ length: callers }, call));
}

/** One event stream, over a connection of its own, that is to get every message once, in order. */
class Subscriber {
  readonly #socket: Socket;
  readonly #opened = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();
  readonly #messages: number;
  #last = 0;
  #text = "";

  constructor({ url, topic, messages }: TopicOrder, name: string) {
    this.#messages = messages;
    const { hostname, port, host } = new URL(url);
    this.#socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => {
      this.#socket.write(
        `GET /api/v1/topics/${topic}/messages?subscriber=${name} HTTP/1.1\r\nhost: ${host}\r\n` +
          "accept: text/event-stream\r\n\r\n",
      );
    });
    this.#socket.setEncoding("latin1");
    this.#socket.setTimeout(GIVE_UP_MS, () => this.#fail("waited in vain"));
    this.#socket.on("data", (chunk: string) => this.#receive(chunk));
    this.#socket.on("error", (error) => this.#fail(String(error)));
    this.#socket.on("close", () => this.#fail("was closed"));
    // They are met by whoever waits for them.
    for (const { promise } of [this.#opened, this.#done]) promise.catch(() => undefined);
  }

  get opened(): Promise<void> {
    return this.#opened.promise;
  }

  get done(): Promise<void> {
    return this.#done.promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: string): void {
    const text = this.#text + chunk;
    const end = text.lastIndexOf("\n") + 1;
    this.#text = text.slice(end);
    if (text.includes(": connected\n")) this.#opened.resolve();
    for (const [, id] of text.slice(0, end).matchAll(/^id: (\d+)$/gm)) {
      if (Number(id) === this.#last + 1) this.#last += 1;
      else this.#fail(`got message ${id} after ${this.#last}`);
    }
    if (this.#last === this.#messages) this.#done.resolve();
  }

  #fail(why: string): void {
    const failure = new Error(`A subscriber ${why}`);
    this.#opened.reject(failure);
    this.#done.reject(failure);
  }
}
