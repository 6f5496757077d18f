import { defineApp, z } from "../../app-format/index.ts";
import { type ModelFile, Models } from "./models.ts";
import { type Prediction, predictionsOf } from "./prediction.ts";
import { LoadedModel } from "./runtime.ts";
import { type Item, readItems, shapeText } from "./tensor.ts";

interface State {
  readonly models: Models;
  model?: LoadedModel;
  /** Why there is none, where there was one in a worker before. */
  lost?: string;
}

/** What brings a model back in another worker. */
const Snapshot = z.object({ model: z.string().optional(), digest: z.string().optional() });

const Slots = z
  .array(z.object({ name: z.string(), type: z.string(), shape: z.array(z.union([z.int(), z.string()])).readonly() }))
  .readonly();

const Labelled = { label: z.string(), score: z.number(), scores: z.record(z.string(), z.number()) };

const Values = { outputs: z.record(z.string(), z.unknown()) };

/** Holds a model in memory between calls, and predicts with it. */
export const app = defineApp({
  name: "ml-inference",
  description: "Loads an ONNX model once, then predicts with it call after call; a small model that reads digits ships",
  permissions: { read: ["data:"], environment: ["SOJOURN_DATA_FOLDERS"] },
  default: "predict",
  start,
  // All that there is to remember is which model it was; doing all predictions again would bring back no more.
  snapshot: ({ model }) => (model === undefined ? {} : { model: model.file.name, digest: model.digest }),
  restore: async (snapshot) => {
    const { model: name, digest } = Snapshot.parse(snapshot);
    const state = start();
    if (name === undefined) return state;
    try {
      const model = await LoadedModel.load(await state.models.find(name));
      if (model.digest === digest) state.model = model;
      else state.lost = `"${name}" is another model now than the one that was loaded`;
    } catch (error) {
      state.lost = error instanceof Error ? error.message : String(error);
    }
    return state;
  },
  stop: async ({ model }) => model?.release(),
  actions: {
    load_model: {
      description: "Loads a model, in place of one that is loaded",
      input: z.object({
        model: z
          .string()
          .min(1)
          .max(500)
          .describe('Its name: one that ships, or its path below a data folder, such as "vision/digits.onnx"'),
      }),
      output: z.object({
        model: z.string(),
        description: z.string().optional(),
        is_shipped: z.boolean(),
        inputs: Slots.describe("A dimension that is a word may have any length"),
        outputs: Slots,
        labels: z.array(z.string()).optional(),
        size: z.int().describe("Of its file, in bytes"),
        digest: z.string().describe("SHA-256 of its file"),
        load_seconds: z.number(),
      }),
      isIdempotent: true,
      run: async ({ state, input }) => {
        const startedAt = performance.now();
        const model = await LoadedModel.load(await state.models.find(input.model));
        await state.model?.release();
        state.model = model;
        delete state.lost;
        const { description, labels } = model.file.card;
        return {
          model: model.file.name,
          ...(description !== undefined && { description }),
          is_shipped: model.file.isShipped,
          inputs: model.inputs,
          outputs: model.outputs,
          ...(labels !== undefined && { labels }),
          size: model.sizeBytes,
          digest: model.digest,
          load_seconds: secondsSince(startedAt),
        };
      },
    },
    predict: {
      description: "Predicts for one item, or for many at once",
      input: z.object({
        data: z
          .union([z.number(), z.string(), z.boolean(), z.array(z.unknown()), z.record(z.string(), z.unknown())], {
            error: "An item, or an array of items, as the model takes them; load_model says how",
          })
          .describe(
            "An item as nested arrays, or an array of items; where the model has several inputs, an object of them",
          ),
        top: z.int().min(1).max(1_000).default(10).describe("Of how many labels to give the score, the best first"),
      }),
      output: z.union([
        z.object({ model: z.string(), ...Labelled, predict_seconds: z.number() }),
        z.object({ model: z.string(), ...Values, predict_seconds: z.number() }),
        z.object({
          model: z.string(),
          predictions: z.array(z.union([z.object(Labelled), z.object(Values)])).readonly(),
          predict_seconds: z.number(),
        }),
      ]),
      isIdempotent: true,
      run: async ({ state, input }) => {
        const { model } = state;
        if (model === undefined) {
          throw new Error(
            state.lost === undefined
              ? 'No model is loaded: call "load_model" first, with a "model"'
              : `The model is gone with the worker that held it: ${state.lost}; call "load_model" again`,
          );
        }
        const startedAt = performance.now();
        const { predictions, isOne } = await predict(model, input.data, input.top);
        const [only] = predictions;
        const said = isOne && only !== undefined ? only : { predictions };
        return { model: model.file.name, ...said, predict_seconds: secondsSince(startedAt) };
      },
    },
    list_models: {
      description: "The names of the models there are",
      input: z.object({}),
      output: z.object({ models: z.array(z.string()).readonly(), loaded: z.string().optional() }),
      isIdempotent: true,
      run: async ({ state }) => ({
        models: await state.models.list(),
        ...(state.model !== undefined && { loaded: state.model.file.name }),
      }),
    },
  },
});

function start(): State {
  return { models: new Models(process.env["SOJOURN_DATA_FOLDERS"]) };
}

async function predict(
  model: LoadedModel,
  data: unknown,
  top: number,
): Promise<{ readonly predictions: readonly Prediction[]; readonly isOne: boolean }> {
  const { items, isOne } = itemsOf(model, data);
  const results = await model.run(items);
  const count = items.values().next().value?.length ?? 0;
  const { card } = model.file;
  const predictions = results.flatMap((outputs) =>
    predictionsOf(outputs, { card, count: count / results.length, isBatched: model.isBatched, top }),
  );
  return { predictions, isOne };
}

/** What is said for each input of the model. */
function itemsOf(
  model: LoadedModel,
  data: unknown,
): { readonly items: ReadonlyMap<string, readonly Item[]>; readonly isOne: boolean } {
  const [first] = model.inputs;
  if (first === undefined) return { items: new Map(), isOne: true };
  const byName: Readonly<Record<string, unknown>> | undefined =
    typeof data === "object" && data !== null && !Array.isArray(data) ? { ...data } : undefined;
  if (byName === undefined && model.inputs.length > 1) {
    const wanted = model.inputs.map((slot) => `${slot.name}: ${shapeText(slot)}`).join(", ");
    throw new Error(`"${model.file.name}" has several inputs, so that data is an object of them: {${wanted}}`);
  }
  const read = model.inputs.map((slot) => {
    const at = byName === undefined ? "data" : `data.${slot.name}`;
    const found = readItems(byName === undefined ? data : byName[slot.name], slot, at);
    inRange(found.items, model.file, at);
    return { name: slot.name, ...found };
  });
  const counts = new Set(read.map(({ items }) => items.length));
  if (counts.size > 1) throw new Error(`The inputs are of ${[...counts].join(" and ")} items, and must be of as many`);
  return { items: new Map(read.map(({ name, items }) => [name, items])), isOne: read.every(({ isOne }) => isOne) };
}

function inRange(items: readonly Item[], { name, card: { range } }: ModelFile, at: string): void {
  if (range === undefined) return;
  const [least, most] = range;
  for (const { values } of items) {
    const odd = values.find((value) => typeof value === "number" && (value < least || value > most));
    if (odd !== undefined) throw new Error(`${at} has ${odd}, and "${name}" takes numbers from ${least} to ${most}`);
  }
}

function secondsSince(startedAt: number): number {
  return Math.round((performance.now() - startedAt) * 1_000) / 1e6;
}
