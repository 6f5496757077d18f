import assert from "node:assert/strict";
import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { connect as connectSocket, createServer as createTcpServer, type Socket } from "node:net";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import { connect, type Session, type SojournError } from "../src/client/index.ts";
import { behindGateway } from "./behind-gateway.ts";
import {
  answer,
  cut,
  type Gateway,
  halve,
  loseAnswer,
  type Misbehaviour,
  passOn,
  refusal,
  stall,
  startGateway,
  urlOf,
} from "./gateway.ts";
import { startServer, type TestServer } from "./server.ts";
import { serverOfSuite } from "./suite.ts";
import { until } from "./until.ts";

async function failureOf(call: Promise<unknown>): Promise<SojournError> {
  // NOTE: what the calls of this file reject with.
  return (await call.then(
    () => assert.fail("it should have failed"),
    (error: unknown) => error,
  )) as SojournError;
}

describe("the SDK over HTTP", async () => {
  const { server } = await serverOfSuite();

  describe("retries", () => {
    const passing: Readonly<Record<string, Misbehaviour>> = {
      "a connection that is cut": cut,
      "an answer that is cut": halve,
      "an answer that is lost": loseAnswer(server.url),
      "a proxy without its server": answer(502, "<h1>Bad gateway</h1>"),
      "a proxy whose server is slow": answer(504, "<h1>Gateway timeout</h1>"),
      "a server that is going away": refusal(503, "STORE_UNAVAILABLE"),
      "a server with too much to do": refusal(503, "OVERLOADED", { "retry-after": "0" }),
      "a conflict": refusal(409, "CONFLICT"),
      "a rate limit that says when": refusal(429, "RATE_LIMIT_EXCEEDED", { "retry-after": "0" }),
    };

    for (const [what, misbehaviour] of Object.entries(passing)) {
      it(`pass over ${what}, with one key, and count once`, async () => {
        await using place = await behindGateway(server.url);
        const { gateway, sojourn } = place;
        const session = await sojourn.sessions.create();
        gateway.keys.length = 0;
        gateway.next.push(misbehaviour, misbehaviour, misbehaviour);
        await session.record({ requests: 7 });
        assert.equal(session.metrics.requestCount, 7);
        assert.equal(gateway.keys.length, 4);
        assert.ok(gateway.keys[0]);
        assert.equal(new Set(gateway.keys).size, 1);
        gateway.next.push(misbehaviour);
        await session.refresh();
        assert.deepEqual([session.metrics.requestCount, gateway.keys.at(-1)], [7, undefined]);
      });
    }

    it("use another key for each call, or the caller's", async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      const session = await sojourn.sessions.create();
      await session.record();
      gateway.next.push(cut);
      await session.record({}, { idempotencyKey: "mine" });
      const [create, record, ...mine] = gateway.keys;
      assert.ok(create && record && create !== record);
      assert.deepEqual(mine, ["mine", "mine"]);
    });

    it("end after as many as there may be", async () => {
      for (const retries of [0, 1, 3]) {
        await using place = await behindGateway(server.url, { retries });
        const { gateway, sojourn } = place;
        gateway.next.push(...Array.from({ length: 9 }, () => refusal(503, "OVERLOADED")));
        assert.equal((await failureOf(sojourn.sessions.create())).code, "overloaded");
        assert.equal(gateway.keys.length, retries + 1);
        assert.equal(gateway.keys[0] !== undefined, retries > 0, "a key of our own is for retries alone");
      }
    });

    it("are not made of what stays as it is", async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      const lasting: readonly (readonly [Misbehaviour, SojournError["code"]])[] = [
        [refusal(400, "VALIDATION_ERROR"), "invalid"],
        [refusal(401, "UNAUTHORIZED"), "unauthorized"],
        [refusal(403, "FORBIDDEN"), "forbidden"],
        [refusal(409, "SESSION_EXISTS"), "session_exists"],
        [refusal(429, "RATE_LIMIT_EXCEEDED"), "rate_limited"],
        [refusal(429, "LIMIT_REACHED", { "retry-after": "60" }), "limit_reached"],
        [refusal(503, "OVERLOADED", { "retry-after": "60" }), "overloaded"],
        [refusal(500, "INTERNAL_ERROR"), "internal"],
        [refusal(507, "STORAGE_FULL"), "storage_full"],
        [answer(404, "<h1>Not found</h1>"), "not_found"],
        [answer(200, "<h1>Welcome</h1>"), "not_found"],
        [answer(200, "{}"), "not_found"],
        [answer(200, '{"success":true,"data":{}}'), "not_found"],
        [answer(204, ""), "not_found"],
      ];
      for (const [misbehaviour, code] of lasting) {
        gateway.keys.length = 0;
        gateway.next.push(misbehaviour);
        assert.equal((await failureOf(sojourn.sessions.create())).code, code);
        assert.equal(gateway.keys.length, 1, code);
      }
    });

    it("wait for as long as the server asks, unless the signal aborts", async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      gateway.next.push(refusal(503, "OVERLOADED", { "retry-after": "1" }));
      const started = performance.now();
      await sojourn.sessions.create();
      assert.ok(performance.now() - started >= 1_000);
      gateway.next.push(refusal(503, "OVERLOADED", { "retry-after": "9" }));
      const abort = new AbortController();
      const reason = new Error("enough");
      const waiting = sojourn.sessions.create({}, { signal: abort.signal });
      await until("it was refused", async () => gateway.next.length === 0);
      abort.abort(reason);
      assert.equal(await failureOf(waiting), reason);
      assert.ok(performance.now() - started < 9_000);
    });

    it("are not waited for where the call's time would be over", async () => {
      await using place = await behindGateway(server.url, { timeoutMs: 900 });
      const { gateway, sojourn } = place;
      gateway.next.push(refusal(503, "OVERLOADED", { "retry-after": "1" }));
      assert.equal((await failureOf(sojourn.sessions.create())).retryAfterMs, 1_000);
      assert.equal(gateway.keys.length, 1);
    });
  });

  describe("no answer", () => {
    it("in time is unreachable, also where it has begun", async () => {
      await using place = await behindGateway(server.url, { timeoutMs: 200 });
      const { gateway, sojourn } = place;
      const begin: Misbehaviour = (_, outgoing) => outgoing.writeHead(200).write("{");
      for (const misbehaviour of [stall, begin]) {
        gateway.next.push(misbehaviour);
        const { code, message } = await failureOf(sojourn.sessions.get("x"));
        assert.equal(code, "unreachable");
        assert.match(message, /no answer within 200 ms/);
      }
      const session = await sojourn.sessions.create();
      gateway.next.push(stall);
      assert.equal((await failureOf(session.operations({ follow: true }).next())).code, "unreachable");
    });

    it("from anybody is unreachable, and says where, why and what to do, but never the key", async () => {
      const gone = await startServer();
      await gone[Symbol.asyncDispose]();
      const apiKey = "sjn_secret";
      const error = await failureOf(connect({ url: gone.url, apiKey, retries: 1 }).health());
      assert.equal(error.code, "unreachable");
      assert.match(error.message, /^Cannot reach http:\/\/127\.0\.0\.1:\d+ \(.*ECONNREFUSED.*\); check the url/);
      assert.ok(!inspect(error, { depth: 9, showHidden: true }).includes(apiKey));
    });

    it("stops at once when the signal aborts", async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      const begin: Misbehaviour = (_, outgoing) => outgoing.writeHead(200).write("{");
      for (const misbehaviour of [stall, begin]) {
        gateway.next.push(misbehaviour);
        const abort = new AbortController();
        const calling = sojourn.sessions.create({}, { signal: abort.signal });
        await until("it was sent", async () => gateway.next.length === 0);
        abort.abort("enough");
        assert.equal(await failureOf(calling), "enough");
      }
    });
  });

  describe("requests", () => {
    it("carry the key and the headers they are told to, and go below the path of the url", async () => {
      const sent: IncomingMessage[] = [];
      await using place = await behindGateway(server.url);
      const { gateway } = place;
      const sojourn = connect({
        url: `${gateway.url}/below//`,
        apiKey: "sjn_k",
        headers: { "X-Team": "a", AUTHORIZATION: "x" },
      });
      gateway.next.push((incoming, outgoing) => {
        sent.push(incoming);
        refusal(404, "SESSION_NOT_FOUND")(incoming, outgoing);
      });
      assert.equal(await sojourn.sessions.find("a:b@c"), undefined);
      assert.equal(sent[0]?.url, "/below/api/v1/sessions/a%3Ab%40c");
      assert.equal(sent[0]?.headers.authorization, "Bearer sjn_k");
      assert.equal(sent[0]?.headers["x-team"], "a");
    });

    it("follow no redirect", async () => {
      await using place = await behindGateway(server.url, { apiKey: "sjn_k" });
      await using other = await startGateway(server.url);
      const { gateway, sojourn } = place;
      for (const status of [301, 302, 307, 308]) {
        gateway.next.push(answer(status, "", { location: `${other.url}/api/v1/health` }));
        const { code, faults } = await failureOf(sojourn.health());
        assert.deepEqual([code, faults[0]?.field], ["invalid", "url"]);
      }
      assert.equal(other.keys.length, 0);
      assert.equal(gateway.keys.length, 4);
    });

    it("go by the fetch that they are given", async () => {
      const urls: string[] = [];
      const counting: typeof fetch = (input, init) => {
        urls.push(String(input));
        return fetch(input, init);
      };
      await connect({ url: server.url, fetch: counting }).health();
      assert.deepEqual(urls, [`${server.url}/api/v1/health`]);
    });

    it("are answered in any order, and what a session shows never goes back", async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      const session = await sojourn.sessions.create();
      const late = Promise.withResolvers<void>();
      gateway.next.push(passOn(server.url, late.promise));
      const first = session.update({ name: "first" });
      const other = connect({ url: server.url });
      await until("it is written", async () => (await other.sessions.get(session.uid)).version === 2);
      await session.update({ name: "second" });
      late.resolve();
      await first;
      assert.deepEqual([session.version, session.name], [3, "second"]);
    });

    it("stop with whoever stops to read a list", async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      for (let i = 0; i < 7; i++) await sojourn.sessions.create({ tags: ["broken-off"] });
      gateway.keys.length = 0;
      let read = 0;
      for await (const _ of sojourn.sessions.list({ tags: ["broken-off"], pageSize: 3 })) if (++read === 4) break;
      assert.equal(gateway.keys.length, 2);
    });

    it("that are refused tell under which id the server's log has them", async () => {
      const { requestId } = await failureOf(connect({ url: server.url }).sessions.get("nobody"));
      assert.match(requestId ?? "", /^req_/);
    });
  });

  describe("the server's clock", () => {
    /** A server that knows one session, and says that it is `timestamp` now. */
    async function knowing(session: Session): Promise<Gateway & { timestamp: string }> {
      const gateway = await startGateway(server.url);
      const wire = (await (await fetch(`${server.url}/api/v1/sessions/${session.uid}`)).json()) as { data: object };
      const clock = Object.assign(gateway, { timestamp: "" });
      const told: Misbehaviour = (_, outgoing) => {
        gateway.next.push(told);
        outgoing.end(JSON.stringify({ ...wire, timestamp: clock.timestamp }));
      };
      gateway.next.push(told);
      return clock;
    }

    it("counts, and not the client's; a session that was idle for exactly as long is alive", async (t) => {
      const original = await connect({ url: server.url }).sessions.create({ idleTimeoutMs: 60_000 });
      await using clock = await knowing(original);
      const sojourn = connect({ url: clock.url });
      const start = original.lastActivity.getTime();
      t.mock.timers.enable({ apis: ["Date"], now: start - 86_400_000 });
      const seenAt = async (ms: number): Promise<Session> => {
        clock.timestamp = new Date(start + ms).toISOString();
        return await sojourn.sessions.get(original.uid);
      };
      assert.equal((await seenAt(60_000)).isExpired(), false);
      assert.equal((await seenAt(60_001)).isExpired(), true);
      assert.equal((await seenAt(5_000)).isExpired({ maxIdleMs: 5_000 }), false);
      const session = await seenAt(5_001);
      assert.equal(session.isExpired({ maxIdleMs: 5_000 }), true);
      assert.equal(session.isExpired(), false);
      t.mock.timers.setTime(start - 86_400_000 + 54_999);
      assert.equal(session.isExpired(), false);
      t.mock.timers.setTime(start - 86_400_000 + 55_000);
      assert.equal(session.isExpired(), true, "and it goes on between two answers");
      // What is answered to a repeated write is old, and no news of the time.
      clock.timestamp = new Date(start).toISOString();
      await session.record({}, { idempotencyKey: "repeated" });
      assert.equal(session.isExpired(), true);
      await session.record();
      assert.equal(session.isExpired(), false);
    });
  });

  describe("a feed", () => {
    it("gives every operation once and in order, however often its connection is cut", async () => {
      await using wire = await startWire(server);
      const sojourn = connect({ url: wire.url });
      const session = await connect({ url: server.url }).sessions.create();
      const total = 400;
      const writing = (async () => {
        for (let i = 1; i < total; i++) await session.record({ requests: i });
      })();
      const seen: number[] = [];
      for await (const { seq } of (await sojourn.sessions.get(session.uid)).operations({ follow: true })) {
        seen.push(seq);
        if (seq % 40 === 7) wire.cut();
        if (seq === total) break;
      }
      await writing;
      assert.deepEqual(
        seen,
        Array.from({ length: total }, (_, i) => i + 1),
      );
      assert.ok(wire.cuts >= 5, `${wire.cuts} cuts`);
    });

    it("comes back while nobody is there, and ends if the session was deleted meanwhile", async () => {
      await using wire = await startWire(server);
      const session = await connect({ url: server.url }).sessions.create();
      const feed = (await connect({ url: wire.url }).sessions.get(session.uid)).operations({ follow: true });
      assert.equal((await feed.next()).value?.seq, 1);
      wire.isDown = true;
      wire.cut();
      const next = feed.next();
      await until("it came back in vain", async () => wire.refused >= 3);
      await session.record();
      wire.isDown = false;
      assert.equal((await next).value?.seq, 2);
      wire.isDown = true;
      wire.cut();
      const last = feed.next();
      await session.delete();
      wire.isDown = false;
      assert.equal((await last).done, true);
    });

    it("is cut in the middle of an operation without harm", async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      const session = await sojourn.sessions.create({ name: "x".repeat(200) });
      gateway.next.push((_, outgoing) => {
        outgoing.writeHead(200, { "content-type": "text/event-stream" });
        outgoing.write('id: 1\nevent: operation\ndata: {"seq":1,', () => outgoing.destroy());
      });
      const { value } = await session.operations({ follow: true }).next();
      assert.equal(value?.seq, 1);
      assert.equal(value?.kind, "session.created");
    });

    it("takes a server that says nothing for 45 seconds for gone", async (t) => {
      let answers = 0;
      const counting: typeof fetch = async (input, init) => {
        const response = await fetch(input, init);
        answers++;
        return response;
      };
      await using place = await behindGateway(server.url, { fetch: counting });
      const { gateway, sojourn } = place;
      const session = await sojourn.sessions.create();
      let isCut = false;
      gateway.next.push((_, outgoing) => {
        outgoing.writeHead(200, { "content-type": "text/event-stream" });
        outgoing.write(": connected\n\n");
        outgoing.on("close", () => {
          isCut = true;
        });
      });
      t.mock.timers.enable({ apis: ["setTimeout"] });
      const next = session.operations({ follow: true }).next();
      await until("it stands", async () => answers === 2);
      await session.refresh();
      t.mock.timers.tick(44_999);
      await session.refresh();
      assert.equal(isCut, false);
      t.mock.timers.tick(1);
      await until("it is let go of", async () => isCut);
      await until("it came back", async () => {
        t.mock.timers.tick(100);
        return answers === 5;
      });
      assert.equal((await next).value?.seq, 1);
    });

    it("fails as any call does until it stands, and at once where it may not come back", async () => {
      await using place = await behindGateway(server.url, { retries: 1 });
      const { gateway, sojourn } = place;
      const session = await sojourn.sessions.create();
      const feed = () => session.operations({ follow: true });
      gateway.next.push(cut, cut);
      assert.equal((await failureOf(feed().next())).code, "unreachable");
      gateway.next.push(answer(200, "<h1>Welcome</h1>"));
      assert.equal((await failureOf(feed().next())).code, "not_found");
      gateway.next.push(
        (_, outgoing) => {
          outgoing.writeHead(200, { "content-type": "text/event-stream" });
          outgoing.end();
        },
        refusal(401, "UNAUTHORIZED"),
      );
      assert.equal((await failureOf(feed().next())).code, "unauthorized");
    });

    it("lets go of its connection when whoever reads it stops", async () => {
      await using wire = await startWire(server);
      const sojourn = connect({ url: wire.url });
      const session = await sojourn.sessions.create();
      for await (const { seq } of session.operations({ follow: true })) if (seq === 1) break;
      await until("it is closed", async () => {
        await session.record();
        return wire.streams === 0;
      });
    });
  });
});

