import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { RunSlots, WAITING_MAX } from "./run-slots.ts";
import { Stop } from "./signal.ts";

describe("RunSlots", () => {
  it("runs the calls of one key one at a time, in the order they came, and those of others meanwhile", async () => {
    const slots = new RunSlots();
    const told: string[] = [];
    const gates = new Map<string, () => void>();
    const work = (name: string) => async (): Promise<string> => {
      told.push(`begin ${name}`);
      await new Promise<void>((open) => gates.set(name, open));
      told.push(`end ${name}`);
      return name;
    };
    const all = ["a", "b", "c"].map((name) => slots.run("one", work(name)));
    const other = slots.run("other", work("x"));
    for (const name of ["a", "x", "b", "c"]) {
      while (!gates.has(name)) await Promise.resolve();
      gates.get(name)?.();
    }
    assert.deepEqual(await Promise.all([...all, other]), ["a", "b", "c", "x"]);
    const ofOne = told.filter((line) => !line.endsWith("x"));
    assert.deepEqual(ofOne, ["begin a", "end a", "begin b", "end b", "begin c", "end c"]);
    assert.ok(told.indexOf("begin x") < told.indexOf("end a"), told.join());
  });

  it("gives the slot on when a call fails", async () => {
    const slots = new RunSlots();
    const failed = slots.run("one", () => Promise.reject(new Error("no")));
    const next = slots.run("one", () => Promise.resolve("yes"));
    await assert.rejects(failed, /no/);
    assert.equal(await next, "yes");
  });

  it("lets so many wait, and refuses one more", async () => {
    const slots = new RunSlots();
    let open = (): void => {};
    const first = slots.run("one", () => new Promise<number>((resolve) => (open = () => resolve(0))));
    const waiting = Array.from({ length: WAITING_MAX }, (_, i) => slots.run("one", async () => i + 1));
    await assert.rejects(
      slots.run("one", async () => 0),
      { code: "session_busy", retryAfterMs: 1_000 },
    );
    open();
    assert.deepEqual(
      await Promise.all([first, ...waiting]),
      Array.from({ length: WAITING_MAX + 1 }, (_, i) => i),
    );
    assert.equal(await slots.run("one", async () => "free"), "free");
  });

  it("lets whoever gives up go from the line, and never begins its work", async () => {
    const slots = new RunSlots();
    const stop = new Stop();
    let open = (): void => {};
    let hasBegun = false;
    const first = slots.run("one", () => new Promise<void>((resolve) => (open = resolve)));
    const aborted = (): Error => new Error("gone");
    const given = slots.run(
      "one",
      async () => {
        hasBegun = true;
      },
      { signal: stop, aborted },
    );
    const last = slots.run("one", async () => "last");
    stop.abort();
    await assert.rejects(given, /gone/);
    open();
    await first;
    assert.equal(await last, "last");
    assert.equal(hasBegun, false);
    await assert.rejects(
      slots.run("other", async () => 1, { signal: stop, aborted }),
      /gone/,
    );
  });
});
