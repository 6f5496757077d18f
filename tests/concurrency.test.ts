import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Api, type Operation } from "./api.ts";
import { Client, type Loaded } from "./client.ts";
import { startServer } from "./server.ts";

describe("callers at the same time", () => {
  it("count exactly: 1,000 clients, one session, each write on the disk before its answer", async () => {
    await using server = await startServer({ durability: "full" });
    const api = new Api(server.url);
    const { session_id } = await api.create();
    const path = `/sessions/${session_id}`;
    using client = new Client(server.url, 1_000);
    const added = { requests: 1, errors: 1, processing_time_seconds: 0.1 };
    const answers = await times(1_000, () => client.call("POST", `${path}/metrics`, added));
    assert.ok(client.connections.size >= 100, `${client.connections.size} connections`);
    assert.deepEqual(count(answers), { 200: 1_000 });
    // Each saw its own step, and no two the same.
    const seen = answers.map(
      ({ text }) => (JSON.parse(text) as { data: { request_count: number } }).data.request_count,
    );
    assert.deepEqual(
      seen.toSorted((a, b) => a - b),
      Array.from({ length: 1_000 }, (_, i) => i + 1),
    );
    const { metrics, version } = await api.session(session_id);
    assert.equal(version, 1_001);
    assert.deepEqual(metrics, {
      request_count: 1_000,
      error_count: 1_000,
      total_processing_time: 100,
      average_processing_time: 0.1,
      input_tokens: 0,
      output_tokens: 0,
    });
    const verdict = await api.get<{ ok: boolean; operations: number }>(`${path}/verify`);
    assert.deepEqual([verdict.data.ok, verdict.data.operations], [true, 1_001]);
    const log = await api.get<{ operations: Operation[] }>(`${path}/operations?limit=1000&after=1`);
    assert.deepEqual(
      log.data.operations.map(({ seq }) => seq),
      Array.from({ length: 1_000 }, (_, i) => i + 2),
    );
    assert.equal(new Set(log.data.operations.map(({ id }) => id)).size, 1_000);
  });

  it("create one session of one id: one is first, all others are told", async () => {
    await using server = await startServer();
    using client = new Client(server.url, 100);
    for (const session_id of ["first", "second", "third"]) {
      const answers = await times(100, () => client.call("POST", "/sessions", { session_id }));
      assert.deepEqual(count(answers), { 201: 1, 409: 99 });
    }
    const returned = await times(100, () =>
      client.call("POST", "/sessions", { session_id: "fourth", if_exists: "return" }),
    );
    assert.deepEqual(count(returned), { 200: 99, 201: 1 });
    const uids = returned.map(({ text }) => (JSON.parse(text) as { data: { uid: string } }).data.uid);
    assert.equal(new Set(uids).size, 1);
    const { data } = await new Api(server.url).get<{ sessions: number }>("/sessions/stats");
    assert.equal(data.sessions, 4);
  });

  it("never get more sessions than max_sessions, nor fewer", async () => {
    await using server = await startServer({ max_sessions: "10" });
    using client = new Client(server.url, 100);
    const answers = await times(100, () => client.call("POST", "/sessions", {}));
    assert.deepEqual(count(answers), { 201: 10, 429: 90 });
    const api = new Api(server.url);
    const ids = answers.flatMap(({ status, text }) =>
      status === 201 ? [(JSON.parse(text) as { data: { session_id: string } }).data.session_id] : [],
    );
    await Promise.all(ids.slice(0, 5).map((id) => api.post(`/sessions/${id}/suspend`)));
    const mixed = await Promise.all([
      times(20, () => client.call("POST", "/sessions", {})),
      Promise.all(ids.slice(0, 5).map((id) => client.call("POST", `/sessions/${id}/resume`))),
    ]);
    const { 429: refused, ...admitted } = count(mixed.flat());
    assert.equal(refused, 20);
    assert.equal(
      Object.values(admitted).reduce((sum, n) => sum + n, 0),
      5,
    );
    const { data } = await api.get<{ by_status: Record<string, number> }>("/sessions/stats");
    assert.equal(data.by_status["active"], 10);
  });

  it("end, use, read and delete one session in any order, and none is answered with a fault of ours", async () => {
    await using server = await startServer();
    using client = new Client(server.url, 50);
    const calls = [
      ["POST", "/metrics"], ["POST", "/suspend"], ["POST", "/resume"], ["POST", "/end"], ["DELETE", ""], ["GET", ""],
      ["GET", "/operations"], ["POST", "/keepalive"],
    ] as const; // biome-ignore format: a list
    for (let round = 0; round < 20; round++) {
      await client.call("POST", "/sessions", { session_id: "contested" });
      const answers = await times(50, (i) => {
        const [method, rest] = calls[(i * 7 + round) % calls.length] ?? calls[0];
        return client.call(method, `/sessions/contested${rest}`);
      });
      for (const { status, text } of answers) assert.ok([200, 404, 409].includes(status), text);
      assert.equal(answers.filter(({ text }) => text.includes("deleted successfully")).length, 1);
    }
  });

  for (const [read, path] of [
    ["a look at the past", "?at=2"],
    ["a verification", "/verify"],
  ]) {
    it(`delete a session during ${read}: the answer is of before or of after`, async () => {
      await using server = await startServer();
      using client = new Client(server.url, 20);
      for (let round = 0; round < 20; round++) {
        await client.call("POST", "/sessions", { session_id: "fleeting" });
        await times(5, () => client.call("POST", "/sessions/fleeting/metrics"));
        const reading = times(10, () => client.call("GET", `/sessions/fleeting${path}`));
        await client.call("DELETE", "/sessions/fleeting");
        for (const { status, text } of await reading) {
          assert.ok(status === 200 || status === 404, text);
          assert.ok(!text.includes('"ok":false'), text);
        }
      }
    });
  }
});

async function times(n: number, call: (i: number) => Promise<Loaded>): Promise<readonly Loaded[]> {
  return await Promise.all(Array.from({ length: n }, (_, i) => call(i)));
}

/** How many answers have each status. */
function count(answers: readonly Loaded[]): Record<number, number> {
  const groups = Map.groupBy(answers, ({ status }) => status);
  return Object.fromEntries([...groups].map(([status, group]) => [status, group.length]));
}
