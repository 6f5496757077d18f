import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { signatureHeaders } from "../src/events/signature.ts";
import { backUp, restore, saveBackup } from "../src/store/sqlite/index.ts";
import { Api } from "./api.ts";
import { startServer, type TestServer } from "./server.ts";
import { until } from "./until.ts";

interface Webhook {
  readonly name: string;
  readonly secret: string;
  readonly cursor: string;
  readonly active: boolean;
  readonly failure?: {
    readonly at: string;
    readonly next_attempt_at: string;
    readonly reason: string;
    readonly attempt: number;
  };
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
  beforeEach(() => {
    received.length = 0;
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

  it("counts the attempts, and shows the last that failed", async () => {
    const api = new Api(server.url);
    const refusing = createServer((_, response) => void response.writeHead(503).end());
    refusing.listen(0, "127.0.0.1");
    await once(refusing, "listening");
    const body = { url: `http://127.0.0.1:${(refusing.address() as AddressInfo).port}/`, types: ["session.created"] };
    await api.call("PUT", "/webhooks/refused", { body });
    await api.create({ session_id: "refused" });
    const failure = async () => (await api.get<Webhook>("/webhooks/refused")).data.failure;
    await until("an attempt has failed", async () => (await failure()) !== undefined);
    const { at, next_attempt_at: next, ...rest } = (await failure()) ?? assert.fail();
    assert.deepEqual([rest, at < next], [{ reason: "The target answered 503", attempt: 1 }, true]);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^sojourn_webhook_attempts_total\{outcome="failed"\} 1$/m);
    await api.call("DELETE", "/webhooks/refused");
    refusing.close();
  });

  it("refuses targets that may not be called, other events and other secrets, by the field", async () => {
    await using shy = await startServer();
    const api = new Api(shy.url);
    for (const [body, field] of [
      [{ url }, "url"],
      [{ url: "https://127.0.0.1/" }, "url"],
      [{ url: "https://user:word@example.com/" }, "url"],
      [{ url: "nowhere" }, "url"],
      [{ url: "https://example.com", types: ["created"] }, "types.0"],
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

  it("goes on in a restored store where that was, with ids that no event had before", async () => {
    const scratch = await mkdtemp(join(tmpdir(), "sojourn-webhooks-"));
    const [from, to, file] = ["from", "to", "backup"].map((name) => join(scratch, name)) as [string, string, string];
    const options = { webhook_targets: "any" };
    const came = (count: number) => until(`${count} events came`, async () => received.length >= count);
    {
      await using lived = await startServer({ ...options, data: from });
      const api = new Api(lived.url);
      const body = { url, types: ["session.created"] };
      const { data: begun } = await api.call<Webhook>("PUT", "/webhooks/archive", { body });
      await api.create({ session_id: "a" });
      await until("it is noted", async () => (await cursor(api)) > Number(begun.cursor));
      await lived.stop();
      await saveBackup(file, await backUp({ directory: from, release: "1.2.3-test" }));
    }
    {
      await using lived = await startServer({ ...options, data: from });
      await new Api(lived.url).create({ session_id: "b" });
      await came(2);
    }
    await restore({ file, directory: to });
    {
      await using restored = await startServer({ ...options, data: to });
      await new Api(restored.url).create({ session_id: "c" });
      await came(3);
    }
    const told = received.map(({ text }) => (JSON.parse(text) as { data: { session_id: string } }).data.session_id);
    assert.deepEqual(told, ["a", "b", "c"]);
    assert.equal(new Set(received.map(({ headers }) => headers["webhook-id"])).size, 3);
    await rm(scratch, { recursive: true });
  });
});

async function cursor(api: Api): Promise<number> {
  return Number((await api.get<Webhook>("/webhooks/archive")).data.cursor);
}
