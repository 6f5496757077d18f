/** What is best, and how far from it nothing is left of that. */
export interface Range {
  readonly low: number;
  readonly high: number;
  /** Beyond either end. */
  readonly reach: number;
}

/** Scores of words; one that is not there scores as `other`. */
export type Words = Readonly<Record<string, number>> & { readonly other: number };

export const RIPENESS: Range = { low: 0.85, high: 0.95, reach: 0.85 };

export const CUTS: Readonly<Record<"method" | "size" | "consistency", Words>> = {
  method: { dice: 1, chop: 0.95, slice: 0.9, crush: 0.85, other: 0.85 },
  size: { medium: 1, small: 0.9, large: 0.8, other: 0.8 },
  consistency: { uniform: 1, rustic: 0.9, other: 0.9 },
};

/** On the stove, and in the oven. */
export const COOKING: Readonly<Record<"simmer" | "roast", { readonly celsius: Range; readonly minutes: Range }>> = {
  simmer: { celsius: { low: 85, high: 105, reach: 95 }, minutes: { low: 20, high: 60, reach: 180 } },
  roast: { celsius: { low: 160, high: 220, reach: 120 }, minutes: { low: 25, high: 75, reach: 180 } },
};

/** How a style wants its pizzas: how much water in the dough, by the weight of flour, and the oven in °C. */
export interface BestOfStyle {
  readonly hydration: Range;
  readonly thickness: readonly ("thin" | "medium" | "thick")[];
  readonly oven: Range;
}

export const STYLES: Readonly<Record<"neapolitan" | "new_york" | "chicago" | "roman", BestOfStyle>> = {
  neapolitan: {
    hydration: { low: 0.58, high: 0.7, reach: 0.4 },
    thickness: ["thin", "medium"],
    oven: { low: 400, high: 500, reach: 250 },
  },
  new_york: {
    hydration: { low: 0.56, high: 0.65, reach: 0.4 },
    thickness: ["thin", "medium"],
    oven: { low: 260, high: 330, reach: 250 },
  },
  chicago: {
    hydration: { low: 0.48, high: 0.6, reach: 0.4 },
    thickness: ["thick"],
    oven: { low: 200, high: 250, reach: 250 },
  },
  roman: {
    hydration: { low: 0.68, high: 0.82, reach: 0.4 },
    thickness: ["thin"],
    oven: { low: 280, high: 350, reach: 250 },
  },
};

/** Grams of toppings on a square centimetre. */
export const LOAD: Range = { low: 0.15, high: 0.45, reach: 0.45 };

/** How many kinds of toppings. */
export const KINDS: Range = { low: 1, high: 4, reach: 8 };

/** How many times the time that a pizza needs, as a power of 2: 1 is twice as long. */
export const DONENESS: Range = { low: -0.25, high: 0.25, reach: 3 };
