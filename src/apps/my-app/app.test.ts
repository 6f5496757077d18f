import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { holdApp } from "../../../tests/app-harness.ts";
import { app } from "./app.ts";

const NOTHING = { items: 0, words: 0, numbers: 0, sum: 0 };

describe("my-app", () => {
  it("initializes, processes, checks and cleans up, as its callers write it", async () => {
    await using held = await holdApp(app);
    assert.deepEqual((await held.call({ action: "initialize" })).output, { ready: true, title: "Untitled" });
    assert.deepEqual((await held.call({ action: "process", data: "..." })).output, { ...NOTHING, number: 1, items: 1 });
    const { output } = await held.call({ action: "check" });
    const { started_at, ...checked } = output as { readonly started_at: string };
    assert.ok(Date.parse(started_at) <= Date.now());
    assert.deepEqual(checked, {
      title: "Untitled",
      processed: 1,
      last: { ...NOTHING, number: 1, items: 1 },
      memory: { my_app: { title: "Untitled", processed: 1 } },
    });
    const cleaned = await held.call({ action: "cleanup" });
    const [report] = (
      await held.engine.artifacts.list({ tenant: "local", actor: "local" }, held.sessionId, { limit: 2 })
    ).items;
    assert.deepEqual(cleaned.output, {
      processed: 1,
      report: { artifact_id: report?.id, name: "my-app-report.json", version: 1 },
    });
    assert.equal(cleaned.ended, true);
  });

  it("counts items by their ids, in the order in which they came", async () => {
    await using held = await holdApp(app);
    await held.call({ action: "init" });
    const outputs: unknown[] = [];
    for (let i = 0; i < 10; i++) outputs.push((await held.call({ action: "process", id: i })).output);
    assert.deepEqual(
      outputs,
      Array.from({ length: 10 }, (_, id) => ({ ...NOTHING, number: id + 1, id })),
    );
  });

  it("looks into data of any shape", async () => {
    await using held = await holdApp(app);
    const data = [{ title: "Two words", sizes: [1, 2.5, null] }, "and three more", true];
    const { output, told } = await held.call({ action: "process", data });
    assert.deepEqual(output, { number: 1, items: 3, words: 5, numbers: 2, sum: 3.5 });
    assert.deepEqual(told, [{ log: "Looked at 3 items", level: "debug" }]);
  });

  it("tells of much data while it looks at it", async () => {
    await using held = await holdApp(app);
    const { output, told } = await held.call({ action: "process", data: Array(250).fill(2) });
    assert.deepEqual(output, { number: 1, items: 250, words: 0, numbers: 250, sum: 500 });
    assert.deepEqual(told.slice(0, 4), [
      { progress: 0.4, message: "100 of 250 items" },
      { output: { items: 100, words: 0, numbers: 100, sum: 200 } },
      { progress: 0.8, message: "200 of 250 items" },
      { output: { items: 200, words: 0, numbers: 200, sum: 400 } },
    ]);
  });

  it("stops where the task is canceled, and has changed nothing then", async () => {
    await using held = await holdApp(app);
    const canceled = AbortSignal.abort(new Error("Canceled"));
    await assert.rejects(held.call({ action: "process", data: Array(250).fill(2) }, canceled), /Canceled/);
    const { output } = await held.call();
    assert.equal((output as { readonly processed: number }).processed, 0);
  });

  it("goes on with its state after its worker was lost", async () => {
    await using held = await holdApp(app);
    await held.call({ action: "init", title: "Notes" });
    await held.call({ action: "process", data: "one" });
    const before = (await held.call({ action: "check" })).output;
    held.lose();
    assert.deepEqual((await held.call({ action: "check" })).output, before);
  });

  it("keeps no more results than its setup says", async () => {
    await using held = await holdApp(app, { setup: { keep: 2 } });
    for (const data of ["a", "b", "c"]) await held.call({ action: "process", data });
    const { output } = await held.call({ action: "cleanup" });
    assert.equal((output as { readonly processed: number }).processed, 3);
    const caller = { tenant: "local", actor: "local" };
    const opened = await held.engine.artifacts.open(
      caller,
      held.sessionId,
      (output as { readonly report: { readonly artifact_id: string } }).report.artifact_id,
    );
    const pieces: string[] = [];
    for await (const piece of opened) pieces.push(Buffer.from(piece).toString());
    const { results } = JSON.parse(pieces.join("")) as { readonly results: readonly { readonly number: number }[] };
    assert.deepEqual(
      results.map(({ number }) => number),
      [2, 3],
    );
  });
});
