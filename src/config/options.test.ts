import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { decodeText } from "./decode.ts";
import { flagOf, helpOf, NAMED_OPTIONS, OPTIONS, variableOf } from "./options.ts";

describe("OPTIONS", () => {
  it("has names in snake case, and defaults and bounds that decode", () => {
    for (const [name, option] of NAMED_OPTIONS) {
      assert.match(name, /^[a-z]+(_[a-z]+)*$/);
      if (option.default !== undefined) assert.ok("value" in decodeText(option, `${option.default}`), name);
      if (option.type !== "integer") continue;
      assert.deepEqual(decodeText(option, `${option.min}`), { value: option.min });
      assert.deepEqual(decodeText(option, `${option.max}`), { value: option.max });
      assert.ok("fault" in decodeText(option, `${option.min - 1}`), name);
      assert.ok("fault" in decodeText(option, `${BigInt(option.max) + 1n}`), name);
    }
  });

  it("describes each option in one sentence that says when to change it", () => {
    for (const [name, { description }] of NAMED_OPTIONS) {
      assert.match(description, /^[A-Z].*(change|choose|raise|lower|set|keep) .*[^.]$/, name);
    }
  });
});

describe("names of options", () => {
  it("are made from the key", () => {
    assert.equal(flagOf("max_sessions"), "--max-sessions");
    assert.equal(variableOf("max_sessions"), "SOJOURN_MAX_SESSIONS");
    assert.match(helpOf("port", OPTIONS.port), / \(0 to 65535; default 7070; env SOJOURN_PORT\)$/);
    assert.match(helpOf("max_sessions", OPTIONS.max_sessions), / \(1 to 1000000000; env SOJOURN_MAX_SESSIONS\)$/);
  });
});
