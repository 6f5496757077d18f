import assert from "node:assert/strict";
import type { lookup } from "node:dns";
import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { after, before, describe, it } from "node:test";
import { type Post, post, targetFault } from "./post.ts";

/** Resolves every name to these addresses. */
function resolvingTo(...addresses: readonly string[]): typeof lookup {
  const found = addresses.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  // NOTE: asked for all addresses alone.
  return ((_host: string, _options: object, callback: (error: null, all: typeof found) => void) =>
    callback(null, found)) as unknown as typeof lookup;
}

const ANY: Post = { headers: { "x-a": "b" }, body: '{"é":1}', targets: "any", timeoutMs: 5_000 };

describe("post()", () => {
  let server: Server;
  let url = "";
  let answer: RequestListener = (_, response) => response.end();
  let received: { readonly request: IncomingMessage; readonly body: string }[] = [];
  before(async () => {
    server = createServer(async (request, response) => {
      const body = (await request.toArray()).join("");
      received.push({ request, body });
      answer(request, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  });
  after(() => server.close());

  it("sends body and headers, and tells the status", async () => {
    for (const status of [200, 204, 400, 500]) {
      received = [];
      answer = (_, response) => response.writeHead(status).end();
      assert.deepEqual(await post(url, ANY), { outcome: "answered", status });
      const [{ request, body } = assert.fail("nothing came")] = received;
      const { method, headers } = request;
      assert.deepEqual([method, body, headers["x-a"], headers["content-length"]], ["POST", ANY.body, "b", "8"]);
    }
  });

  it("follows no redirect, and waits for no body", async () => {
    received = [];
    answer = (_, response) => response.writeHead(307, { location: url }).write("begins and never ends");
    assert.deepEqual(await post(url, ANY), { outcome: "answered", status: 307 });
    assert.equal(received.length, 1);
  });

  it("fails where no answer comes in time, nobody listens, or it is called off", async () => {
    answer = () => undefined;
    const late = await post(url, { ...ANY, timeoutMs: 50 });
    assert.deepEqual(late, { outcome: "failed", reason: "No answer within 50 ms" });
    const stop = new AbortController();
    const canceled = post(url, { ...ANY, signal: stop.signal });
    stop.abort();
    assert.equal((await canceled).outcome, "failed");
    const nobody = createServer().listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const { port } = nobody.address() as AddressInfo;
    nobody.close();
    assert.equal((await post(`http://127.0.0.1:${port}`, ANY)).outcome, "failed");
    server.closeAllConnections();
  });

  it("comes to an end whatever a target answers, also where it wants to speak another protocol", async () => {
    const answers = {
      "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n": "101",
      "HTTP/1.1 100 Continue\r\n\r\n": "No answer within 300 ms",
      "HTTP/1.1 200 OK\r\n\r\n": "200",
      [`HTTP/1.1 200 OK\r\nx: ${"x".repeat(100_000)}\r\n\r\n`]: "Parse Error: Header overflow",
      "lorem ipsum\r\n\r\n": "Parse Error: Expected HTTP/, RTSP/ or ICE/",
    };
    for (const [text, expected] of Object.entries(answers)) {
      const odd = createTcpServer((socket) => {
        socket.on("error", () => undefined).once("data", () => socket.write(text));
      }).listen(0, "127.0.0.1");
      await once(odd, "listening");
      const { port } = odd.address() as AddressInfo;
      const posted = await post(`http://127.0.0.1:${port}`, { ...ANY, timeoutMs: 300 });
      assert.equal(posted.outcome === "answered" ? `${posted.status}` : posted.reason, expected);
      odd.close();
    }
  });

  it("connects to no name that leads to an address that is not public, also among others", async () => {
    received = [];
    const { port } = server.address() as AddressInfo;
    for (const addresses of [
      ["127.0.0.1"],
      ["93.184.216.34", "10.0.0.1"],
      ["::1"],
      ["::ffff:127.0.0.1"],
      ["fe80::1%eth0"],
    ]) {
      const resolve = resolvingTo(...addresses);
      const posted = await post(`https://example.com:${port}`, { ...ANY, targets: "public", resolve });
      assert.equal(posted.outcome, "refused", addresses.join());
      assert.match(posted.outcome === "refused" ? posted.reason : "", /is not public$/);
    }
    const gone = await post("https://example.com", { ...ANY, targets: "public", resolve: resolvingTo() });
    assert.deepEqual(gone, { outcome: "failed", reason: "The target's name leads nowhere" });
    assert.deepEqual(received, []);
  });

  it("connects to the address that was looked at, where targets are free", async () => {
    answer = (_, response) => response.end();
    const { port } = server.address() as AddressInfo;
    const resolve = resolvingTo("127.0.0.1");
    const posted = await post(`http://example.com:${port}/`, { ...ANY, resolve });
    assert.deepEqual(posted, { outcome: "answered", status: 200 });
  });
});

describe("targetFault()", () => {
  it("takes https to the public internet, and to anywhere what is configured so", () => {
    for (const url of ["https://example.com/hook?a=1", "https://8.8.8.8:8443", "https://[2606:4700::1111]/"]) {
      assert.equal(targetFault(url, "public"), undefined, url);
    }
    for (const url of ["http://127.0.0.1:80", "http://[::1]/", "https://10.0.0.1", "http://localhost"]) {
      assert.equal(targetFault(url, "any"), undefined, url);
    }
  });

  it("refuses other schemes, credentials, and private addresses in any form", () => {
    const refused = [
      "no url",
      "http://example.com",
      "ftp://example.com",
      "file:///etc/passwd",
      "https://user@example.com",
      "https://:secret@example.com",
      "https://127.0.0.1",
      "https://127.1",
      "https://2130706433",
      "https://0x7f000001",
      "https://0177.0.0.1",
      "https://[::1]",
      "https://[::ffff:10.0.0.1]",
      "https://169.254.169.254/latest",
      "https://0",
    ];
    for (const url of refused) assert.notEqual(targetFault(url, "public"), undefined, url);
    for (const url of refused.slice(2, 6)) assert.notEqual(targetFault(url, "any"), undefined, url);
  });
});
