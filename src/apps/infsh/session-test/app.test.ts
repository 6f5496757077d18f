import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { holdApp } from "../../../../tests/app-harness.ts";
import { app } from "./app.ts";

describe("infsh/session-test", () => {
  it("keeps values between calls", async () => {
    await using held = await holdApp(app);
    const value = { name: "Ada", tags: ["a", null] };
    const set = await held.call({ action: "set_value", key: "user", value });
    assert.deepEqual(set.output, { success: true, key: "user", value });
    const got = await held.call({ action: "get_value", key: "user" });
    assert.deepEqual(got.output, { found: true, key: "user", value });
    const missing = await held.call({ action: "get_value", key: "nobody" });
    assert.deepEqual(missing.output, { found: false, key: "nobody" });
  });

  it("counts from 0, by 1 unless told otherwise", async () => {
    await using held = await holdApp(app);
    const steps: unknown[] = [];
    for (const input of [{}, { amount: 5 }, { amount: -0.5 }]) {
      steps.push((await held.call({ action: "increment", key: "n", ...input })).output);
    }
    assert.deepEqual(steps, [
      { key: "n", previous: 0, current: 1 },
      { key: "n", previous: 1, current: 6 },
      { key: "n", previous: 6, current: 5.5 },
    ]);
  });

  it("tells all values, and how many calls there were", async () => {
    await using held = await holdApp(app);
    await held.call({ action: "set_value", key: "constructor", value: 1 });
    await held.call({ action: "increment", key: "n" });
    const { output } = await held.call({ action: "get_all" });
    assert.equal(JSON.stringify(output), '{"state":{"constructor":1,"n":1},"call_count":3}');
  });

  it("takes a call with nothing in it", async () => {
    await using held = await holdApp(app);
    const actions = ["set_value", "get_value", "increment", "get_all"];
    assert.deepEqual((await held.call()).output, { ready: true, keys: [], call_count: 1, actions });
    await held.call({ action: "increment", key: "n" });
    assert.deepEqual((await held.call({ action: "run" })).output, { ready: true, keys: ["n"], call_count: 3, actions });
  });

  it("does the action that an input of run names", async () => {
    const { run } = app.actions;
    assert.ok(run);
    const input = run.input.parse({ action: "increment", key: "n" });
    assert.deepEqual(input, { action: "increment", key: "n", amount: 1 });
    const refused = run.input.safeParse({ action: "decrement" });
    assert.deepEqual(refused.error?.issues[0]?.path, ["action"]);
    const incomplete = run.input.safeParse({ action: "get_value" });
    assert.deepEqual(incomplete.error?.issues[0]?.path, ["key"]);
  });

  it("says why it cannot increment, and leaves the value", async () => {
    await using held = await holdApp(app);
    await held.call({ action: "set_value", key: "word", value: "one" });
    await assert.rejects(held.call({ action: "increment", key: "word" }), {
      message: 'Cannot increment "word": it holds a string; set it to a number first',
    });
    await held.call({ action: "set_value", key: "huge", value: Number.MAX_VALUE });
    await assert.rejects(held.call({ action: "increment", key: "huge", amount: Number.MAX_VALUE }), /is too large/);
    assert.deepEqual((await held.call({ action: "get_value", key: "word" })).output, {
      found: true,
      key: "word",
      value: "one",
    });
  });

  it("refuses what a snapshot could not hold, and keeps the rest", async () => {
    await using held = await holdApp(app);
    await held.call({ action: "set_value", key: "a", value: "x".repeat(800_000) });
    await assert.rejects(
      held.call({ action: "set_value", key: "b", value: "x".repeat(200_000) }),
      /900000 are allowed/,
    );
    assert.deepEqual((await held.call({ action: "get_value", key: "b" })).output, { found: false, key: "b" });
  });

  it("has its values again after its worker was lost", async () => {
    await using held = await holdApp(app);
    await held.call({ action: "increment", key: "n", amount: 41 });
    held.lose();
    assert.deepEqual((await held.call({ action: "increment", key: "n" })).output, {
      key: "n",
      previous: 41,
      current: 42,
    });
    assert.deepEqual((await held.call({ action: "get_all" })).output, { state: { n: 42 }, call_count: 3 });
  });
});