interface Wire extends AsyncDisposable {
  readonly url: string;
  readonly cuts: number;
  /** How many connections were refused while it was down. */
  readonly refused: number;
  /** How many connections carry an event stream. */
  readonly streams: number;
  isDown: boolean;
  /** Cuts every connection. */
  cut(): void;
}

/** A wire to a server, on the level of TCP. */
async function startWire({ url }: TestServer): Promise<Wire> {
  const sockets = new Map<Socket, { isStream: boolean }>();
  const { hostname, port } = new URL(url);
  const tcp = createTcpServer((near) => {
    if (wire.isDown) {
      wire.refused++;
      near.destroy();
      return;
    }
    const state = { isStream: false };
    const far = connectSocket(Number(port), hostname);
    near.on("data", (chunk) => {
      state.isStream ||= chunk.includes("text/event-stream");
    });
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(near);
        near.destroy();
        far.destroy();
      });
    }
    sockets.set(near, state);
  });
  tcp.listen(0, "127.0.0.1");
  await once(tcp, "listening");
  const wire = {
    url: urlOf(tcp.address()),
    cuts: 0,
    refused: 0,
    isDown: false,
    get streams() {
      return [...sockets.values()].filter(({ isStream }) => isStream).length;
    },
    cut: () => {
      wire.cuts++;
      for (const socket of sockets.keys()) socket.destroy();
    },
    [Symbol.asyncDispose]: async () => {
      const closed = once(tcp, "close");
      tcp.close();
      for (const socket of sockets.keys()) socket.destroy();
      await closed;
    },
  };
  return wire;
}
