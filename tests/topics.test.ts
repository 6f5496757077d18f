import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { loadConfig } from "../src/config/config.ts";
import { LIMITS } from "../src/engine/limits.ts";
import { serve } from "../src/platform/serve.ts";
import { Api } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";

interface Message {
  readonly seq: number;
  readonly content: unknown;
  readonly session_id?: string;
  readonly session_uid?: string;
  readonly actor: string;
}

interface Page {
  readonly messages: readonly Message[];
  readonly next_cursor?: string;
}

interface Subscriber {
  readonly acknowledged: number;
  readonly pending: number;
}

const EVENTS = { accept: "text/event-stream" };

describe("topics over HTTP", () => {
  let server: TestServer;
  let api: Api;
  before(async () => {
    server = await startServer();
    api = new Api(server.url);
  });
  after(() => server[Symbol.asyncDispose]());

  const publish = async (topic: string, content: unknown, more: object = {}): Promise<Message> =>
    (await api.post<Message>(`/topics/${topic}/messages`, { content, ...more })).data;
  const page = async (topic: string, query = ""): Promise<Page> =>
    (await api.get<Page>(`/topics/${topic}/messages${query}`)).data;

  it("carries what one session says to another, until it is acknowledged", async () => {
    const writer = await api.create({ session_id: "writer" });
    await api.create({ session_id: "reader" });
    const first = await publish("drafts", { title: "Bees" }, { session_id: "writer" });
    assert.deepEqual([first.seq, first.session_id, first.session_uid], [1, "writer", writer.uid]);
    await api.post("/topics/drafts/messages", { content: "two" }, { "x-act-as-session": "writer" });
    const { messages } = await page("drafts", "?subscriber=reader");
    assert.deepEqual(
      messages.map(({ seq, content, session_id }) => [seq, content, session_id]),
      [
        [1, { title: "Bees" }, "writer"],
        [2, "two", "writer"],
      ],
    );
    assert.equal(messages[1]?.actor, `session:${writer.uid}`);
    const as = { "x-act-as-session": "reader" };
    const ack = await api.post<Subscriber>("/topics/drafts/subscribers/reader/ack", { through: 1 }, as);
    assert.deepEqual([ack.data.acknowledged, ack.data.pending], [1, 1]);
    assert.deepEqual((await page("drafts", "?subscriber=reader")).messages, messages.slice(1));
    assert.deepEqual((await page("drafts")).messages, messages);
    const foreign = await api.post("/topics/drafts/subscribers/writer/ack", { through: 1 }, as);
    assert.equal(foreign.error.code, "FORBIDDEN");
    assert.equal((await api.get("/topics", as)).error.code, "FORBIDDEN");
  });

  it("pages through the history", async () => {
    for (let i = 1; i <= 5; i++) await publish("paged", i);
    const first = await page("paged", "?limit=2");
    assert.deepEqual([first.messages.map(({ seq }) => seq), first.next_cursor], [[1, 2], "2"]);
    const rest = await page("paged", `?limit=3&cursor=${first.next_cursor}`);
    assert.deepEqual([rest.messages.map(({ seq }) => seq), rest.next_cursor], [[3, 4, 5], undefined]);
    assert.equal((await api.get("/topics/paged/messages?after=6")).error.code, "VALIDATION_ERROR");
  });

  it("goes on live, from a subscriber's cursor or the last event", async () => {
    for (let i = 1; i <= 3; i++) await publish("live", i);
    await api.post("/topics/live/subscribers/ann/ack", { through: 2 });
    const all = await open("/topics/live/messages");
    const ann = await open("/topics/live/messages?subscriber=ann");
    const resumed = await open("/topics/live/messages?subscriber=ann", { "last-event-id": "1" });
    await publish("live", 4);
    assert.deepEqual(await all(4), [1, 2, 3, 4]);
    assert.deepEqual(await ann(2), [3, 4]);
    assert.deepEqual(await resumed(3), [2, 3, 4]);
    const past = await api.get("/topics/live/messages", { ...EVENTS, "last-event-id": "5" });
    assert.equal(past.error.code, "VALIDATION_ERROR");
    assert.equal((await api.get("/topics/live/messages", { ...EVENTS, "last-event-id": "x" })).status, 400);
  });

  it("begins a subscriber at the end, and sets it anywhere", async () => {
    for (let i = 1; i <= 3; i++) await publish("set", i);
    const put = async (body?: object) =>
      (await api.call<Subscriber>("PUT", "/topics/set/subscribers/ann", { body })).data;
    assert.deepEqual([(await put()).pending, (await put({ after: 1 })).pending, (await put()).pending], [0, 2, 2]);
    const many = await api.get<{ subscribers: readonly object[] }>("/topics/set/subscribers");
    assert.equal(many.data.subscribers.length, 1);
    for (const [body, field] of [
      [{ after: 4 }, "after"],
      [{ after: -1 }, "after"],
      [{ after: 0.5 }, "after"],
      [{ nonsense: 1 }, "nonsense"],
    ] as const) {
      const answer = await api.call("PUT", "/topics/set/subscribers/ann", { body });
      assert.deepEqual([answer.error.code, answer.error.details?.[0]?.field], ["VALIDATION_ERROR", field]);
    }
  });

  it("refuses what is no message, or too large, by its field", async () => {
    const post = (body: object, topic = "bad") => api.post(`/topics/${topic}/messages`, body);
    for (const [body, field] of [
      [{}, "content"],
      [{ content: "x".repeat(LIMITS.topicMessageBytes - 1) }, "content"],
      [{ content: 1, session_id: "a b" }, "session_id"],
      [{ content: 1, nonsense: 1 }, "nonsense"],
    ] as const) {
      const { error } = await post(body);
      assert.deepEqual([error.code, error.details?.[0]?.field], ["VALIDATION_ERROR", field]);
    }
    assert.equal((await post({ content: "x".repeat(LIMITS.topicMessageBytes - 2) })).status, 201);
    assert.equal((await post({ content: 1 }, "a%2Fb")).error.details?.[0]?.field, "topic");
  });

  it("keeps messages and cursors over a restart", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sojourn-topics-"));
    const loaded = loadConfig({ flags: { port: "0", log_level: "silent", spare_workers: "0" }, cwd: directory });
    assert.ok("config" in loaded);
    for (const run of [1, 2]) {
      const { url, close } = await serve(loaded.config, {});
      const kept = new Api(url);
      if (run === 1) for (const content of ["old", "new"]) await kept.post("/topics/kept/messages", { content });
      if (run === 1) await kept.post("/topics/kept/subscribers/ann/ack", { through: 1 });
      const { messages } = (await kept.get<Page>("/topics/kept/messages?subscriber=ann")).data;
      assert.deepEqual(
        messages.map(({ seq, content }) => [seq, content]),
        [[2, "new"]],
      );
      await close();
    }
    rmSync(directory, { recursive: true });
  });

  it("keeps the newest messages where that is configured, and tells a subscriber what it has missed", async () => {
    const directory = mkdtempSync(join(tmpdir(), "sojourn-topics-"));
    const flags = { port: "0", log_level: "silent", spare_workers: "0", durability: "none" };
    for (const topic_max_messages of [undefined, "2"]) {
      const loaded = loadConfig({ flags: { ...flags, topic_max_messages }, cwd: directory });
      assert.ok("config" in loaded);
      const { url, close } = await serve(loaded.config, {});
      const kept = new Api(url);
      if (topic_max_messages === undefined) {
        for (let i = 1; i <= 5; i++) await kept.post("/topics/long/messages", { content: i });
        await kept.post("/topics/long/subscribers/ann/ack", { through: 1 });
      } else {
        const look = () => kept.get<{ removed: number }>("/topics/long");
        while ((await look()).data.removed === 0);
        assert.deepEqual((await look()).data.removed, 3);
        const { messages } = (await kept.get<Page>("/topics/long/messages?subscriber=ann")).data;
        assert.deepEqual(
          messages.map(({ seq }) => seq),
          [4, 5],
        );
        const ann = (await kept.get<object>("/topics/long/subscribers/ann")).data;
        assert.partialDeepStrictEqual(ann, { acknowledged: 1, pending: 2, missed: 2 });
        const last = await kept.post<Message>("/topics/long/messages", { content: "next" });
        assert.equal(last.data.seq, 6);
      }
      await close();
    }
    rmSync(directory, { recursive: true });
  });

  it("deletes a topic, which ends its feeds", async () => {
    await publish("short", 1);
    const feed = await open("/topics/short/messages");
    assert.deepEqual(await feed(1), [1]);
    const told = await fetch(`${server.url}/api/v1/topics/short/messages?after=1`, { headers: EVENTS });
    assert.deepEqual((await api.call("DELETE", "/topics/short")).data, { topic: "short", messages: 1 });
    assert.deepEqual(await feed(1), []);
    assert.match(await told.text(), /event: deleted\ndata: {"topic":"short"}\n\n$/);
    assert.deepEqual((await api.get("/topics/short")).data, { topic: "short", messages: 0, removed: 0 });
  });

  it("lets the server stop at once, with feeds open", async () => {
    const stopped = await startServer({ shutdown_timeout_seconds: "60" });
    const feed = await fetch(`${stopped.url}/api/v1/topics/news/messages`, { headers: EVENTS });
    const before = performance.now();
    await stopped[Symbol.asyncDispose]();
    await feed.text();
    assert.ok(performance.now() - before < 30_000);
  });

  /** Opens a feed; what it returns reads the seqs of so many more events, or of fewer where the feed ends. */
  async function open(path: string, headers: object = {}): Promise<(count: number) => Promise<readonly number[]>> {
    const signal = AbortSignal.timeout(20_000);
    const response = await fetch(`${server.url}/api/v1${path}`, { headers: { ...EVENTS, ...headers }, signal });
    assert.equal(response.headers.get("content-type"), "text/event-stream; charset=utf-8");
    const reader = (response.body ?? assert.fail("A feed has a body")).pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    return async (count) => {
      const seqs: number[] = [];
      while (seqs.length < count) {
        const end = text.indexOf("\n\n");
        if (end < 0) {
          const { value, done } = await reader.read();
          if (done) return seqs;
          text += value;
          continue;
        }
        const [, id, data] = /^id: (\d+)\nevent: message\ndata: (.+)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (id === undefined || data === undefined) continue;
        assert.equal((JSON.parse(data) as Message).seq, Number(id));
        seqs.push(Number(id));
      }
      return seqs;
    };
  }
});
