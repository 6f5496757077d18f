import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Message } from "../engine/message.ts";
import { seal, sealOnce } from "./tokens.ts";

describe("sealOnce()", () => {
  it("gives each message what seal gives it, and the same again", () => {
    const once = sealOnce();
    const [a, b]: readonly [Message, Message] = [
      { role: "user", content: "Hello there" },
      { role: "assistant", content: "", toolCalls: [{ id: "1", name: "look", arguments: '{"at":"it"}' }] },
    ];
    assert.deepEqual([once(a), once(b)], [seal(a), seal(b)]);
    assert.equal(once(a), once(a));
    assert.notEqual(once({ ...a }), once(a));
  });
});
