import { mean, type Properties, rounded3 } from "./properties.ts";
import type { Quality } from "./quality.ts";

/** What dishes can be compared by. */
export const METRICS = ["sweetness", "acidity", "umami", "aroma", "texture"] as const;

export type Metric = (typeof METRICS)[number];

/** What is tasted: a dish of some type, which may be degraded. */
export interface Tasted {
  readonly type: string;
  readonly quality: Quality;
  readonly data: { readonly properties: Properties };
}

/** What the nose finds, by type: the strongest, one beside it, and one behind. */
const NOTES: Readonly<Record<string, readonly [string, string, string]>> = {
  raw: ["tomato", "green leaf", "vine"],
  sliced: ["tomato", "green leaf", "citrus"],
  juice: ["tomato", "citrus", "cucumber"],
  sauce: ["cooked tomato", "caramel", "pepper"],
  base: ["dough", "yeast", "wheat"],
  assembled: ["tomato", "dough", "milk"],
  baked: ["toasted bread", "cooked tomato", "smoke"],
};

/** How a dish does by a metric, 0 to 1; a degraded one by half. */
export function scoreOf(dish: Tasted, metric: Metric): number {
  if (metric !== "texture") return tasted(dish, metric);
  return rounded3(mean([tasted(dish, "firmness"), tasted(dish, "juiciness")]));
}

/** What the nose finds. */
export function aromaOf(dish: Tasted): {
  readonly intensity: number;
  readonly notes: string[];
  readonly complexity: number;
  readonly primary_notes: { name: string; intensity: number }[];
  readonly secondary_notes: { name: string; intensity: number }[];
  readonly tertiary_notes: { name: string; intensity: number }[];
} {
  const intensity = scoreOf(dish, "aroma");
  const notes = NOTES[dish.type] ?? ["tomato", "dough", "herbs"];
  const [primary, secondary, tertiary] = notes;
  return {
    intensity,
    notes: [...notes],
    complexity: rounded3(mean([intensity, scoreOf(dish, "umami")])),
    primary_notes: [{ name: primary, intensity }],
    secondary_notes: [{ name: secondary, intensity: rounded3(0.6 * intensity) }],
    tertiary_notes: [{ name: tertiary, intensity: rounded3(0.3 * intensity) }],
  };
}

/** What the mouth finds; how that feels is the same where there is half of it. */
export function textureOf(dish: Tasted): {
  readonly score: number;
  readonly firmness: number;
  readonly juiciness: number;
  readonly mouthfeel: string;
  readonly structural_integrity: number;
} {
  const firmness = tasted(dish, "firmness");
  return {
    score: scoreOf(dish, "texture"),
    firmness,
    juiciness: tasted(dish, "juiciness"),
    mouthfeel: mouthfeelOf(dish.data.properties),
    structural_integrity: rounded3(mean([firmness, tasted(dish, "score")])),
  };
}

/** How much of a property is tasted. */
function tasted({ quality, data: { properties } }: Tasted, name: keyof Properties): number {
  return rounded3(quality === "degraded" ? properties[name] / 2 : properties[name]);
}

function mouthfeelOf({ firmness, juiciness }: Properties): string {
  if (firmness >= 0.6) return "firm";
  return juiciness >= 0.6 ? "juicy" : "soft";
}
