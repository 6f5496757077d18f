// A kitchen whose actions are routes, and whose results are objects that later actions take by their ids. It has no state: all
// that there is stands in the session.

import { type AppObject, type Context, defineApp, idOf, z } from "../../app-format/index.ts";
import { duration } from "./duration.ts";
import { gramsOf, inchesOf, quantity, size } from "./measures.ts";
import {
  Assembled,
  answerOf,
  Baked,
  Base,
  Comparison,
  DISHES,
  INGREDIENTS,
  Juice,
  Raw,
  Sauce,
  Sliced,
  style,
  Taste,
  thickness,
} from "./objects.ts";
import type { Properties } from "./properties.ts";
import * as quality from "./quality.ts";
import { aromaOf, METRICS, scoreOf, textureOf } from "./taste.ts";

/** Words of which some are known, and any are taken. */
const word = z.string().trim().min(1).max(100);

const celsius = (min: number, max: number) => z.number().min(min).max(max).describe(`${min} to ${max} °C`);

const areUnlike = (ids: readonly string[]): boolean => new Set(ids).size === ids.length;

const tomatoIds = z.array(idOf(Raw)).min(1).max(100).refine(areUnlike, "must name each tomato once");

/** The id of what no action made. */
const GENERIC = "generic";

const ingredients = z
  .array(
    z.object({
      id: z
        .union([z.literal(GENERIC), idOf(...INGREDIENTS)], `must be an object's id, or "${GENERIC}"`)
        .describe(`"${GENERIC}": nothing that the session knows`),
      ...quantity,
    }),
  )
  .min(1)
  .max(100);

const Simmer = z.object({ ingredients, temperature: celsius(40, 200), duration });

const Roast = z.object({ ingredients, temperature: celsius(100, 300), duration });

