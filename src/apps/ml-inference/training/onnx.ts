import protobuf from "protobufjs";
import type { Layer } from "./network.ts";

/** One step of a model: an operator of ONNX, what it takes, and what it makes. */
export interface Node {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly integers?: Readonly<Record<string, number>>;
}

/** Numbers that a model brings along. */
export interface Constant {
  readonly name: string;
  readonly dimensions: readonly number[];
  readonly values: Float32Array;
}

/** What goes in, or comes out. A dimension that is a word may be of any length. */
export interface Value {
  readonly name: string;
  readonly dimensions: readonly (number | string)[];
}

export interface Model {
  readonly name: string;
  readonly description: string;
  readonly nodes: readonly Node[];
  readonly constants: readonly Constant[];
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
}

/** The bytes of a model as an ONNX file: format 8, operators of version 13, all numbers float32. */
export function encodeModel(model: Model): Uint8Array {
  const message = {
    irVersion: 8,
    producerName: "sojourn",
    docString: model.description,
    opsetImport: [{ domain: "", version: 13 }],
    graph: {
      name: model.name,
      node: model.nodes.map(({ operator, inputs, output, integers = {} }) => ({
        name: output,
        opType: operator,
        input: inputs,
        output: [output],
        attribute: Object.entries(integers).map(([name, i]) => ({ name, i, type: INTEGER })),
      })),
      initializer: model.constants.map(({ name, dimensions, values }) => ({
        name,
        dims: dimensions,
        dataType: FLOAT,
        rawData: littleEndian(values),
      })),
      input: model.inputs.map(typed),
      output: model.outputs.map(typed),
    },
  };
  const fault = MODEL.verify(message);
  if (fault !== null) throw new Error(`"${model.name}" is no model that ONNX can hold: ${fault}`);
  return MODEL.encode(MODEL.create(message)).finish();
}

/** The weights and biases of a layer, and the step that applies them. */
export function dense(
  name: string,
  { inputs, outputs, weights, biases }: Layer,
  from: string,
): { readonly node: Node; readonly constants: readonly Constant[] } {
  return {
    node: { operator: "Gemm", inputs: [from, `${name}_weights`, `${name}_biases`], output: name },
    constants: [
      { name: `${name}_weights`, dimensions: [inputs, outputs], values: weights },
      { name: `${name}_biases`, dimensions: [outputs], values: biases },
    ],
  };
}

/** Of a tensor's elements. */
const FLOAT = 1;

/** Of an attribute. */
const INTEGER = 2;

function typed({ name, dimensions }: Value): object {
  const dim = dimensions.map((size) => (typeof size === "number" ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType: FLOAT, shape: { dim } } } };
}

/** As the format has it, whatever the machine's own order. */
function littleEndian(values: Float32Array): Uint8Array {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * 4);
  return bytes;
}

/** As much of ONNX's format as such a model needs. Source: onnx/onnx.proto of github.com/onnx/onnx. */
const MODEL = protobuf.Root.fromJSON({
  nested: {
    Model: message({
      irVersion: ["int64", 1],
      producerName: ["string", 2],
      docString: ["string", 6],
      graph: ["Graph", 7],
      opsetImport: ["OperatorSet", 8, "repeated"],
    }),
    OperatorSet: message({ domain: ["string", 1], version: ["int64", 2] }),
    Graph: message({
      node: ["Node", 1, "repeated"],
      name: ["string", 2],
      initializer: ["Tensor", 5, "repeated"],
      input: ["ValueInfo", 11, "repeated"],
      output: ["ValueInfo", 12, "repeated"],
    }),
    Node: message({
      input: ["string", 1, "repeated"],
      output: ["string", 2, "repeated"],
      name: ["string", 3],
      opType: ["string", 4],
      attribute: ["Attribute", 5, "repeated"],
    }),
    Attribute: message({ name: ["string", 1], i: ["int64", 3], type: ["int32", 20] }),
    Tensor: message({
      dims: ["int64", 1, "repeated"],
      dataType: ["int32", 2],
      name: ["string", 8],
      rawData: ["bytes", 9],
    }),
    ValueInfo: message({ name: ["string", 1], type: ["Type", 2] }),
    Type: message({ tensorType: ["TensorType", 1] }),
    TensorType: message({ elemType: ["int32", 1], shape: ["Shape", 2] }),
    Shape: message({ dim: ["Dimension", 1, "repeated"] }),
    Dimension: message({ dimValue: ["int64", 1], dimParam: ["string", 2] }),
  },
}).lookupType("Model");

type Field = readonly [type: string, id: number, rule?: "repeated"];

function message(fields: Readonly<Record<string, Field>>): protobuf.IType {
  return {
    fields: Object.fromEntries(
      Object.entries(fields).map(([name, [type, id, rule]]) => [name, { type, id, ...(rule && { rule }) }]),
    ),
  };
}
