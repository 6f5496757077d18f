import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { APICallError } from "@ai-sdk/provider";
import { Trouble, troubleOf } from "./trouble.ts";

const NOWHERE = { isBegun: false, secrets: ["key", "the words sent"] };

describe("troubleOf()", () => {
  it("reads how long to wait, in whichever way that is said", () => {
    assert.equal(waitOf({ "retry-after": "2" }), 2_000);
    assert.equal(waitOf({ "retry-after": "0.5" }), 500);
    assert.equal(waitOf({ "retry-after": "2", "retry-after-ms": "30" }), 30);
    assert.equal(waitOf({ "retry-after": "Thu, 01 Jan 1970 00:00:00 GMT" }), 0);
    assert.equal(waitOf({ "retry-after": "-1" }), 0);
    const far = waitOf({ "retry-after": new Date(Date.now() + 60_000).toUTCString() }) ?? 0;
    assert.ok(far > 50_000 && far <= 60_000, String(far));
    for (const none of ["", "soon", "Infinity", "NaN"]) assert.equal(waitOf({ "retry-after": none }), undefined, none);
    assert.equal(waitOf({}), undefined);
  });

  it("keeps no more than a short code of what it does not know", () => {
    for (const error of [new TypeError("secret"), { message: "secret", code: "a secret" }, "secret", null, undefined]) {
      const { kind, message, cause } = troubleOf(error, NOWHERE);
      assert.ok(kind === "unexpected" || kind === "reported");
      assert.ok(!message.includes("secret") && cause === undefined, message);
    }
  });

  it("shows no code that is, holds, or is part of what must not show", () => {
    const codes = ["key", "my_key", "words", "invalid_key", "quota"];
    assert.deepEqual(
      codes.map((code) => troubleOf({ code }, NOWHERE).code),
      [undefined, undefined, undefined, undefined, "quota"],
    );
  });

  it("leaves a trouble as it is", () => {
    const trouble = new Trouble("too_late");
    assert.equal(troubleOf(trouble, NOWHERE), trouble);
  });
});

function waitOf(responseHeaders: Record<string, string>): number | undefined {
  const call = { message: "", url: "", requestBodyValues: {}, statusCode: 429, responseHeaders };
  return troubleOf(new APICallError(call), NOWHERE).retryAfterMs;
}
