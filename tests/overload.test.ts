import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it } from "node:test";
import { ErrorShape } from "../src/http/dialects/native/encode.ts";
import { Api } from "./api.ts";
import { ChildServer } from "./child-server.ts";
import { gauge } from "./gauge.ts";
import { exchange, type RawAnswer, Wire } from "./raw.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

const LIST = "GET /api/v1/sessions HTTP/1.1\r\nHost: localhost\r\n\r\n";

function begun(length: number, body = ""): string {
  const headers = ["Host: localhost", "Content-Type: application/json", `Content-Length: ${length}`];
  return `POST /api/v1/sessions HTTP/1.1\r\n${headers.join("\r\n")}\r\n\r\n${body}`;
}

function whole(length: number): string {
  return begun(length, `{${" ".repeat(length - 2)}}`);
}

async function inHand(server: { readonly url: string }, requests: number): Promise<void> {
  await until(`${requests} requests are in hand`, async () => {
    // One more asks.
    return (await gauge(server.url, "sojourn_http_requests_in_hand")) === requests + 1;
  });
}

async function bytesInHand(server: TestServer, bytes: number): Promise<void> {
  await until(`${bytes} bytes are in hand`, async () => {
    return (await gauge(server.url, "sojourn_http_body_bytes_in_hand")) === bytes;
  });
}

function assertOverloaded({ status, headers, body }: RawAnswer): void {
  const { error } = ErrorShape.strict().parse(JSON.parse(body));
  assert.deepEqual([status, error.code, headers.get("retry-after")], [503, "OVERLOADED", "1"]);
}

describe("requests in hand", () => {
  it("are as many as they may be; one more is told to come again, and health is told all the same", async () => {
    await using server = await startServer({ max_requests_in_hand: "2" });
    using first = await Wire.open(server.url);
    first.send(begun(2));
    await inHand(server, 1);
    assert.equal((await exchange(server.url, LIST)).status, 200);
    using second = await Wire.open(server.url);
    second.send(begun(2));
    await inHand(server, 2);
    using third = await Wire.open(server.url);
    third.send(LIST);
    assertOverloaded(await third.answer());
    assertOverloaded(await exchange(server.url, begun(1_000_000)));
    for (const path of ["/healthz", "/readyz", "/metrics", "/api/v1/health?x=1"]) {
      const { status } = await fetch(server.url + path);
      assert.equal(status, path.endsWith("?x=1") ? 400 : 200, path);
    }
    first.send("{}");
    assert.equal((await first.answer()).status, 201);
    await inHand(server, 1);
    third.send(LIST);
    assert.equal((await third.answer()).status, 200, "on the same connection");
    second.socket.resetAndDestroy();
    await inHand(server, 0);
  });

  it("are not the event streams", async () => {
    await using server = await startServer({ max_requests_in_hand: "1" });
    const { session_id } = await new Api(server.url).create();
    const path = `/api/v1/sessions/${session_id}/operations`;
    const streams: Wire[] = [];
    for (let i = 0; i < 3; i++) {
      const wire = await Wire.open(server.url);
      wire.send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
      await once(wire.socket, "data");
      assert.match(wire.rest, /^HTTP\/1\.1 200 /);
      streams.push(wire);
    }
    assert.equal((await exchange(server.url, LIST)).status, 200);
    for (const { socket } of streams) socket.destroy();
  });
});

describe("bodies in hand", () => {
  it("are as large as they may be together; one byte more is refused before it is read", async () => {
    await using server = await startServer({ max_body_bytes_in_hand: "10000" });
    using first = await Wire.open(server.url);
    first.send(begun(6_000));
    await bytesInHand(server, 6_000);
    assert.equal((await exchange(server.url, whole(4_000))).status, 201);
    await bytesInHand(server, 6_000);
    assertOverloaded(await exchange(server.url, begun(4_001)));
    first.send(`{${" ".repeat(5_998)}}`);
    assert.equal((await first.answer()).status, 201);
    await bytesInHand(server, 0);
    assert.equal((await exchange(server.url, whole(10_001))).status, 201, "alone, it has room");
  });

  it("count chunk by chunk where their length is not told", async () => {
    await using server = await startServer({ max_body_bytes_in_hand: "10000" });
    using first = await Wire.open(server.url);
    first.send(begun(6_000));
    await bytesInHand(server, 6_000);
    using second = await Wire.open(server.url);
    const headers = "Host: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked";
    second.send(`POST /api/v1/sessions HTTP/1.1\r\n${headers}\r\n\r\nfa0\r\n${"{".padEnd(4_000)}\r\n`);
    await bytesInHand(server, 10_000);
    second.send("1\r\n}\r\n0\r\n\r\n");
    assertOverloaded(await second.answer());
    await bytesInHand(server, 6_000);
  });
});

describe("uploads in hand", () => {
  it("that take their time leave room for what is over at once", async () => {
    await using server = await startServer({ max_body_bytes_in_hand: String(4 * 1_048_576) });
    const { session_id } = await new Api(server.url).create();
    const path = `/api/v1/sessions/${session_id}/artifacts?name=a&artifact_type=t`;
    const upload = `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${8 * 1_048_576}\r\n\r\n`;
    using first = await Wire.open(server.url);
    first.send(upload);
    await bytesInHand(server, 2 * 1_048_576);
    assertOverloaded(await exchange(server.url, upload));
    assert.equal((await exchange(server.url, whole(1_000_000))).status, 201);
    first.send(Buffer.alloc(8 * 1_048_576));
    assert.equal((await first.answer()).status, 201);
  });
});

describe("a flood of bodies", () => {
  it("does not fill the memory, and is served once it ebbs", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-flood-"));
    try {
      await using server = await ChildServer.start(directory);
      const megabytes = async (): Promise<number> =>
        (await gauge(server.url, "process_resident_memory_bytes")) / 1_048_576;
      const before = await megabytes();
      // All but the last byte, so that nothing that is read can be let go of.
      const most = Buffer.from(begun(1_048_576, `{${" ".repeat(1_048_574)}`));
      const flood = await Promise.all(Array.from({ length: 1_000 }, () => Wire.open(server.url)));
      let refused = 0;
      for (const wire of flood) {
        wire.send(most);
        wire.answer().then(
          (answer) => {
            assertOverloaded(answer);
            refused += 1;
          },
          () => {},
        );
      }
      const room = 128;
      let peak = before;
      await until("all that there is no room for are refused", async () => {
        peak = Math.max(peak, await megabytes());
        return refused === flood.length - room;
      });
      const { url } = server;
      assert.equal(await gauge(url, "sojourn_http_body_bytes_in_hand"), room * 1_048_576);
      assert.ok(peak - before < 500, `${peak - before} MiB more for a flood of 1,000`);
      for (const { socket } of flood) socket.destroy();
      await inHand(server, 0);
      assert.equal((await exchange(url, whole(1_048_576))).status, 201);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});
