import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { meantBy } from "./spelling.ts";

const KNOWN = new Map([
  ["restore", 20],
  ["running", 30],
  ["artifact", 90],
  ["cancel", 8],
  ["cancels", 12],
  ["restart", 1],
  ["count", 40],
]);

describe("meantBy()", () => {
  it("takes a slip of one letter, and two letters that changed places, for the word that was meant", () => {
    const meant = ["resotre", "runing", "runnning", "artifakt", "artifcat"].map((word) => meantBy(word, KNOWN));
    assert.deepEqual(meant, ["restore", "running", "running", "artifact", "artifact"]);
  });

  it("takes the word that is used most, where several come near", () => {
    assert.equal(meantBy("cancelz", KNOWN), "cancels");
  });

  it("knows nothing of other words, of short ones, of those that begin otherwise and of what stands there once", () => {
    const meant = ["kubernetes", "cont", "mount", "restar", "resttoree"].map((word) => meantBy(word, KNOWN));
    assert.deepEqual(meant, [undefined, undefined, undefined, undefined, undefined]);
  });
});
