import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { SojournError } from "../../engine/errors.ts";
import { Thread } from "./thread.ts";

const BROKEN = new URL("data:text/javascript,setTimeout(() => { throw new Error('out of luck') })");

describe("a thread that dies", () => {
  it("says so at once, and refuses the calls in hand and all that follow", async () => {
    const { promise: died, resolve } = Promise.withResolvers<SojournError>();
    const thread = new Thread<string>(BROKEN, {}, resolve);
    const inHand = assert.rejects(thread.call("a"), { code: "store_unavailable" });
    const failure = await died;
    assert.equal(failure.code, "store_unavailable");
    assert.match(String(failure.cause), /out of luck/);
    await inHand;
    await assert.rejects(thread.call("b"), { code: "store_unavailable" });
    await thread.close();
  });
});

const ECHO = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from "node:worker_threads";
    parentPort.on("message", (message) => {
      if (message === "close") parentPort.close();
      else parentPort.postMessage(JSON.parse(message).map(({ id, call }) => ({ id, value: call })));
    });
  `)}`,
);

describe("call()", () => {
  it("refuses what is longer than a text can be, and none that was called beside it", async () => {
    const thread = new Thread<unknown>(ECHO, {}, assert.fail);
    const tooLong = {
      toJSON: () => "x".repeat(2 ** 29),
    };
    const [first, long, last] = await Promise.allSettled(["a", tooLong, "b"].map((call) => thread.call(call)));
    assert.deepEqual(
      [first, last],
      [
        { status: "fulfilled", value: "a" },
        { status: "fulfilled", value: "b" },
      ],
    );
    assert.ok(long?.status === "rejected");
    assert.equal(long.reason.code, "payload_too_large");
    await thread.close();
  });
});
