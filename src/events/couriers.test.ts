import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { engineForTests, type TestEngine } from "../conformance/index.ts";
import { Webhooks } from "../engine/webhooks.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { PAUSES_MS } from "./courier.ts";
import { Couriers } from "./couriers.ts";
import { newSecret, signatureHeaders } from "./signature.ts";

const engine = engineForTests((directory) => openSqliteStore({ directory, durability: "none" }));

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly body: { readonly type: string; readonly timestamp: string; readonly data: { readonly id: string } };
}

describe("Couriers", () => {
  let server: Server;
  let origin = "";
  /** Of the test in hand: couriers bring those of an earlier one again, where it ended before they could say so. */
  let url = "";
  let tests = 0;
  let answer: (received: Received) => number = () => 204;
  let received: Received[] = [];
  let arrived: (() => void) | undefined;
  const closing: Couriers[] = [];

  before(async () => {
    server = createServer(async (request, response) => {
      const text = (await request.toArray()).join("");
      if (!url.endsWith(String(request.url))) {
        response.writeHead(204).end();
        return;
      }
      const one = { headers: request.headers, text, body: JSON.parse(text) as Received["body"] };
      received.push(one);
      response.writeHead(answer(one)).end();
      arrived?.();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    url = `${origin}/test-${++tests}`;
  });
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((couriers) => couriers.close()));
    answer = () => 204;
    received = [];
  });
  after(() => server.close());

  /** Webhooks of an engine, and couriers for them that pause for no time but tell for how long they would. */
  function start(started: TestEngine = engine()) {
    const pauses: number[] = [];
    const failures: unknown[] = [];
    const webhooks = new Webhooks({
      ...started.ports,
      targets: "any",
      newSecret,
      onChange: (tenant) => void couriers.refresh(tenant),
    });
    const couriers = new Couriers({
      ...started.ports,
      webhooks,
      events: started.events,
      targets: "any",
      encode: ({ sessionId }) => ({ id: sessionId }),
      wait: async (ms) => void pauses.push(ms),
      random: () => 0.5,
      timeoutMs: 5_000,
      onFailure: (error) => void failures.push(error),
    });
    closing.push(couriers);
    return { ...started, webhooks, couriers, pauses, failures };
  }

  async function arrivals(count: number): Promise<readonly string[]> {
    while (received.length < count) await new Promise<void>((resolve) => (arrived = resolve));
    return received.map(({ body }) => `${body.type} ${body.data.id}`);
  }

  it("bring what happens from then on, in order, signed", async () => {
    const { webhooks, sessions, caller, clock } = start();
    await sessions.create(caller, { sessionId: "before" });
    const { webhook } = await webhooks.set(caller, "w", { url, types: ["session.created", "session.completed"] });
    for (const sessionId of ["a", "b"]) await sessions.create(caller, { sessionId });
    await sessions.keepalive(caller, "a");
    await sessions.end(caller, "a");
    assert.deepEqual(await arrivals(3), ["session.created a", "session.created b", "session.completed a"]);
    for (const { headers, text, body } of received) {
      const id = String(headers["webhook-id"]);
      const timestamp = Math.floor(clock.now() / 1_000_000);
      const expected = signatureHeaders({ id, timestamp, body: text }, [webhook.secret]);
      assert.deepEqual({ ...headers, ...expected }, headers);
      assert.equal(body.timestamp, new Date(clock.now() / 1_000).toISOString());
    }
    assert.equal(new Set(received.map(({ headers }) => headers["webhook-id"])).size, 3);
  });

  it("try again what is not taken, under the same id, after longer and longer pauses", async () => {
    const { webhooks, sessions, caller, pauses } = start();
    answer = () => (received.length < 4 ? 500 : 200);
    await webhooks.set(caller, "w", { url, types: ["session.created"] });
    await sessions.create(caller, { sessionId: "a" });
    await sessions.create(caller, { sessionId: "b" });
    assert.deepEqual(await arrivals(5), [...Array(4).fill("session.created a"), "session.created b"]);
    assert.deepEqual(
      pauses,
      PAUSES_MS.slice(0, 3).map((ms) => ms * 1.1),
    );
    assert.equal(new Set(received.map(({ headers }) => headers["webhook-id"])).size, 2);
  });

  it("turn a webhook off after the last attempt, and go on where it was once it is on again", async () => {
    const { webhooks, couriers, sessions, caller, pauses } = start();
    answer = () => 302;
    await webhooks.set(caller, "w", { url, types: ["session.created"] });
    await sessions.create(caller, { sessionId: "a" });
    await arrivals(PAUSES_MS.length + 1);
    await isOff(webhooks, caller);
    const off = await webhooks.get(caller, "w");
    assert.deepEqual([off.offReason, pauses.length], ["The target answered 302", PAUSES_MS.length]);
    received = [];
    answer = () => 200;
    await couriers.refresh(caller.tenant);
    await webhooks.set(caller, "w", { url, types: ["session.created"] });
    assert.deepEqual(await arrivals(1), ["session.created a"]);
  });

  it("turn it off at once where the target says that it is gone", async () => {
    const { webhooks, sessions, caller, pauses } = start();
    answer = () => 410;
    await webhooks.set(caller, "w", { url });
    await sessions.create(caller, { sessionId: "a" });
    await isOff(webhooks, caller);
    assert.deepEqual([received.length, pauses], [1, []]);
  });

  it("go on after a restart with what was not taken, and bring nothing twice that was", async () => {
    const first = start();
    const { webhooks, sessions, caller } = first;
    const { webhook } = await webhooks.set(caller, "w", { url, types: ["session.created"] });
    await sessions.create(caller, { sessionId: "a" });
    await until(async () => (await webhooks.get(caller, "w")).delivered > webhook.delivered);
    await first.couriers.close();
    await sessions.create(caller, { sessionId: "b" });
    const second = start(first);
    await second.couriers.begin();
    await sessions.create(caller, { sessionId: "c" });
    assert.deepEqual(await arrivals(3), ["session.created a", "session.created b", "session.created c"]);
    assert.deepEqual(second.failures, []);
  });

  it("bring nothing to a webhook that is removed or off, and to each tenant its own", async () => {
    const one = start();
    const two = start();
    await one.webhooks.set(one.caller, "removed", { url });
    await one.webhooks.remove(one.caller, "removed");
    await one.webhooks.set(one.caller, "off", { url, isOn: false });
    await two.webhooks.set(two.caller, "w", { url });
    await one.couriers.refresh(one.caller.tenant);
    await one.sessions.create(one.caller, { sessionId: "one" });
    await two.sessions.create(two.caller, { sessionId: "two" });
    assert.deepEqual(await arrivals(1), ["session.created two"]);
  });
});

async function isOff(webhooks: Webhooks, caller: TestEngine["caller"]): Promise<void> {
  await until(async () => !(await webhooks.get(caller, "w")).isOn);
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setImmediate(resolve));
}
