import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { formatted } from "./strftime.ts";

/** Sunday, the 3rd of January 2021, 00:05:09: in the last week of the year before, by ISO 8601. */
const EARLY = [9, 5, 0, 3, 0, 121, 0, 2];

/** Tuesday, the 31st of December 2024, 15:00:00: in the first week of the next year, by ISO 8601. */
const LATE = [0, 0, 15, 31, 11, 124, 2, 365];

describe("formatted()", () => {
  it("says moments as C does", () => {
    assert.equal(
      formatted("%c|%x|%X|%p|%%|%F %T", EARLY),
      "Sun Jan  3 00:05:09 2021|01/03/21|00:05:09|AM|%|2021-01-03 00:05:09",
    );
    assert.equal(formatted("%A %a %B %b %h %d %e %j", LATE), "Tuesday Tue December Dec Dec 31 31 366");
    assert.equal(formatted("%H %I %M %S %r %R %D %y %Y %C", LATE), "15 03 00 00 03:00:00 PM 15:00 12/31/24 24 2024 20");
    assert.equal(formatted("%I%p", EARLY), "12AM");
    assert.equal(formatted("%z %Z%n%t", EARLY), "+0000 GMT\n\t");
  });

  it("counts weeks from Sundays, from Mondays, and by ISO 8601", () => {
    assert.equal(formatted("%U %W %V %G %g %u %w", EARLY), "01 00 53 2020 20 7 0");
    assert.equal(formatted("%U %W %V %G %g %u %w", LATE), "52 53 01 2025 25 2 2");
  });

  it("knows the other forms of C, and leaves what it does not know", () => {
    assert.equal(formatted("%Ey %Od %Q", LATE), "24 31 %Q");
  });
});
