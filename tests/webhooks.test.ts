import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, it } from "node:test";
import { signatureHeaders } from "../src/events/signature.ts";
import { Api } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

interface Webhook {
  readonly name: string;
  readonly secret: string;
  readonly cursor: string;
  readonly active: boolean;
}

describe("webhooks over HTTP", () => {
  let server: TestServer;
  let target: Server;
  let url = "";
  const received: { readonly headers: IncomingHttpHeaders; readonly text: string }[] = [];
  before(async () => {
    server = await startServer({ webhook_targets: "any" });
    target = createServer(async (request, response) => {
      received.push({ headers: request.headers, text: (await request.toArray()).join("") });
      response.writeHead(204).end();
    });
    target.listen(0, "127.0.0.1");
    await once(target, "listening");
    url = `http://127.0.0.1:${(target.address() as AddressInfo).port}/hook`;
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    target.close();
  });

  it("brings events of sessions, signed with the secret that is told once", async () => {
    const api = new Api(server.url);
    await api.create({ session_id: "before" });
    const body = { url, types: ["session.created"] };
    const { data } = await api.call<Webhook>("PUT", "/webhooks/archive", { body });
    assert.match(data.secret, /^whsec_/);
    await api.create({ session_id: "a" });
    await until("the event came", async () => received.length === 1);
    const [{ headers, text } = assert.fail("nothing came")] = received;
    const event = JSON.parse(text) as { readonly type: string; readonly data: { readonly session_id: string } };
    assert.deepEqual([event.type, event.data.session_id], ["session.created", "a"]);
    const signed = { id: String(headers["webhook-id"]), timestamp: Number(headers["webhook-timestamp"]), body: text };
    assert.deepEqual({ ...headers, ...signatureHeaders(signed, [data.secret]) }, headers);
    const told = await api.get<Partial<Webhook>>("/webhooks/archive");
    assert.deepEqual([told.data.active, told.data.secret], [true, undefined]);
  });

  it("refuses targets that may not be called, other events and other secrets, by the field", async () => {
    await using shy = await startServer();
    const api = new Api(shy.url);
    for (const [body, field] of [
      [{ url }, "url"],
      [{ url: "https://127.0.0.1/" }, "url"],
      [{ url: "https://user:word@example.com/" }, "url"],
      [{ url: "nowhere" }, "url"],
      [{ url: "https://example.com", types: ["created"] }, "type.0"],
      [{ url: "https://example.com", secret: "short" }, "secret"],
      [{ url: "https://example.com", nonsense: 1 }, "nonsense"],
    ] as const) {
      const { error } = await api.call("PUT", "/webhooks/bad", { body });
      assert.deepEqual([error.code, error.details?.[0]?.field], ["VALIDATION_ERROR", field], JSON.stringify(body));
    }
    const headers = { "idempotency-key": "k" };
    const body = { url: "https://example.com", active: false };
    assert.equal((await api.call("PUT", "/webhooks/bad", { body, headers })).status, 400);
    assert.equal((await api.get("/webhooks/bad")).error.code, "NOT_FOUND");
  });
});
