import { writeFile } from "node:fs/promises";
import { drawDigits, SIDE } from "./digits.ts";
import { type Network, train } from "./network.ts";
import { dense, encodeModel } from "./onnx.ts";
import { Random } from "./random.ts";

/** What the model that ships was trained with. */
const TRAINING = { hiddenCount: 32, epochs: 16, batchSize: 32, learningRate: 0.004 };

const DRAWINGS = 5_000;

const SEED = 20_240;

/** Trains the model that ships, on digits that it draws; takes some seconds, and makes the same model each time. */
export function trainDigits(): Network {
  const random = new Random(SEED);
  return train(drawDigits(DRAWINGS, random), TRAINING, random);
}

/** The model as a file, from pixels to probabilities: what is done to pixels first is a part of it. */
export function digitsModel({ mean, deviation, hidden, output }: Network): Uint8Array {
  const [first, second] = [dense("hidden", hidden, "pixels"), dense("scores", output, "kept")];
  return encodeModel({
    name: "digits",
    description: `Tells the digits 0 to 9 apart in ${SIDE} by ${SIDE} images, from 0 (paper) to 1 (ink)`,
    nodes: [
      { operator: "Flatten", inputs: ["image"], output: "flat", integers: { axis: 1 } },
      { operator: "Sub", inputs: ["flat", "mean"], output: "centred" },
      { operator: "Div", inputs: ["centred", "deviation"], output: "pixels" },
      first.node,
      { operator: "Relu", inputs: ["hidden"], output: "kept" },
      second.node,
      { operator: "Softmax", inputs: ["scores"], output: "probabilities", integers: { axis: 1 } },
    ],
    constants: [
      { name: "mean", dimensions: [], values: Float32Array.of(mean) },
      { name: "deviation", dimensions: [], values: Float32Array.of(deviation) },
      ...first.constants,
      ...second.constants,
    ],
    inputs: [{ name: "image", dimensions: ["batch", SIDE, SIDE] }],
    outputs: [{ name: "probabilities", dimensions: ["batch", output.outputs] }],
  });
}

if (import.meta.main) await writeFile(new URL("../models/digits.onnx", import.meta.url), digitsModel(trainDigits()));
