import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Api, type Operation } from "./api.ts";
import { Client } from "./client.ts";
import { exchange } from "./raw.ts";
import { startServer } from "./server.ts";
import { serverOfSuite } from "./suite.ts";
import { until } from "./until.ts";

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

interface FeedEvent {
  readonly id: number;
  readonly operation: Operation;
}

/** A client of one event stream. */
class Feed implements AsyncDisposable {
  readonly response: Response;
  readonly #events: AsyncGenerator<FeedEvent>;
  readonly #abort: AbortController;

  private constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    this.#events = read(response);
  }

  static async open(
    api: Api,
    id: string,
    { query = "", lastEventId }: { readonly query?: string; readonly lastEventId?: number } = {},
  ): Promise<Feed> {
    const abort = new AbortController();
    const headers = {
      accept: "text/event-stream",
      ...(lastEventId !== undefined && { "last-event-id": `${lastEventId}` }),
    };
    const url = `${api.url}/api/v1/sessions/${id}/operations${query}`;
    return new Feed(
      await fetch(url, { headers, signal: AbortSignal.any([abort.signal, AbortSignal.timeout(30_000)]) }),
      abort,
    );
  }

  /** The next event, or `undefined` once the server has ended the stream. */
  async next(): Promise<FeedEvent | undefined> {
    const { value, done } = await this.#events.next();
    return done === true ? undefined : value;
  }

  async take(count: number): Promise<readonly FeedEvent[]> {
    const events: FeedEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (event === undefined) break;
      events.push(event);
    }
    return events;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.#events.return(undefined).catch(() => undefined);
  }
}

async function* read({ body }: Response): AsyncGenerator<FeedEvent> {
  assert.ok(body);
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split("\n\n");
    text = blocks.pop() ?? "";
    for (const block of blocks) {
      const fields = new Map(block.split("\n").map((line) => [line.split(":", 1)[0], line.replace(/^[^:]*: ?/, "")]));
      // A comment has no name before its colon.
      if (fields.has("")) continue;
      assert.deepEqual([...fields.keys()], ["id", "event", "data"]);
      assert.equal(fields.get("event"), "operation");
      yield { id: Number(fields.get("id")), operation: JSON.parse(fields.get("data") ?? "") as Operation };
    }
  }
}

