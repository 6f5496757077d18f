import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { NO_ARTIFACTS } from "./artifact.ts";
import { assertDuration, record } from "./commands.ts";
import { EMPTY_CONVERSATION } from "./conversation.ts";
import { SojournError } from "./errors.ts";
import type { Json, JsonObject } from "./json.ts";
import { assertSize, assertWithin, computedFaults, isSessionId, jsonFaults, RESERVED_IDS } from "./limits.ts";
import { NO_METRICS } from "./session.ts";
import { NO_WORK } from "./task.ts";

type Fields = Parameters<typeof assertWithin>[0];

describe("isSessionId()", () => {
  it("accepts 1 to 128 of its characters", () => {
    for (const id of ["a", "A-Z_0.9:@", "...", "new1", "x".repeat(128)]) assert.ok(isSessionId(id), id);
  });

  it("refuses any other character, length, and the words that are routes", () => {
    const refused = ["", "x".repeat(129), "a b", "a/b", "a\n", "ä", "a%", "a?b", "a#", "\0", ...RESERVED_IDS];
    for (const id of refused) assert.ok(!isSessionId(id), JSON.stringify(id));
  });
});

describe("assertWithin()", () => {
  const sized: readonly (readonly [string, (size: number) => Fields, number])[] = [
    ["user_id", (n) => ({ userId: "u".repeat(n) }), 255],
    ["name", (n) => ({ name: "n".repeat(n) }), 255],
    ["description", (n) => ({ description: "d".repeat(n) }), 4_096],
    ["reason", (n) => ({ reason: "r".repeat(n) }), 1_024],
    ["tags", (n) => ({ tags: Array.from({ length: n }, (_, i) => `t${i}`) }), 64],
    ["tags.0", (n) => ({ tags: ["t".repeat(n)] }), 64],
    ["session_id", (n) => ({ sessionId: "s".repeat(n) }), 128],
    ["parent_session_id", (n) => ({ parentSessionId: "s".repeat(n) }), 128],
  ];
  for (const [field, fields, max] of sized) {
    it(`accepts ${field} at its limit and refuses one more`, () => {
      assertWithin(fields(max));
      assertRefused(() => assertWithin(fields(max + 1)), field);
    });
  }

  it("counts lengths in UTF-16 units", () => {
    assertWithin({ name: "🏕️".repeat(85) });
    assertRefused(() => assertWithin({ name: "🏕️".repeat(86) }), "name");
  });

  it("refuses an empty user and an empty tag, and accepts other empty texts", () => {
    assertRefused(() => assertWithin({ userId: "" }), "user_id");
    assertRefused(() => assertWithin({ tags: ["x", ""] }), "tags.1");
    assertWithin({ name: "", description: "", reason: "", tags: [], metadata: {} });
    assertWithin({ name: null, description: null });
  });

  it("refuses NUL and lone surrogates wherever text goes", () => {
    for (const text of ["a\0", "\ud800", "a\udc00b", "\udc00\ud800"]) {
      const fields: Readonly<Record<string, Fields>> = {
        user_id: { userId: text },
        name: { name: text },
        description: { description: text },
        reason: { reason: text },
        "tags.0": { tags: [text] },
        "metadata.a.0": { metadata: { a: [text] } },
        [`metadata.${text}`]: { metadata: { [text]: 1 } },
      };
      for (const [field, value] of Object.entries(fields)) assertRefused(() => assertWithin(value), field);
    }
    assertWithin({ name: "\ud83c\udfd5", metadata: { "🏕️": "🏕️" } });
  });

  it("names every fault at once", () => {
    const fields = { sessionId: "a b", userId: "", tags: ["", "\0"] };
    assertRefused(() => assertWithin(fields), "session_id", "user_id", "tags.0", "tags.1");
  });
});

