import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { InferenceSession, Tensor } from "onnxruntime-web";
import type { ModelFile } from "./models.ts";
import { type Item, isBatched, type Slot, shapeText } from "./tensor.ts";

type Runtime = typeof import("onnxruntime-web");

/** A model in memory, ready to predict. */
export class LoadedModel {
  readonly file: ModelFile;
  readonly inputs: readonly Slot[];
  readonly outputs: readonly Slot[];
  /** Of its file. */
  readonly sizeBytes: number;
  /** SHA-256 of its file, in hex digits. */
  readonly digest: string;
  readonly #runtime: Runtime;
  readonly #session: InferenceSession;

  private constructor(
    file: ModelFile,
    bytes: Uint8Array,
    { runtime, session }: { readonly runtime: Runtime; readonly session: InferenceSession },
  ) {
    this.file = file;
    this.sizeBytes = bytes.length;
    this.digest = createHash("sha256").update(bytes).digest("hex");
    this.#runtime = runtime;
    this.#session = session;
    this.inputs = session.inputMetadata.map(slotOf);
    this.outputs = session.outputMetadata.map(slotOf);
  }

  /** @throws {Error} that says what to install, or why the file is no model that runs here */
  static async load(file: ModelFile): Promise<LoadedModel> {
    const runtime = await onnxRuntime();
    const bytes = await readFile(file.path);
    const session = await runtime.InferenceSession.create(bytes, { logSeverityLevel: 3 }).catch((cause: unknown) => {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new Error(
        `"${file.name}" can't be loaded: ${reason}. It must be one ONNX file, with its weights inside and operators ` +
          "that ONNX Runtime has for the CPU",
        { cause },
      );
    });
    return new LoadedModel(file, bytes, { runtime, session });
  }

  /**
   * Runs it on items, of each input as many.
   *
   * @returns each output as it comes: one tensor for all items, where all of the model's inputs take many at once, or
   * else one for each item
   */
  async run(items: ReadonlyMap<string, readonly Item[]>): Promise<readonly Readonly<Record<string, Tensor>>[]> {
    const count = Math.max(...[...items.values()].map((ofInput) => ofInput.length));
    const batches = this.isBatched
      ? [[0, count] as const]
      : Array.from({ length: count }, (_, at) => [at, at + 1] as const);
    const results: Readonly<Record<string, Tensor>>[] = [];
    for (const [from, to] of batches) {
      const feeds = this.inputs.map((slot) => [
        slot.name,
        this.#tensor(slot, (items.get(slot.name) ?? []).slice(from, to)),
      ]);
      results.push(await this.#session.run(Object.fromEntries(feeds)));
    }
    return results;
  }

  /** Whether it takes any number of items at once. */
  get isBatched(): boolean {
    return this.inputs.every(isBatched) && this.outputs.every(isBatched);
  }

  /** Gives its memory back. */
  async release(): Promise<void> {
    await this.#session.release();
  }

  #tensor(slot: Slot, items: readonly Item[]): Tensor {
    const [first] = items;
    const dimensions = first?.dimensions ?? [];
    const odd = items.findIndex((item) => item.dimensions.join() !== dimensions.join());
    if (odd !== -1) {
      throw new Error(
        `Item ${odd} of "${slot.name}" is [${items[odd]?.dimensions.join(", ")}] and the first is ` +
          `[${dimensions.join(", ")}]: what is predicted together has one shape`,
      );
    }
    const hasMany = isBatched(slot) || (slot.shape[0] === 1 && dimensions.length < slot.shape.length);
    const values = items.flatMap((item) => item.values);
    return new this.#runtime.Tensor(slot.type, dataOf(slot, values), [
      ...(hasMany ? [items.length] : []),
      ...dimensions,
    ]);
  }
}

async function onnxRuntime(): Promise<Runtime> {
  try {
    const runtime = await import("onnxruntime-web");
    // More threads would have to be asked for, and memory shared with them; small models are quicker without.
    runtime.env.wasm.numThreads = 1;
    runtime.env.logLevel = "error";
    return runtime;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new Error(
      "This app needs the package onnxruntime-web: run `npm install onnxruntime-web` beside Sojourn, then call again",
      { cause },
    );
  }
}

function slotOf(metadata: InferenceSession.ValueMetadata): Slot {
  if (!metadata.isTensor) throw new Error(`"${metadata.name}" of the model is no tensor, and only those can be given`);
  return { name: metadata.name, type: metadata.type, shape: metadata.shape };
}

/** Elements as the runtime wants them. */
function dataOf(slot: Slot, values: Item["values"]): Tensor.DataType {
  const make = DATA[slot.type];
  if (make === undefined) throw new Error(`"${slot.name}" is ${shapeText(slot)}, and JSON has no values of that type`);
  return make(values);
}

const DATA: Partial<Record<Tensor.Type, (values: Item["values"]) => Tensor.DataType>> = {
  float32: (values) => Float32Array.from(values, Number),
  float64: (values) => Float64Array.from(values, Number),
  int8: (values) => Int8Array.from(values, Number),
  uint8: (values) => Uint8Array.from(values, Number),
  int16: (values) => Int16Array.from(values, Number),
  uint16: (values) => Uint16Array.from(values, Number),
  int32: (values) => Int32Array.from(values, Number),
  uint32: (values) => Uint32Array.from(values, Number),
  int64: (values) => BigInt64Array.from(values, BigInt),
  uint64: (values) => BigUint64Array.from(values, BigInt),
  bool: (values) => Uint8Array.from(values, Number),
  string: (values) => values.map(String),
};
