/**
 * Messages a second through one topic that has a hundred subscribers, by 64 callers: durable when they are answered, and counted
 * once every subscriber has every one, in order. Beside it, the same messages into a topic that nobody follows. In process, and
 * over HTTP with the server and its client, which both publishes and listens, as processes of their own.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { Stop } from "../src/engine/signal.ts";
import type { Topics } from "../src/engine/topics.ts";
import { atLeast, type Claim, show } from "./claim.ts";
import { CALLER, openBenchmarkEngine } from "./engine.ts";
import { interleave } from "./rounds.ts";
import { scratchDirectory } from "./scratch.ts";
import { spawnSojourn } from "./servers.ts";

/** What the client's process is told; it answers once every subscriber has every message. */
export interface TopicOrder {
  readonly url: string;
  readonly topic: string;
  readonly subscribers: number;
  readonly messages: number;
  readonly callers: number;
  /** A body of JSON. */
  readonly body: string;
}

export type TopicReply = { readonly elapsedMs: number } | { readonly error: string };

const SUBSCRIBERS = 100;

const CALLERS = 64;

/** In process, and over HTTP. */
const MESSAGES = { engine: 10_000, server: 3_000 } as const;

const CONTENT = { claim: "Bees see ultraviolet", source: "x".repeat(240), confidence: 0.9 };

/** Measures both claims. */
export async function measureTopics(): Promise<readonly Claim[]> {
  return [await inProcess(), await overHttp()];
}

async function inProcess(): Promise<Claim> {
  using scratch = scratchDirectory();
  const engine = openBenchmarkEngine({ directory: scratch.path });
  try {
    let topics = 0;
    const through = async (subscribers: number): Promise<number> => {
      const topic = `topic-${topics++}`;
      const stop = new Stop();
      const readers = await Promise.all(
        Array.from({ length: subscribers }, (_, i) =>
          engine.topics.follow(CALLER, topic, { subscriber: `s${i}`, signal: stop }),
        ),
      );
      const started = performance.now();
      await Promise.all([...readers.map(readAll), publishAll(engine.topics, topic)]);
      const rate = MESSAGES.engine / ((performance.now() - started) / 1_000);
      stop.abort();
      await Promise.all(readers.map((reader) => reader.return(undefined)));
      await engine.topics.delete(CALLER, topic);
      return rate;
    };
    const title = `Messages through a topic, ${SUBSCRIBERS} subscribers, in process`;
    const rounds = await interleave(title, { ours: () => through(SUBSCRIBERS), raw: () => through(0) });
    return atLeast(0.15, { title, unit: "messages/s", rounds });
  } finally {
    await engine.close();
  }
}

async function readAll(messages: AsyncGenerator<{ readonly seq: number }, unknown>): Promise<void> {
  for (let expected = 1; expected <= MESSAGES.engine; expected++) {
    const { done, value } = await messages.next();
    // NOTE: what is yielded is a message.
    const seq = done === true ? undefined : (value as { readonly seq: number }).seq;
    if (seq !== expected) throw new Error(`A subscriber got message ${seq}, not ${expected}`);
  }
}

async function publishAll(topics: Topics, topic: string): Promise<void> {
  let left: number = MESSAGES.engine;
  const call = async (): Promise<void> => {
    while (left-- > 0) await topics.publish(CALLER, topic, { content: CONTENT });
  };
  await Promise.all(Array.from({ length: CALLERS }, call));
}

async function overHttp(): Promise<Claim> {
  using scratch = scratchDirectory();
  await using server = await spawnSojourn(scratch.path);
  using client = new TopicClient();
  let topics = 0;
  const through = async (subscribers: number): Promise<number> => {
    const elapsedMs = await client.run({
      url: server.url,
      topic: `topic-${topics++}`,
      subscribers,
      messages: MESSAGES.server,
      callers: CALLERS,
      body: JSON.stringify({ content: CONTENT }),
    });
    return MESSAGES.server / (elapsedMs / 1_000);
  };
  const title = `Messages through a topic, ${SUBSCRIBERS} subscribers, by event streams`;
  const rounds = await interleave(title, { ours: () => through(SUBSCRIBERS), raw: () => through(0) });
  return atLeast(0.2, { title, unit: "messages/s", rounds });
}

/** The client's process. */
class TopicClient implements Disposable {
  readonly #process: ChildProcess = fork(new URL("./topics-process.ts", import.meta.url));

  /** @returns how long it took; rejects if a message failed, or came otherwise than in order */
  async run(order: TopicOrder): Promise<number> {
    const replied = once(this.#process, "message");
    this.#process.send(order);
    // NOTE: the process answers each order with one reply.
    const [reply] = (await replied) as [TopicReply];
    if ("error" in reply) throw new Error(`The client of the topics failed: ${reply.error}`);
    return reply.elapsedMs;
  }

  [Symbol.dispose](): void {
    this.#process.disconnect();
  }
}

if (import.meta.main) await show(measureTopics);
