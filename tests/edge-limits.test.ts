import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { ErrorShape } from "../src/http/dialects/native/encode.ts";
import { Api } from "./api.ts";
import { gauge } from "./gauge.ts";
import { exchange, type RawAnswer, Wire } from "./raw.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

const HEALTH = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

/** The limit of the routes that take a reason. */
const SMALL = 16_384;

function post(path: string, headers: readonly string[], body = ""): string {
  const all = ["Host: localhost", "Content-Type: application/json", ...headers];
  return `POST /api/v1${path} HTTP/1.1\r\n${all.join("\r\n")}\r\n\r\n${body}`;
}

function sized(path: string, length: number): string {
  return post(path, [`Content-Length: ${length}`], `{${" ".repeat(length - 2)}}`);
}

function chunked(path: string, ...chunks: readonly string[]): string {
  const body = [...chunks, ""].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join("");
  return post(path, ["Transfer-Encoding: chunked"], body);
}

function codeOf({ status, body, headers }: RawAnswer): string {
  const { error, request_id } = ErrorShape.strict().parse(JSON.parse(body));
  assert.equal(error.status, status);
  assert.equal(headers.get("x-request-id"), request_id);
  return `${status} ${error.code}`;
}

/** Sends a byte now and then, until the connection is closed. */
async function dribble({ socket, closed }: Wire, byte: string): Promise<void> {
  const timer = setInterval(() => socket.write(byte), 20);
  await closed;
  clearInterval(timer);
}

describe("a client that takes its time", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({}, { headersMs: 200, bodyMs: 200, lingerMs: 200 });
    await new Api(server.url).create({ session_id: "s" });
  });
  after(() => server[Symbol.asyncDispose]());

  for (const [what, bytes] of [
    ["nothing at all", ""],
    ["half a request line", "GET /hea"],
    ["headers without an end", "GET /healthz HTTP/1.1\r\nHost: localhost\r\n"],
  ] as const) {
    it(`is told so and cut off when it sends ${what}`, async () => {
      using wire = await Wire.open(server.url);
      if (bytes !== "") wire.send(bytes);
      const answer = await wire.answer();
      assert.equal(codeOf(answer), "408 REQUEST_TIMEOUT");
      assert.equal(answer.headers.get("connection"), "close");
      await wire.closed;
      assert.equal(wire.rest, "");
    });
  }

  it("is told so when it sends its headers byte by byte", async () => {
    using wire = await Wire.open(server.url);
    wire.send("GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-A: ");
    const [answer] = await Promise.all([wire.answer(), dribble(wire, "a")]);
    assert.equal(codeOf(answer), "408 REQUEST_TIMEOUT");
  });

  it("is told so when it begins a second request and does not go on, after the answer to the first", async () => {
    using wire = await Wire.open(server.url);
    wire.send(`${HEALTH}GET /hea`);
    assert.equal((await wire.answer()).status, 200);
    assert.equal(codeOf(await wire.answer()), "408 REQUEST_TIMEOUT");
    await wire.closed;
  });

  for (const [what, bytes] of [
    ["declared", post("/sessions", ["Content-Length: 100"], "{")],
    ["chunked", post("/sessions", ["Transfer-Encoding: chunked"], "1\r\n{\r\n")],
  ] as const) {
    it(`is told so and cut off when its ${what} body does not come, or byte by byte`, async () => {
      for (const goOn of [async () => {}, (wire: Wire) => dribble(wire, what === "declared" ? " " : "1\r\n \r\n")]) {
        using wire = await Wire.open(server.url);
        wire.send(bytes);
        const [answer] = await Promise.all([wire.answer(), goOn(wire)]);
        assert.equal(codeOf(answer), "408 REQUEST_TIMEOUT");
        assert.equal(answer.headers.get("connection"), "close");
        await wire.closed;
      }
    });
  }

  it("is served when it comes in time, in however many pieces", async () => {
    await using patient = await startServer();
    using wire = await Wire.open(patient.url);
    wire.socket.setNoDelay();
    for (const byte of post("/sessions", ["Content-Length: 2"], "{}")) {
      wire.send(byte);
      await new Promise(setImmediate);
    }
    assert.equal((await wire.answer()).status, 201);
  });
});

