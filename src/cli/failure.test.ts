import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { describe, it } from "node:test";
import { SojournError } from "../engine/errors.ts";
import { failureLine } from "./failure.ts";

const config = { host: "127.0.0.1", port: 7070 };

describe("failureLine()", () => {
  it("says which port is taken, and how to choose another", async () => {
    await using first = createServer().listen(0, config.host);
    await once(first, "listening");
    const { port } = first.address() as AddressInfo;
    const [error] = await once(createServer().listen(port, config.host), "error");
    const line = failureLine(error, { ...config, port });
    assert.match(line, new RegExp(`^Cannot listen on 127.0.0.1 port ${port}: another program has this port; .+--port`));
  });

  it("tells a forbidden port from a forbidden file", () => {
    const refused = (syscall: string): Error => Object.assign(new Error("EACCES: denied"), { code: "EACCES", syscall });
    assert.match(failureLine(refused("listen"), config), /choose one from 1024 on with --port/);
    assert.equal(failureLine(refused("mkdir"), config), "Sojourn failed: EACCES: denied");
  });

  it("adds what to do to our own errors", () => {
    const error = new SojournError("store_in_use", { message: 'The store "./data" is in use' });
    assert.equal(
      failureLine(error, config),
      'The store "./data" is in use; stop the other server, or choose another directory with --data',
    );
  });

  it("says what to do about what a newer release wrote, be it a store, a backup or an export", () => {
    const error = new SojournError("store_newer", { message: "The bundle has format version 2" });
    assert.equal(failureLine(error), "The bundle has format version 2; use the release that wrote it, or a newer one");
  });

  it("has nothing in it that a terminal would obey", () => {
    const error = new SojournError("not_found", { message: 'There is no file "\u001b[2J\u009b1A\u202e"' });
    assert.equal(failureLine(error), 'There is no file "\u{fffd}[2J\u{fffd}1A\u{fffd}"');
  });

  it("is one line, whatever was thrown", () => {
    assert.equal(failureLine(new Error("first\n  second\n"), config), "Sojourn failed: first second");
    assert.equal(failureLine("text", config), "Sojourn failed: text");
  });
});
