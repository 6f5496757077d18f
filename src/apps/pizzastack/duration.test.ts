import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { duration } from "./duration.ts";

describe("duration", () => {
  it("takes hours, minutes and seconds, each with its unit", () => {
    const seconds = ["30m", "1h", "45m", "90s", "1h30m", "1.5h", "2m30s", " 1h1m1s ", "24h", "1s", "0h1m"].map(
      (text) => {
        const read = duration.parse(text);
        assert.equal(read.text, text);
        return read.seconds;
      },
    );
    assert.deepEqual(seconds, [1_800, 3_600, 2_700, 90, 5_400, 5_400, 150, 3_661, 86_400, 1, 60]);
  });

  it("refuses everything else, and shows what it takes", () => {
    const refused = [
      "",
      "30",
      "m",
      "-5m",
      "0s",
      "0h0m",
      "24h1s",
      "1441m",
      "30 minutes",
      "1m1h",
      "1d",
      "1e3s",
      "٣m",
      30,
      null,
    ];
    for (const given of [...refused, undefined, {}]) {
      const { error } = duration.safeParse(given);
      assert.deepEqual(
        error?.issues.map(({ message }) => message),
        ['must be a time with its unit, more than 0 and at most 24h, such as "90s", "30m", "1h" or "1h30m"'],
        String(given),
      );
    }
  });
});
