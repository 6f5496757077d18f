import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { after, describe, it } from "node:test";
import { connect, type Reply } from "../src/client/index.ts";
import { behindGateway } from "./behind-gateway.ts";
import { answer, cut, loseAnswer, type Misbehaviour, refusal, stall } from "./gateway.ts";
import { startModelServer } from "./model-server.ts";
import { startServer } from "./server.ts";
import { until } from "./until.ts";

/** Begins a stream of events with these bytes, and then does as it is told. */
function begin(text: string, then: (outgoing: ServerResponse) => void = () => {}): Misbehaviour {
  return (_, outgoing) => {
    outgoing.writeHead(200, { "content-type": "text/event-stream" });
    outgoing.write(text, () => then(outgoing));
  };
}

function event(name: string, data: object): string {
  return `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
}

const START = event("start", { session_id: "x", request_id: "req_1" });

const TOKEN = event("token", { text: "Hel" });

/** All that came of a reply, and what it failed for. */
async function outcomeOf(reply: Reply): Promise<readonly [tokens: readonly string[], error: unknown]> {
  const tokens: string[] = [];
  try {
    for await (const token of reply) tokens.push(token);
    return [tokens, undefined];
  } catch (error) {
    return [tokens, error];
  }
}

describe("chat() over HTTP", async () => {
  const model = await startModelServer();
  const server = await startServer({ model: "openai:test", model_base_url: model.url });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await model[Symbol.asyncDispose]();
  });

  const passing: Readonly<Record<string, Misbehaviour>> = {
    "a connection that is cut": cut,
    "an answer that is lost": loseAnswer(server.url),
    "a proxy without its server": answer(502, "<h1>Bad gateway</h1>"),
    "a server with too much to do": refusal(503, "OVERLOADED", { "retry-after": "0" }),
    "a stream that is cut before its first event": begin(": connected\n\n", (outgoing) => outgoing.destroy()),
    "a stream that ends before its first event": begin(": connected\n\n", (outgoing) => outgoing.end()),
    "a stream that is cut before any text": begin(START, (outgoing) => outgoing.destroy()),
    "a stream that ends before any text": begin(START, (outgoing) => outgoing.end()),
  };

  for (const [what, misbehaviour] of Object.entries(passing)) {
    it(`passes over ${what}, with one key, and happens once`, async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      const session = await sojourn.sessions.create();
      gateway.keys.length = 0;
      gateway.next.push(misbehaviour, misbehaviour);
      assert.equal((await session.chat("Hi")).response, "You said: Hi");
      assert.equal(session.memory.conversationTurns, 1);
      assert.equal(gateway.keys.length, 3);
      assert.ok(gateway.keys[0]);
      assert.equal(new Set(gateway.keys).size, 1);
    });
  }

  it("is not repeated once something of the answer has come: it is unreachable, and may have been kept", async () => {
    await using place = await behindGateway(server.url, { timeoutMs: 300 });
    const { gateway, sojourn } = place;
    const session = await sojourn.sessions.create();
    const broken: readonly Misbehaviour[] = [
      begin(TOKEN, (outgoing) => outgoing.destroy()),
      begin(TOKEN, (outgoing) => outgoing.end()),
      begin(TOKEN),
    ];
    for (const misbehaviour of broken) {
      gateway.keys.length = 0;
      gateway.next.push(misbehaviour);
      const reply = session.chat("Hi");
      const [tokens, error] = await outcomeOf(reply);
      assert.deepEqual(tokens, ["Hel"]);
      await assert.rejects(reply, (rejected) => rejected === error);
      await assert.rejects(reply, { code: "unreachable", message: /broke off .+ the turn may have been kept/ });
      assert.equal(gateway.keys.length, 1);
    }
  });

  it("throws what an event tells of", async () => {
    await using place = await behindGateway(server.url);
    const { gateway, sojourn } = place;
    const error = { code: "MODEL_FAILED", message: "It failed", status: 502 };
    gateway.next.push(begin(TOKEN + event("error", { success: false, error, request_id: "req_7" })));
    const [tokens, thrown] = await outcomeOf(sojourn.chat("Hi"));
    assert.deepEqual(tokens, ["Hel"]);
    const { code, message, requestId } = thrown as { code: string; message: string; requestId: string };
    assert.deepEqual([code, message, requestId], ["model_failed", "It failed", "req_7"]);
  });

  it("takes no answer for one of ours that is none", async () => {
    await using place = await behindGateway(server.url);
    const { gateway, sojourn } = place;
    const foreign = [
      answer(200, '{"success":true,"data":{}}', { "content-type": "application/json" }),
      begin(event("done", { success: true, data: { response: "Hi" } })),
      begin("event: done\ndata: {\n\n"),
    ];
    for (const misbehaviour of foreign) {
      gateway.next.push(misbehaviour);
      await assert.rejects(sojourn.chat("Hi"), { code: "not_found" });
    }
  });

  it("has timeoutMs for the first of the answer and for each next, and not for all of it", async () => {
    await using place = await behindGateway(server.url, { timeoutMs: 400 });
    const { gateway, sojourn } = place;
    model.next({ text: ["a", "b", "c", "d", "e", "f", "g", "h"], gapMs: 100 });
    const started = performance.now();
    assert.equal((await sojourn.chat("Hi")).response, "abcdefgh");
    assert.ok(performance.now() - started > 400);
    const session = await sojourn.sessions.create();
    gateway.keys.length = 0;
    const slow = [
      () => session.chat("Hi"),
      () => session.compact({ strategy: "truncate" }),
      () => sojourn.users.erase("nobody"),
    ];
    for (const call of slow) {
      gateway.next.push(stall);
      await assert.rejects(async () => await call(), {
        code: "unreachable",
        message: `${gateway.url} gave no answer within 400 ms: it took longer than timeoutMs, so raise that; if it answers no call at all, check the url`,
      });
    }
    gateway.next.push(begin(START));
    await assert.rejects(session.chat("Hi"), { code: "unreachable", message: /no answer within 400 ms/ });
    assert.equal(gateway.keys.length, 4);
  });

  it("stops at once when the signal aborts, and the server with it", async () => {
    await using place = await behindGateway(server.url);
    const { gateway, sojourn } = place;
    const session = await sojourn.sessions.create();
    gateway.next.push(stall);
    const early = new AbortController();
    const stalled = session.chat("Hi", { signal: early.signal });
    await until("it was sent", async () => gateway.next.length === 0);
    early.abort("enough");
    assert.deepEqual(await outcomeOf(stalled), [[], "enough"]);
    const asked = model.requests.length;
    model.next({ silentAfter: [] });
    const late = new AbortController();
    const direct = connect({ url: server.url });
    const reply = direct.chat("Hi", { signal: late.signal });
    const request = await model.request(asked + 1);
    late.abort("enough");
    assert.deepEqual(await outcomeOf(reply), [[], "enough"]);
    assert.equal(await request.abandoned, true);
  });

  it("is waited for by close()", async () => {
    const sojourn = connect({ url: server.url });
    model.next({ text: ["a", "b"], gapMs: 50 });
    let isAnswered = false;
    const reply = sojourn.chat("Hi").finally(() => {
      isAnswered = true;
    });
    await sojourn.close();
    assert.equal(isAnswered, true);
    assert.equal((await reply).response, "ab");
    await assert.rejects(sojourn.chat("Hi"), { code: "store_unavailable" });
  });

  it("names no user whom a path would take for something else", async () => {
    const { users } = connect({ url: server.url });
    for (const userId of ["", ".", "..", "\ud800"]) {
      await assert.rejects(users.erase(userId), { code: "invalid" }, JSON.stringify(userId));
      await assert.rejects(users.profile(userId), { code: "invalid" }, JSON.stringify(userId));
    }
  });
});
