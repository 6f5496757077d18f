import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import type { SojournError } from "../engine/errors.ts";
import { type ConnectOptions, connect } from "./connect.ts";

describe("connect()", () => {
  it("makes no request, and takes what can work", () => {
    const good: readonly ConnectOptions[] = [
      {},
      { url: "https://example.com/sojourn/", apiKey: "sjn_x", headers: { "X-Team": "a b" } },
      { url: "http://[::1]:7070", retries: 0, timeoutMs: 1 },
      { retries: 100, timeoutMs: 2_147_483_647 },
    ];
    const forbidden = (): never => assert.fail("a request was made");
    for (const options of good) assert.ok(connect({ ...options, fetch: forbidden }));
  });

  it("refuses what can't, by name, and repeats no secret", () => {
    const secret = "hunter2";
    const bad: readonly (readonly [options: ConnectOptions, field: string])[] = [
      [{ url: "" }, "url"],
      [{ url: "127.0.0.1:7070" }, "url"],
      [{ url: "ftp://127.0.0.1" }, "url"],
      [{ url: `http://me:${secret}@127.0.0.1` }, "url"],
      [{ url: `http://127.0.0.1/?key=${secret}` }, "url"],
      [{ url: "http://127.0.0.1/#x" }, "url"],
      [{ apiKey: "" }, "apiKey"],
      [{ apiKey: `${secret}\n` }, "apiKey"],
      [{ apiKey: `${secret}ü` }, "apiKey"],
      [{ headers: { "X Y": secret } }, "headers.X Y"],
      [{ headers: { "X-Y": `${secret}\n` } }, "headers.X-Y"],
      [{ headers: { "X-Y": `${secret}€` } }, "headers.X-Y"],
      [{ retries: -1 }, "retries"],
      [{ retries: 101 }, "retries"],
      [{ retries: 0.5 }, "retries"],
      [{ timeoutMs: 0 }, "timeoutMs"],
      [{ timeoutMs: 2_147_483_648 }, "timeoutMs"],
      [{ timeoutMs: Number.NaN }, "timeoutMs"],
    ];
    for (const [options, field] of bad) {
      assert.throws(
        () => connect(options),
        (error: SojournError) => {
          assert.equal(error.code, "invalid");
          assert.deepEqual(
            error.faults.map((fault) => fault.field),
            [field],
          );
          assert.ok(!inspect(error).includes(secret), inspect(error));
          return true;
        },
      );
    }
  });
});