describe("a body", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({}, { lingerMs: 200 });
    await new Api(server.url).create({ session_id: "s" });
  });
  after(() => server[Symbol.asyncDispose]());

  it("may be as large as its route allows, and one byte more is refused", async () => {
    for (const path of ["/sessions/s/suspend", "/sessions/s/keepalive", "/sessions/s/metrics"]) {
      assert.notEqual((await exchange(server.url, sized(path, SMALL))).status, 413);
      assert.equal(codeOf(await exchange(server.url, sized(path, SMALL + 1))), "413 PAYLOAD_TOO_LARGE");
      assert.notEqual((await exchange(server.url, chunked(path, `{${" ".repeat(SMALL - 2)}`, "}"))).status, 413);
      const more = chunked(path, `{${" ".repeat(SMALL - 1)}`, "}");
      assert.equal(codeOf(await exchange(server.url, more)), "413 PAYLOAD_TOO_LARGE");
    }
    assert.equal((await exchange(server.url, sized("/sessions", SMALL + 1))).status, 201);
  });

  it("that says to be too large is refused before any of it comes", async () => {
    const answer = await exchange(server.url, post("/sessions", ["Content-Length: 9999999999"]));
    assert.equal(codeOf(answer), "413 PAYLOAD_TOO_LARGE");
  });

  it("is asked for by 100 only when it is wanted", async () => {
    const expect = "Expect: 100-continue";
    using refused = await Wire.open(server.url);
    refused.send(post("/sessions", ["Content-Length: 9999999999", expect]));
    await once(refused.socket, "data");
    assert.match(refused.rest, /^HTTP\/1\.1 413 /);
    using wanted = await Wire.open(server.url);
    wanted.send(post("/sessions", ["Content-Length: 2", expect]));
    await once(wanted.socket, "data");
    assert.match(wanted.rest, /^HTTP\/1\.1 100 /);
    wanted.send("{}");
    assert.equal((await wanted.answer()).status, 201);
  });

  it("of which little is left when it is refused leaves the connection usable", async () => {
    using wire = await Wire.open(server.url);
    wire.send(sized("/sessions/s/suspend", SMALL + 1_000) + HEALTH);
    assert.equal(codeOf(await wire.answer()), "413 PAYLOAD_TOO_LARGE");
    assert.equal((await wire.answer()).status, 200);
    wire.send(chunked("/sessions/s/suspend", " ".repeat(SMALL), " ".repeat(1_000)) + HEALTH);
    assert.equal(codeOf(await wire.answer()), "413 PAYLOAD_TOO_LARGE");
    assert.equal((await wire.answer()).status, 200);
  });

  for (const [path, expected] of [
    ["/sessions/s/suspend", "413 PAYLOAD_TOO_LARGE"],
    ["/nothing", "404 NOT_FOUND"],
  ] as const) {
    it(`that goes on after ${expected} is cut off`, async () => {
      using wire = await Wire.open(server.url);
      wire.send(post(path, ["Transfer-Encoding: chunked"]));
      const chunk = `${SMALL.toString(16)}\r\n${" ".repeat(SMALL)}\r\n`;
      const flood = async (): Promise<void> => {
        while (wire.socket.writable) {
          if (wire.socket.write(chunk)) await new Promise(setImmediate);
          else await Promise.race([new Promise((resolve) => wire.socket.once("drain", resolve)), wire.closed]);
        }
      };
      const [answer] = await Promise.all([wire.answer(), flood()]);
      assert.equal(codeOf(answer), expected);
    });
  }
});

