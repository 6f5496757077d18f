import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type ErrorCode, SojournError } from "../engine/errors.ts";
import { encodeError, HTTP_ERRORS } from "../http/dialects/native/errors.ts";
import { failureOf } from "./failure.ts";

const URL = "http://127.0.0.1:7070";

function answered(status: number, text: string, headers: Record<string, string> = {}): SojournError {
  return failureOf({ status, headers: new Headers(headers), text }, URL);
}

describe("failureOf()", () => {
  for (const [code, { code: shown }] of Object.entries(HTTP_ERRORS)) {
    it(`reads ${code} back, or what is shown as the same`, () => {
      const faults = [{ field: "tags.0", message: "must not be empty", type: "too_small" }];
      // NOTE: the keys of the table are all codes.
      const sent = new SojournError(code as ErrorCode, { message: "Refused", faults, retryAfterMs: 2_000 });
      const { status = 0, body, headers } = encodeError(sent, "req_1", 0);
      const read = answered(status, JSON.stringify(body), { ...headers });
      assert.equal(HTTP_ERRORS[read.code].code, shown);
      const shared = Object.values(HTTP_ERRORS).filter((one) => one.code === shown).length > 1;
      if (!shared) assert.equal(read.code, code);
      const { message, requestId, retryAfterMs } = read;
      assert.deepEqual(
        { message, requestId, retryAfterMs },
        { message: "Refused", requestId: "req_1", retryAfterMs: 2_000 },
      );
      assert.deepEqual(read.faults, faults);
    });
  }

  it("reads store_unavailable of the codes that share it", () => {
    const { status = 0, body } = encodeError(new SojournError("store_newer", { message: "Newer" }), "req_1", 0);
    assert.equal(answered(status, JSON.stringify(body)).code, "store_unavailable");
  });

  it("goes by the status where the code is one of a newer server, which it tells", () => {
    const body = (code: string): string => JSON.stringify({ success: false, error: { code, message: "Too odd" } });
    for (const [status, code] of [
      [409, "conflict"],
      [418, "invalid"],
      [429, "rate_limited"],
      [503, "overloaded"],
      [500, "internal"],
      [599, "internal"],
    ] as const) {
      const error = answered(status, body("NEW_CODE"));
      assert.deepEqual([error.code, error.message], [code, "Too odd (NEW_CODE)"]);
    }
    assert.equal(answered(500, body("constructor")).code, "internal");
  });

  it("says who answered where it was not Sojourn", () => {
    for (const text of ["<h1>Bad gateway</h1>", "", "null", "[]", '{"error":"no"}', '{"error":{"code":1}}', '"x"']) {
      const error = answered(502, text);
      assert.equal(error.code, "unreachable");
      assert.match(error.message, /^http:\/\/127\.0\.0\.1:7070 answered 502, and not as Sojourn does/);
    }
    assert.equal(answered(404, "<h1>Not found</h1>").code, "not_found");
  });

  it("passes over details that are none", () => {
    const fault = { field: "a", message: "b", type: "c" };
    const error = { code: "VALIDATION_ERROR", message: "Bad", details: [fault, null, { field: 1 }, "x"] };
    assert.deepEqual(answered(400, JSON.stringify({ error })).faults, [fault]);
    assert.deepEqual(answered(400, JSON.stringify({ error: { ...error, details: "many" } })).faults, []);
  });

  it("reads Retry-After as seconds or as a date", () => {
    const wait = (text: string): number | undefined => answered(503, "", { "retry-after": text }).retryAfterMs;
    assert.equal(wait("3"), 3_000);
    assert.equal(wait("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
    const later = wait(new Date(Date.now() + 60_000).toUTCString()) ?? 0;
    assert.ok(later > 50_000 && later <= 60_000, `${later}`);
    assert.equal(wait("soon"), undefined);
  });
});