describe("jsonFaults()", () => {
  it("accepts 32 levels and refuses 33, of arrays and of objects", () => {
    const nested = (levels: number, wrap: (inner: Json) => Json): Json => {
      return Array.from({ length: levels }).reduce<Json>((inner) => wrap(inner), 1);
    };
    for (const wrap of [(inner: Json): Json => [inner], (inner: Json): Json => ({ a: inner })]) {
      assert.deepEqual(jsonFaults(nested(32, wrap), ""), []);
      assert.equal(jsonFaults(nested(33, wrap), "")[0]?.type, "too_deep");
    }
  });

  it("accepts integers within ±(2^53 − 1) and refuses what lies beyond", () => {
    for (const value of [2 ** 53 - 1, 1 - 2 ** 53, 0, -0.5, 1e-300]) assert.deepEqual(jsonFaults({ value }, "m"), []);
    for (const value of [2 ** 53, -(2 ** 53), 1e300, Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.deepEqual(
        jsonFaults({ value }, "m").map(({ field, type }) => [field, type]),
        [["m.value", "unsafe_number"]],
      );
    }
  });

  it("refuses a member called __proto__ at any level", () => {
    const evil: JsonObject = JSON.parse('{"a":[{"__proto__":{"polluted":true}}]}');
    assert.deepEqual(
      jsonFaults(evil, "metadata").map(({ field, type }) => [field, type]),
      [["metadata.a.0.__proto__", "invalid_key"]],
    );
    assert.deepEqual(jsonFaults({ constructor: 1, prototype: 2, toString: 3 }, "metadata"), []);
  });
});

describe("computedFaults()", () => {
  it("lets any number pass that JSON can say, and no more than that", () => {
    assert.deepEqual(computedFaults({ n: [1e20, -Number.MAX_VALUE, 2 ** 60, 0.5] }, "output"), []);
    for (const n of [Number.POSITIVE_INFINITY, Number.NaN]) {
      assert.equal(computedFaults({ n }, "output")[0]?.field, "output.n");
    }
    assert.equal(computedFaults("a\0b", "output")[0]?.type, "invalid_text");
  });
});

describe("assertSize()", () => {
  // {"a":"…"} has 8 bytes around the text; é has 2 bytes, € 3, 🏕 4.
  for (const [text, bytes] of [
    ["x", 1],
    ["é", 2],
    ["€", 3],
    ["🏕", 4],
    ['"', 2],
    ["\n", 2],
  ] as const) {
    it(`counts ${JSON.stringify(text)} as ${bytes} of JSON's UTF-8`, () => {
      const metadata = { a: text.repeat(100) };
      assert.equal(Buffer.byteLength(JSON.stringify(metadata)), 8 + 100 * bytes);
      assertSize("metadata", metadata, 8 + 100 * bytes);
      assertRefused(() => assertSize("metadata", metadata, 8 + 100 * bytes - 1), "metadata");
    });
  }
});

describe("assertDuration()", () => {
  it("accepts 1 second to ten years, and none", () => {
    for (const us of [undefined, null, 1_000_000, 315_360_000_000_000]) assertDuration("idle_timeout_seconds", us);
  });

  it("refuses less, more, and what is no whole number of microseconds", () => {
    for (const us of [0, -1, 999_999, 315_360_000_000_001, 1_000_000.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      assertRefused(() => assertDuration("idle_timeout_seconds", us), "idle_timeout_seconds");
    }
  });
});

describe("record()", () => {
  const none = { requestCount: 0, errorCount: 0, processingTimeUs: 0 };

  it("accepts counts at their limit and refuses one more, less than none, and fractions", () => {
    record({ requestCount: 1e9, errorCount: 1e9, processingTimeUs: 315_360_000_000_000 });
    assertRefused(() => record({ ...none, requestCount: 1e9 + 1 }), "requests");
    assertRefused(() => record({ ...none, errorCount: 1e9 + 1 }), "errors");
    assertRefused(() => record({ ...none, processingTimeUs: 315_360_000_000_001 }), "processing_time_seconds");
    for (const requestCount of [-1, 0.5, Number.NaN])
      assertRefused(() => record({ ...none, requestCount }), "requests");
  });

  it("refuses a sum past 2^53 − 1", () => {
    const full = { ...none, processingTimeUs: 2 ** 53 - 2 };
    const session = {
      sessionId: "a",
      userId: "u",
      tags: [],
      metadata: {},
      status: "active",
      createdAtUs: 1,
      updatedAtUs: 1,
      lastActivityUs: 1,
      metrics: { ...NO_METRICS, ...full },
      conversation: EMPTY_CONVERSATION,
      workingMemory: {},
      artifacts: NO_ARTIFACTS,
      checkpoints: {},
      work: NO_WORK,
    } as const;
    assert.equal(record({ ...none, processingTimeUs: 1 })(session, 2).length, 1);
    assertRefused(() => record({ ...none, processingTimeUs: 2 })(session, 2), "processing_time_seconds");
  });
});

function assertRefused(attempt: () => unknown, ...fields: readonly string[]): void {
  assert.throws(attempt, (error) => {
    assert.ok(error instanceof SojournError);
    assert.equal(error.code, "invalid");
    assert.deepEqual(
      error.faults.map(({ field }) => field),
      fields,
    );
    return true;
  });
}
