import type { Tensor } from "onnxruntime-web";

/** What a model takes or makes, of one name. */
export interface Slot {
  readonly name: string;
  readonly type: Tensor.Type;
  /** A word is any length. */
  readonly shape: readonly (number | string)[];
}

/** Numbers, texts or truths for one item, in the order of a tensor. */
export interface Item {
  readonly values: readonly Scalar[];
  readonly dimensions: readonly number[];
}

export type Scalar = number | string | boolean;

/** `float32 [8, 8]`. */
export function shapeText({ type, shape }: Pick<Slot, "type" | "shape">): string {
  return `${type} [${shape.join(", ")}]`;
}

/** Whether a model takes any number of items at once, by the first of its dimensions. */
export function isBatched({ shape }: Slot): boolean {
  return typeof shape[0] === "string";
}

/** What one item is: the shape without the dimension for many. */
export function itemSlot(slot: Slot): Slot {
  return isBatched(slot) || slot.shape[0] === 1 ? { ...slot, shape: slot.shape.slice(1) } : slot;
}

/**
 * Reads one item or many from JSON: nested arrays of the item's shape, or all its values in one array; and an array of
 * those.
 *
 * @param at  how to call it in errors
 * @throws {Error} that says where it does not fit, and what would
 */
export function readItems(
  data: unknown,
  slot: Slot,
  at: string,
): { readonly items: readonly Item[]; readonly isOne: boolean } {
  const depth = depthOf(data);
  // A model that does not say its shape takes any.
  const item = slot.shape.length === 0 ? { ...slot, shape: Array<string>(depth).fill("any") } : itemSlot(slot);
  const rank = item.shape.length;
  const isFlat = rank > 1 && item.shape.every((size) => typeof size === "number");
  const readings = [
    { depth: rank, isOne: true, read: readItem },
    { depth: isFlat ? 1 : undefined, isOne: true, read: readFlat },
    { depth: rank + 1, isOne: false, read: readItem },
    { depth: isFlat ? 2 : undefined, isOne: false, read: readFlat },
  ].filter((reading) => reading.depth === depth);
  if (Array.isArray(data) && data.length === 0) throw new Error(`${at} is empty`);
  let fault: string | undefined;
  for (const { isOne, read } of readings) {
    try {
      if (isOne) return { items: [read(data, item, at)], isOne };
      return { items: (data as unknown[]).map((value, index) => read(value, item, `${at}[${index}]`)), isOne };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      fault ??= error.message;
    }
  }
  const one = rank === 0 ? `one item is a ${item.type}` : `one item is ${shapeText(item)}, as nested arrays`;
  throw new Error(`${fault ?? `${at} ${depthText(depth)}`}: ${one}; many are an array of items`);
}

/** What a tensor holds, as nested arrays; integers that JSON has no exact number for as texts. */
export function toNested({ data, dims }: Pick<Tensor, "data" | "dims">): unknown {
  const values: unknown[] = Array.from(data as ArrayLike<unknown>, plain);
  if (dims.length === 0) return values[0];
  if (values.length === 0) return [];
  return dims.slice(1).reduceRight((level, size) => chunksOf(level, size), values);
}

const FLOATS: readonly string[] = ["float32", "float64"];

function readItem(value: unknown, slot: Slot, at: string): Item {
  const values: Scalar[] = [];
  const dimensions = slot.shape.map((size) => (typeof size === "number" ? size : undefined));
  const read = (part: unknown, level: number, place: string): void => {
    if (level === dimensions.length) {
      values.push(scalar(part, slot, place));
      return;
    }
    if (!Array.isArray(part)) throw new Error(`${place} is no array`);
    dimensions[level] ??= part.length;
    const size = dimensions[level];
    if (part.length !== size) throw new Error(`${place} has ${part.length} elements in place of ${size}`);
    for (const [index, inner] of part.entries()) read(inner, level + 1, `${place}[${index}]`);
  };
  read(value, 0, at);
  return { values, dimensions: dimensions.map((size) => size ?? 0) };
}

/** All values of an item in one array. */
function readFlat(value: unknown, slot: Slot, at: string): Item {
  const dimensions = slot.shape.map(Number);
  const size = dimensions.reduce((product, length) => product * length, 1);
  return { values: readItem(value, { ...slot, shape: [size] }, at).values, dimensions };
}

function scalar(value: unknown, { type }: Slot, at: string): Scalar {
  if (type === "string" || type === "bool") {
    if (typeof value === (type === "bool" ? "boolean" : "string")) return value as Scalar;
    throw new Error(`${at} is no ${type}`);
  }
  if (typeof value !== "number") throw new Error(`${at} is no number`);
  if (!FLOATS.includes(type) && !Number.isSafeInteger(value)) throw new Error(`${at} is no integer`);
  return value;
}

/** How many arrays are within each other, going by the first element of each. */
function depthOf(data: unknown): number {
  return Array.isArray(data) ? 1 + depthOf(data[0]) : 0;
}

function depthText(depth: number): string {
  return depth === 0 ? "is no array" : `has ${depth} level${depth === 1 ? "" : "s"} of arrays`;
}

function chunksOf(values: unknown[], size: number): unknown[] {
  return Array.from({ length: values.length / size }, (_, index) => values.slice(index * size, (index + 1) * size));
}

function plain(value: unknown): unknown {
  if (typeof value !== "bigint") return value;
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
}
