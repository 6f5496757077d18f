import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { connect } from "../src/client/index.ts";
import { ChildServer } from "./child-server.ts";

const MESSAGES = 40;

describe("topics of a server that is killed", () => {
  const directory = mkdtempSync(join(tmpdir(), "sojourn-topics-"));
  after(() => rmSync(directory, { recursive: true }));

  it("bring each message until it was acknowledged, to a subscriber that goes on over the kills", async () => {
    const data = join(directory, "kept");
    let server = await ChildServer.start(data);
    try {
      // A server that was started again has another port; whoever has an address in front of it sees nothing of that.
      const address = "http://topics.test";
      const fetch: typeof globalThis.fetch = async (url, init) =>
        await globalThis.fetch(String(url).replace(address, server.url), init);
      await using sojourn = connect({ url: address, fetch, timeoutMs: 60_000, retries: 100 });
      const { topics } = sojourn;
      const received = new Map<number, unknown>();
      const reading = (async () => {
        for await (const { seq, content, ack } of topics.subscribe("work", { subscriber: "worker" })) {
          assert.equal(received.has(seq), false, "over one subscription each comes once");
          received.set(seq, content);
          // Between what was brought and what is acknowledged; the next one is up before the acknowledgement goes out.
          if (seq % 15 === 0) {
            await server.end("SIGKILL");
            const acknowledged = ack();
            server = await ChildServer.start(data);
            await acknowledged;
          } else await ack();
          if (seq === MESSAGES) return;
        }
      })();
      for (let i = 1; i <= MESSAGES; i++) assert.equal((await topics.publish("work", `message ${i}`)).seq, i);
      await reading;
      assert.deepEqual(
        [...received],
        Array.from({ length: MESSAGES }, (_, i) => [i + 1, `message ${i + 1}`]),
      );
      assert.equal((await topics.subscriber("work", "worker")).pending, 0);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });

  it("begin a subscriber that was ended as well behind what it has acknowledged", async () => {
    const data = join(directory, "both");
    let server = await ChildServer.start(data);
    const run = async (count: number): Promise<readonly number[]> => {
      await using sojourn = connect({ url: server.url });
      const seqs: number[] = [];
      for await (const message of sojourn.topics.subscribe("work", { subscriber: "worker" })) {
        seqs.push(message.seq);
        // The last one that it is given is not acknowledged before everything is killed.
        if (seqs.length === count) break;
        await message.ack();
      }
      return seqs;
    };
    try {
      const sojourn = connect({ url: server.url });
      for (let i = 1; i <= 6; i++) await sojourn.topics.publish("work", i);
      assert.deepEqual(await run(3), [1, 2, 3]);
      await server.end("SIGKILL");
      server = await ChildServer.start(data);
      assert.deepEqual(await run(3), [3, 4, 5]);
      await server.end("SIGKILL");
      server = await ChildServer.start(data);
      assert.deepEqual(await run(2), [5, 6]);
    } finally {
      await server[Symbol.asyncDispose]();
    }
  });
});
