import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { Degradation, Lineage } from "../client/index.ts";
import { lineageLines } from "./lineage.ts";

/** What was made from what, in the order in which it was made: `["soup", "tomato", "salt"]`. */
type Steps = readonly (readonly [objectId: string, ...from: readonly string[]])[];

/** The lineage of the last of the steps. */
function lineageOf(steps: Steps, degradations: Readonly<Record<string, Degradation>> = {}): Lineage {
  return {
    objectId: steps.at(-1)?.[0] ?? assert.fail("nothing was made"),
    nodes: steps.map(([objectId], i) => ({
      objectId,
      type: "thing",
      quality: degradations[objectId] === undefined ? "optimal" : "degraded",
      degradation: degradations[objectId],
      app: "kitchen",
      action: `make/${objectId}`,
      taskId: `task_${i}`,
      operationSeq: i + 2,
      operationId: `op_${i}`,
      createdAt: new Date(0),
    })),
    edges: steps.flatMap(([to, ...sources]) => sources.map((from) => ({ from, to }))),
    isCut: false,
  };
}

/** The lines as they are without colours, and of how many objects they are. */
function shownOf(lineage: Lineage): readonly [lines: readonly string[], told: number] {
  const told = new Set<string>();
  const lines = [...lineageLines(lineage, told)].map(stripVTControlCharacters);
  return [lines, told.size];
}

/** `one` made from nothing, and each of the others from the one before. */
function chain(length: number): Steps {
  return Array.from({ length }, (_, i) => (i === 0 ? ["n0"] : [`n${i}`, `n${i - 1}`]));
}

describe("lineageLines()", () => {
  it("is one line for what was made from nothing", () => {
    assert.deepEqual(shownOf(lineageOf([["a"]])), [["a thing"], 1]);
  });

  it("goes from an object down to what it was made from, in the order of the edges", () => {
    const steps: Steps = [["a"], ["b"], ["c", "a"], ["d"], ["e", "c", "b", "d"]];
    assert.deepEqual(shownOf(lineageOf(steps)), [
      ["e thing", "├─ c thing", "│  └─ a thing", "├─ b thing", "└─ d thing"],
      5,
    ]);
  });

  it("tells an object that comes again by its id", () => {
    const steps: Steps = [["a"], ["b", "a"], ["c", "b"], ["d", "b", "c", "a"]];
    assert.deepEqual(shownOf(lineageOf(steps)), [
      ["d thing", "├─ b thing", "│  └─ a thing", "├─ c thing", "│  └─ b (above)", "└─ a (above)"],
      4,
    ]);
  });

  it("marks what is degraded, and the operation with which it began", () => {
    const steps: Steps = [["tomato"], ["sauce", "tomato"], ["base"], ["pizza", "base", "sauce"], ["baked", "pizza"]];
    const by = { reason: "raw", objectId: "sauce" };
    assert.deepEqual(shownOf(lineageOf(steps, { sauce: by, pizza: by, baked: by }))[0], [
      "baked thing  degraded: raw",
      "└─ pizza thing  degraded",
      "   ├─ base thing",
      "   └─ sauce thing  degraded here: raw, by kitchen make/sauce (operation 3)",
      "      └─ tomato thing",
    ]);
  });

  it("tells of each degradation that another ended in", () => {
    const steps: Steps = [["a"], ["b", "a"], ["c", "b"], ["d", "c"]];
    const [old, newer] = [
      { reason: "cold", objectId: "a" },
      { reason: "burnt", objectId: "c" },
    ];
    assert.deepEqual(shownOf(lineageOf(steps, { a: old, b: old, c: newer, d: newer }))[0], [
      "d thing  degraded: burnt",
      "└─ c thing  degraded here: burnt, by kitchen make/c (operation 4)",
      "   └─ b thing  degraded: cold",
      "      └─ a thing  degraded here: cold, by kitchen make/a (operation 2)",
    ]);
  });

  it("shows nothing that a terminal would obey", () => {
    const [lines] = shownOf(lineageOf([["a\u001b[2J\n"]], { "a\u001b[2J\n": { reason: "\u0007\r", objectId: "b" } }));
    assert.deepEqual(lines, ["a\ufffd[2J\ufffd thing  degraded: \ufffd\ufffd"]);
  });

  it("ends where it is too deep to be read, however deep it is", () => {
    const [lines, told] = shownOf(lineageOf(chain(10_000)));
    assert.deepEqual([lines.length, told], [32, 31]);
    assert.deepEqual(
      lines.slice(-2).map((line) => line.trim()),
      ["└─ n9969 thing", "└─ …"],
    );
  });

  it("opens elsewhere what was too deep in one place", () => {
    const [lines, told] = shownOf(lineageOf([...chain(31), ["top", "n30", "n1"]]));
    assert.deepEqual(
      lines.slice(-5).map((line) => line.replace(/^[│ ]*/, "")),
      ["└─ n2 thing", "└─ n1 thing", "└─ …", "└─ n1 thing", "└─ n0 thing"],
    );
    assert.equal(told, 32);
  });

  it("ends after a thousand lines, however broad it is", () => {
    const leaves: Steps = Array.from({ length: 5_000 }, (_, i) => [`leaf${i}`]);
    const [lines, told] = shownOf(lineageOf([...leaves, ["top", ...leaves.map(([leaf]) => leaf)]]));
    assert.deepEqual([lines.length, told, lines.at(-2), lines.at(-1)], [1_001, 1_000, "├─ leaf998 thing", "├─ …"]);
  });

  it("is of a bounded length where all was made from all before it", () => {
    const steps: Steps = Array.from({ length: 300 }, (_, i) => {
      return [`n${i}`, ...Array.from({ length: i }, (_, before) => `n${before}`)];
    });
    assert.equal(shownOf(lineageOf(steps))[0].length, 1_001);
  });

  it("has a mark for what was left out as too old", () => {
    const lineage = lineageOf([["a"], ["b", "a"]]);
    assert.deepEqual(shownOf({ ...lineage, nodes: lineage.nodes.slice(1), isCut: true })[0], ["b thing", "└─ …"]);
  });
});
