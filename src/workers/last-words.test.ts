import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { LastWords } from "./last-words.ts";

describe("LastWords", () => {
  it("leaves out what Node writes as it runs out of memory, and tells that it was that", () => {
    const code = `console.error("before"); const held = []; for (;;) held.push({ text: "x".repeat(100) + held.length });`;
    const flags = ["--max-old-space-size=16", "-e", code];
    const { stderr } = spawnSync(process.execPath, flags, { encoding: "utf8" });
    const words = new LastWords();
    const left = words.without(stderr.split("\n")).filter((line) => line !== "");
    assert.deepEqual([left, words.areOfMemory], [["before"], true]);
  });

  it("leaves what a program writes that does not die", () => {
    const words = new LastWords();
    const lines = ["out of memory", "warning: FATAL ERROR: not at all"];
    assert.deepEqual([words.without(lines), words.areOfMemory], [lines, false]);
  });
});
