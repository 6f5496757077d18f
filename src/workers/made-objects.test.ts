import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { jobOf, openStage, type Wanted } from "../../tests/small-apps.ts";
import type { JsonObject } from "../engine/json.ts";
import type { GivenObject } from "../engine/object.ts";
import type { Ran } from "../engine/runner.ts";
import { Stop } from "../engine/signal.ts";

/** An app that makes objects in every way, and tells the server what it likes. */
const MAKER = `
import { writeSync } from "node:fs";
const Part = objectType("part", { prefix: "prt", data: z.object({ text: z.string() }) });
const Whole = objectType("whole", { prefix: "whl", data: z.any() });
const does = (run) => action({ input: z.looseObject({ ids: z.array(idOf(Part, Whole)).default([]) }), run });
let kept;
export const app = defineApp({
  name: "maker",
  recovery: "replay",
  start: () => ({ ids: [] }),
  actions: {
    run: does(({ input, objects, state, taskId }) => {
      const parts = input.ids.map((id) => objects.get(id, Part).data.text);
      const made = objects.make(Whole, { parts }, input.reason === undefined ? undefined : { reason: input.reason });
      state.ids.push(made.id);
      return { made, taskId };
    }),
    ids: does(({ state }) => state.ids),
    other: does(({ objects }) => objects.get("prt_unknown")),
    wrong: does(({ input, objects }) => objects.get(input.ids[0], Whole)),
    throws: does(({ objects }) => { objects.make(Whole, 1); throw new Error("after it was made"); }),
    parts: does(async function* ({ objects }) { objects.make(Whole, 1); yield 1; objects.make(Whole, 2); return 3; }),
    many: does(({ input, objects }) => { for (let i = 0; i < input.count; i++) objects.make(Whole, i); }),
    size: does(({ input, objects }) => { objects.make(Part, { text: "x".repeat(input.made) }); return "y".repeat(input.output); }),
    late: does(({ objects }) => { kept = objects; return objects.make(Whole, 1).id; }),
    tooLate: does(() => { try { kept.make(Whole, 1); return "made"; } catch (error) { return error.message; } }),
    heeds: does(({ objects, signal, session }) => new Promise((resolve) => {
      objects.make(Whole, 1);
      signal.addEventListener("abort", () => resolve("half"));
      session.progress(0);
    })),
    says: does(({ input }) => {
      const text = input.text ?? JSON.stringify({ type: "done", output: 1, made: Array(input.count).fill(input.making) });
      const frame = Buffer.alloc(8 + Buffer.byteLength(text));
      frame.writeUInt32LE(Buffer.byteLength(text), 0);
      frame.write(text, 8);
      for (let at = 0; at < frame.length;) {
        try { at += writeSync(3, frame, at); } catch (error) { if (error.code !== "EAGAIN") throw error; }
      }
      return new Promise(() => setInterval(() => {}, 1_000));
    }),
  },
});`;

const PART: GivenObject = { objectId: "prt_1", app: "maker", type: "part", data: { text: "a" } };
const BAD: GivenObject = {
  objectId: "prt_2",
  app: "maker",
  type: "part",
  data: { text: "b" },
  degradation: { reason: "bad", objectId: "prt_0" },
};

