import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ArgumentError } from "./arguments.ts";
import { beside, epochSeconds, spanOf } from "./epoch.ts";

describe("epochSeconds()", () => {
  it("is never after the second that it is in", () => {
    assert.equal(epochSeconds(new Date("1970-01-01T00:00:01.999Z")), 1);
    assert.equal(epochSeconds(undefined), undefined);
  });
});

describe("spanOf()", () => {
  it("takes whole seconds with all that is in them", () => {
    const span = { first: "1970-01-01T00:00:01.000000Z", last: "1970-01-01T00:00:02.999999Z" };
    assert.deepEqual(spanOf(1, 2), span);
  });

  it("takes parts of seconds, and dates in ISO 8601, as they are", () => {
    const span = { first: "1970-01-01T00:00:01.250000Z", last: "2026-01-02T03:04:05.123456Z" };
    assert.deepEqual(spanOf(1.25, "2026-01-02T03:04:05.123456Z"), span);
    assert.deepEqual(spanOf("2026-01-02", undefined), { first: "2026-01-02T00:00:00.000000Z", last: undefined });
    assert.deepEqual(spanOf(-0.5, undefined).first, "1969-12-31T23:59:59.500000Z");
  });

  it("refuses what is no time", () => {
    for (const time of ["yesterday", Number.NaN, 1e300, true, {}])
      assert.throws(() => spanOf(time, undefined), ArgumentError);
  });
});

describe("beside()", () => {
  it("is a microsecond before or after", () => {
    assert.equal(beside("1970-01-01T00:00:01.000000Z", -1), "1970-01-01T00:00:00.999999Z");
    assert.equal(beside("1970-01-01T00:00:01.999999Z", 1), "1970-01-01T00:00:02.000000Z");
    assert.equal(beside(undefined, 1), undefined);
  });
});
