import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { nearest } from "./nearest.ts";

describe("nearest()", () => {
  const names = ["port", "host", "max_sessions", "idle_timeout_seconds"];

  it("finds the name behind a slip, another case or another separator", () => {
    assert.equal(nearest("prt", names), "port");
    assert.equal(nearest("maxSessions", names), "max_sessions");
    assert.equal(nearest("max-sesion", names), "max_sessions");
    assert.equal(nearest("idle_timeout", ["idle_timeout_s"]), "idle_timeout_s");
  });

  it("finds nothing where the name is another word", () => {
    assert.equal(nearest("colour", names), undefined);
    assert.equal(nearest("", names), undefined);
    assert.equal(nearest("port", []), undefined);
  });
});
