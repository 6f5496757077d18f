import assert from "node:assert/strict";
import { request } from "node:http";
import { after, describe, it } from "node:test";
import type { Run, TaskEvent } from "../src/client/index.ts";
import { behindGateway } from "./behind-gateway.ts";
import { answer, cut, loseAnswer, type Misbehaviour, refusal } from "./gateway.ts";
import { startServer } from "./server.ts";
import { until } from "./until.ts";
import { APPS, WORKSHOP } from "./workshop.ts";

/** Passes an answer on up to the end of this text, and then cuts the connection. */
function cutAfter(target: string, text: string): Misbehaviour {
  return (incoming, outgoing) => {
    const { method = "", url = "", headers } = incoming;
    const forwarded = request(
      target + url,
      { method, headers: { ...headers, host: new URL(target).host } },
      (reply) => {
        outgoing.writeHead(reply.statusCode ?? 0, reply.headers);
        let seen = "";
        reply.setEncoding("utf8").on("data", (piece: string) => {
          if (seen.includes(text)) return;
          const before = seen.length;
          seen += piece;
          const end = seen.indexOf(text);
          if (end < 0) outgoing.write(piece);
          else outgoing.write(seen.slice(before, end + text.length), () => void outgoing.destroy());
        });
        outgoing.on("close", () => forwarded.destroy());
        reply.on("error", () => undefined);
      },
    );
    forwarded.on("error", () => undefined);
    incoming.pipe(forwarded);
  };
}

async function eventsOf(run: Run): Promise<readonly unknown[]> {
  return (await Array.fromAsync(run)).map((event: TaskEvent) => {
    if (event.type === "task") return event.task.status;
    return event.type === "progress" ? event.message : event.type;
  });
}

describe("run() over HTTP", async () => {
  const server = await startServer({ apps: APPS });
  after(() => server[Symbol.asyncDispose]());

  const passing: Readonly<Record<string, Misbehaviour>> = {
    "a connection that is cut": cut,
    "an answer that is lost": loseAnswer(server.url),
    "a proxy without its server": answer(502, "<h1>Bad gateway</h1>"),
    "a server with too much to do": refusal(503, "OVERLOADED", { "retry-after": "0" }),
    "a stream that is cut before its first event": cutAfter(server.url, ": connected"),
  };

  for (const [what, misbehaviour] of Object.entries(passing)) {
    it(`passes over ${what}, with one key, and happens once`, async () => {
      await using place = await behindGateway(server.url);
      const { gateway, sojourn } = place;
      const session = await sojourn.sessions.create();
      gateway.keys.length = 0;
      gateway.next.push(misbehaviour, misbehaviour);
      assert.deepEqual((await session.run(WORKSHOP)).output, { count: 1 });
      assert.equal(session.work.usage.calls, 1);
      assert.ok(gateway.keys[0]);
      assert.equal(new Set(gateway.keys.slice(0, 3)).size, 1);
      assert.equal((await Array.fromAsync(session.tasks.list())).length, 1);
    });
  }

  it("takes a connection up again that is lost meanwhile, and tells each event once", async () => {
    await using place = await behindGateway(server.url);
    const { gateway, sojourn } = place;
    const session = await sojourn.sessions.create();
    gateway.next.push(
      cutAfter(server.url, '"waiting"'),
      cut,
      cutAfter(server.url, "event: task"),
      answer(502, "<h1>Bad gateway</h1>"),
    );
    const run = session.run(WORKSHOP, "wait");
    await until("all of that is over", async () => gateway.next.length === 0);
    await session.workingMemory.update({ go: true });
    assert.deepEqual((await run).output, { went: true });
    assert.deepEqual(await eventsOf(run), ["running", "waiting", "gone", "completed"]);
    assert.equal(session.work.usage.calls, 1);
    assert.equal((await session.refresh()).version, session.version);
  });

  it("is given up where no connection stands for longer than a call may take, and the task is not", async () => {
    await using place = await behindGateway(server.url, { timeoutMs: 400, retries: 0 });
    const { gateway, sojourn } = place;
    const session = await sojourn.sessions.create();
    gateway.next.push(cutAfter(server.url, "waiting"), ...Array.from({ length: 100 }, () => cut));
    const run = session.run(WORKSHOP, "wait");
    await assert.rejects(run, { code: "unreachable" });
    gateway.next.length = 0;
    assert.equal((await session.tasks.get(await run.taskId)).status, "running");
    await session.tasks.cancel(await run.taskId);
  });

  it("takes no answer for one of ours that is none", async () => {
    await using place = await behindGateway(server.url);
    const { gateway, sojourn } = place;
    const session = await sojourn.sessions.create();
    for (const [status, body, headers] of [
      [200, '{"success":true,"data":{}}', { "content-type": "application/json" }],
      [200, "event: task\ndata: {\n\n", { "content-type": "text/event-stream" }],
    ] as const) {
      gateway.next.push(answer(status, body, headers));
      await assert.rejects(session.run(WORKSHOP), { code: "not_found" });
    }
  });

  it("throws what an event tells of", async () => {
    await using place = await behindGateway(server.url);
    const { gateway, sojourn } = place;
    const session = await sojourn.sessions.create();
    const error = JSON.stringify({ success: false, error: { code: "STORAGE_FULL", message: "Full", status: 507 } });
    gateway.next.push(answer(200, `event: error\ndata: ${error}\n\n`, { "content-type": "text/event-stream" }));
    await assert.rejects(session.run(WORKSHOP), { code: "storage_full", message: "Full" });
  });

  it("is waited for by close()", async () => {
    await using place = await behindGateway(server.url);
    const { sojourn } = place;
    const session = await sojourn.sessions.create();
    const run = session.run(WORKSHOP, "tell", { parts: ["a"] });
    await run.taskId;
    await sojourn.close();
    assert.deepEqual((await run).output, { whole: "a" });
  });
});
