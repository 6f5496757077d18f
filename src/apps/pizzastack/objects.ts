import { type AppObject, type ObjectType, objectType, z } from "../../app-format/index.ts";
import { quantity } from "./measures.ts";
import type { Properties } from "./properties.ts";

/** A type of objects by the members of its data, and the flat JSON in which they are answered. */
function kind<S extends z.ZodRawShape, T extends string>(type: T, prefix: string, shape: S) {
  const answer = z.object({ id: z.string(), ...shape, type: z.literal(type) });
  return { ...objectType(type, { prefix, data: z.object(shape) }), answer };
}

const share = z.number().min(0).max(1);

const properties: z.ZodType<Properties> = z.object({
  sweetness: share,
  acidity: share,
  umami: share,
  aroma: share,
  firmness: share,
  juiciness: share,
  score: share,
});

const quality = z.enum(["optimal", "degraded"]);

const reason = z.string().exactOptional();

const ids = z.array(z.string());

export const Raw = kind("raw", "tom", { variety: z.string(), ripeness: share, weight: z.number(), properties });

export const Sliced = kind("sliced", "slc", {
  source_tomato_ids: ids,
  method: z.string(),
  size: z.string(),
  consistency: z.string(),
  pieces: z.array(z.object({ tomato_id: z.string(), weight: z.number() })),
  properties,
});

export const Juice = kind("juice", "jce", {
  source_tomato_ids: ids,
  volume: z.number().describe("In millilitres"),
  concentration: share,
  properties,
});

export const Sauce = kind("sauce", "sce", {
  name: z.string(),
  sauce_quality: quality,
  degradation_reason: reason,
  ingredients: z.array(z.object({ id: z.string(), ...quantity })),
  method: z.enum(["simmer", "roast"]),
  temperature: z.number(),
  duration: z.string(),
  properties,
});

export const style = z.enum(["neapolitan", "new_york", "chicago", "roman"]);

export const thickness = z.enum(["thin", "medium", "thick"]);

export const Base = kind("base", "bas", { thickness, size: z.string(), style, hydration: share, properties });

export const Assembled = kind("assembled", "asm", {
  base_id: z.string(),
  sauce_id: z.string(),
  toppings: z.array(z.object(quantity)),
  assembly_quality: quality,
  degradation_reason: reason,
  style,
  parts: z.object({ crust: share, sauce: share, toppings: share }).describe("How well each was made"),
  properties,
});

export const Baked = kind("baked", "bkd", {
  pizza_id: z.string(),
  temperature: z.number(),
  duration: z.string(),
  quality_score: share.describe("The overall score"),
  quality_metrics: z.object({
    overall_score: share,
    crust_crispness: share,
    cheese_melt: share,
    topping_distribution: share,
    sauce_integration: share,
  }),
  degradation_reason: reason,
  properties,
});

const notes = z.array(z.object({ name: z.string(), intensity: share }));

export const Taste = kind("taste", "tst", {
  dish_id: z.string(),
  depth: z.enum(["basic", "comprehensive"]),
  sweetness: share,
  acidity: share,
  umami: share,
  aroma: z
    .object({
      intensity: share,
      notes: z.array(z.string()),
      complexity: share,
      primary_notes: notes,
      secondary_notes: notes,
      tertiary_notes: notes,
    })
    .exactOptional(),
  texture: z
    .object({
      score: share,
      firmness: share,
      juiciness: share,
      mouthfeel: z.string(),
      structural_integrity: share,
    })
    .exactOptional(),
});

export const Comparison = kind("comparison", "cmp", {
  dish_ids: ids,
  rankings: z.record(z.string(), z.array(z.object({ dish_id: z.string(), score: share }))).describe("The best first"),
});

/** Whatever can be tasted. */
export type Edible = ObjectType<{ readonly properties: Properties }>;

/** What goes into a sauce. */
export const INGREDIENTS: readonly Edible[] = [Raw, Sliced, Juice, Sauce];

export const DISHES: readonly Edible[] = [...INGREDIENTS, Base, Assembled, Baked];

/** An object as its caller is answered: flat. */
export function answerOf<Data extends object>({
  id,
  type,
  data,
}: AppObject<Data>): Data & { id: string; type: string } {
  return { id, ...data, type };
}
