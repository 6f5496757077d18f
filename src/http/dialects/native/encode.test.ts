import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { isoTime } from "./encode.ts";

describe("isoTime()", () => {
  it("is what Date makes of any moment, with microseconds only where there are any", () => {
    const ms = fc.integer({ min: 0, max: Math.floor(Number.MAX_SAFE_INTEGER / 1_000) - 1 });
    fc.assert(
      fc.property(ms, fc.integer({ min: 0, max: 999 }), (whole, rest) => {
        const iso = new Date(whole).toISOString();
        const micros = rest === 0 ? iso : iso.replace("Z", `${String(rest).padStart(3, "0")}Z`);
        assert.equal(isoTime(whole * 1_000 + rest), micros);
      }),
      { numRuns: 3_000 },
    );
  });
});