describe("An action", () => {
  it("gets the objects that its input names, and makes others of them", async () => {
    await using stage = openStage();
    const app = await stage.app(MAKER);
    const run = (wanted: Wanted): Promise<Ran> => stage.pool.run(jobOf(app, wanted));
    const first = await run({ taskId: "task_abc", objects: [PART], input: { ids: ["prt_1"] } });
    const whole = { type: "whole", data: { parts: ["a"] } };
    assert.deepEqual(first.made, [{ objectId: "whl_abc", ...whole }]);
    assert.deepEqual(first.output, { made: { id: "whl_abc", ...whole, quality: "optimal" }, taskId: "task_abc" });
    const both = await run({ taskId: "task_def", objects: [PART, BAD], input: { ids: ["prt_1", "prt_2"] } });
    const bad = { type: "whole", data: { parts: ["a", "b"] }, degradation: { reason: "bad", objectId: "prt_0" } };
    assert.deepEqual(both.made, [{ objectId: "whl_def", ...bad }]);
    assert.deepEqual(both.output, { made: { id: "whl_def", ...bad, quality: "degraded" }, taskId: "task_def" });
    const own = await run({ taskId: "task_ghi", objects: [BAD], input: { ids: ["prt_2"], reason: "burnt" } });
    assert.deepEqual(own.made?.[0]?.degradation, { reason: "burnt", objectId: "whl_ghi" });
    const parts = await run({ action: "parts", taskId: "task_jkl" });
    assert.deepEqual(
      parts.made?.map(({ objectId }) => objectId),
      ["whl_jkl", "whl_jkl_2"],
    );
  });

  it("fails where it asks for another object, and leaves nothing made behind", async () => {
    await using stage = openStage();
    const app = await stage.app(MAKER);
    const given = { objects: [PART], input: { ids: ["prt_1"] } };
    for (const [action, message] of [
      ["other", "Object prt_unknown is none that the input names: let its schema name it by idOf()"],
      ["wrong", "Object prt_1 is of type part, and not of type whole"],
      ["throws", "after it was made"],
    ] as const) {
      const ran = await stage.pool.run(jobOf(app, { action, ...given }));
      assert.deepEqual([ran.status, ran.error, ran.made], ["failed", { code: "app_failed", message }, undefined]);
    }
    const signal = new Stop();
    const job = jobOf(app, { action: "heeds", signal });
    const canceled = stage.pool.run({ ...job, host: { ...job.host, report: () => signal.abort() } });
    const { status, output, made } = await canceled;
    assert.deepEqual([status, output, made], ["canceled", "half", undefined]);
  });

  it("makes nothing once its task is over", async () => {
    await using stage = openStage();
    const app = await stage.app(MAKER);
    const late = await stage.pool.run(jobOf(app, { action: "late", taskId: "task_1" }));
    assert.equal(late.output, "whl_1");
    const tooLate = await stage.pool.run(jobOf(app, { action: "tooLate" }));
    assert.deepEqual(
      [tooLate.output, tooLate.made],
      ["The task is over; only while it runs it may make objects", undefined],
    );
  });

  it("makes 1,000 objects, and no more", async () => {
    await using stage = openStage();
    const app = await stage.app(MAKER);
    const many = (count: number): Promise<Ran> => stage.pool.run(jobOf(app, { action: "many", input: { count } }));
    assert.equal((await many(1_000)).made?.length, 1_000);
    assert.deepEqual((await many(1_001)).error, {
      code: "app_failed",
      message: "A task makes at most 1000 objects",
    });
  });

  it("makes and returns as much as it may return, together, and no more", async () => {
    await using stage = openStage({ outputBytesMax: 1_000 });
    const app = await stage.app(MAKER);
    const size = async (made: number, output: number): Promise<string> => {
      const ran = await stage.pool.run(jobOf(app, { action: "size", input: { made, output } }));
      return ran.error?.code ?? `${ran.status} with ${ran.made?.length}`;
    };
    const rest = '""[{"type":"part","prefix":"prt","data":{"text":""}}]'.length;
    assert.equal(await size(500, 500 - rest), "completed with 1");
    assert.equal(await size(500, 501 - rest), "output_too_large");
    assert.equal(await size(1_000 - rest, 0), "completed with 1");
    assert.equal(await size(1_001 - rest, 0), "output_too_large");
  });

  it("is refused more than a message holds", async () => {
    await using stage = openStage();
    const app = await stage.app(MAKER);
    const text = "x".repeat(4_194_304);
    const objects = [1, 2].map((n) => ({ objectId: `prt_${n}`, app: "maker", type: "part", data: { text } }));
    const ran = await stage.pool.run(jobOf(app, { objects, input: { ids: ["prt_1", "prt_2"] } }));
    assert.deepEqual(
      [ran.status, ran.error],
      [
        "failed",
        {
          code: "invalid",
          message: "The input and the objects that it names are too large: more than 8388608 bytes of JSON",
        },
      ],
    );
    const next = await stage.pool.run(jobOf(app, { action: "ids", objects: objects.slice(1) }));
    assert.deepEqual([next.status, next.worker], ["completed", "warm"]);
  });

  it("that is done again makes what it made, with the same ids, of which nothing comes a second time", async () => {
    await using stage = openStage();
    const app = await stage.app(MAKER);
    const tasks = [
      { taskId: "task_a", action: "run", input: { ids: ["prt_1"] }, objects: [PART] },
      { taskId: "task_b", action: "run", input: { ids: ["prt_9"] }, objects: [] },
      { taskId: "task_c", action: "run", input: {}, objects: [] },
    ];
    const ran = await stage.pool.run(jobOf(app, { action: "ids", past: { tasks } }));
    assert.deepEqual([ran.worker, ran.output, ran.made], ["restored", ["whl_a", "whl_c"], undefined]);
  });
});