/** PizzaStack's kitchen: from a tomato to a baked pizza, with quality that follows what things are made from. */
export const app = defineApp({
  name: "pizzastack",
  description: "A kitchen: tomatoes, sauces, bases and pizzas as objects, made from one another",
  in: "server",
  http: { base: "/v1" },
  actions: {
    "tomato/acquire": {
      description: "Gets a tomato",
      input: z.object({
        variety: word,
        ripeness: z.number().min(0).max(1).describe("0, green, to 1"),
        weight: z.number().positive().max(100_000).describe("In grams"),
      }),
      output: Raw.answer,
      run: ({ input, objects }) =>
        answerOf(objects.make(Raw, { ...input, properties: quality.tomato(input.ripeness) })),
    },

    "tomato/slice": {
      description: "Cuts tomatoes",
      input: z.object({
        tomato_ids: tomatoIds,
        method: word.default("slice").describe("dice, chop, slice, crush, or another"),
        size: word.default("medium").describe("small, medium, large, or another"),
        consistency: word.default("uniform").describe("uniform, rustic, or another"),
      }),
      output: Sliced.answer,
      run: ({ input: { tomato_ids, ...way }, objects }) => {
        const tomatoes = tomato_ids.map((id) => objects.get(id, Raw));
        const sliced = objects.make(Sliced, {
          source_tomato_ids: tomato_ids,
          ...way,
          pieces: tomatoes.map(({ id, data }) => ({ tomato_id: id, weight: data.weight })),
          properties: quality.cut(tomatoes.map(propertiesOf), way),
        });
        return answerOf(sliced);
      },
    },

    "tomato/squeeze": {
      description: "Squeezes tomatoes",
      input: z.object({
        tomato_ids: tomatoIds,
        method: word.default("press"),
        filter: z
          .union([z.boolean(), word], "must be true, false, or a word")
          .default(true)
          .describe('false and "none" leave the pulp in'),
      }),
      output: Juice.answer,
      run: ({ input: { tomato_ids, filter }, objects }) => {
        const tomatoes = tomato_ids.map((id) => objects.get(id, Raw));
        const isFiltered = filter !== false && filter !== "none";
        const properties = quality.juice(tomatoes.map(propertiesOf), { isFiltered });
        const grams = tomatoes.reduce((sum, { data }) => sum + data.weight * data.properties.juiciness, 0);
        const juice = objects.make(Juice, {
          source_tomato_ids: tomato_ids,
          volume: Math.round(0.8 * grams),
          concentration: properties.sweetness,
          properties,
        });
        return answerOf(juice);
      },
    },

    "cook/simmer": {
      description: "Simmers a sauce; a tomato that was neither cut nor squeezed degrades it",
      input: Simmer,
      output: Sauce.answer,
      run: (given) => cook("simmer", given),
    },

    "cook/roast": {
      description: "Roasts a sauce; a tomato that was neither cut nor squeezed degrades it",
      input: Roast,
      output: Sauce.answer,
      run: (given) => cook("roast", given),
    },

    "pizza/base": {
      description: "Makes a base of dough",
      input: z.object({
        thickness,
        size,
        style,
        hydration: z.number().min(0).max(1).default(0.6).describe("Water by the weight of flour"),
      }),
      output: Base.answer,
      run: ({ input, objects }) => answerOf(objects.make(Base, { ...input, properties: quality.base(input) })),
    },

    "pizza/assemble": {
      description: "Puts a sauce and toppings on a base",
      input: z.object({
        base_id: idOf(Base),
        sauce_id: idOf(Sauce),
        toppings: z.array(z.object(quantity)).max(100).default([]),
      }),
      output: Assembled.answer,
      run: ({ input, objects }) => {
        const base = objects.get(input.base_id, Base);
        const sauce = objects.get(input.sauce_id, Sauce);
        const toppings = quality.topping({
          grams: input.toppings.reduce((sum, one) => sum + gramsOf(one), 0),
          kinds: new Set(input.toppings.map(({ name }) => name.toLowerCase())).size,
          inches: inchesOf(base.data.size) ?? 0,
        });
        const parts = { base: base.data.properties, sauce: sauce.data.properties, toppings };
        const { quality: assembly_quality, ...why } = qualityOf([base, sauce]);
        const pizza = objects.make(Assembled, {
          ...input,
          assembly_quality,
          ...why,
          style: base.data.style,
          parts: { crust: parts.base.score, sauce: parts.sauce.score, toppings },
          properties: quality.assembled(parts),
        });
        return answerOf(pizza);
      },
    },

    "pizza/bake": {
      description: "Bakes a pizza, and scores it",
      input: z.object({ pizza_id: idOf(Assembled), temperature: celsius(150, 550), duration }),
      output: Baked.answer,
      run: ({ input: { pizza_id, temperature, duration }, objects }) => {
        const pizza = objects.get(pizza_id, Assembled);
        const { quality: is, ...why } = qualityOf([pizza]);
        const heat = { celsius: temperature, seconds: duration.seconds, quality: is };
        const { metrics, properties } = quality.baked(pizza.data, heat);
        const baked = objects.make(Baked, {
          pizza_id,
          temperature,
          duration: duration.text,
          quality_score: metrics.overall_score,
          quality_metrics: metrics,
          ...why,
          properties,
        });
        return answerOf(baked);
      },
    },

    "taste/analyze": {
      description: "Tastes a dish, or an ingredient",
      input: z.object({
        dish_id: idOf(...DISHES),
        depth: z.enum(["basic", "comprehensive"]).default("basic").describe("comprehensive: aroma and texture, too"),
        include_aroma: z.boolean().optional(),
        include_texture: z.boolean().optional(),
      }),
      output: Taste.answer,
      run: ({ input: { dish_id, depth, include_aroma, include_texture }, objects }) => {
        const dish = objects.get(dish_id, ...DISHES);
        const isWhole = depth === "comprehensive";
        const taste = objects.make(Taste, {
          dish_id,
          depth,
          sweetness: scoreOf(dish, "sweetness"),
          acidity: scoreOf(dish, "acidity"),
          umami: scoreOf(dish, "umami"),
          ...((include_aroma ?? isWhole) && { aroma: aromaOf(dish) }),
          ...((include_texture ?? isWhole) && { texture: textureOf(dish) }),
        });
        return answerOf(taste);
      },
    },

    "taste/compare": {
      description: "Ranks dishes",
      input: z.object({
        dish_ids: z
          .array(idOf(...DISHES))
          .min(2)
          .max(100)
          .refine(areUnlike, "must name each dish once"),
        metrics: z.array(z.enum(METRICS)).min(1).max(METRICS.length).default(["sweetness", "acidity", "umami"]),
      }),
      output: Comparison.answer.extend({ comparison_id: z.string() }),
      run: ({ input: { dish_ids, metrics }, objects }) => {
        const dishes = dish_ids.map((id) => objects.get(id, ...DISHES));
        const ranked = metrics.map((metric) => [
          metric,
          dishes.map((dish) => ({ dish_id: dish.id, score: scoreOf(dish, metric) })).sort((a, b) => b.score - a.score),
        ]);
        const comparison = objects.make(Comparison, { dish_ids, rankings: Object.fromEntries(ranked) });
        return { comparison_id: comparison.id, ...answerOf(comparison) };
      },
    },
  },
});

function cook(by: quality.Cooking, { input, objects }: Context<unknown, z.output<typeof Simmer>>): object {
  const { ingredients, temperature, duration } = input;
  const tracked = ingredients.filter(({ id }) => id !== GENERIC).map(({ id }) => objects.get(id, ...INGREDIENTS));
  // What is raw was neither cut nor squeezed. That spoils the sauce, and all that is made from it.
  const reason = tracked.some(({ type }) => type === Raw.type) ? "raw_ingredient" : undefined;
  const { quality: sauce_quality, ...why } = qualityOf(tracked, reason);
  const sauce = objects.make(
    Sauce,
    {
      name: `${ingredients[0]?.name} sauce`,
      sauce_quality,
      ...why,
      ingredients,
      method: by,
      temperature,
      duration: duration.text,
      properties: quality.sauce(tracked.map(propertiesOf), { by, celsius: temperature, seconds: duration.seconds }),
    },
    reason === undefined ? undefined : { reason },
  );
  return answerOf(sauce);
}

function propertiesOf({ data }: AppObject<{ readonly properties: Properties }>): Properties {
  return data.properties;
}

/** What the server will say of an object that is made from these, in the words of the kitchen. */
function qualityOf(
  given: readonly AppObject[],
  reason = given.find(({ degradation }) => degradation !== undefined)?.degradation?.reason,
): { readonly quality: quality.Quality; readonly degradation_reason?: string } {
  return reason === undefined ? { quality: "optimal" } : { quality: "degraded", degradation_reason: reason };
}
