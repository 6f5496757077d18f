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