describe("a client that reads slowly", () => {
  const stalledMs = 400;
  let server: TestServer;
  let large: string;
  before(async () => {
    server = await startServer({ max_metadata_bytes: "1000000" }, { stalledMs });
    const api = new Api(server.url);
    const { session_id } = await api.create();
    // A page of a log has four million characters; of three bytes each, they are more than the kernel buffers for a reader
    // that does not read.
    for (let i = 0; i < 40; i++) {
      const body = { metadata: { text: `${i}`.padEnd(300_000, "€") } };
      assert.equal((await api.call("PATCH", `/sessions/${session_id}`, { body })).status, 200);
    }
    large = `GET /api/v1/sessions/${session_id}/operations?limit=1000 HTTP/1.1\r\nHost: localhost\r\n`;
  });
  after(() => server[Symbol.asyncDispose]());

  /** A client that asks, and reads only when it is told to. */
  async function asker(request: string): Promise<{ readonly socket: Socket } & Disposable> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(request);
    await once(socket, "readable");
    return { socket, [Symbol.dispose]: () => void socket.destroy() };
  }

  it("is cut off when it takes nothing of an answer", async () => {
    const before = await gauge(server.url, "sojourn_http_connections");
    using _ = await asker(`${large}\r\n`);
    assert.equal(await gauge(server.url, "sojourn_http_requests_in_hand"), 2, "its own, and the one that asks");
    await until("it is cut off", async () => (await gauge(server.url, "sojourn_http_connections")) === before);
    assert.equal(await gauge(server.url, "sojourn_http_requests_in_hand"), 1);
  });

  it("is cut off when it takes nothing of a stream, and the stream is let go of", async () => {
    const before = await gauge(server.url, "sojourn_http_connections");
    using _ = await asker(`${large}Accept: text/event-stream\r\n\r\n`);
    assert.equal(await gauge(server.url, "sojourn_http_event_streams"), 1);
    await until("it is cut off", async () => (await gauge(server.url, "sojourn_http_connections")) === before);
    assert.equal(await gauge(server.url, "sojourn_http_event_streams"), 0);
  });

  it("is not cut off while it goes on reading", async () => {
    using client = await asker(`${large}Connection: close\r\n\r\n`);
    const started = performance.now();
    let received = 0;
    for await (const chunk of client.socket) {
      received += chunk.length;
      await pause(10);
    }
    assert.ok(received > 12_000_000, `${received} bytes`);
    assert.ok(performance.now() - started > 3 * stalledMs, "it took long enough to be cut off");
  });

  it("is not cut off while a stream has nothing for it", async () => {
    const api = new Api(server.url);
    const { session_id } = await api.create();
    const path = `/api/v1/sessions/${session_id}/operations`;
    using client = await asker(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n`);
    let text = "";
    client.socket.on("data", (chunk) => {
      text += chunk;
    });
    await pause(3 * stalledMs);
    await api.post(`/sessions/${session_id}/keepalive`);
    await until("the event comes", async () => {
      await new Promise(setImmediate);
      return text.includes("session.kept_alive");
    });
  });
});

describe("a handler that works for longer than a reader may stall", () => {
  it("is waited for", async () => {
    const data = await mkdtemp(join(tmpdir(), "sojourn-slow-"));
    try {
      const path = await filled(data);
      await using server = await startServer({ data }, { stalledMs: 15 });
      using wire = await Wire.open(server.url);
      const started = performance.now();
      wire.send(`GET /api/v1${path}/verify HTTP/1.1\r\nHost: localhost\r\n\r\n`);
      assert.equal((await wire.answer()).status, 200);
      assert.ok(performance.now() - started > 30, "it took long enough to be cut off");
    } finally {
      await rm(data, { recursive: true });
    }
  });
});

/** Puts a session into a data directory whose log takes a while to verify, and returns its path. */
async function filled(data: string): Promise<string> {
  await using server = await startServer({ data, max_metadata_bytes: "1000000" });
  const api = new Api(server.url);
  const { session_id } = await api.create();
  const body = { metadata: { text: "x".repeat(900_000) } };
  for (let i = 0; i < 40; i++) await api.call("PATCH", `/sessions/${session_id}`, { body });
  return `/sessions/${session_id}`;
}

describe("connections", () => {
  it("are as many as they may be, and one more is told to come again", async () => {
    await using server = await startServer({ max_connections: "3" });
    const connected = async (): Promise<Wire> => {
      const wire = await Wire.open(server.url);
      wire.send(HEALTH);
      assert.equal((await wire.answer()).status, 200);
      return wire;
    };
    const wires = [await connected(), await connected(), await connected()];
    for (const bytes of ["", HEALTH, "NONSENSE\r\n\r\n"]) {
      using more = await Wire.open(server.url);
      if (bytes !== "") more.send(bytes);
      const answer = await more.answer();
      assert.equal(codeOf(answer), "503 OVERLOADED");
      assert.deepEqual([answer.headers.get("retry-after"), answer.headers.get("connection")], ["1", "close"]);
      await more.closed;
      assert.equal(more.rest, "");
    }
    wires[0]?.socket.resetAndDestroy();
    wires[1]?.socket.end();
    await until("there is room", async () => {
      using wire = await Wire.open(server.url);
      wire.send(HEALTH);
      return (await wire.answer()).status === 200;
    });
    wires[2]?.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await until("the others are gone", async () => {
      const text = (await wires[2]?.answer())?.body ?? "";
      if (text.includes("\nsojourn_http_connections 1\n")) return true;
      wires[2]?.send("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n");
      return false;
    });
    wires[2]?.socket.destroy();
  });
});

describe("a client that does as few do", () => {
  let server: TestServer;
  before(async () => {
    server = await startServer({}, { lingerMs: 200 });
    await new Api(server.url).create({ session_id: "s" });
  });
  after(() => server[Symbol.asyncDispose]());

  it("is answered when it closes its side after the request", async () => {
    for (const request of [HEALTH, sized("/sessions/s/metrics", 2)]) {
      assert.equal((await exchange(server.url, request, { hangUp: true })).status, 200);
    }
  });

  it("ends its stream by closing its side", async () => {
    using wire = await Wire.open(server.url);
    wire.send("GET /api/v1/sessions/s/operations HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n");
    await once(wire.socket, "data");
    wire.socket.end();
    await wire.closed;
    assert.equal(await gauge(server.url, "sojourn_http_event_streams"), 0);
  });

  it("is answered in order when it sends many requests at once", async () => {
    using wire = await Wire.open(server.url);
    const paths = ["/api/v1/sessions/s/verify", "/healthz", "/nothing", "/api/v1/sessions/s", "/readyz"];
    wire.send(
      paths.map((path, i) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: r${i}\r\n\r\n`).join(""),
    );
    for (const [i] of paths.entries()) assert.equal((await wire.answer()).headers.get("x-request-id"), `r${i}`);
  });

  it("gets the answers to its requests, and none to the nonsense after them", async () => {
    using wire = await Wire.open(server.url);
    wire.send(`${sized("/sessions/s/metrics", 2)}${sized("/sessions/s/metrics", 2)}NONSENSE\r\n\r\n`);
    assert.equal((await wire.answer()).status, 200);
    assert.equal((await wire.answer()).status, 200);
    await wire.closed;
    assert.equal(wire.rest, "");
  });

  it("is served by HTTP/1.0, and the connection is closed", async () => {
    using wire = await Wire.open(server.url);
    wire.send("GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n");
    assert.equal((await wire.answer()).status, 200);
    await wire.closed;
  });

  it("hides nothing behind thousands of headers", async () => {
    const many = Array.from({ length: 2_100 }, () => "a:b").join("\r\n");
    const answer = await exchange(server.url, `GET /healthz HTTP/1.1\r\nHost: localhost\r\n${many}\r\nHost: b\r\n\r\n`);
    assert.equal(codeOf(answer), "400 VALIDATION_ERROR");
  });

  it("does no harm by asking for a proxy and going away", async () => {
    using wire = await Wire.open(server.url);
    wire.send("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(wire.socket, "data");
    wire.send("more");
    wire.socket.resetAndDestroy();
    assert.equal((await exchange(server.url, HEALTH)).status, 200);
  });
});
