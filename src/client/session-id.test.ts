import assert from "node:assert/strict";
import { it } from "node:test";
import { isSessionId as isKnownToEngine, RESERVED_IDS } from "../engine/limits.ts";
import { isSessionId } from "./session-id.ts";

it("isSessionId() agrees with the engine's", () => {
  const samples = [
    "",
    "a",
    "A.b_c:d@e-f",
    "ü",
    "a b",
    "a/b",
    "a\n",
    "...",
    "statistics",
    "x".repeat(128),
    "x".repeat(129),
  ];
  for (const text of [...RESERVED_IDS, ...samples]) assert.equal(isSessionId(text), isKnownToEngine(text), text);
});
