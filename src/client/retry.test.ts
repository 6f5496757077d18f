import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ERROR_KINDS, type ErrorCode, SojournError } from "../engine/errors.ts";
import { backoff, isPassing, pause, retryDelay } from "./retry.ts";

function failure(code: ErrorCode, retryAfterMs?: number): SojournError {
  return new SojournError(code, { message: code, ...(retryAfterMs !== undefined && { retryAfterMs }) });
}

/** All codes, which are the keys of the table. */
const CODES = Object.keys(ERROR_KINDS) as readonly ErrorCode[];

describe("isPassing()", () => {
  it("is so of what soon passes by itself, and of limits that say when", () => {
    assert.deepEqual(
      CODES.filter((code) => isPassing(failure(code))),
      ["request_timeout", "conflict", "store_unavailable", "overloaded", "unreachable"],
    );
    assert.deepEqual(
      CODES.filter((code) => isPassing(failure(code, 0)) && !isPassing(failure(code))),
      ["rate_limited", "limit_reached"],
    );
    assert.ok(!isPassing(new TypeError("unreachable")));
  });
});

describe("retryDelay()", () => {
  it("doubles up to five seconds, half of it by chance", () => {
    for (const [attempt, longest] of [
      [1, 100],
      [2, 200],
      [3, 400],
      [6, 3_200],
      [7, 5_000],
      [100, 5_000],
    ] as const) {
      for (let i = 0; i < 50; i++) {
        const delay = backoff(attempt);
        assert.ok(delay >= longest / 2 && delay <= longest, `${attempt}: ${delay}`);
      }
    }
  });

  it("waits for as long as it is told to, up to ten seconds", () => {
    const delay = retryDelay(failure("rate_limited", 10_000), 1) ?? 0;
    assert.ok(delay >= 10_050 && delay <= 10_100, `${delay}`);
    assert.equal(retryDelay(failure("rate_limited", 10_001), 1), undefined);
    assert.equal(retryDelay(failure("limit_reached", 60_000), 1), undefined);
    assert.equal(retryDelay(failure("overloaded", 60_000), 1), undefined);
    assert.equal(retryDelay(failure("internal", 0), 1), undefined);
  });
});

describe("pause()", () => {
  it("is over at once when the signal aborts, with its reason", async () => {
    const abort = new AbortController();
    const reason = new Error("enough");
    const waiting = pause(60_000, abort.signal);
    abort.abort(reason);
    await assert.rejects(waiting, (error) => error === reason);
    await assert.rejects(pause(0, abort.signal), (error) => error === reason);
    await pause(0, new AbortController().signal);
  });
});
