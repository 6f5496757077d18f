import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { statSync } from "node:fs";
import { mkdtemp, open, readdir, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { Blake3Hasher } from "@napi-rs/blake-hash";
import { Api, type Artifact } from "./api.ts";
import { ChildServer } from "./child-server.ts";
import { gauge } from "./gauge.ts";
import { Wire } from "./raw.ts";
import { startServer, type TestServer } from "./server.ts";
import { Shelf, suite } from "./shelf.ts";
import { until } from "./until.ts";

const MIB = 1_048_576;

describe("the content of an artifact", () => {
  const { shelf } = suite();

  it("comes as a file, with its name, type and hash, and as nothing that a browser would run", async () => {
    const it = await shelf();
    const name = 'ü "b" €.html';
    const { artifact_id, content_hash } = (await it.json({ name, content: "<b>" })).data;
    const answer = await it.content(artifact_id);
    assert.deepEqual([answer.status, answer.text], [200, "<b>"]);
    const told = Object.fromEntries(HEADERS.map((header) => [header, answer.headers.get(header)]));
    assert.deepEqual(told, {
      "content-type": "text/html",
      "content-length": "3",
      "content-disposition": `attachment; filename="? \\"b\\" ?.html"; filename*=UTF-8''%C3%BC%20%22b%22%20%E2%82%AC.html`,
      "content-range": null,
      "accept-ranges": "bytes",
      etag: `"${content_hash}"`,
      "cache-control": "private, no-cache",
      "content-security-policy": "sandbox",
      "x-content-type-options": "nosniff",
    });
    const head = await it.content(artifact_id, {}, "HEAD");
    assert.deepEqual([head.status, head.bytes.length], [200, 0]);
    assert.deepEqual(Object.fromEntries(HEADERS.map((header) => [header, head.headers.get(header)])), told);
  });

  for (const size of [1, 1_000, MIB, 3 * MIB + 7]) {
    it(`comes in parts of ${size} bytes, also near its end`, async () => {
      const it = await shelf();
      const bytes = randomBytes(size);
      const { artifact_id } = (await it.raw(bytes)).data;
      assert.ok((await it.content(artifact_id)).bytes.equals(bytes));
      const last = size - 1;
      for (const [range, from, to] of [
        ["0-0", 0, 0],
        ["0-", 0, last],
        [`0-${size}`, 0, last],
        [`${last}-`, last, last],
        [`${last}-${size + 9}`, last, last],
        ["-1", last, last],
        [`-${size}`, 0, last],
        [`-${size + 1}`, 0, last],
        [`${size >> 1}-${last}`, size >> 1, last],
        [`${Math.min(last, MIB - 1)}-${Math.min(last, MIB)}`, Math.min(last, MIB - 1), Math.min(last, MIB)],
      ] as const) {
        const part = await it.content(artifact_id, { range: `bytes=${range}` });
        assert.deepEqual(
          [part.status, part.headers.get("content-range"), part.headers.get("content-length")],
          [206, `bytes ${from}-${to}/${size}`, `${to - from + 1}`],
          range,
        );
        assert.ok(part.bytes.equals(bytes.subarray(from, to + 1)), range);
      }
      for (const range of [`${size}-`, "-0", `${size}-${size}`]) {
        const none = await it.content(artifact_id, { range: `bytes=${range}` });
        assert.deepEqual(
          [none.status, none.error.code, none.headers.get("content-range")],
          [416, "RANGE_NOT_SATISFIABLE", `bytes */${size}`],
        );
      }
      for (const range of ["bytes=5-2", "bytes=0-0,2-2", "items=0-0", "nonsense"]) {
        const whole = await it.content(artifact_id, { range });
        assert.deepEqual([whole.status, whole.bytes.length], [200, size], range);
      }
    });
  }

  it("has no parts where it has no bytes", async () => {
    const it = await shelf();
    const { artifact_id } = (await it.raw("")).data;
    const whole = await it.content(artifact_id);
    assert.deepEqual([whole.status, whole.bytes.length, whole.headers.get("content-length")], [200, 0, "0"]);
    assert.equal((await it.content(artifact_id, { range: "bytes=0-" })).status, 416);
  });

  it("is not sent to whoever has it, and a part of it only to whoever means it", async () => {
    const it = await shelf();
    const { artifact_id, content_hash } = (await it.raw("abcdef")).data;
    const tag = `"${content_hash}"`;
    for (const list of [tag, `"x", W/${tag}`, "*"]) {
      for (const range of ["bytes=0-0", "bytes=9-", ""]) {
        const there = await it.content(artifact_id, { "if-none-match": list, ...(range && { range }) });
        assert.deepEqual([there.status, there.bytes.length, there.headers.get("etag")], [304, 0, tag]);
      }
      assert.equal((await it.content(artifact_id, { "if-none-match": list }, "HEAD")).status, 304);
    }
    assert.equal((await it.content(artifact_id, { "if-none-match": '"x"' })).text, "abcdef");
    const part = (condition: string, range: string) =>
      it.content(artifact_id, { "if-range": condition, range: `bytes=${range}` });
    assert.equal((await part(tag, "1-2")).text, "bc");
    assert.equal((await part(tag, "9-")).status, 416);
    for (const other of ['"x"', `W/${tag}`, "Wed, 21 Oct 2026 07:28:00 GMT"]) {
      assert.equal((await part(other, "1-2")).text, "abcdef");
      assert.equal((await part(other, "9-")).text, "abcdef");
    }
  });

  it("is there as it was, until its bytes have gone", async () => {
    const it = await shelf();
    const { artifact_id } = (await it.raw("once")).data;
    const twin = await it.raw("once", { name: "twin" });
    const path = `${it.path}/${artifact_id}`;
    await it.api.call("DELETE", path);
    assert.equal((await it.content(artifact_id)).error.code, "ARTIFACT_NOT_FOUND");
    assert.equal((await it.api.get(`${path}/content?at=2`)).text, "once");
    const past = (await it.api.get<Artifact>(`${path}?at=2`)).data;
    assert.deepEqual([past.gone_seq, past.stored_size], [4, 4]);
    await it.api.call("DELETE", `${it.path}/${twin.data.artifact_id}`);
    assert.equal((await it.api.get(`${path}/content?at=2`)).error.code, "ARTIFACT_NOT_FOUND");
    const gone = (await it.api.get<Artifact>(`${path}?at=2`)).data;
    assert.deepEqual([gone.gone_seq, gone.stored_size, gone.is_compressed], [4, undefined, undefined]);
  });
});

const HEADERS = [
  "content-type",
  "content-length",
  "content-disposition",
  "content-range",
  "accept-ranges",
  "etag",
  "cache-control",
  "content-security-policy",
  "x-content-type-options",
];

describe("an upload", () => {
  let directory: string;
  let server: TestServer;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sojourn-upload-"));
    server = await startServer({ data: directory }, { bodyMs: 300, lingerMs: 200 });
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const begin = (path: string, length: number): string =>
    `POST /api/v1${path}?name=a&artifact_type=t HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n\r\n`;

  const files = async (): Promise<number> => {
    const entries = await readdir(join(directory, "blobs"), { recursive: true, withFileTypes: true }).catch(() => []);
    return entries.filter((entry) => entry.isFile()).length;
  };

  for (const [what, leave] of [
    ["reset", (wire: Wire) => void wire.socket.resetAndDestroy()],
    ["closed", (wire: Wire) => void wire.socket.end()],
  ] as const) {
    it(`whose connection is ${what} in its middle leaves nothing`, async () => {
      const it = await Shelf.of(new Api(server.url));
      using wire = await Wire.open(server.url);
      wire.send(begin(it.path, 8 * MIB));
      wire.send(randomBytes(4 * MIB));
      await until("some of it is kept", async () => (await files()) > 0);
      leave(wire);
      await until("it is let go of", async () => (await gauge(server.url, "sojourn_http_requests_in_hand")) === 1);
      await until("nothing is kept", async () => (await files()) === 0);
      assert.deepEqual(await it.list(), []);
      assert.equal((await it.api.session(it.sessionId)).version, 1);
    });
  }

  it("that stalls is told so and cut off, and leaves nothing", async () => {
    const it = await Shelf.of(new Api(server.url));
    using wire = await Wire.open(server.url);
    wire.send(begin(it.path, 8 * MIB));
    wire.send(randomBytes(4 * MIB));
    const answer = await wire.answer();
    assert.deepEqual([answer.status, answer.headers.get("connection")], [408, "close"]);
    await wire.closed;
    await until("nothing is kept", async () => (await files()) === 0);
    assert.deepEqual(await it.list(), []);
  });

  it("counts with what waits of it alone", async () => {
    const it = await Shelf.of(new Api(server.url));
    using wire = await Wire.open(server.url);
    wire.send(begin(it.path, 8 * MIB));
    const held = () => gauge(server.url, "sojourn_http_body_bytes_in_hand");
    await until("it is in hand", async () => (await held()) === 2 * MIB);
    wire.send(Buffer.alloc(8 * MIB));
    assert.equal((await wire.answer()).status, 201);
    await until("it is let go of", async () => (await held()) === 0);
  });

  it("to what refuses it is refused without being read", async () => {
    using wire = await Wire.open(server.url);
    wire.send(begin("/sessions/nobody/artifacts", 8 * MIB));
    assert.equal((await wire.answer()).status, 404);
  });
});

describe("a download", () => {
  const stalledMs = 400;
  const size = 24 * MIB;
  let directory: string;
  let server: TestServer;
  let shelf: Shelf;
  let artifactId: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), "sojourn-download-"));
    server = await startServer({ data: directory }, { stalledMs });
    shelf = await Shelf.of(new Api(server.url));
    artifactId = (await shelf.raw(randomBytes(size))).data.artifact_id;
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const inHand = () => gauge(server.url, "sojourn_http_requests_in_hand");
  const held = () => gauge(server.url, "sojourn_http_body_bytes_in_hand");

  async function ask(): Promise<{ readonly socket: Socket } & Disposable> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.on("error", () => {});
    await once(socket, "connect");
    socket.write(
      `GET /api/v1${shelf.path}/${artifactId}/content HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    );
    await once(socket, "readable");
    return { socket, [Symbol.dispose]: () => void socket.destroy() };
  }

  it("counts with what waits of it, and is let go of when its reader goes away", async () => {
    const { socket } = await ask();
    assert.deepEqual([await inHand(), await held()], [2, 2 * MIB]);
    socket.destroy();
    await until("it is let go of", async () => (await inHand()) === 1 && (await held()) === 0);
  });

  it("is cut off when nothing of it is taken", async () => {
    using _ = await ask();
    assert.equal(await inHand(), 2);
    await until("it is cut off", async () => (await inHand()) === 1);
  });

  it("goes on as long as it is taken, however slowly", async () => {
    using client = await ask();
    const started = performance.now();
    let received = 0;
    for await (const chunk of client.socket) {
      received += chunk.length;
      await new Promise((resolve) => setTimeout(resolve, 4));
    }
    assert.ok(received > size, `${received}`);
    assert.ok(performance.now() - started > stalledMs, "it took long enough to be cut off");
  });

  it("of bytes that are damaged on the disk is an error, and never looks whole", async () => {
    const { artifact_id } = (await shelf.raw(randomBytes(3 * MIB))).data;
    const content = () => fetch(`${server.url}/api/v1${shelf.path}/${artifact_id}/content`);
    const [file = ""] = await newestFile(directory);
    const flip = async (position: number): Promise<void> => {
      await using handle = await open(file, "r+");
      const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, position);
      await handle.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, position);
    };
    await flip(2 * MIB);
    const late = await content();
    assert.equal(late.status, 200);
    await assert.rejects(late.arrayBuffer());
    const whole = await fetch(`${server.url}/api/v1/sessions/${shelf.sessionId}/export`);
    assert.equal(whole.status, 200);
    await assert.rejects(whole.arrayBuffer());
    await flip(0);
    const early = await content();
    assert.equal(early.status, 500);
    assert.match(await early.text(), /"CONTENT_DAMAGED"/);
    // What is not read is not looked at.
    const head = await fetch(`${server.url}/api/v1${shelf.path}/${artifact_id}/content`, { method: "HEAD" });
    assert.equal(head.status, 200);
    await flip(0);
    await flip(2 * MIB);
    assert.equal((await (await content()).arrayBuffer()).byteLength, 3 * MIB);
    assert.equal(await inHand(), 1);
  });
});

/** The file of contents that was written last. */
async function newestFile(directory: string): Promise<readonly string[]> {
  const entries = await readdir(join(directory, "blobs"), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort((a, b) => statSync(b).mtimeMs - statSync(a).mtimeMs);
}

describe("two hundred mebibytes", () => {
  it("go in and out with no more memory than fifty", async () => {
    const directory = await mkdtemp(join(tmpdir(), "sojourn-large-"));
    try {
      await using server = await ChildServer.start(directory, { SOJOURN_MAX_ARTIFACT_BYTES: `${200 * MIB}` });
      const { path } = await Shelf.of(new Api(server.url));
      const few = await peakOf(server.url, path, 50);
      const many = await peakOf(server.url, path, 200);
      assert.ok(many < few + 60, `${many} MiB, after ${few}`);
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

/** Stores so many mebibytes and reads them again; returns how many the server takes meanwhile. */
async function peakOf(server: string, path: string, mebibytes: number): Promise<number> {
  let peak = 0;
  const look = async (): Promise<void> => {
    peak = Math.max(peak, (await gauge(server, "process_resident_memory_bytes")) / MIB);
  };
  const url = `${server}/api/v1${path}`;
  const sent = new Blake3Hasher();
  async function* pieces(): AsyncGenerator<Uint8Array> {
    const piece = randomBytes(MIB);
    for (let i = 0; i < mebibytes; i++) {
      // No two are the same.
      piece.writeUInt32LE(i);
      sent.update(piece);
      if (i % 10 === 0) await look();
      yield Uint8Array.from(piece);
    }
  }
  const body = ReadableStream.from(pieces());
  const stored = await fetch(`${url}?name=a&artifact_type=t`, { method: "POST", body, duplex: "half" });
  const { data } = (await stored.json()) as { data: Artifact };
  assert.deepEqual([data.content_hash, data.size], [sent.digest("hex"), mebibytes * MIB]);
  const received = new Blake3Hasher();
  let length = 0;
  for await (const chunk of (await fetch(`${url}/${data.artifact_id}/content`)).body ?? []) {
    received.update(chunk);
    if (length % (10 * MIB) < chunk.length) await look();
    length += chunk.length;
  }
  assert.equal(received.digest("hex"), data.content_hash);
  return peak;
}
