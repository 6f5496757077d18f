import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { Api, type Operation, type Session } from "./api.ts";
import { gauge } from "./gauge.ts";
import { Wire } from "./raw.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

/** A page holds so much, and one item more at most. */
const PAGE = 4 * 1_048_576;

/** A session's metadata at its limit, nearly. */
const LARGE = "x".repeat(65_000);

const COUNT = 150;

const LIST = "GET /api/v1/sessions?limit=1000 HTTP/1.1\r\nHost: localhost\r\n\r\n";

describe("large answers", () => {
  let server: TestServer;
  let api: Api;
  before(async () => {
    server = await startServer({ max_body_bytes_in_hand: `${2 * PAGE + 1_048_576}` });
    api = new Api(server.url);
    await Promise.all(
      Array.from({ length: COUNT }, (_, i) => api.create({ session_id: `s${i}`, metadata: { x: LARGE } })),
    );
  });
  after(() => server[Symbol.asyncDispose]());

  it("are pages of a list that end early, and lose nobody", async () => {
    const seen: string[] = [];
    for (let cursor = "", pages = 1; ; pages++) {
      const { data, text } = await api.get<{ sessions: Session[]; next_cursor?: string }>(
        `/sessions?limit=1000${cursor}`,
      );
      assert.ok(text.length < PAGE * 1.1, `${text.length}`);
      seen.push(...data.sessions.map(({ session_id }) => session_id));
      if (data.next_cursor === undefined) {
        assert.equal(pages, 3);
        break;
      }
      cursor = `&cursor=${data.next_cursor}`;
    }
    assert.deepEqual([new Set(seen).size, seen.length], [COUNT, COUNT]);
  });

  it("are pages of a log that end early, and lose no operation", async () => {
    await api.create({ session_id: "talkative" });
    for (let i = 0; i < 100; i++) {
      await api.call("PATCH", "/sessions/talkative", { body: { metadata: { x: LARGE, i } } });
    }
    const seen: number[] = [];
    for (let cursor = 0; ; ) {
      const { data, text } = await api.get<{ operations: Operation[]; next_cursor?: string }>(
        `/sessions/talkative/operations?limit=1000&cursor=${cursor}`,
      );
      assert.ok(text.length < PAGE * 1.1, `${text.length}`);
      seen.push(...data.operations.map(({ seq }) => seq));
      if (data.next_cursor === undefined) break;
      cursor = Number(data.next_cursor);
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 101 }, (_, i) => i + 1),
    );
  });

  it("count until they are taken, and past the bound others are told to come again", async () => {
    const readers = await Promise.all(Array.from({ length: 6 }, () => Wire.open(server.url)));
    for (const reader of readers) {
      reader.socket.pause();
      reader.send(LIST);
    }
    await until("two are in hand", async () => (await gauge(server.url, "sojourn_http_body_bytes_in_hand")) > 2 * PAGE);
    const refused = await api.get("/sessions?limit=1000");
    assert.deepEqual(
      [refused.status, refused.error.code, refused.headers.get("retry-after")],
      [503, "OVERLOADED", "1"],
    );
    // What is small, and what is written, is answered all the same.
    assert.equal((await api.get("/sessions?limit=1&user_id=nobody")).status, 200);
    await api.create();
    for (const reader of readers) reader[Symbol.dispose]();
    await until("they are let go of", async () => (await gauge(server.url, "sojourn_http_body_bytes_in_hand")) === 0);
    assert.equal((await api.get("/sessions?limit=1000")).status, 200);
  });
});
