import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Api, type Operation } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";

interface Told {
  readonly cursor: string;
  readonly type: string;
  readonly session_id: string;
  readonly session_uid: string;
  readonly user_id: string;
  readonly operation: Operation;
}

interface Page {
  readonly events: readonly Told[];
  readonly cursor: string;
  readonly next_cursor?: string;
}

describe("the feed of events over HTTP", () => {
  let server: TestServer;
  let api: Api;
  before(async () => {
    server = await startServer();
    api = new Api(server.url);
  });
  after(() => server[Symbol.asyncDispose]());

  const page = async (query: string): Promise<Page> => (await api.get<Page>(`/events?${query}`)).data;

  it("tells of sessions and artifacts, whole, and goes on from its cursor", async () => {
    const start = (await page("after=now")).cursor;
    const { uid } = await api.create({ session_id: "a", user_id: "ann" });
    const content = { name: "a.txt", artifact_type: "user_input", content: "x" };
    await api.post("/sessions/a/artifacts", content);
    await api.post("/sessions/a/suspend", { reason: "tea" });
    const all = await page(`after=${start}`);
    const types = ["session.created", "session.artifact.stored", "session.suspended"];
    assert.deepEqual(
      all.events.map(({ type }) => type),
      types,
    );
    const [first, second] = all.events;
    assert.deepEqual([first?.session_id, first?.session_uid, first?.user_id], ["a", uid, "ann"]);
    const { operations } = (await api.get<{ operations: readonly Operation[] }>("/sessions/a/operations")).data;
    assert.deepEqual(
      all.events.map(({ operation }) => operation),
      operations,
    );
    assert.deepEqual([all.cursor, all.next_cursor], [all.events.at(-1)?.cursor, undefined]);
    assert.deepEqual((await page(`after=${all.cursor}`)).events, []);
    assert.deepEqual((await page(`after=${start}&type=session.artifact.*`)).events, [second]);
    const one = await page(`after=${start}&limit=1`);
    assert.deepEqual([one.events, one.next_cursor], [[first], first?.cursor]);
    assert.deepEqual((await page(`cursor=${one.next_cursor}&limit=1`)).events, [second]);
  });

  it("goes on live, from a cursor or the last event", async () => {
    const start = (await page("after=now")).cursor;
    await api.create({ session_id: "live-1" });
    const all = await open(`after=${start}&type=session.created`);
    assert.deepEqual(await all(1), ["session.created live-1"]);
    const [last] = (await page(`after=${start}`)).events;
    const resumed = await open("type=session.*", { "last-event-id": last?.cursor });
    await api.post("/sessions/live-1/metrics");
    await api.create({ session_id: "live-2" });
    assert.deepEqual(await all(1), ["session.created live-2"]);
    assert.deepEqual(await resumed(2), ["session.metrics.recorded live-1", "session.created live-2"]);
  });

  it("ends at once where the server stops", async () => {
    await using stopping = await startServer();
    const { body } = await fetch(`${stopping.url}/api/v1/events`, { headers: { accept: "text/event-stream" } });
    const ended = Array.fromAsync(body ?? assert.fail("A feed has a body"));
    const begun = performance.now();
    await stopping.stop();
    await ended;
    assert.ok(performance.now() - begun < 5_000, "it did not wait for the time that requests in hand have");
  });

  it("refuses what is no cursor or no name, and whoever acts as a session", async () => {
    for (const [query, field] of [
      ["after=x", "after"],
      ["after=-1", "after"],
      ["after=999999999999999", "after"],
      ["type=created", "type.0"],
      ["limit=0", "limit"],
      ["limit=1001", "limit"],
    ] as const) {
      const { error } = await api.get(`/events?${query}`);
      assert.deepEqual([error.code, error.details?.[0]?.field], ["VALIDATION_ERROR", field], query);
    }
    const bad = await api.get("/events", { accept: "text/event-stream", "last-event-id": "x" });
    assert.equal(bad.status, 400);
    await api.create({ session_id: "acting" });
    assert.equal((await api.get("/events", { "x-act-as-session": "acting" })).error.code, "FORBIDDEN");
  });

  /** Opens a feed; what it returns reads so many more events. */
  async function open(query: string, headers: object = {}): Promise<(count: number) => Promise<readonly string[]>> {
    const response = await fetch(`${server.url}/api/v1/events?${query}`, {
      headers: { accept: "text/event-stream", ...headers },
      signal: AbortSignal.timeout(20_000),
    });
    const reader = (response.body ?? assert.fail("A feed has a body")).pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    return async (count) => {
      const told: string[] = [];
      while (told.length < count) {
        const end = text.indexOf("\n\n");
        if (end < 0) {
          const { value, done } = await reader.read();
          assert.ok(!done, "the feed goes on");
          text += value;
          continue;
        }
        const [, id, event, data] = /^id: (\d+)\nevent: (.+)\ndata: (.+)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (data === undefined) continue;
        const one = JSON.parse(data) as Told;
        assert.deepEqual([one.cursor, one.type], [id, event]);
        told.push(`${event} ${one.session_id}`);
      }
      return told;
    };
  }
});
