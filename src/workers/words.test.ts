import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { wordOf } from "./words.ts";

const making = { type: "a".repeat(64), prefix: "a".repeat(16), data: null, reason: "a".repeat(256) };

const done = (...made: readonly unknown[]): object => ({ type: "done", output: 1, made });

const after = { ends: { reason: "done" }, isAborted: true, snapshot: { a: 1 } };

describe("wordOf()", () => {
  it("takes every message that a worker may send", () => {
    for (const message of [
      { type: "loaded", description: null },
      { type: "broken", message: "no" },
      { type: "begun" },
      { type: "done", output: null, ...after },
      ...[done(), done(making), done(...Array.from({ length: 1_000 }, () => making))],
      { type: "failed", code: "invalid", message: "no", faults: [{ field: "a", message: "b", type: "c" }], ...after },
      { type: "report", report: { type: "output", output: [1] } },
      { type: "report", report: { type: "progress", fraction: 1, message: "x" } },
      { type: "report", report: { type: "progress" } },
      { type: "report", report: { type: "log", level: "debug", message: "x" } },
      { type: "call", id: 1, name: "messages", given: { limit: 1 } },
      { type: "crash", message: "x" },
    ]) {
      assert.equal(wordOf(message), message);
    }
  });

  it("takes nothing else", () => {
    for (const message of [
      ...[null, 1, "done", [], {}],
      ...[{ type: "stop" }, { type: "loaded" }, { type: "broken" }, { type: "crash", message: 1 }],
      ...[{ type: "done" }, { type: "done", output: 1, ends: true }, { type: "done", output: 1, isAborted: 1 }],
      ...[
        { type: "done", output: 1, ends: { reason: 1 } },
        { type: "failed", code: "worker_lost", message: "x" },
      ],
      ...[
        { type: "failed", code: "invalid", message: "x", faults: [{}] },
        { type: "failed", code: "invalid" },
      ],
      ...[{ type: "report" }, { type: "report", report: { type: "log", level: "loud", message: "x" } }],
      ...[
        { type: "report", report: { type: "progress", fraction: 2 } },
        { type: "report", report: { type: "output" } },
      ],
      { type: "report", report: { type: "log", level: "info", message: "a\0b" } },
      { type: "report", report: { type: "output", output: { a: "\ud800" } } },
      ...[
        { type: "call", id: 1.5, name: "messages", given: {} },
        { type: "call", id: 1, name: "erase", given: {} },
      ],
      { type: "call", id: 1, name: "toString", given: {} },
      { type: "call", id: 1, name: "messages", given: [] },
      done(...Array.from({ length: 1_001 }, () => making)),
      ...[
        { type: "done", output: 1, made: making },
        { type: "done", output: 1, made: null },
      ],
      ...[null, 1, [], {}].map((one) => done(making, one)),
      ...[1, "", "A", "a b", "a".repeat(65)].map((type) => done({ ...making, type })),
      ...[1, "", "A", "a1", "a_", "a".repeat(17)].map((prefix) => done({ ...making, prefix })),
      ...[null, 1, "", "a\0", "\ud800", "a".repeat(257)].map((reason) => done({ ...making, reason })),
      done({ type: "a", prefix: "a" }),
    ]) {
      assert.equal(wordOf(message), undefined, JSON.stringify(message));
    }
  });
});
