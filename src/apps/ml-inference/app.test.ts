import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { startConfined } from "../../../tests/confined-app.ts";
import { startApp } from "../../../tests/direct-app.ts";
import { serveApps } from "../../../tests/served-apps.ts";
import { app } from "./app.ts";
import { drawDigits, SIDE } from "./training/digits.ts";
import { encodeModel } from "./training/onnx.ts";
import { Random } from "./training/random.ts";
import { digitsModel, trainDigits } from "./training/train.ts";

/** Drawings that are not among those that the model was trained with. */
const UNSEEN = drawDigits(2_000, new Random(7));

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sojourn-ml-"));
  process.env["SOJOURN_DATA_FOLDERS"] = folder;
});

after(() => rm(folder, { recursive: true }));

describe("ml-inference", () => {
  it("loads a model once, and predicts item after item", async () => {
    await using model = await startApp(app);
    const loaded = await model.call({ action: "load_model", model: "large-model-v2" });
    assert.ok(Number(loaded["load_seconds"]) > 0);
    assert.match(String(loaded["digest"]), /^[0-9a-f]{64}$/);
    assert.deepEqual(
      { ...loaded, load_seconds: 0, digest: "" },
      {
        model: "digits",
        description: "Tells the digits 0 to 9 apart, in images of 8 by 8 pixels from 0 (paper) to 1 (ink)",
        is_shipped: true,
        inputs: [{ name: "image", type: "float32", shape: ["batch", 8, 8] }],
        outputs: [{ name: "probabilities", type: "float32", shape: ["batch", 10] }],
        labels: ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"],
        size: loaded["size"],
        load_seconds: 0,
        digest: "",
      },
    );
    for (const [index, item] of imagesOf(UNSEEN.images).slice(0, 10).entries()) {
      const output = await model.call({ action: "predict", data: item });
      const scores = Object.values(output["scores"] as Record<string, number>);
      assert.equal(scores.length, 10);
      assert.ok(Math.abs(scores.reduce((sum, score) => sum + score, 0) - 1) < 1e-5);
      assert.equal(output["score"], Math.max(...scores));
      assert.deepEqual([output["model"], output["label"]], ["digits", String(UNSEEN.digits[index])]);
    }
  });

  it("tells at least 97 of 100 digits that it never saw", async () => {
    await using model = await startApp(app);
    await model.call({ action: "load_model", model: "digits" });
    const labels = labelsOf(await model.call({ data: imagesOf(UNSEEN.images) }));
    const right = labels.filter((label, index) => label === String(UNSEEN.digits[index])).length;
    assert.ok(right / labels.length >= 0.97, `${right} of ${labels.length}`);
    // And fails where there is nothing to tell: the labels do not come from elsewhere.
    const shuffled = labels.filter(
      (label, index) => label === String(UNSEEN.digits[(index + 1) % labels.length]),
    ).length;
    assert.ok(shuffled / labels.length < 0.2, `${shuffled} of ${labels.length}`);
  });

  it("ships what its training makes", async () => {
    await writeFile(join(folder, "again.onnx"), digitsModel(trainDigits()));
    await using model = await startApp(app);
    const outputs: unknown[] = [];
    for (const name of ["digits", "again"]) {
      await model.call({ action: "load_model", model: name });
      const output = await model.call({ data: imagesOf(UNSEEN.images) });
      const { predictions } = output as {
        predictions: readonly { outputs?: object; scores?: Record<string, number> }[];
      };
      outputs.push(
        predictions.map(({ outputs, scores }) => {
          const values = scores === undefined ? Object.values(outputs ?? {})[0] : Object.values(scores);
          return values.map((value: number) => value.toFixed(3));
        }),
      );
    }
    assert.deepEqual(outputs[0], outputs[1]);
  });

  it("says what to do before a model is loaded, and what the model takes", async () => {
    await using model = await startApp(app);
    await assert.rejects(model.call({ action: "predict", data: [1] }), {
      message: 'No model is loaded: call "load_model" first, with a "model"',
    });
    await model.call({ action: "load_model", model: "digits" });
    await assert.rejects(model.call({ action: "predict", data: [1, 2, 3] }), {
      message:
        "data has 3 elements in place of 64: one item is float32 [8, 8], as nested arrays; many are an array of items",
    });
    await assert.rejects(model.call({ action: "predict", data: Array<number>(64).fill(255) }), {
      message: 'data has 255, and "digits" takes numbers from 0 to 1',
    });
    await assert.rejects(model.call({ action: "predict" }), /An item, or an array of items, as the model takes them/);
    await assert.rejects(
      model.call({ action: "load_model", model: "huge" }),
      /^Error: There is no model "huge". There are: digits/,
    );
    // What is loaded stays so where another is not to be had.
    assert.equal((await model.call({ action: "list_models" }))["loaded"], "digits");
  });

  it("says why a file is no model", async () => {
    await writeFile(join(folder, "words.onnx"), "these are words");
    await using model = await startApp(app);
    await assert.rejects(
      model.call({ action: "load_model", model: "words" }),
      /^Error: "words" can't be loaded: .*protobuf parsing failed.*It must be one ONNX file/,
    );
  });

  it("runs models of several inputs that take one item at a time, and gives what comes out", async () => {
    const pair = { dimensions: [1, 2] };
    const sum = encodeModel({
      name: "sum",
      description: "Adds",
      nodes: [{ operator: "Add", inputs: ["a", "b"], output: "total" }],
      constants: [],
      inputs: [
        { name: "a", ...pair },
        { name: "b", ...pair },
      ],
      outputs: [{ name: "total", ...pair }],
    });
    await writeFile(join(folder, "sum.onnx"), sum);
    await using model = await startApp(app);
    await model.call({ action: "load_model", model: "sum" });
    const one = await model.call({ data: { a: [1, 2], b: [10, 20] } });
    assert.deepEqual(one, { model: "sum", outputs: { total: [[11, 22]] }, predict_seconds: one["predict_seconds"] });
    const both = {
      a: [
        [1, 2],
        [3, 4],
      ],
      b: [
        [10, 20],
        [30, 40],
      ],
    };
    const { predictions } = await model.call({ data: both });
    assert.deepEqual(predictions, [{ outputs: { total: [[11, 22]] } }, { outputs: { total: [[33, 44]] } }]);
    await assert.rejects(model.call({ data: [1, 2] }), {
      message: '"sum" has several inputs, so that data is an object of them: {a: float32 [1, 2], b: float32 [1, 2]}',
    });
    await assert.rejects(
      model.call({
        data: {
          a: [1, 2],
          b: [
            [1, 2],
            [1, 2],
          ],
        },
      }),
      {
        message: "The inputs are of 1 and 2 items, and must be of as many",
      },
    );
  });

  it("comes back in another worker with the model it had, or says why not", async () => {
    await using first = await startApp(app);
    await first.call({ action: "load_model", model: "large-model-v2" });
    const snapshot: unknown = JSON.parse(JSON.stringify(await app.snapshot?.(first.state)));
    await using second = await startApp(app, { snapshot });
    assert.equal((await second.call({ data: imagesOf(UNSEEN.images)[3] }))["label"], "3");

    await using changed = await startApp(app, { snapshot: { model: "digits", digest: "another" } });
    await assert.rejects(changed.call({ data: [1] }), {
      message:
        'The model is gone with the worker that held it: "digits" is another model now than the one that was loaded; ' +
        'call "load_model" again',
    });
    await using none = await startApp(app, { snapshot: {} });
    await assert.rejects(none.call({ data: [1] }), /No model is loaded/);
  });

  it("needs no more than it asks for", async () => {
    const environment = { SOJOURN_DATA_FOLDERS: "" };
    await using model = await startConfined("src/apps/ml-inference/app.ts", app.permissions ?? {}, environment);
    await model.call({ action: "load_model", model: "large-model-v2" });
    assert.equal((await model.call({ action: "predict", data: imagesOf(UNSEEN.images)[4] }))["label"], "4");
  });

  it("loads a model once, and predicts item after item, through the server", async () => {
    await using served = await serveApps();
    const loaded = await served.call("ml-inference", { action: "load_model", model: "large-model-v2" });
    assert.equal(loaded["model"], "digits");
    for (const [index, item] of imagesOf(UNSEEN.images).slice(0, 3).entries()) {
      const { worker, output } = await served.run("ml-inference", { action: "predict", data: item });
      assert.deepEqual([worker, (output as { label?: string }).label], ["warm", String(index)]);
    }
  });
});

function imagesOf(pixels: Float32Array): readonly (readonly (readonly number[])[])[] {
  const rows = Array.from({ length: pixels.length / SIDE }, (_, row) => [
    ...pixels.subarray(row * SIDE, (row + 1) * SIDE),
  ]);
  return Array.from({ length: rows.length / SIDE }, (_, image) => rows.slice(image * SIDE, (image + 1) * SIDE));
}

function labelsOf(output: Readonly<Record<string, unknown>>): readonly string[] {
  return (output["predictions"] as readonly { readonly label: string }[]).map(({ label }) => label);
}
