import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { describe, it } from "node:test";
import { SojournError } from "../engine/errors.ts";
import { rawBody } from "./raw-body.ts";

const MIB = 1_048_576;

/** What a server does with the bytes of a request. */
type Reader = (bytes: AsyncIterable<Uint8Array>) => Promise<string>;

const count: Reader = async (bytes) => {
  let length = 0;
  for await (const chunk of bytes) length += chunk.length;
  return `${length} bytes`;
};

/** A server that reads bodies so, and answers what came of it; with what it held. */
class Site implements AsyncDisposable {
  readonly held: number[] = [];
  readonly #server;
  readonly outcomes: string[] = [];
  #socket: Socket | undefined;

  private constructor(read: Reader, { maxBytes, timeoutMs }: { maxBytes: number; timeoutMs: number }) {
    const handle = async (incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> => {
      this.#socket = incoming.socket;
      let text: string;
      try {
        const hold = (bytes: number) => void this.held.push(bytes);
        text = await read(rawBody(incoming, outgoing, { maxBytes, timeoutMs, hold }));
      } catch (thrown) {
        text = thrown instanceof SojournError ? thrown.code : `${thrown}`;
      }
      this.outcomes.push(text);
      outgoing.once("finish", () => incoming.resume());
      outgoing.end(text);
    };
    this.#server = createServer(handle).on("checkContinue", handle);
  }

  static async start(read: Reader = count, { maxBytes = 100 * MIB, timeoutMs = 20_000 } = {}): Promise<Site> {
    const site = new Site(read, { maxBytes, timeoutMs });
    site.#server.listen(0, "127.0.0.1");
    await once(site.#server, "listening");
    return site;
  }

  /** What came over the newest connection. */
  get bytesRead(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  async connect(): Promise<Socket> {
    const socket = connect((this.#server.address() as AddressInfo).port, "127.0.0.1");
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  }

  /** Sends a request, and returns all that comes back until the server is done with it. */
  async ask(headers: readonly string[], body = ""): Promise<string> {
    const socket = await this.connect();
    socket.write(`${head([...headers, "Connection: close"])}${body}`);
    return Buffer.concat(await Array.fromAsync(socket)).toString();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function head(headers: readonly string[]): string {
  return ["POST / HTTP/1.1", "Host: a", ...headers, "", ""].join("\r\n");
}

describe("rawBody()", () => {
  it("is the bytes, however they come", async () => {
    await using site = await Site.start();
    assert.match(await site.ask(["Content-Length: 5"], "abcde"), /\r\n\r\n.*5 bytes/s);
    assert.match(await site.ask(["Transfer-Encoding: chunked"], "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), /3 bytes/);
    assert.match(await site.ask(["Content-Length: 0"]), /0 bytes/);
    assert.match(await site.ask([]), /0 bytes/);
  });

  it("may have as many bytes as it may, and one more is refused, before it comes where it is told", async () => {
    await using site = await Site.start(count, { maxBytes: 3 });
    assert.match(await site.ask(["Content-Length: 3"], "abc"), /3 bytes/);
    assert.match(await site.ask(["Content-Length: 4"]), /payload_too_large/);
    const chunked = ["Transfer-Encoding: chunked"];
    assert.match(await site.ask(chunked, "3\r\nabc\r\n0\r\n\r\n"), /3 bytes/);
    assert.match(await site.ask(chunked, "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n"), /payload_too_large/);
  });

  it("counts what waits of it, and not all of it", async () => {
    await using site = await Site.start();
    await site.ask(["Content-Length: 5"], "abcde");
    const socket = await site.connect();
    socket.write(head([`Content-Length: ${100 * MIB}`]));
    while (site.held.length < 2) await new Promise(setImmediate);
    assert.deepEqual(site.held, [5, 2 * MIB]);
    socket.destroy();
  });

  it("is refused where it would have to be decoded", async () => {
    await using site = await Site.start();
    assert.match(await site.ask(["Content-Encoding: gzip", "Content-Length: 1"], "a"), /invalid_content_type/);
    assert.match(await site.ask(["Content-Encoding: identity", "Content-Length: 1"], "a"), /1 bytes/);
  });

  it("is asked for by 100 when it is first read, and not where nobody reads it", async () => {
    await using site = await Site.start();
    const socket = await site.connect();
    socket.write(head(["Content-Length: 1", "Expect: 100-continue"]));
    assert.match(`${(await once(socket, "data"))[0]}`, /^HTTP\/1\.1 100 /);
    socket.destroy();
    await using unwilling = await Site.start(async () => "no");
    const answer = await unwilling.ask(["Content-Length: 1", "Expect: 100-continue"]);
    assert.match(answer, /^HTTP\/1\.1 200 /);
  });

  it("is read no faster than it is worked on", async () => {
    const [begun, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    await using site = await Site.start(async (bytes) => {
      let length = 0;
      for await (const chunk of bytes) {
        if (length === 0) begun.resolve();
        await going.promise;
        length += chunk.length;
      }
      return `${length} bytes`;
    });
    const answer = site.ask([`Content-Length: ${64 * MIB}`], "a".repeat(64 * MIB));
    await begun.promise;
    for (let turns = 0; turns < 1_000; turns++) await new Promise(setImmediate);
    assert.ok(site.bytesRead < MIB, `${site.bytesRead}`);
    going.resolve();
    assert.match(await answer, new RegExp(`${64 * MIB} bytes`));
  });

  for (const [what, every] of [
    ["stalls", undefined],
    ["crawls", 20],
  ] as const) {
    it(`is given up when it ${what}`, async () => {
      await using site = await Site.start(count, { timeoutMs: 200 });
      const socket = await site.connect();
      socket.write(`${head(["Content-Length: 100000"])}a`);
      const timer = every && setInterval(() => socket.write("a"), every);
      const [answer] = await once(socket, "data");
      clearInterval(timer);
      assert.match(`${answer}`, /connection: close\r\n.*request_timeout/is);
      socket.destroy();
    });
  }

  it("may take long, as long as it goes on", async () => {
    await using site = await Site.start(count, { timeoutMs: 200 });
    const socket = await site.connect();
    socket.write(head(["Content-Length: 655360", "Connection: close"]));
    for (let i = 0; i < 10; i++) {
      socket.write(Buffer.alloc(65_536));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.match(Buffer.concat(await Array.fromAsync(socket)).toString(), /655360 bytes/);
  });

  it("does not count the time that we take", async () => {
    await using site = await Site.start(
      async (bytes) => {
        for await (const _ of bytes) await new Promise((resolve) => setTimeout(resolve, 100));
        return "done";
      },
      { timeoutMs: 50 },
    );
    assert.match(await site.ask(["Content-Length: 5"], "abcde"), /done/);
  });

  it("fails where it is cut off", async () => {
    await using site = await Site.start();
    const socket = await site.connect();
    socket.write(`${head(["Content-Length: 10"])}abc`);
    await new Promise(setImmediate);
    socket.resetAndDestroy();
    while (site.outcomes.length === 0) await new Promise(setImmediate);
    assert.deepEqual(site.outcomes, ["request_timeout"]);
  });
});
