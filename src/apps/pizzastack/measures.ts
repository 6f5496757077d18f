import { z } from "../../app-format/index.ts";

/** What one of a unit weighs, in grams. Of what is counted or heaped, about. */
const GRAMS = {
  g: 1,
  kg: 1_000,
  mg: 0.001,
  oz: 28.35,
  lb: 453.6,
  ml: 1,
  l: 1_000,
  tsp: 5,
  tbsp: 15,
  cup: 240,
  cups: 240,
  pinch: 0.5,
  leaf: 0.5,
  leaves: 0.5,
  sprig: 1,
  sprigs: 1,
  clove: 5,
  cloves: 5,
  slice: 10,
  slices: 10,
  piece: 20,
  pieces: 20,
} as const;

type Unit = keyof typeof GRAMS;

// NOTE: `keys` does not tell the type of what it returns.
const UNITS = Object.keys(GRAMS) as [Unit, ...Unit[]];

/** How much of something. */
export const quantity = {
  name: z.string().trim().min(1).max(100),
  amount: z.number().positive().max(100_000),
  unit: z.enum(UNITS),
};

/** What a quantity weighs. */
export function gramsOf({ amount, unit }: { readonly amount: number; readonly unit: Unit }): number {
  return amount * GRAMS[unit];
}

/** How wide a pizza is, such as `"12inch"`: 4 to 24. */
export const size = z
  .string()
  .refine((text) => inchesOf(text) !== undefined, 'must be 4inch to 24inch, such as "12inch"')
  .describe("4inch to 24inch");

/** How many inches a size has; `undefined` for what is none. */
export function inchesOf(text: string): number | undefined {
  const [, digits] = /^(\d{1,2}(?:\.\d+)?) ?(?:inch|inches|in|")$/.exec(text) ?? [];
  const inches = Number(digits ?? 0);
  return inches >= 4 && inches <= 24 ? inches : undefined;
}
