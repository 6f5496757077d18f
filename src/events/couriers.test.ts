import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { engineForTests, faulty, type TestEngine } from "../conformance/index.ts";
import { SojournError } from "../engine/errors.ts";
import type { Store } from "../engine/store.ts";
import { Webhooks } from "../engine/webhooks.ts";
import { openSqliteStore } from "../store/sqlite/index.ts";
import { type Attempted, PAUSES_MS } from "./courier.ts";
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
  function start(
    started: TestEngine = engine(),
    meanwhile: (signal: AbortSignal) => Promise<unknown> = async () => undefined,
  ) {
    const pauses: number[] = [];
    const failures: unknown[] = [];
    const attempts: Attempted[] = [];
    const webhooks = new Webhooks({
      ...started.ports,
      targets: "any",
      newSecret,
      onChange: (tenant, name) => void couriers.refresh(tenant, name),
    });
    const couriers = new Couriers({
      ...started.ports,
      webhooks,
      events: started.events,
      targets: "any",
      encode: ({ sessionId }) => ({ id: sessionId }),
      wait: async (ms, signal) => {
        pauses.push(ms);
        await meanwhile(signal);
      },
      random: () => 0.5,
      timeoutMs: 5_000,
      onAttempt: (attempted) => void attempts.push(attempted),
      onFailure: (error) => void failures.push(error),
    });
    closing.push(couriers);
    return { ...started, webhooks, couriers, pauses, failures, attempts };
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

  it("tell of each attempt, and of the last one that failed until the event is taken", async () => {
    const paused = Promise.withResolvers<void>();
    const goOn = Promise.withResolvers<void>();
    const { webhooks, sessions, caller, clock, attempts } = start(engine(), async () => {
      paused.resolve();
      await goOn.promise;
    });
    answer = () => (received.length < 2 ? 500 : 200);
    const { webhook } = await webhooks.set(caller, "w", { url, types: ["session.created"] });
    await sessions.create(caller, { sessionId: "a" });
    await paused.promise;
    const reason = "The target answered 500";
    const at = clock.now();
    const failure = { at, reason, attempt: 1, nextAt: at + 5_500_000 };
    assert.deepEqual(await webhooks.get(caller, "w"), { ...webhook, failure });
    goOn.resolve();
    await until(async () => (await webhooks.get(caller, "w")).delivered > webhook.delivered);
    assert.equal((await webhooks.get(caller, "w")).failure, undefined);
    const ofThis = { tenant: caller.tenant, webhook: "w" };
    assert.deepEqual(attempts, [
      { ...ofThis, attempt: 1, outcome: "failed", reason, pauseMs: 5_500 },
      { ...ofThis, attempt: 2, outcome: "taken" },
    ]);
  });

  it("try at once what waits for its next attempt, where the webhook is set as it is", async () => {
    const paused = Promise.withResolvers<void>();
    const { webhooks, sessions, caller } = start(engine(), async (signal) => {
      paused.resolve();
      if (!signal.aborted) await once(signal, "abort");
    });
    answer = () => 500;
    await webhooks.set(caller, "w", { url, types: ["session.created"] });
    await sessions.create(caller, { sessionId: "a" });
    await paused.promise;
    answer = () => 200;
    // Another one is no reason.
    await webhooks.set(caller, "other", { url, types: ["session.failed"] });
    await webhooks.set(caller, "w", { url, types: ["session.created"] });
    assert.deepEqual(await arrivals(2), ["session.created a", "session.created a"]);
    await until(async () => (await webhooks.get(caller, "w")).failure === undefined);
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

  it("bring nothing of a session that was erased since, also what was tried before", async () => {
    const started = engine();
    const { sessions, caller } = started;
    const { webhooks } = start(started, async () => {
      for (const id of ["a", "b"]) await sessions.delete(caller, id);
    });
    answer = ({ body }) => (body.data.id === "c" ? 200 : 500);
    const { webhook } = await webhooks.set(caller, "w", { url, isOn: false });
    for (const sessionId of ["a", "b", "c"]) await sessions.create(caller, { sessionId });
    await webhooks.set(caller, "w", { url });
    assert.deepEqual(await arrivals(2), ["session.created a", "session.created c"]);
    await until(async () => (await webhooks.get(caller, "w")).delivered === webhook.delivered + 3);
  });

  it("take up a webhook again, where it was, once the store is well again", async () => {
    let isWell = true;
    const started = engine({
      around: (store) => ({
        ...faulty(store, { seed: 0, delays: 0 }),
        commit: async (commit) => {
          const isNote = commit.cursors?.some(({ change }) => change === "advance");
          if (isNote && !isWell) throw new SojournError("storage_full", { message: "The disk is full" });
          return await store.commit(commit);
        },
      }),
    });
    const { webhooks, sessions, caller, pauses, failures } = start(started, async () => {
      isWell = true;
    });
    const { webhook } = await webhooks.set(caller, "w", { url });
    isWell = false;
    await sessions.create(caller, { sessionId: "a" });
    // What could not be noted is brought again.
    assert.deepEqual(await arrivals(2), ["session.created a", "session.created a"]);
    await until(async () => (await webhooks.get(caller, "w")).delivered > webhook.delivered);
    assert.deepEqual([pauses.length, failures.map((error) => (error as SojournError).code)], [1, ["storage_full"]]);
  });

  it("begin with a webhook that the store could not tell of at first", async () => {
    let failures = 2;
    const started = engine({
      around: (store) => ({
        ...faulty(store, { seed: 0, delays: 0 }),
        cursor: async (ref, reader) => {
          if (failures-- > 0) throw new SojournError("store_unavailable", { message: "The disk is gone" });
          return await store.cursor(ref, reader);
        },
      }),
    });
    const beside = start(engine({ beside: started }));
    const { caller, sessions } = started;
    await beside.webhooks.set(caller, "w", { url });
    await beside.couriers.close();
    await sessions.create(caller, { sessionId: "a" });
    const { couriers, pauses } = start(started);
    await couriers.begin();
    assert.deepEqual(await arrivals(1), ["session.created a"]);
    assert.equal(pauses.length, 2);
  });

  it("turn it off at once where the target says that it is gone", async () => {
    const { webhooks, sessions, caller, pauses, attempts } = start();
    answer = () => 410;
    await webhooks.set(caller, "w", { url });
    await sessions.create(caller, { sessionId: "a" });
    await isOff(webhooks, caller);
    assert.deepEqual([received.length, pauses], [1, []]);
    assert.deepEqual(
      attempts.map(({ outcome, reason }) => [outcome, reason]),
      [["given_up", "The target answered 410"]],
    );
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

  it("go on after a failure beside the target", async () => {
    let fails = false;
    const around = (store: Store): Store => ({
      ...faulty(store, { seed: 0, delays: 0 }),
      commit: async (commit) => {
        const isMove = commit.cursors !== undefined && fails;
        if (isMove) fails = false;
        if (isMove) throw new SojournError("storage_full", { message: "no room" });
        return await store.commit(commit);
      },
    });
    const { webhooks, sessions, caller, failures, pauses } = start(engine({ around }));
    await webhooks.set(caller, "w", { url, types: ["session.created"] });
    fails = true;
    await sessions.create(caller, { sessionId: "a" });
    await sessions.create(caller, { sessionId: "b" });
    assert.deepEqual(await arrivals(3), ["session.created a", "session.created a", "session.created b"]);
    assert.deepEqual(
      failures.map((error) => error instanceof SojournError && error.code),
      ["storage_full"],
    );
    assert.deepEqual(pauses, [60_000]);
    assert.equal(new Set(received.map(({ headers }) => headers["webhook-id"])).size, 2);
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