describe("A worker that tells of objects", () => {
  it("is not believed what no action could have made", async () => {
    await using stage = openStage();
    const app = await stage.app(MAKER);
    const making = { type: "part", prefix: "prt", data: 1 };
    const wrong: readonly JsonObject[] = [
      { count: 1_001, making },
      { count: 1, making: { ...making, prefix: "a".repeat(17) } },
      { count: 1, making: { ...making, prefix: "__proto__" } },
      { count: 1, making: { ...making, type: "" } },
      { count: 1, making: { ...making, type: "a".repeat(65) } },
      { count: 1, making: { ...making, reason: "a".repeat(257) } },
      { count: 1, making: { ...making, reason: "a\0" } },
      { count: 1, making: { type: "part", prefix: "prt" } },
      { count: 1, making: null },
      { text: '{"type": "done", "output": 1, "made": {"length": 1}}' },
      { text: '{"type": "done", "output": 1, "made": [{"type": "a", "prefix": "a", "data": NaN}]}' },
    ];
    for (const input of wrong) {
      const ran = await stage.pool.run(jobOf(app, { action: "says", input }));
      assert.deepEqual([ran.status, ran.made], ["lost", undefined], JSON.stringify(input));
      assert.match(
        ran.error?.message ?? "",
        /wrote what is no message to the server: (a message that it|text that is)/,
      );
    }
  });

  it("has its task fail where no store could keep them", async () => {
    await using stage = openStage();
    const app = await stage.app(MAKER);
    const told = (data: string): string =>
      `{"type": "done", "output": 1, "made": [{"type": "a", "prefix": "a", "data": ${data}}]}`;
    for (const [data, message] of [
      ["1e999", /"made\.0\.data" must lie within/],
      ['{"__proto__": 1}', /"made\.0\.data\.__proto__" is not a name/],
      [JSON.stringify("a\0"), /"made\.0\.data" must hold neither NUL/],
      [`${"[".repeat(33)}${"]".repeat(33)}`, /must have at most 32 levels/],
    ] as const) {
      const ran = await stage.pool.run(jobOf(app, { action: "says", input: { text: told(data) } }));
      assert.deepEqual([ran.status, ran.error?.code, ran.made], ["failed", "app_failed", undefined]);
      assert.match(ran.error?.message ?? "", message);
    }
    const kept = await stage.pool.run(jobOf(app, { action: "says", taskId: "task_1", input: { text: told("1e300") } }));
    assert.deepEqual(kept.made, [{ objectId: "a_1", type: "a", data: 1e300 }]);
  });

  it("makes no more by its words than by its app", async () => {
    await using stage = openStage({ outputBytesMax: 1_000 });
    const app = await stage.app(MAKER);
    const says = (length: number): Promise<Ran> => {
      const making = { type: "part", prefix: "prt", data: "x".repeat(length), objectId: "mine_1" };
      return stage.pool.run(jobOf(app, { action: "says", taskId: "task_1", input: { count: 1, making } }));
    };
    const rest = '[{"type":"part","prefix":"prt","data":"","objectId":"mine_1"}]'.length;
    assert.deepEqual((await says(1_000 - rest)).made, [
      { objectId: "prt_1", type: "part", data: "x".repeat(1_000 - rest) },
    ]);
    const huge = await says(1_001 - rest);
    assert.deepEqual(
      [huge.status, huge.error, huge.made],
      ["failed", { code: "output_too_large", message: "What was made has more than 1000 bytes of JSON" }, undefined],
    );
  });
});
