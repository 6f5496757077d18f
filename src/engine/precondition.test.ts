import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertMatches, type Precondition } from "./precondition.ts";

describe("assertMatches()", () => {
  const cases: readonly (readonly [Precondition | undefined, version: number | undefined, fits: boolean])[] = [
    [undefined, undefined, true],
    [undefined, 3, true],
    ["any", 3, true],
    ["any", undefined, false],
    [[3], 3, true],
    [[2, 3], 3, true],
    [[2, 4], 3, false],
    [[], 3, false],
    [[0], undefined, false],
  ];
  for (const [precondition, version, fits] of cases) {
    it(`${fits ? "lets" : "does not let"} ${JSON.stringify(precondition)} match version ${version}`, () => {
      const attempt = (): void => assertMatches(precondition, version);
      if (fits) attempt();
      else assert.throws(attempt, { code: "precondition_failed" });
    });
  }
});