describe("the live feed", async () => {
  const { server, api } = await serverOfSuite();

  async function use(id: string, times: number): Promise<void> {
    for (let i = 0; i < times; i++) assert.equal((await api.post(`/sessions/${id}/metrics`)).status, 200);
  }

  /** How many streams the server has open, as its metrics say. */
  async function openStreams(): Promise<number> {
    const text = await (await fetch(`${server.url}/metrics`)).text();
    return Number(/^sojourn_http_event_streams (\d+)$/m.exec(text)?.[1]);
  }

  it("gives the log from its beginning, and then what is appended, as the list does", async () => {
    const { session_id } = await api.create();
    await use(session_id, 2);
    await using feed = await Feed.open(api, session_id);
    assert.match(feed.response.headers.get("content-type") ?? "", /^text\/event-stream/);
    assert.equal(feed.response.headers.get("cache-control"), "no-store");
    const first = await feed.take(3);
    await api.post(`/sessions/${session_id}/suspend`, { reason: "line\nbreak\r\n\u2028 ü" });
    const events = [...first, ...(await feed.take(1))];
    assert.deepEqual(
      events.map(({ id }) => id),
      [1, 2, 3, 4],
    );
    const { data } = await api.get<{ operations: Operation[] }>(`/sessions/${session_id}/operations`);
    assert.deepEqual(
      events.map(({ operation }) => operation),
      data.operations,
    );
  });

  it("begins after Last-Event-ID, which wins over the query", async () => {
    const { session_id } = await api.create();
    await use(session_id, 5);
    await using resumed = await Feed.open(api, session_id, { query: "?after=1", lastEventId: 4 });
    assert.deepEqual(
      (await resumed.take(2)).map(({ id }) => id),
      [5, 6],
    );
    await using later = await Feed.open(api, session_id, { query: "?after=3" });
    assert.equal((await later.next())?.id, 4);
  });

  it("loses nothing and repeats nothing across reconnects, while writes go on", async () => {
    const { session_id } = await api.create();
    const total = 400;
    const writing = Promise.all(Array.from({ length: 4 }, () => use(session_id, total / 4)));
    const seen: FeedEvent[] = [];
    for (let connections = 0; seen.length <= total; connections++) {
      assert.ok(connections <= total, "each connection brings something");
      await using feed = await Feed.open(api, session_id, { lastEventId: seen.at(-1)?.id ?? 0 });
      seen.push(...(await feed.take(Math.min(1 + connections * 7, total + 1 - seen.length))));
    }
    await writing;
    assert.deepEqual(
      seen.map(({ id }) => id),
      Array.from({ length: total + 1 }, (_, i) => i + 1),
    );
    assert.deepEqual(
      seen.map(({ operation }) => operation.seq),
      seen.map(({ id }) => id),
    );
  });

  it("gives all of a log to many followers at once", async () => {
    const { session_id } = await api.create();
    const feeds = await Promise.all(Array.from({ length: 50 }, () => Feed.open(api, session_id)));
    const [, ...all] = await Promise.all([use(session_id, 20), ...feeds.map((feed) => feed.take(21))]);
    for (const events of all)
      assert.deepEqual(
        events.map(({ id }) => id),
        Array.from({ length: 21 }, (_, i) => i + 1),
      );
    for (const feed of feeds) await feed[Symbol.asyncDispose]();
  });

  it("shows only the kind that was asked for", async () => {
    const { session_id } = await api.create();
    await using feed = await Feed.open(api, session_id, { query: "?kind=session.suspended" });
    await use(session_id, 3);
    await api.post(`/sessions/${session_id}/suspend`);
    assert.equal((await feed.next())?.id, 5);
    await using none = await Feed.open(api, session_id, { query: "?kind=session.renamed" });
    assert.equal(none.response.status, 400);
  });

  it("ends when the session is deleted, after its last operation", async () => {
    const { session_id } = await api.create();
    await using feed = await Feed.open(api, session_id);
    assert.equal((await feed.next())?.id, 1);
    await api.call("DELETE", `/sessions/${session_id}`);
    assert.equal(await feed.next(), undefined);
    await using again = await Feed.open(api, session_id, { lastEventId: 1 });
    assert.equal(again.response.status, 404, "and whoever comes back is told");
  });

  it("does not go over to the next session of that name", async () => {
    const { uid } = await api.create({ session_id: "reborn" });
    await api.post("/sessions/reborn/end");
    await using old = await Feed.open(api, "reborn");
    await old.take(2);
    await api.create({ session_id: "reborn" });
    await use("reborn", 3);
    await api.call("DELETE", `/sessions/${uid}`);
    assert.equal(await old.next(), undefined);
  });

  it("is 404 for an unknown session", async () => {
    await using feed = await Feed.open(api, "nobody");
    assert.equal(feed.response.status, 404);
    const { error } = (await feed.response.clone().json()) as { error: { code: string } };
    assert.equal(error.code, "SESSION_NOT_FOUND");
  });

  it("is let go of when its reader leaves, however early, and by HEAD at once", async () => {
    const { session_id } = await api.create();
    const before = await openStreams();
    const line = `/api/v1/sessions/${session_id}/operations HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`;
    const sockets = await Promise.all(Array.from({ length: 20 }, () => follower(server.url, `GET ${line}`)));
    for (const [i, socket] of sockets.entries()) {
      if (i % 2 === 0) await once(socket, "data");
      socket.destroy();
    }
    const head = await fetch(`${server.url}/api/v1/sessions/${session_id}/operations`, {
      method: "HEAD",
      headers: { accept: "text/event-stream" },
    });
    assert.match(head.headers.get("content-type") ?? "", /^text\/event-stream/);
    await until("no stream is left", async () => {
      await use(session_id, 1);
      return (await openStreams()) === before;
    });
  });

  it("holds nobody up and keeps nothing in memory for a reader that stopped to read", async () => {
    await using roomy = await startServer({ max_metadata_bytes: "1000000" });
    const own = new Api(roomy.url);
    const { session_id } = await own.create();
    const stuck = await follower(
      roomy.url,
      `GET /api/v1/sessions/${session_id}/operations HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`,
    );
    await once(stuck, "data");
    stuck.pause();
    await using live = await Feed.open(own, session_id);
    using client = new Client(roomy.url, 1);
    const before = memoryUsed();
    // The kernel buffers some megabytes for the stuck reader; the log is much larger than that.
    const metadata = { text: "x".repeat(500_000) };
    for (let i = 1; i <= 120; i++) {
      assert.equal((await live.next())?.id, i);
      await client.call("PATCH", `/sessions/${session_id}`, { metadata });
    }
    const megabytes = (memoryUsed() - before) / 1_048_576;
    assert.ok(megabytes < 24, `${megabytes} MiB more for a log of 57`);
    let tail = "";
    for await (const chunk of stuck) {
      tail = (tail + chunk).slice(-600_000);
      if (tail.includes("\nid: 121\n")) break;
    }
  });

  it("ends when the server stops, which does not wait for it", async () => {
    const stopping = await startServer({ shutdown_timeout_seconds: "60" });
    const own = new Api(stopping.url);
    const { session_id } = await own.create();
    await using feed = await Feed.open(own, session_id);
    assert.equal((await feed.next())?.id, 1);
    await Promise.all([stopping[Symbol.asyncDispose](), feed.next().then((event) => assert.equal(event, undefined))]);
    await assert.rejects(exchange(stopping.url, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
  });

  for (const path of ["/events", "/topics/news/messages"]) {
    it(`ends in the same way at ${path}`, async () => {
      const stopping = await startServer({ shutdown_timeout_seconds: "60" });
      const feed = await fetch(`${stopping.url}/api/v1${path}`, { headers: { accept: "text/event-stream" } });
      const [told] = await Promise.all([feed.text(), stopping[Symbol.asyncDispose]()]);
      assert.equal(told, ": connected\n\n");
    });
  }
});

async function follower(url: string, request: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write(request);
  return socket;
}

/** What this process holds on to. */
function memoryUsed(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
